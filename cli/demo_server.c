/* SPDX-License-Identifier: MIT */
#include "demo_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ENDPOINTS_MAX 32
#define BUFFER_SIZE 65536
#define SEND_TIMEOUT_MS 2000

#ifndef SO_RCVMARK /* kernel 5.19; the C library's headers may be older */
#define SO_RCVMARK 75
#endif

enum kind { STOP, LISTENER, CONNECTION, DATAGRAMS };

struct endpoint {
	enum kind kind;
	enum demo_family family;
	uint16_t port;
};

struct demo_server {
	pthread_t thread;
	bool running;
	int stop; /* an eventfd */
	bool tells_marks;
	atomic_int marked[DEMO_FAMILIES];
	nfds_t count;
	struct pollfd fds[ENDPOINTS_MAX];
	struct endpoint endpoints[ENDPOINTS_MAX];
	uint8_t buffer[BUFFER_SIZE];
};

static const struct {
	int type;
	uint16_t port;
} services[] = {
	{SOCK_STREAM, DEMO_PORT_WEB},
	{SOCK_STREAM, DEMO_PORT_TELNET},
	{SOCK_DGRAM, DEMO_PORT_DNS},
	{SOCK_DGRAM, DEMO_PORT_DISCARD},
};

/* Takes the descriptor: what has no place is closed. */
static void add(struct demo_server *server, int fd, struct endpoint endpoint)
{
	if (server->count == ENDPOINTS_MAX) {
		close(fd);
		return;
	}
	server->fds[server->count] = (struct pollfd){.fd = fd, .events = POLLIN};
	server->endpoints[server->count++] = endpoint;
}

static void drop(struct demo_server *server, nfds_t index)
{
	close(server->fds[index].fd);
	server->count--;
	server->fds[index] = server->fds[server->count];
	server->endpoints[index] = server->endpoints[server->count];
}

static void accept_connection(struct demo_server *server, nfds_t index)
{
	int fd = accept4(server->fds[index].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		add(server, fd,
		    (struct endpoint){CONNECTION, server->endpoints[index].family,
				      server->endpoints[index].port});
}

static int send_all(int fd, const uint8_t *data, size_t length)
{
	struct pollfd event = {.fd = fd, .events = POLLOUT};

	while (length > 0) {
		ssize_t n = send(fd, data, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN && poll(&event, 1, SEND_TIMEOUT_MS) > 0)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		length -= (size_t)n;
	}
	return 0;
}

static void echo_stream(struct demo_server *server, nfds_t index)
{
	int fd = server->fds[index].fd;
	ssize_t n = recv(fd, server->buffer, sizeof(server->buffer), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || send_all(fd, server->buffer, (size_t)n) < 0)
		drop(server, index);
}

static uint32_t mark_of(struct msghdr *message)
{
	struct cmsghdr *part;
	uint32_t mark = 0;

	for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
		if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_MARK &&
		    part->cmsg_len >= CMSG_LEN(sizeof(mark)))
			memcpy(&mark, CMSG_DATA(part), sizeof(mark));
	return mark;
}

static void echo_datagram(struct demo_server *server, nfds_t index)
{
	const struct endpoint *endpoint = &server->endpoints[index];
	char control[CMSG_SPACE(sizeof(uint32_t)) * 2];
	struct sockaddr_storage from;
	struct iovec part = {server->buffer, sizeof(server->buffer)};
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(server->fds[index].fd, &message, 0);

	if (n < 0)
		return;
	if (endpoint->port == DEMO_PORT_DNS && mark_of(&message) == DEMO_MARK)
		atomic_fetch_add_explicit(&server->marked[endpoint->family], 1,
					  memory_order_relaxed);
	sendto(server->fds[index].fd, server->buffer, (size_t)n, MSG_NOSIGNAL,
	       (struct sockaddr *)&from, message.msg_namelen);
}

/* Returns whether to go on. */
static bool serve(struct demo_server *server, nfds_t index)
{
	switch (server->endpoints[index].kind) {
	case LISTENER:
		accept_connection(server, index);
		return true;
	case CONNECTION:
		echo_stream(server, index);
		return true;
	case DATAGRAMS:
		echo_datagram(server, index);
		return true;
	case STOP:
	default:
		return false;
	}
}

/* From the last one on: what drop() moves into a place has been served already. */
static void *serve_all(void *ctx)
{
	struct demo_server *server = ctx;
	bool more = true;

	while (more) {
		if (poll(server->fds, server->count, -1) < 0 && errno != EINTR)
			break;
		for (nfds_t i = server->count; more && i-- > 0;)
			if (server->fds[i].revents)
				more = serve(server, i);
	}
	return NULL;
}

static int open_service(enum demo_family family, int type, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length = demo_server_address(&address, family, port);
	int fd = demo_socket(family, type), err;

	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&address, length) == 0 &&
	    (type == SOCK_DGRAM || listen(fd, 8) == 0))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int add_services(struct demo_server *server, enum demo_family family)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		bool datagrams = services[i].type == SOCK_DGRAM;
		int fd = open_service(family, services[i].type, services[i].port);
		int on = 1;

		if (fd < 0)
			return fd;
		if (datagrams)
			server->tells_marks = setsockopt(fd, SOL_SOCKET, SO_RCVMARK, &on,
							 sizeof(on)) == 0;
		add(server, fd,
		    (struct endpoint){datagrams ? DATAGRAMS : LISTENER, family,
				      services[i].port});
	}
	return 0;
}

/* Signals are the main thread's. */
static int start_thread(struct demo_server *server)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&server->thread, NULL, serve_all, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	server->running = err == 0;
	return -err;
}

static int open_server(struct demo_server *server, const struct demo_net *net)
{
	int err;

	server->stop = eventfd(0, EFD_CLOEXEC);
	if (server->stop < 0)
		return -errno;
	add(server, server->stop, (struct endpoint){STOP, DEMO_IPV4, 0});
	err = add_services(server, DEMO_IPV4);
	if (err == 0 && net->ipv6)
		err = add_services(server, DEMO_IPV6);
	return err < 0 ? err : start_thread(server);
}

int demo_server_start(struct demo_server **server, const struct demo_net *net)
{
	int err = -ENOMEM;

	*server = calloc(1, sizeof(**server));
	if (*server)
		err = open_server(*server, net);
	if (err < 0)
		fprintf(stderr, "nfqueue: cannot start the servers: %s\n",
			strerror(-err));
	return err;
}

void demo_server_stop(struct demo_server *server)
{
	if (!server)
		return;
	if (server->running) {
		eventfd_write(server->stop, 1);
		pthread_join(server->thread, NULL);
	}
	while (server->count > 0)
		drop(server, server->count - 1);
	free(server);
}

int demo_server_marked(const struct demo_server *server, enum demo_family family)
{
	if (!server->tells_marks)
		return -EOPNOTSUPP;
	return atomic_load_explicit(&server->marked[family], memory_order_relaxed);
}

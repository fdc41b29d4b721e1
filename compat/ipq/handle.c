/* SPDX-License-Identifier: MIT */
/* The handle: a netlink socket that has queue 0. */
#include "ipq.h"

#include "compat/exec/exec.h"

#include <linux/netfilter.h>
#include <stdlib.h>

#define REQUEST_SIZE 64

/* Connected to the kernel, so that nobody else can send to it. */
static int bind_socket(struct ipq_handle *h)
{
	socklen_t length = sizeof(h->local);

	h->local.nl_family = AF_NETLINK;
	h->peer.nl_family = AF_NETLINK;
	if (bind(h->fd, (struct sockaddr *)&h->local, sizeof(h->local)) < 0 ||
	    connect(h->fd, (struct sockaddr *)&h->peer, sizeof(h->peer)) < 0)
		return -1;
	return getsockname(h->fd, (struct sockaddr *)&h->local, &length);
}

/* The answer to the only request so far. Nothing else can come: packets wait for a mode.
 * netlink_ack() is done before send() returns. */
static int read_answer(int fd)
{
	uint8_t buffer[4096];
	ssize_t length = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	struct wire_bytes rest = {buffer, length > 0 ? (uint32_t)length : 0};
	struct wire_message message;
	struct wire_error error;

	if (length < 0)
		return -1;
	if (wire_message_next(&rest, &message) <= 0 ||
	    wire_error_decode(&message, &error) < 0)
		error.error = -EPROTO;
	if (error.error == 0)
		return 0;
	errno = -error.error;
	return -1;
}

static int take_queue(int fd)
{
	struct wire_config config = {.queue = IPQ_QUEUE, .command = WIRE_CMD_BIND};
	uint8_t request[REQUEST_SIZE];
	struct wire_writer writer;

	wire_writer_init(&writer, request, sizeof(request));
	wire_put_config(&writer, &config, 0, true);
	if (send(fd, request, writer.length, 0) < 0)
		return -1;
	return read_answer(fd);
}

/*
 * What the kernel may refuse, and life goes on. It tells when packets came in only while
 * a socket wants to know; ip_queue always did (net_enable_timestamp()). A full socket
 * buffer costs packets, which the kernel drops and counts; as an error of ipq_read() it
 * ended programs on top of that.
 */
static void set_options(int fd)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
}

static int open_handle(struct ipq_handle *h)
{
	/* Not for programs that it executes: they would keep the queue. */
	h->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (h->fd < 0)
		return ipq_fail(IPQ_ERROR_SOCKET);
	h->blocking = 1;
	if (bind_socket(h) < 0 || take_queue(h->fd) < 0)
		return ipq_fail(IPQ_ERROR_BIND);
	set_options(h->fd);
	exec_enlarge(h->fd);
	exec_open(IPQ_QUEUE);
	return 0;
}

struct ipq_handle *ipq_create_handle(uint32_t flags, uint32_t protocol)
{
	struct ipq_reader *reader;
	int error;

	if (protocol != NFPROTO_IPV4 && protocol != NFPROTO_IPV6) {
		ipq_refuse(IPQ_ERROR_PROTOCOL);
		return NULL;
	}
	reader = calloc(1, sizeof(*reader));
	if (!reader) {
		ipq_fail(IPQ_ERROR_HANDLE);
		return NULL;
	}
	reader->family = (uint8_t)protocol;
	if (open_handle(&reader->handle) == 0)
		return &reader->handle;
	error = errno; /* for ipq_perror() */
	ipq_destroy_handle(&reader->handle);
	errno = error;
	return NULL;
}

int ipq_destroy_handle(struct ipq_handle *h)
{
	if (!h)
		return 0;
	if (h->fd >= 0) {
		exec_close(IPQ_QUEUE);
		close(h->fd);
	}
	free(h);
	return 0;
}

int ipq_ctl(const struct ipq_handle *h, int request, ...)
{
	return 1;
}

/* SPDX-License-Identifier: MIT */
/* Sockets in either namespace: numbered datagrams, and TCP transfers of a known pattern.
 */
#include "netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SEND_BUFFER (64 << 20)

/* --- sockets ---------------------------------------------------------------------- */

socklen_t netns_address(struct sockaddr_storage *to, const char *ip, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, ip, &v6->sin6_addr) != 1)
		fail_msg("no address: %s", ip);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

static void large_buffer(int fd, int forced, int plain)
{
	int bytes = SEND_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

static int bound_socket(const struct netns_pair *pair, int type, const char *ip,
			uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length = netns_address(&address, ip, port);
	int fd = netns_peer_socket(pair, address.ss_family, type, 0);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, length) < 0)
		fail_msg("cannot bind %s port %u: %s", ip, port, strerror(errno));
	return fd;
}

int netns_udp_server(const struct netns_pair *pair, const char *ip, uint16_t port)
{
	int fd = bound_socket(pair, SOCK_DGRAM, ip, port);

	large_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	return fd;
}

int netns_udp_client(const struct netns_pair *pair, const char *ip, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length = netns_address(&address, ip, port);
	int fd = netns_peer_socket(pair, address.ss_family, SOCK_DGRAM, 0);

	large_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	if (connect(fd, (struct sockaddr *)&address, length) < 0)
		fail_msg("cannot connect to %s port %u: %s", ip, port, strerror(errno));
	return fd;
}

static uint8_t pattern(uint64_t seed, uint64_t position)
{
	return (uint8_t)(seed * 31 + position * 7 + (position >> 8));
}

static void fill_datagram(uint8_t *bytes, size_t length, uint32_t number)
{
	uint32_t wire = htonl(number);

	memcpy(bytes, &wire, sizeof(wire));
	for (size_t i = sizeof(wire); i < length; i++)
		bytes[i] = pattern(number, i);
}

static bool read_datagram(const uint8_t *bytes, size_t length, uint32_t *number)
{
	if (length < sizeof(*number))
		return false;
	memcpy(number, bytes, sizeof(*number));
	*number = ntohl(*number);
	for (size_t i = sizeof(*number); i < length; i++)
		if (bytes[i] != pattern(*number, i))
			return false;
	return true;
}

void netns_udp_send_long(int fd, uint32_t first, uint32_t count, size_t length)
{
	static const size_t limit = 65507;
	uint8_t bytes[65507];

	if (length < sizeof(uint32_t) || length > limit)
		fail_msg("no datagram has %zu bytes", length);
	for (uint32_t i = 0; i < count; i++) {
		fill_datagram(bytes, length, first + i);
		if (send(fd, bytes, length, MSG_DONTWAIT) < 0)
			fail_msg("datagram %u not sent: %s%s", first + i, strerror(errno),
				 errno == EAGAIN ? " (the send buffer is charged for what"
						   " waits in a queue)"
						 : "");
	}
}

void netns_udp_send(int fd, uint32_t first, uint32_t count)
{
	netns_udp_send_long(fd, first, count, 16);
}

static void tally_one(struct netns_tally *tally, uint8_t *came, uint32_t index,
		      uint32_t *greatest)
{
	if (came[index] > 0)
		tally->duplicate++;
	else
		tally->received++;
	if (came[index] < UINT8_MAX)
		came[index]++;
	if (index < *greatest)
		tally->reordered++;
	else
		*greatest = index;
}

static void collect(int fd, uint32_t first, uint32_t count, int timeout_ms,
		    struct netns_tally *tally, uint8_t *came)
{
	uint32_t greatest = 0, number;
	uint8_t bytes[65536];

	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		ssize_t n;

		/* All came: take only the duplicates that are there already. */
		if (poll(&wait, 1, tally->received < count ? timeout_ms : 0) <= 0)
			return;
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < 0)
			continue; /* e.g. ECONNREFUSED; the error is gone now */
		if (!read_datagram(bytes, (size_t)n, &number) || number - first >= count)
			tally->foreign++;
		else
			tally_one(tally, came, number - first, &greatest);
	}
}

void netns_udp_collect(int fd, uint32_t first, uint32_t count, int timeout_ms,
		       struct netns_tally *tally, uint8_t *came)
{
	uint8_t *seen = came ? came : malloc(count ? count : 1);

	assert_non_null(seen);
	memset(seen, 0, count);
	memset(tally, 0, sizeof(*tally));
	collect(fd, first, count, timeout_ms, tally, seen);
	for (uint32_t i = count; i-- > 0;) {
		if (seen[i])
			continue;
		tally->missing++;
		tally->first_missing = first + i;
	}
	if (!came)
		free(seen);
}

uint32_t netns_udp_numbers(int fd, uint32_t *numbers, uint32_t count, int timeout_ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	uint8_t bytes[65536];
	uint32_t came = 0;

	while (came < count && poll(&wait, 1, timeout_ms) > 0) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n < 0)
			continue; /* e.g. ECONNREFUSED; the error is gone now */
		if (!read_datagram(bytes, (size_t)n, &numbers[came]))
			fail_msg("%zd bytes that are no datagram of ours", n);
		came++;
	}
	return came;
}

void netns_udp_exchange(int from, int to, uint32_t count, int timeout_ms,
			struct netns_tally *tally)
{
	netns_udp_send(from, 0, count);
	netns_udp_collect(to, 0, count, timeout_ms, tally, NULL);
}

/* --- TCP -------------------------------------------------------------------------- */

#define CHUNK 65536

static void *tcp_send(void *argument)
{
	struct netns_tcp *tcp = argument;
	uint8_t bytes[CHUNK];

	for (uint64_t at = 0; at < tcp->bytes;) {
		uint64_t left = tcp->bytes - at;
		size_t length = left < CHUNK ? (size_t)left : CHUNK;
		ssize_t n;

		for (size_t i = 0; i < length; i++)
			bytes[i] = pattern(0, at + i);
		n = send(tcp->client, bytes, length, MSG_NOSIGNAL);
		if (n < 0) {
			tcp->send_error = -errno;
			break;
		}
		at += (uint64_t)n;
	}
	shutdown(tcp->client, SHUT_WR);
	return NULL;
}

static int tcp_check(struct netns_tcp *tcp, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != pattern(0, tcp->received))
			return -EBADMSG;
		tcp->received++;
	}
	return 0;
}

/* A receiver whose peer was cut off hears nothing more: it wakes to look at give_up. */
static ssize_t tcp_wait_data(struct netns_tcp *tcp, int fd, uint8_t *bytes)
{
	for (;;) {
		ssize_t n = recv(fd, bytes, CHUNK, 0);

		if (n >= 0)
			return n;
		if (errno != EAGAIN)
			return -errno;
		if (atomic_load_explicit(&tcp->give_up, memory_order_relaxed))
			return -ETIMEDOUT;
	}
}

static void *tcp_receive(void *argument)
{
	struct netns_tcp *tcp = argument;
	struct timeval wake = {.tv_usec = 100000};
	uint8_t bytes[CHUNK];
	int fd = accept4(tcp->listener, NULL, NULL, SOCK_CLOEXEC);
	ssize_t n = 0;

	if (fd < 0) {
		tcp->receive_error = -errno;
		return NULL;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof(wake));
	while (!tcp->receive_error && (n = tcp_wait_data(tcp, fd, bytes)) != 0)
		tcp->receive_error = n < 0 ? (int)n : tcp_check(tcp, bytes, (size_t)n);
	close(fd);
	return NULL;
}

/* connect() too may wait in a queue, so it belongs to the sender's thread. */
static void *tcp_connect_and_send(void *argument)
{
	struct netns_tcp *tcp = argument;
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(tcp->listener, (struct sockaddr *)&address, &length) < 0 ||
	    connect(tcp->client, (struct sockaddr *)&address, length) < 0) {
		tcp->send_error = -errno;
		shutdown(tcp->listener, SHUT_RDWR);
		return NULL;
	}
	return tcp_send(argument);
}

void netns_tcp_start(struct netns_tcp *tcp, const struct netns_pair *from,
		     const struct netns_pair *to, const char *ip, uint16_t port,
		     uint64_t bytes)
{
	struct sockaddr_storage address;

	netns_address(&address, ip, port);
	memset(tcp, 0, sizeof(*tcp));
	tcp->bytes = bytes;
	atomic_init(&tcp->give_up, false);
	tcp->listener = bound_socket(to, SOCK_STREAM, ip, port);
	if (listen(tcp->listener, 1) < 0)
		fail_msg("cannot listen: %s", strerror(errno));
	tcp->client = netns_peer_socket(from, address.ss_family, SOCK_STREAM, 0);
	if (pthread_create(&tcp->receiver, NULL, tcp_receive, tcp) != 0 ||
	    pthread_create(&tcp->sender, NULL, tcp_connect_and_send, tcp) != 0)
		fail_msg("no thread");
}

static bool join_until(pthread_t thread, const struct timespec *end)
{
	return pthread_timedjoin_np(thread, NULL, end) == 0;
}

int netns_tcp_wait(struct netns_tcp *tcp, int timeout_ms)
{
	struct timespec end;
	bool in_time;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000L;
	}
	in_time = join_until(tcp->sender, &end);
	if (!in_time) {
		shutdown(tcp->client, SHUT_RDWR);
		pthread_join(tcp->sender, NULL);
	}
	if (!in_time || !join_until(tcp->receiver, &end)) {
		in_time = false;
		atomic_store_explicit(&tcp->give_up, true, memory_order_relaxed);
		shutdown(tcp->listener, SHUT_RDWR);
		pthread_join(tcp->receiver, NULL);
	}
	close(tcp->client);
	close(tcp->listener);
	if (tcp->receive_error == -EBADMSG)
		return -EBADMSG;
	if (!in_time)
		return -ETIMEDOUT;
	if (tcp->send_error || tcp->receive_error)
		return tcp->send_error ? tcp->send_error : tcp->receive_error;
	return tcp->received == tcp->bytes ? 0 : -EBADMSG;
}

/* SPDX-License-Identifier: MIT */
#include "demo_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 2000
#define STALL_TIMEOUT_MS 2000 /* nothing moves */
#define CHUNK 16384

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Returns the events that are ready, 0 when the time is over. */
static short wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd event = {.fd = fd, .events = events};

	return poll(&event, 1, timeout_ms > 0 ? timeout_ms : 0) > 0 ? event.revents : 0;
}

static int connect_to(int fd, enum demo_family family, uint16_t port, int timeout_ms)
{
	struct sockaddr_storage address;
	socklen_t length = demo_server_address(&address, family, port);
	int error = 0;
	socklen_t size = sizeof(error);

	if (connect(fd, (struct sockaddr *)&address, length) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (!wait_for(fd, POLLOUT, timeout_ms))
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

static uint8_t pattern(uint64_t position)
{
	return (uint8_t)(position * 31 + (position >> 8));
}

static uint64_t send_some(int fd, uint64_t position, uint64_t end)
{
	uint8_t data[CHUNK];
	size_t length = end - position < CHUNK ? (size_t)(end - position) : CHUNK;
	ssize_t n;

	for (size_t i = 0; i < length; i++)
		data[i] = pattern(position + i);
	n = send(fd, data, length, MSG_NOSIGNAL);
	return n > 0 ? (uint64_t)n : 0;
}

/* Returns how many bytes came as they should; less than came in is the end. */
static uint64_t receive_some(int fd, uint64_t position, bool *fine)
{
	uint8_t data[CHUNK];
	ssize_t n = recv(fd, data, sizeof(data), 0);
	uint64_t good = 0;

	if (n < 0 && errno == EAGAIN)
		return 0;
	while (n > 0 && good < (uint64_t)n && data[good] == pattern(position + good))
		good++;
	*fine = n > 0 && good == (uint64_t)n;
	return good;
}

static uint64_t echo(int fd, uint64_t bytes)
{
	uint64_t sent = 0, received = 0;
	bool fine = true;

	while (fine && received < bytes) {
		short ready = wait_for(fd, sent < bytes ? POLLIN | POLLOUT : POLLIN,
				       STALL_TIMEOUT_MS);

		if (!ready)
			break;
		if (ready & POLLOUT && sent < bytes)
			sent += send_some(fd, sent, bytes);
		if (ready & (POLLIN | POLLHUP | POLLERR))
			received += receive_some(fd, received, &fine);
	}
	return received;
}

uint64_t demo_tcp_echo(enum demo_family family, uint16_t port, uint64_t bytes)
{
	int fd = demo_socket(family, SOCK_STREAM);
	uint64_t unchanged = 0;

	if (fd < 0)
		return 0;
	if (connect_to(fd, family, port, CONNECT_TIMEOUT_MS) == 0)
		unchanged = echo(fd, bytes);
	close(fd);
	return unchanged;
}

int demo_tcp_connect(enum demo_family family, uint16_t port, int timeout_ms,
		     uint32_t *attempts)
{
	int fd = demo_socket(family, SOCK_STREAM);
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);
	int err;

	*attempts = 0;
	if (fd < 0)
		return fd;
	err = connect_to(fd, family, port, timeout_ms);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
		*attempts = 1 + info.tcpi_total_retrans;
	close(fd);
	return err;
}

static uint32_t collect(int fd, uint32_t count, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	uint32_t came = 0;
	uint8_t data[64];

	while (came < count && wait_for(fd, POLLIN, (int)(end - now_ms()))) {
		ssize_t n = recv(fd, data, sizeof(data), 0);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			break;
		came += n == sizeof(came);
	}
	return came;
}

uint32_t demo_udp_ask(enum demo_family family, uint16_t port, uint32_t count,
		      int timeout_ms)
{
	int fd = demo_socket(family, SOCK_DGRAM);
	uint32_t came = 0;

	if (fd < 0)
		return 0;
	if (connect_to(fd, family, port, 0) == 0) {
		for (uint32_t i = 0; i < count; i++)
			send(fd, &i, sizeof(i), MSG_NOSIGNAL);
		came = collect(fd, count, timeout_ms);
	}
	close(fd);
	return came;
}

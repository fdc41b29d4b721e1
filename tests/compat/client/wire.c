/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <errno.h>
#include <stddef.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define SENT_MAX (256 << 10)

static struct {
	uint8_t bytes[SENT_MAX];
	size_t length;
} sent[DEPTH_MAX];
static unsigned int depth;
static int next_error;
static void (*before_send)(void *ctx);
static void *before_ctx;
static long stopped_at;
static uint32_t last_sequence;

void wire_begin(void)
{
	sent[depth++].length = 0;
}

size_t wire_end(const uint8_t **bytes)
{
	depth--;
	*bytes = sent[depth].bytes;
	return sent[depth].length;
}

void wire_fail(int error)
{
	next_error = error;
}

void wire_before_send(void (*call)(void *ctx), void *ctx)
{
	before_ctx = ctx;
	before_send = call;
}

void wire_stop_clock(long second)
{
	stopped_at = second;
}

uint32_t wire_sequence(void)
{
	return last_sequence;
}

/* --- sends ------------------------------------------------------------------------ */

static int is_nfnetlink(int fd)
{
	const int error = errno;
	int domain = 0, protocol = 0;
	socklen_t length = sizeof(int);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
	errno = error;
	return domain == AF_NETLINK && protocol == NETLINK_NETFILTER;
}

/* Which numbers a library gives its messages is its own business: see case_open.c. */
static void hide_sequence(uint8_t *bytes, size_t length)
{
	if (length < sizeof(struct nlmsghdr))
		return;
	memcpy(&last_sequence, bytes + offsetof(struct nlmsghdr, nlmsg_seq), 4);
	memset(bytes + offsetof(struct nlmsghdr, nlmsg_seq), 0, 4);
}

static void note(const struct msghdr *message)
{
	size_t begin;

	if (depth == 0)
		return;
	begin = sent[depth - 1].length;
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		const struct iovec *part = &message->msg_iov[i];

		if (part->iov_len > SENT_MAX - sent[depth - 1].length)
			return;
		if (part->iov_len)
			memcpy(sent[depth - 1].bytes + sent[depth - 1].length,
			       part->iov_base, part->iov_len);
		sent[depth - 1].length += part->iov_len;
	}
	hide_sequence(sent[depth - 1].bytes + begin, sent[depth - 1].length - begin);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	void (*call)(void *ctx) = before_send;

	if (is_nfnetlink(fd)) {
		before_send = NULL;
		if (call)
			call(before_ctx);
		note(message);
		if (next_error) {
			errno = next_error;
			next_error = 0;
			return -1;
		}
	}
	return syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t sendto(int fd, const void *data, size_t length, int flags,
	       const struct sockaddr *to, socklen_t to_length)
{
	struct iovec part = {(void *)(uintptr_t)data, length};
	struct msghdr message = {.msg_name = (void *)(uintptr_t)to,
				 .msg_namelen = to_length,
				 .msg_iov = &part,
				 .msg_iovlen = 1};

	return sendmsg(fd, &message, flags);
}

ssize_t send(int fd, const void *data, size_t length, int flags)
{
	return sendto(fd, data, length, flags, NULL, 0);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	for (unsigned int i = 0; i < count; i++) {
		ssize_t n = sendmsg(fd, &messages[i].msg_hdr, flags);

		if (n < 0)
			return i ? (int)i : -1;
		messages[i].msg_len = (unsigned int)n;
	}
	return (int)count;
}

/* --- time ------------------------------------------------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (stopped_at && clock == CLOCK_REALTIME) {
		*now = (struct timespec){.tv_sec = stopped_at};
		return 0;
	}
	return (int)syscall(SYS_clock_gettime, clock, now);
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
	return 0;
}

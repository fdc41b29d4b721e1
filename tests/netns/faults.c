/* SPDX-License-Identifier: MIT */
/* The three functions stand before those of libc, for the library, too. */
#include "faults.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Thread_local unsigned int failures, spared;
static _Thread_local void (*clock_call)(void *ctx);
static _Thread_local void *clock_ctx;

void fail_sends(unsigned int count)
{
	fail_later_sends(0, count);
}

void fail_later_sends(unsigned int spare, unsigned int count)
{
	spared = spare;
	failures = count;
}

unsigned int fail_no_more(void)
{
	unsigned int left = failures;

	failures = 0;
	return left;
}

static bool fails(void)
{
	if (failures == 0)
		return false;
	if (spared) {
		spared--;
		return false;
	}
	failures--;
	errno = ENOBUFS;
	return true;
}

/* The same system call: sanitizers look at its arguments. */
ssize_t send(int fd, const void *data, size_t length, int flags)
{
	return fails() ? -1 : sendto(fd, data, length, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return fails() ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

void before_next_clock(void (*call)(void *ctx), void *ctx)
{
	clock_ctx = ctx;
	clock_call = call;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	void (*call)(void *ctx) = clock_call;

	clock_call = NULL;
	if (call)
		call(clock_ctx);
	return (int)syscall(SYS_clock_gettime, clock, time);
}

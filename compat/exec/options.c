/* SPDX-License-Identifier: MIT */
#include "exec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

struct exec_options exec_options;

static uint32_t number(const char *name)
{
	const char *text = secure_getenv(name);

	return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void read_options(void)
{
	exec_options.gso = number("NFQUEUE_EXEC_GSO") != 0;
	exec_options.stats = number("NFQUEUE_EXEC_STATS") != 0;
	exec_options.receive_buffer = number("NFQUEUE_EXEC_RCVBUF");
}

void exec_warn(atomic_flag *is_told, const char *format, ...)
{
	va_list arguments;
	int err = errno;

	if (atomic_flag_test_and_set(is_told))
		return;
	fputs("nfqueue exec: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	errno = err; /* the program's own */
}

/* The kernel's value is twice what was asked for: sock_setsockopt(). */
static uint32_t receive_buffer(int fd)
{
	socklen_t length = sizeof(int);
	int value = 0;

	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &length);
	return (uint32_t)value / 2;
}

void exec_enlarge(int fd)
{
	static atomic_flag is_told = ATOMIC_FLAG_INIT;
	uint32_t wanted = exec_options.receive_buffer;
	int value = (int)wanted, err = errno;

	if (wanted == 0 || receive_buffer(fd) >= wanted)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof(value)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value));
	errno = err;
	if (receive_buffer(fd) < wanted)
		exec_warn(&is_told,
			  "the socket buffer has %u bytes, not %u: without CAP_NET_ADMIN "
			  "in the first user namespace net.core.rmem_max is the limit",
			  receive_buffer(fd), wanted);
}

/* SPDX-License-Identifier: MIT */
/* What went wrong, in the words that programs show since 2001. */
#include "ipq.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct ipq_errmap_t {
	int errcode;
	const char *message;
};

/* Nobody's business, but it was exported, too. */
#pragma GCC visibility push(default)
extern struct ipq_errmap_t ipq_errmap[IPQ_ERRORS];
#pragma GCC visibility pop

struct ipq_errmap_t ipq_errmap[IPQ_ERRORS] = {
	{IPQ_ERROR_NONE, "Unknown error"},
	{IPQ_ERROR_IMPLEMENTATION, "Implementation error"},
	{IPQ_ERROR_HANDLE, "Unable to create netlink handle"},
	{IPQ_ERROR_SOCKET, "Unable to create netlink socket"},
	{IPQ_ERROR_BIND, "Unable to bind netlink socket"},
	{IPQ_ERROR_BUFFER, "Unable to allocate buffer"},
	{IPQ_ERROR_RECEIVE, "Failed to receive netlink message"},
	{IPQ_ERROR_EOF, "Received EOF on netlink socket"},
	{IPQ_ERROR_ADDRESS, "Invalid peer address length"},
	{IPQ_ERROR_SENT_TRUNCATED, "Sent message truncated"},
	{IPQ_ERROR_TRUNCATED, "Received message truncated"},
	{IPQ_ERROR_NETLINK, "Received error from netlink"},
	{IPQ_ERROR_SEND, "Failed to send netlink message"},
	{IPQ_ERROR_UNSUPPORTED, "Operation not supported"},
	{IPQ_ERROR_BUFFER_SIZE, "Receive buffer size invalid"},
	{IPQ_ERROR_TIMEOUT, "Timeout"},
	{IPQ_ERROR_PROTOCOL, "Invalid protocol specified"},
};

/* One for all threads: programs ask in another than the one that failed. Relaxed, since
 * it stands for nothing but itself. */
static atomic_int last_error;

int ipq_fail(enum ipq_error error)
{
	atomic_store_explicit(&last_error, (int)error, memory_order_relaxed);
	return -1;
}

int ipq_refuse(enum ipq_error error)
{
	errno = 0;
	return ipq_fail(error);
}

char *ipq_errstr(void)
{
	int error = atomic_load_explicit(&last_error, memory_order_relaxed);

	/* The interface is older than const in it. */
	return (char *)(uintptr_t)ipq_errmap[error].message;
}

void ipq_perror(const char *s)
{
	const char *system = errno ? strerror(errno) : "";
	const char *ours = "";

	if (atomic_load_explicit(&last_error, memory_order_relaxed))
		ours = ipq_errstr();
	fprintf(stderr, "%s%s%s%s%s\n", s ? s : "ERROR", *ours ? ": " : "", ours,
		*system ? ": " : "", system);
}

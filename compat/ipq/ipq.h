/* SPDX-License-Identifier: MIT */
/* Inside libipq. What libipq.h declares is exported, all else is hidden. */
#ifndef NFQUEUE_COMPAT_IPQ_H
#define NFQUEUE_COMPAT_IPQ_H

#pragma GCC visibility push(default)
#include <libipq.h>
#pragma GCC visibility pop

#include "wire/wire.h"

/* The only queue there was, and where rules without a number send their packets. */
#define IPQ_QUEUE 0

/* What a program sees is only the first part of it. */
struct ipq_reader {
	struct ipq_handle handle;
	uint8_t family; /* whose packets are wanted: AF_INET, AF_INET6 */
};

static inline const struct ipq_reader *ipq_reader(const struct ipq_handle *h)
{
	return (const struct ipq_reader *)h;
}

/* --- error.c ------------------------------------------------------------------------ */

/* In the order of their texts, which programs see. */
enum ipq_error {
	IPQ_ERROR_NONE,
	IPQ_ERROR_IMPLEMENTATION,
	IPQ_ERROR_HANDLE,
	IPQ_ERROR_SOCKET,
	IPQ_ERROR_BIND,
	IPQ_ERROR_BUFFER,
	IPQ_ERROR_RECEIVE,
	IPQ_ERROR_EOF,
	IPQ_ERROR_ADDRESS,
	IPQ_ERROR_SENT_TRUNCATED,
	IPQ_ERROR_TRUNCATED,
	IPQ_ERROR_NETLINK,
	IPQ_ERROR_SEND,
	IPQ_ERROR_UNSUPPORTED,
	IPQ_ERROR_BUFFER_SIZE,
	IPQ_ERROR_TIMEOUT,
	IPQ_ERROR_PROTOCOL,
	IPQ_ERRORS,
};

/* Remembers the error for ipq_errstr(); errno says more. Returns -1. */
int ipq_fail(enum ipq_error error);

/* The same where the system has nothing to add, so that programs that append what errno
 * says do not append what was before. */
int ipq_refuse(enum ipq_error error);

/* --- message.c: bytes only ---------------------------------------------------------- */

/* What nfnetlink_queue does not tell of a packet. */
struct ipq_devices {
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* empty: none */
	uint16_t in_type;                 /* ARPHRD_* */
};

/* The bytes that the message for a packet needs. */
size_t ipq_packet_length(const struct wire_packet *packet);

/* Writes them. */
void ipq_put_packet(unsigned char *buf, const struct wire_packet *packet,
		    const struct ipq_devices *devices);

/* The bytes of an NLMSG_ERROR, and how it is written. */
#define IPQ_ERROR_LENGTH (NLMSG_HDRLEN + sizeof(struct nlmsgerr))
void ipq_put_error(unsigned char *buf, const struct wire_error *error);

#endif

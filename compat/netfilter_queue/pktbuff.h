/* SPDX-License-Identifier: MIT */
/*
 * Packet buffers: a packet, room behind it, and where its headers are. Every pointer and
 * length is inside the buffer at all times; who asks for more gets less, or a refusal.
 */
#ifndef NFQUEUE_COMPAT_PKTBUFF_H
#define NFQUEUE_COMPAT_PKTBUFF_H

#include <stdbool.h>
#include <stdint.h>

#include <libnetfilter_queue/pktbuff.h>

struct pkt_buff {
	uint8_t *head; /* the first byte of the buffer */
	uint8_t *end;  /* behind its last one */
	uint8_t *data; /* the packet */
	uint32_t length;
	uint8_t *mac; /* headers; NULL: not known */
	uint8_t *network;
	uint8_t *transport;
	bool is_mangled;
};

/* Bytes of the packet from `at` on; 0 if that is NULL or not inside. */
uint32_t pktb_left(const struct pkt_buff *pktb, const uint8_t *at);

/* The transport header, if `size` bytes of it are there; else NULL. */
void *pktb_transport(const struct pkt_buff *pktb, uint32_t size);

/* A change of the bytes behind a transport header. */
struct mangle {
	unsigned int offset; /* of what is replaced, from the end of the header */
	unsigned int length; /* of what is replaced */
	const char *bytes;
	unsigned int count;
};

/* How many bytes longer the packet becomes. */
static inline int64_t mangle_growth(const struct mangle *mangle)
{
	return (int64_t)mangle->count - mangle->length;
}

/* Changes what stands at `payload`, which is in the packet, behind an IPv4 or IPv6
 * header, and the lengths and the checksum of that. Returns 1; 0: refused, nothing has
 * changed. */
typedef int mangle_ip(struct pkt_buff *pktb, const uint8_t *payload,
		      const struct mangle *mangle);
mangle_ip mangle_ipv4, mangle_ipv6;

/* What follows the IPv4 header, be it set or not; NULL: none, or a later fragment. */
uint8_t *ipv4_transport(const struct pkt_buff *pktb);

#endif

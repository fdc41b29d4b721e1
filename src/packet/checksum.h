/* SPDX-License-Identifier: MIT */
/*
 * Internet checksums, in two steps, as they are made of pieces: a sum that is added to,
 * and what stands in the header. Sums are of 16-bit words in host order, folded to
 * 16 bits. Source: RFC 1071.
 */
#ifndef NFQUEUE_PACKET_CHECKSUM_H
#define NFQUEUE_PACKET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/view.h>

/* The sum with `length` bytes added, any alignment. They begin a word; an odd last byte
 * is padded with 0, so that it can only be the last of all. */
uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t length);

/* The sum with one 16-bit word added; or the sum of two sums. */
static inline uint32_t checksum_add16(uint32_t sum, uint32_t word)
{
	sum += word;
	return (sum & 0xffff) + (sum >> 16);
}

/* The field's value, in host order. */
static inline uint16_t checksum_finish(uint32_t sum)
{
	return (uint16_t)~sum;
}

/* The sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1) over the
 * view's addresses: `length` bytes of `protocol`. The view must have been parsed without
 * an error. */
uint32_t checksum_pseudo(const struct nfqueue_view *view, uint8_t protocol,
			 uint32_t length);

#endif

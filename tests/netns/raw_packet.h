/* SPDX-License-Identifier: MIT */
/* Whole IP packets, made byte by byte and with their checksums: for tests that send them
 * themselves. */
#ifndef NFQUEUE_TESTS_RAW_PACKET_H
#define NFQUEUE_TESTS_RAW_PACKET_H

#include <stddef.h>
#include <stdint.h>

#define RAW_PACKET_MAX 65575 /* IPv6 with the longest payload */

struct raw_packet {
	const char *from, *to; /* IPv4 or IPv6, both the same */
	uint16_t from_port, to_port;
	uint8_t protocol; /* IPPROTO_UDP; IPPROTO_TCP; else the payload is all of it */
	uint8_t dont_fragment;
	uint8_t tcp_flags; /* NFQUEUE_TCP_* */
	uint32_t sequence, acknowledgement;
	const void *payload;
	size_t length;
};

/** Writes it to `out`, RAW_PACKET_MAX bytes. @return its length */
size_t raw_packet_make(const struct raw_packet *packet, uint8_t *out);

#endif

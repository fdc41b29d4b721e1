/* SPDX-License-Identifier: MIT */
/* TCP packets of two hosts, made and read without the library. */
#ifndef NFQUEUE_TEST_TCP_PACKET_H
#define NFQUEUE_TEST_TCP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_PACKET_MAX 65535
#define TCP_SACKS_MAX 4
#define TCP_NO_SCALE 255 /* scale 0 is an option, too */

struct tcp_packet {
	int from;      /* 0 or 1: the host */
	uint16_t port; /* of host 0; 0: 1000 */
	uint32_t sequence, acknowledgement;
	uint8_t flags;
	uint16_t window, urgent;
	uint32_t sacks[TCP_SACKS_MAX][2];
	uint32_t sack_count;
	bool has_scale;
	uint8_t scale;
	uint8_t option; /* the kind of one more, of four bytes; 0: none */
	const uint8_t *data;
	size_t length;
};

/* IPv4, with right checksums. Returns the bytes at `out`. */
size_t tcp_packet_make(const struct tcp_packet *packet, uint8_t *out);

/* IPv6 instead, of the same hosts. */
size_t tcp_packet_make6(const struct tcp_packet *packet, uint8_t *out);

/* Reads what was made. False: a length or a checksum is wrong. `data` is in `bytes`. */
bool tcp_packet_read(const uint8_t *bytes, size_t length, struct tcp_packet *packet);

#endif

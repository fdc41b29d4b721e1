/* SPDX-License-Identifier: MIT */
/* Packets with right checksums, and whether they are right. */
#ifndef TESTS_POLICY_PACKETS_H
#define TESTS_POLICY_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 65535u

struct packet {
	uint8_t data[PACKET_MAX];
	uint32_t length;
};

/* 10.0.0.1:1000 -> 10.0.0.2:80, TTL 64, DF. */
void packet_udp(struct packet *packet, const void *payload, size_t length);

/* The same with TCP; `back`: from 10.0.0.2:80. Flags NFQUEUE_TCP_*; with a SYN an MSS of
 * 1460. */
void packet_tcp(struct packet *packet, bool back, uint8_t flags, uint32_t sequence,
		uint32_t acknowledgement, const void *payload, size_t length);

/* Makes IP and transport checksums. */
void packet_sum(uint8_t *data, size_t length);

/* True if they are right; of IPv4 with TCP or UDP. */
bool packet_is_sound(const uint8_t *data, size_t length);

#endif

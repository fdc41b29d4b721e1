/* SPDX-License-Identifier: MIT */
/* Random expressions, rules and packets that are about the same few hosts and ports. */
#ifndef TESTS_RANDOM_POLICY_H
#define TESTS_RANDOM_POLICY_H

#include <stddef.h>
#include <stdint.h>

#define RANDOM_PACKET_MAX 300u

struct random {
	uint64_t state;
};

uint32_t random_below(struct random *random, uint32_t limit);

/* A pcap-filter expression; a few are refused by pcap_compile(). */
void random_expression(struct random *random, char *text, size_t size);

/* IPv4, IPv6 or anything; the length. */
uint32_t random_packet(struct random *random, uint8_t packet[RANDOM_PACKET_MAX]);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Packets by the thousand, the same ones for the same seed: sound ones and broken ones.
 */
#ifndef NFQUEUE_TEST_RANDOM_PACKET_H
#define NFQUEUE_TEST_RANDOM_PACKET_H

#include <stddef.h>
#include <stdint.h>

#define RANDOM_PACKET_MAX 2048

struct random_packet {
	uint64_t state;
	int broken; /* one packet in four has lengths that lie or options of noise */
	uint8_t data[RANDOM_PACKET_MAX];
	uint32_t length;   /* of the packet */
	uint32_t captured; /* less if broken, perhaps */
};

uint32_t random_below(struct random_packet *packet, uint32_t limit);

/* Makes the next packet in data, length and captured. Ports are 20000..29999. */
void random_packet_next(struct random_packet *packet);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The ways to add up many bytes. Each gives the sum of the machine's own 16-bit words,
 * modulo 0xffff and not folded; zero follows an odd last byte.
 */
#ifndef NFQUEUE_PACKET_CHECKSUM_WORDS_H
#define NFQUEUE_PACKET_CHECKSUM_WORDS_H

#include <stddef.h>
#include <stdint.h>

struct checksum_variant {
	const char *name;
	uint64_t (*words)(const uint8_t *data, size_t length);
	int (*is_supported)(void); /* by the CPU it runs on */
};

/* All that were built for this kind of CPU, the plain one first; ends with an empty name.
 */
extern const struct checksum_variant checksum_variants[];

uint64_t checksum_words_plain(const uint8_t *data, size_t length);
uint64_t checksum_words_sse2(const uint8_t *data, size_t length);
uint64_t checksum_words_avx2(const uint8_t *data, size_t length);

/* The best of them for so many bytes. It asks at each call: that is one load and one
 * branch, and needs no state that threads would share. */
uint64_t checksum_words(const uint8_t *data, size_t length);

/* Carries that leave the top come in again at the bottom: RFC 1071 section 1 (2). */
static inline uint32_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

#endif

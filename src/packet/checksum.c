/* SPDX-License-Identifier: MIT */
/* Internet checksums: RFC 1071. */
#include <endian.h>
#include <string.h>

#include "packet/checksum.h"

/* Carries that leave the top come in again at the bottom: section 1 (2). */
static uint32_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

/* Up to seven bytes, as if a zero followed the last. */
static uint64_t add_tail(const uint8_t *tail, size_t length)
{
	uint8_t last[2] = {0};
	uint16_t half;
	uint32_t word = 0;
	uint64_t sum = 0;

	if (length & 4) {
		memcpy(&word, tail, sizeof(word));
		sum += word;
		tail += sizeof(word);
	}
	if (length & 2) {
		memcpy(&half, tail, sizeof(half));
		sum += half;
		tail += sizeof(half);
	}
	if (length & 1)
		last[0] = *tail;
	memcpy(&half, last, sizeof(half));
	return sum + half;
}

/* The sum is made of the machine's own words: swapping the bytes of the result is the
 * same as swapping them in each word, section 2 (B). */
uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t length)
{
	uint64_t words = 0, carries = 0, word;
	size_t i = 0;

	if (!length) /* data may be NULL */
		return sum;
	for (; i < (length & ~(size_t)7); i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		words += word;
		carries += words < word;
	}
	words = fold(words) + (uint64_t)fold(carries) + add_tail(data + i, length & 7);
	return checksum_add16(sum, be16toh((uint16_t)fold(words)));
}

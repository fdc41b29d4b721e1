/* SPDX-License-Identifier: MIT */
/* Adds 64-bit words and counts their carries: any CPU can. */
#include <string.h>

#include "packet/checksum_words.h"

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

uint64_t checksum_words_plain(const uint8_t *data, size_t length)
{
	uint64_t sum = 0, carries = 0, word;
	size_t i = 0;

	for (; i < (length & ~(size_t)7); i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		sum += word;
		carries += sum < word;
	}
	/* 2^64 is 1 modulo 0xffff: a carry counts one */
	return checksum_fold(sum) + carries + add_tail(data + i, length & 7);
}

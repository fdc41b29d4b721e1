/* SPDX-License-Identifier: MIT */
/* Which sum to make on x86-64. */
#include "packet/checksum_words.h"

#define VECTORS_PAY 128 /* bytes: fewer are added up before the vectors are set up */

static int always(void)
{
	return 1;
}

static int has_avx2(void)
{
	return __builtin_cpu_supports("avx2") != 0;
}

const struct checksum_variant checksum_variants[] = {
	{"plain", checksum_words_plain, always},
	{"sse2", checksum_words_sse2, always},
	{"avx2", checksum_words_avx2, has_avx2},
	{0},
};

uint64_t checksum_words(const uint8_t *data, size_t length)
{
	if (length < VECTORS_PAY)
		return checksum_words_plain(data, length);
	return has_avx2() ? checksum_words_avx2(data, length)
			  : checksum_words_sse2(data, length);
}

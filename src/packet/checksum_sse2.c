/* SPDX-License-Identifier: MIT */
/*
 * Adds vectors of 64-bit lanes, with SSE2. A lane's `all` loses its carries; `high`, the
 * sum of the upper halves, does not, for 2^31 vectors. So the sum of the lower halves is
 * all - high * 2^32: three instructions a vector, and none to keep from overflows.
 */
#include <immintrin.h>

#include "packet/checksum_words.h"

#define VECTOR sizeof(__m128i)
#define LANES (VECTOR / sizeof(uint64_t))
#define BLOCK (4 * VECTOR)

struct sums {
	__m128i all;
	__m128i high;
};

static inline __m128i load(const uint8_t *data)
{
	__m128i vector = _mm_loadu_si128((const __m128i *)(const void *)data);

	__asm__("" : "+x"(vector)); /* gcc loads again for each use of it, otherwise */
	return vector;
}

static inline void add(struct sums *sums, __m128i vector)
{
	sums->all = _mm_add_epi64(sums->all, vector);
	sums->high = _mm_add_epi64(sums->high, _mm_srli_epi64(vector, 32));
}

static inline uint64_t total(const struct sums *a, const struct sums *b)
{
	__m128i high = _mm_add_epi64(a->high, b->high),
		all = _mm_add_epi64(a->all, b->all);
	uint64_t lanes[LANES], sum = 0;

	/* low + high, and of that the halves, so that the lanes' sum has no carry */
	all = _mm_add_epi64(_mm_sub_epi64(all, _mm_slli_epi64(high, 32)), high);
	high = _mm_srli_epi64(all, 32);
	all = _mm_sub_epi64(all, _mm_slli_epi64(high, 32));
	_mm_storeu_si128((__m128i *)(void *)lanes, _mm_add_epi64(all, high));
	for (size_t i = 0; i < LANES; i++)
		sum += lanes[i];
	return sum;
}

uint64_t checksum_words_sse2(const uint8_t *data, size_t length)
{
	struct sums even = {_mm_setzero_si128(), _mm_setzero_si128()}, odd = even;
	size_t i = 0;

	for (; length - i >= BLOCK; i += BLOCK) { /* two chains of additions at once */
		add(&even, load(data + i));
		add(&odd, load(data + i + VECTOR));
		add(&even, load(data + i + 2 * VECTOR));
		add(&odd, load(data + i + 3 * VECTOR));
	}
	for (; length - i >= VECTOR; i += VECTOR)
		add(&even, load(data + i));
	return total(&even, &odd) + checksum_words_plain(data + i, length - i);
}

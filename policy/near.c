/* SPDX-License-Identifier: MIT */
/* "Did you mean": the edit distance between short words. */
#include <ctype.h>
#include <string.h>

#include "policy/line.h"

#define NEAR_MAX 16 /* longer words are nobody's typing error */

static int lower(char byte)
{
	return tolower((unsigned char)byte);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Inserted, lost, changed and swapped letters (optimal string alignment). */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t d[NEAR_MAX + 1][NEAR_MAX + 1];

	for (size_t i = 0; i <= a_size; i++) {
		for (size_t j = 0; j <= b_size; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = d[i - 1][j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
			d[i][j] = least(d[i][j], d[i - 1][j] + 1);
			d[i][j] = least(d[i][j], d[i][j - 1] + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[a_size][b_size];
}

const char *policy_word_near(struct policy_word word, const char *const *words)
{
	size_t best = 3;
	const char *near = NULL;

	if (word.length > NEAR_MAX)
		return NULL;
	for (; *words; words++) {
		size_t size = strlen(*words), off;

		if (size > NEAR_MAX)
			continue;
		off = distance(word.start, word.length, *words, size);
		if (off < best && off * 2 < size) {
			best = off;
			near = *words;
		}
	}
	return near;
}

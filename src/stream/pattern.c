/* SPDX-License-Identifier: MIT */
/* What to replace by what: the first of some patterns, across segments, too. */
#include <string.h>

#include <nfqueue/stream.h>

/* The bytes with which patterns begin. */
struct firsts {
	uint64_t bits[4];
};

static struct firsts first_bytes(const struct nfqueue_stream_patterns *patterns)
{
	struct firsts firsts = {{0}};

	for (size_t i = 0; i < patterns->count; i++) {
		const struct nfqueue_stream_pattern *pattern = &patterns->patterns[i];
		uint8_t byte;

		if (!pattern->from_length)
			continue;
		byte = *(const uint8_t *)pattern->from;
		firsts.bits[byte / 64] |= 1ull << byte % 64;
	}
	return firsts;
}

static int is_first(const struct firsts *firsts, uint8_t byte)
{
	return firsts->bits[byte / 64] >> byte % 64 & 1;
}

/* The first pattern in the list that is there, or may be when more comes. */
static const struct nfqueue_stream_pattern *find_at(
	const struct nfqueue_stream_patterns *patterns, const uint8_t *data,
	size_t length, int last)
{
	for (size_t i = 0; i < patterns->count; i++) {
		const struct nfqueue_stream_pattern *pattern = &patterns->patterns[i];
		size_t wanted = pattern->from_length;

		if (!wanted || (wanted > length && last))
			continue;
		if (!memcmp(data, pattern->from, wanted < length ? wanted : length))
			return pattern;
	}
	return NULL;
}

/* Where to look next: the place of a byte with which a pattern begins. */
static size_t next_first(const struct nfqueue_stream_patterns *patterns,
			 const struct firsts *firsts, const uint8_t *data, size_t at,
			 size_t length)
{
	const uint8_t *found;

	if (patterns->count == 1 && patterns->patterns->from_length) {
		found = memchr(data + at, *(const uint8_t *)patterns->patterns->from,
			       length - at);
		return found ? (size_t)(found - data) : length;
	}
	while (at < length && !is_first(firsts, data[at]))
		at++;
	return at;
}

int nfqueue_stream_find_pattern(const uint8_t *data, size_t length, int last,
				struct nfqueue_stream_change *change, size_t *keep,
				void *ctx)
{
	struct nfqueue_stream_patterns *patterns = ctx;
	struct firsts firsts = first_bytes(patterns);
	size_t at = 0;

	while ((at = next_first(patterns, &firsts, data, at, length)) < length) {
		const struct nfqueue_stream_pattern *pattern =
			find_at(patterns, data + at, length - at, last);

		if (pattern && pattern->from_length > length - at) {
			*keep = length - at;
			return 0;
		}
		if (pattern) {
			*change = (struct nfqueue_stream_change){at, pattern->from_length,
								 pattern->to,
								 pattern->to_length};
			/* relaxed: a count, it orders nothing */
			__atomic_fetch_add(&patterns->replaced, 1, __ATOMIC_RELAXED);
			return 1;
		}
		at++;
	}
	return 0;
}

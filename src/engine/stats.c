/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"

#include <errno.h>
#include <string.h>

/* All members behind `size` are counts of 64 bits: they can be added as an array. */
static void add(struct nfqueue_stats *sum, const struct nfqueue_stats *more)
{
	const size_t count = (sizeof(*sum) - sizeof(sum->size)) / sizeof(uint64_t);
	uint64_t *to = &sum->received;
	const uint64_t *from = &more->received;

	_Static_assert(sizeof(struct nfqueue_stats) % sizeof(uint64_t) == 0,
		       "counts only");
	for (size_t i = 0; i < count; i++)
		to[i] += from[i];
}

int nfqueue_engine_stats_get(struct nfqueue_engine *engine, struct nfqueue_stats *stats)
{
	struct nfqueue_stats sum = {.size = sizeof(sum)}, one;
	size_t size = stats->size;

	if (size == 0 || !engine->workers)
		return -EINVAL;
	for (uint32_t i = 0; i < engine->count; i++) {
		one = (struct nfqueue_stats){.size = sizeof(one)};
		nfqueue_stats_get(engine->workers[i].queue, &one);
		add(&sum, &one);
	}
	sum.size = size;
	memcpy(stats, &sum, size < sizeof(sum) ? size : sizeof(sum));
	return 0;
}

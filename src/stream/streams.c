/* SPDX-License-Identifier: MIT */
/* Making a table, and telling of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <nfqueue/stream.h>

#include "stream/table.h"

#define FLOWS_MAX 65536u
#define CHANGES_MAX 4096u
#define MEMORY_MAX (64u << 20)
#define IDLE_MS 7440000u /* RFC 5382 REQ-5: 2 hours and 4 minutes */
#define SHARDS_MAX 16u

static uint32_t at_most_power(uint32_t number)
{
	return 1u << (31 - __builtin_clz(number));
}

static void set_options(struct nfqueue_streams *streams,
			const struct nfqueue_streams_options *options)
{
	uint32_t flows = options->flows_max ? options->flows_max : FLOWS_MAX;

	streams->limits.budget.max =
		options->memory_max ? options->memory_max : MEMORY_MAX;
	streams->limits.changes_max =
		options->changes_max ? options->changes_max : CHANGES_MAX;
	streams->idle_ms = options->idle_ms ? options->idle_ms : IDLE_MS;
	streams->shard_count = flows < SHARDS_MAX ? at_most_power(flows) : SHARDS_MAX;
	streams->shard_flows = flows / streams->shard_count;
	streams->bucket_mask = at_most_power((uint32_t)streams->shard_flows) - 1;
}

static int make_shard(const struct nfqueue_streams *streams, struct stream_shard *shard)
{
	size_t buckets = (size_t)streams->bucket_mask + 1;

	pthread_mutex_init(&shard->lock, NULL); /* never fails on Linux */
	shard->buckets = calloc(buckets, sizeof(struct stream_flow *));
	shard->joined = malloc(STREAM_JOINED_MAX);
	shard->out = malloc(STREAM_OUT_MAX);
	return shard->buckets && shard->joined && shard->out ? 0 : -ENOMEM;
}

static int make_shards(struct nfqueue_streams *streams)
{
	int ret = 0;

	streams->shards = calloc(streams->shard_count, sizeof(*streams->shards));
	if (!streams->shards) {
		streams->shard_count = 0;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < streams->shard_count; i++)
		if (make_shard(streams, &streams->shards[i]) < 0)
			ret = -ENOMEM;
	return ret;
}

int nfqueue_streams_new(struct nfqueue_streams **out,
			const struct nfqueue_streams_options *given)
{
	struct nfqueue_streams_options options = {.size = sizeof(options)};
	struct nfqueue_streams *streams;
	int ret;

	*out = NULL;
	if (given && given->size == 0)
		return -EINVAL;
	if (given)
		memcpy(&options, given,
		       given->size < sizeof(options) ? given->size : sizeof(options));
	streams = calloc(1, sizeof(*streams));
	if (!streams)
		return -ENOMEM;
	set_options(streams, &options);
	ret = make_shards(streams);
	if (ret == 0 &&
	    getrandom(&streams->seed, sizeof(streams->seed), 0) != sizeof(streams->seed))
		ret = -errno;
	if (ret < 0) {
		stream_table_free(streams);
		return ret;
	}
	*out = streams;
	return 0;
}

void nfqueue_streams_free(struct nfqueue_streams *streams)
{
	if (streams)
		stream_table_free(streams);
}

static void add_stats(struct nfqueue_streams_stats *all,
		      const struct nfqueue_streams_stats *shard)
{
	all->changes += shard->changes;
	all->translated += shard->translated;
	all->withheld += shard->withheld;
	all->early += shard->early;
	all->retransmitted += shard->retransmitted;
	all->one_sided += shard->one_sided;
	all->refused += shard->refused;
	all->cut += shard->cut;
}

int nfqueue_streams_stats(struct nfqueue_streams *streams,
			  struct nfqueue_streams_stats *stats)
{
	struct nfqueue_streams_stats all = {.size = stats->size};

	if (stats->size == 0)
		return -EINVAL;
	for (uint32_t i = 0; i < streams->shard_count; i++) {
		struct stream_shard *shard = &streams->shards[i];

		pthread_mutex_lock(&shard->lock);
		add_stats(&all, &shard->stats);
		all.flows += shard->count;
		pthread_mutex_unlock(&shard->lock);
	}
	memcpy(stats, &all, all.size < sizeof(all) ? all.size : sizeof(all));
	return 0;
}

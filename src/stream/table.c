/* SPDX-License-Identifier: MIT */
/* Connections by their addresses, and by when they were used. */
#include "stream/table.h"

#include <stdlib.h>
#include <string.h>

#define ENDED_MS 120000u /* nf_conntrack_tcp_timeout_time_wait */

struct stream_shard *stream_shard_of(struct nfqueue_streams *streams, uint32_t hash)
{
	return &streams->shards[hash & (streams->shard_count - 1)];
}

/* The bits that did not choose the shard. */
static struct stream_flow **bucket_of(const struct nfqueue_streams *streams,
				      const struct stream_shard *shard, uint32_t hash)
{
	return &shard->buckets[hash / streams->shard_count & streams->bucket_mask];
}

bool stream_flow_has_ended(const struct stream_flow *flow)
{
	return flow->is_reset || flow->fins == 3;
}

static enum stream_class class_of(const struct stream_flow *flow)
{
	if (stream_flow_has_ended(flow))
		return STREAM_ENDED;
	if (stream_log_is_clean(&flow->tracks[0].log) &&
	    stream_log_is_clean(&flow->tracks[1].log))
		return STREAM_CLEAN;
	return STREAM_CHANGED;
}

static void list_remove(struct stream_list *list, struct stream_flow *flow)
{
	*(flow->older ? &flow->older->newer : &list->oldest) = flow->newer;
	*(flow->newer ? &flow->newer->older : &list->newest) = flow->older;
}

static void list_add(struct stream_list *list, struct stream_flow *flow)
{
	flow->older = list->newest;
	flow->newer = NULL;
	*(list->newest ? &list->newest->newer : &list->oldest) = flow;
	list->newest = flow;
}

void stream_table_touch(struct stream_shard *shard, struct stream_flow *flow,
			uint64_t now_ms)
{
	list_remove(&shard->lists[flow->class], flow);
	flow->class = class_of(flow);
	flow->used_ms = now_ms;
	list_add(&shard->lists[flow->class], flow);
}

void stream_flow_clear(struct nfqueue_streams *streams, struct stream_flow *flow)
{
	stream_track_clear(&flow->tracks[0], &streams->limits);
	stream_track_clear(&flow->tracks[1], &streams->limits);
	flow->pending = (struct stream_pending){0};
	flow->is_locked = flow->is_reset = false;
	flow->fins = 0;
}

static void forget(struct nfqueue_streams *streams, struct stream_shard *shard,
		   struct stream_flow *flow)
{
	struct stream_flow **link = bucket_of(streams, shard, flow->hash);

	while (*link != flow)
		link = &(*link)->next;
	*link = flow->next;
	list_remove(&shard->lists[flow->class], flow);
	stream_flow_clear(streams, flow);
	free(flow);
	shard->count--;
}

/* Two a call and class keep up: a call adds one at the most. */
static void forget_idle(struct nfqueue_streams *streams, struct stream_shard *shard,
			uint64_t now_ms)
{
	for (int class = 0; class < STREAM_CLASSES; class ++) {
		uint64_t limit = class == STREAM_ENDED ? ENDED_MS : streams->idle_ms;

		for (int i = 0; i < 2; i++) {
			struct stream_flow *flow = shard->lists[class].oldest;

			if (!flow || flow->used_ms + limit > now_ms)
				break;
			forget(streams, shard, flow);
		}
	}
}

static struct nfqueue_flow reversed(const struct nfqueue_flow *key)
{
	struct nfqueue_flow back = *key;

	memcpy(back.source, key->destination, sizeof(back.source));
	memcpy(back.destination, key->source, sizeof(back.destination));
	back.source_port = key->destination_port;
	back.destination_port = key->source_port;
	return back;
}

struct stream_flow *stream_table_find(struct nfqueue_streams *streams,
				      struct stream_shard *shard,
				      const struct nfqueue_flow *key, uint32_t hash,
				      uint64_t now_ms, unsigned int *direction)
{
	struct nfqueue_flow back = reversed(key);
	struct stream_flow *flow;

	forget_idle(streams, shard, now_ms);
	for (flow = *bucket_of(streams, shard, hash); flow; flow = flow->next) {
		if (flow->hash != hash)
			continue;
		*direction = !nfqueue_flow_equal(&flow->key, key);
		if (*direction == 0 || nfqueue_flow_equal(&flow->key, &back))
			return flow;
	}
	*direction = 0;
	return NULL;
}

static bool make_place(struct nfqueue_streams *streams, struct stream_shard *shard)
{
	struct stream_flow *flow = shard->lists[STREAM_ENDED].oldest;

	if (shard->count < streams->shard_flows)
		return true;
	if (!flow)
		flow = shard->lists[STREAM_CLEAN].oldest;
	if (!flow)
		return false;
	forget(streams, shard, flow);
	return true;
}

struct stream_flow *stream_table_add(struct nfqueue_streams *streams,
				     struct stream_shard *shard,
				     const struct nfqueue_flow *key, uint32_t hash)
{
	struct stream_flow **bucket = bucket_of(streams, shard, hash), *flow;

	if (!make_place(streams, shard))
		return NULL;
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	flow->key = *key;
	flow->hash = hash;
	flow->class = STREAM_CLEAN;
	flow->next = *bucket;
	*bucket = flow;
	list_add(&shard->lists[STREAM_CLEAN], flow);
	shard->count++;
	return flow;
}

static void free_shard(struct nfqueue_streams *streams, struct stream_shard *shard)
{
	for (int class = 0; class < STREAM_CLASSES; class ++)
		while (shard->lists[class].oldest)
			forget(streams, shard, shard->lists[class].oldest);
	free(shard->buckets);
	free(shard->joined);
	free(shard->out);
	pthread_mutex_destroy(&shard->lock);
}

void stream_table_free(struct nfqueue_streams *streams)
{
	for (uint32_t i = 0; i < streams->shard_count; i++)
		free_shard(streams, &streams->shards[i]);
	free(streams->shards);
	free(streams);
}

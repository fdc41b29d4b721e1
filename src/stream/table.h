/* SPDX-License-Identifier: MIT */
/*
 * The table of connections, in shards with a lock each. Bounded: a new connection takes
 * the place of one that has ended or was never changed, for that does no harm; one whose
 * numbers are translated would break.
 */
#ifndef NFQUEUE_STREAM_TABLE_H
#define NFQUEUE_STREAM_TABLE_H

#include <pthread.h>

#include <nfqueue/stream.h>
#include <nfqueue/view.h>

#include "stream/track.h"

/* What a connection is, by what forgetting it would do. */
enum stream_class {
	STREAM_ENDED,   /* RST, or FINs of both: forgotten soon */
	STREAM_CLEAN,   /* never changed: nobody would notice */
	STREAM_CHANGED, /* translated as long as it lives */
	STREAM_CLASSES,
};

/* A SYN in the middle of a connection: its SYN|ACK tells if it is in earnest. */
struct stream_pending {
	bool is_set, has_scale;
	uint8_t direction, scale;
	uint32_t isn;
};

struct stream_flow {
	struct stream_flow *next;          /* of its bucket */
	struct stream_flow *older, *newer; /* of its class */
	struct nfqueue_flow key;           /* of direction 0 */
	uint64_t used_ms;
	enum stream_class class;
	uint32_t hash;
	struct stream_track tracks[2];
	struct stream_pending pending;
	bool is_locked; /* MPTCP, TCP-AO, MD5: never changed */
	bool is_reset;  /* and nothing came since */
	uint8_t fins;   /* a bit a direction */
};

struct stream_list {
	struct stream_flow *oldest, *newest;
};

struct stream_shard {
	pthread_mutex_t lock; /* all that is here */
	struct stream_flow **buckets;
	struct stream_list lists[STREAM_CLASSES];
	size_t count;
	uint8_t *joined, *out; /* for struct stream_pass */
	struct nfqueue_streams_stats stats;
};

struct nfqueue_streams {
	struct stream_limits limits;
	uint64_t idle_ms;
	size_t shard_flows;   /* most in one shard */
	uint32_t bucket_mask; /* buckets of a shard - 1 */
	uint32_t shard_count; /* a power of two */
	uint32_t seed;
	struct stream_shard *shards;
};

struct stream_shard *stream_shard_of(struct nfqueue_streams *streams, uint32_t hash);

/* The flow and the packet's direction in it, or NULL. Forgets idle flows on the way. */
struct stream_flow *stream_table_find(struct nfqueue_streams *streams,
				      struct stream_shard *shard,
				      const struct nfqueue_flow *key, uint32_t hash,
				      uint64_t now_ms, unsigned int *direction);

/* A new flow, of which the packet is direction 0. NULL: no place, or no memory. */
struct stream_flow *stream_table_add(struct nfqueue_streams *streams,
				     struct stream_shard *shard,
				     const struct nfqueue_flow *key, uint32_t hash);

/* The flow was used: it is the newest of its class. */
void stream_table_touch(struct stream_shard *shard, struct stream_flow *flow,
			uint64_t now_ms);

/* Both directions begin anew. */
void stream_flow_clear(struct nfqueue_streams *streams, struct stream_flow *flow);

bool stream_flow_has_ended(const struct stream_flow *flow);

void stream_table_free(struct nfqueue_streams *streams);

#endif

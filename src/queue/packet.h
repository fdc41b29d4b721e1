/* SPDX-License-Identifier: MIT */
/* A packet of the queue, and how threads hand it to each other. */
#ifndef NFQUEUE_QUEUE_PACKET_H
#define NFQUEUE_QUEUE_PACKET_H

#include <nfqueue/queue.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "queue/wheel.h"
#include "wire/wire.h"

struct nfqueue_edit;

enum packet_state {
	PACKET_FREE,        /* its slot may receive */
	PACKET_UNDECIDED,   /* the program has it */
	PACKET_DECIDED,     /* its verdict is noted, not sent */
	PACKET_FORCED,      /* decided by us, and the program still has it */
	PACKET_FORCED_SENT, /* and its verdict is sent */
};

#define CACHE_LINE 64u

/*
 * A packet, and the slot it is received into. What every pass over a batch touches, and
 * what threads hand to each other, fills the first cache line.
 *
 * In its batch it belongs to the reader. Once held, any thread may decide it: the state
 * is where they meet, and who moves it from UNDECIDED writes the verdict.
 */
struct nfqueue_packet {
	_Alignas(CACHE_LINE) struct nfqueue *queue;
	struct nfqueue_verdict verdict;
	_Atomic uint8_t state;       /* enum packet_state */
	bool held;                   /* the program keeps it: it shall leave its batch */
	bool left;                   /* it has: its memory is its own now */
	bool linked;                 /* it is in the list of held ones; under held_lock */
	bool timed;                  /* it has a deadline */
	bool alone;                  /* it is of no slab: free() it */
	uint16_t index;              /* of its slot, until it leaves */
	struct nfqueue_packet *next; /* of those decided late */
	TAILQ_ENTRY(nfqueue_packet) entry; /* held, orphans, or backlog */
	uint32_t id;
	bool edited;  /* the program has asked for `edit` */
	bool delayed; /* decided, and sent when its deadline has passed */
	_Alignas(CACHE_LINE) struct wire_packet wire;
	const uint8_t *message; /* in `buffer`, or in `spill` as a whole */
	uint8_t *spill;         /* of its slot; once it has left, its own; or NULL */
	size_t capacity;        /* of `buffer` */
	struct wheel_entry deadline;
	struct nfqueue_verdict expiry; /* what the deadline decides */
	struct nfqueue_edit *edit;     /* its memory is used again; NULL: none so far */
	_Alignas(CACHE_LINE) uint8_t buffer[];
};

_Static_assert(offsetof(struct nfqueue_packet, wire) == CACHE_LINE, "one line before it");

TAILQ_HEAD(packet_list, nfqueue_packet);

static inline enum packet_state packet_state(const struct nfqueue_packet *packet)
{
	return (enum packet_state)atomic_load_explicit(&packet->state,
						       memory_order_acquire);
}

static inline void packet_set_state(struct nfqueue_packet *packet,
				    enum packet_state state)
{
	atomic_store_explicit(&packet->state, (uint8_t)state, memory_order_release);
}

/* True if this call moved it. */
static inline bool packet_move_state(struct nfqueue_packet *packet,
				     enum packet_state from, enum packet_state to)
{
	uint8_t expected = (uint8_t)from;

	return atomic_compare_exchange_strong_explicit(&packet->state, &expected,
						       (uint8_t)to, memory_order_acq_rel,
						       memory_order_acquire);
}

#endif

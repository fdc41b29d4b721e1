/* SPDX-License-Identifier: MIT */
/*
 * Counts that one thread, the queue's user, writes and any thread reads. One writer, so a
 * load and a store do: no locked instruction. Each store releases and each reader's load
 * acquires, so that who has seen a new count also sees `version` odd or changed.
 */
#ifndef NFQUEUE_COUNTERS_H
#define NFQUEUE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t counter;

struct counters {
	counter received, bytes, accepted, dropped, repeated, requeued, modified, held;
	counter defaulted, refused, flushed, truncated, malformed;
	counter lost_socket, passed_socket, enobufs, batches, sends, messages;
	_Atomic uint32_t last_id;
	/* Odd while a receive or a flush changes the counts above. */
	_Atomic uint32_t version;
	_Atomic uint32_t lost_full; /* the kernel's count, as last read */
};

static inline uint64_t counter_get(const counter *count)
{
	return atomic_load_explicit(count, memory_order_acquire);
}

/* The writer's own, who needs no order with itself. */
static inline uint64_t counter_own(const counter *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

static inline void counter_add(counter *count, uint64_t more)
{
	atomic_store_explicit(count, counter_own(count) + more, memory_order_release);
}

static inline void counter_subtract(counter *count, uint64_t less)
{
	atomic_store_explicit(count, counter_own(count) - less, memory_order_release);
}

static inline void counters_turn(struct counters *counters)
{
	uint32_t now = atomic_load_explicit(&counters->version, memory_order_relaxed);

	atomic_store_explicit(&counters->version, now + 1, memory_order_release);
}

static inline void counters_begin(struct counters *counters)
{
	counters_turn(counters);
}

static inline void counters_end(struct counters *counters)
{
	counters_turn(counters);
}

#endif

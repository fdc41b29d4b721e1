/* SPDX-License-Identifier: MIT */
/*
 * Counts that one thread at a time writes and any thread reads. One writer, so a load and
 * a store do: no locked instruction. Each store releases and each reader's load acquires,
 * so that who has seen a new count also sees `version` odd or changed.
 */
#ifndef NFQUEUE_COUNTERS_H
#define NFQUEUE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t counter;

/* How a verdict is counted. */
enum verdict_kind {
	KIND_ACCEPTED,
	KIND_DROPPED,
	KIND_REPEATED,
	KIND_REQUEUED,
	KIND_COUNT,
	KIND_MODIFIED = 1 << 8, /* beside one of these: with another payload */
};

/* Of a sender: its thread writes. */
struct sent_counters {
	counter kind[KIND_COUNT];
	counter flow_accepted, flow_dropped;
	counter modified;
	counter sends, messages;
	_Atomic uint32_t version; /* odd while they change */
};

/* Of a queue: whoever reads the socket writes, but for those in the last group. */
struct counters {
	counter received, bytes, refused, flushed, truncated, malformed;
	counter refunded[KIND_COUNT]; /* of what the senders count: was refused */
	counter refunded_modified;
	counter lost_socket, passed_socket, enobufs, batches;
	_Atomic uint32_t last_id;
	_Atomic uint32_t version;   /* odd while they change */
	_Atomic uint32_t lost_full; /* the kernel's count, as last read */
	/* Rare: any thread adds. */
	counter defaulted, expired, hold_overflow, ring_overflow, ring_waits;
	counter buffer_grown;
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

/* Of several writers. */
static inline void counter_add_shared(counter *count, uint64_t more)
{
	atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

/* Makes `version` odd before a change, and even behind it. */
static inline void version_turn(_Atomic uint32_t *version)
{
	uint32_t now = atomic_load_explicit(version, memory_order_relaxed);

	atomic_store_explicit(version, now + 1, memory_order_release);
}

#endif

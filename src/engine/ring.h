/* SPDX-License-Identifier: MIT */
/*
 * The way from a reader to a decider: Concurrency Kit's ring for one producer and one
 * consumer. Its barriers are assembly, which the thread sanitizer cannot see: it is told.
 */
#ifndef NFQUEUE_ENGINE_RING_H
#define NFQUEUE_ENGINE_RING_H

#include <ck_ring.h>
#include <stdbool.h>

struct nfqueue_packet;

#if defined(__SANITIZE_THREAD__)
#define RING_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RING_TSAN 1
#endif
#endif

#ifdef RING_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define RING_ACQUIRE(ring) __tsan_acquire(ring)
#define RING_RELEASE(ring) __tsan_release(ring)
#else
#define RING_ACQUIRE(ring) ((void)(ring))
#define RING_RELEASE(ring) ((void)(ring))
#endif

struct ring {
	ck_ring_t ring;
	ck_ring_buffer_t *slots; /* a power of two; one of them stays empty */
};

/* False: it is full. */
static inline bool ring_put(struct ring *ring, struct nfqueue_packet *packet)
{
	RING_RELEASE(ring);
	return ck_ring_enqueue_spsc(&ring->ring, ring->slots, packet);
}

/* False: it is empty. */
static inline bool ring_take(struct ring *ring, struct nfqueue_packet **packet)
{
	if (!ck_ring_dequeue_spsc(&ring->ring, ring->slots, (void *)packet))
		return false;
	RING_ACQUIRE(ring);
	return true;
}

static inline bool ring_is_empty(const struct ring *ring)
{
	return ck_ring_size(&ring->ring) == 0;
}

#endif

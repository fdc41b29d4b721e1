/* SPDX-License-Identifier: MIT */
/*
 * The way from a reader to a decider: Concurrency Kit's ring for one producer and one
 * consumer. Its barriers are assembly, which the thread sanitizer cannot see: it is told
 * what they order, and not to look inside.
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
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#define RING_ACQUIRE(ring) __tsan_acquire(ring)
#define RING_RELEASE(ring) __tsan_release(ring)
#define RING_UNSEEN_BEGIN()                            \
	(AnnotateIgnoreReadsBegin(__FILE__, __LINE__), \
	 AnnotateIgnoreWritesBegin(__FILE__, __LINE__))
#define RING_UNSEEN_END()                             \
	(AnnotateIgnoreWritesEnd(__FILE__, __LINE__), \
	 AnnotateIgnoreReadsEnd(__FILE__, __LINE__))
#else
#define RING_ACQUIRE(ring) ((void)(ring))
#define RING_RELEASE(ring) ((void)(ring))
#define RING_UNSEEN_BEGIN() ((void)0)
#define RING_UNSEEN_END() ((void)0)
#endif

struct ring {
	ck_ring_t ring;
	ck_ring_buffer_t *slots; /* a power of two; one of them stays empty */
};

/* False: it is full. */
static inline bool ring_put(struct ring *ring, struct nfqueue_packet *packet)
{
	bool put;

	RING_RELEASE(ring);
	RING_UNSEEN_BEGIN();
	put = ck_ring_enqueue_spsc(&ring->ring, ring->slots, packet);
	RING_UNSEEN_END();
	return put;
}

/* False: it is empty. */
static inline bool ring_take(struct ring *ring, struct nfqueue_packet **packet)
{
	bool taken;

	RING_UNSEEN_BEGIN();
	taken = ck_ring_dequeue_spsc(&ring->ring, ring->slots, (void *)packet);
	RING_UNSEEN_END();
	if (taken)
		RING_ACQUIRE(ring);
	return taken;
}

static inline bool ring_is_empty(const struct ring *ring)
{
	unsigned int size;

	RING_UNSEEN_BEGIN();
	size = ck_ring_size(&ring->ring);
	RING_UNSEEN_END();
	return size == 0;
}

#endif

/* SPDX-License-Identifier: MIT */
#include "capture/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT 16u
#define BYTES_MIN (256u << 10)

enum { WHOLE = 1, PADDING = 2 };

/* In front of each record, and of what stays free at the end of the memory. */
struct header {
	_Atomic uint32_t state; /* 0: not whole yet */
	uint32_t reserved;
	uint64_t length; /* with this */
};

_Static_assert(sizeof(struct header) == ALIGNMENT, "a record behind it is aligned");

int ring_init(struct ring *ring, size_t bytes)
{
	uint64_t size = BYTES_MIN;

	while (size < bytes)
		size *= 2;
	*ring = (struct ring){.size = size};
	/* Zeroed. All of it now: a page fault would cost who decides more than a packet.
	 */
	ring->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (ring->bytes == MAP_FAILED)
		ring->bytes = NULL;
	return ring->bytes ? 0 : -ENOMEM;
}

void ring_free(struct ring *ring)
{
	if (ring->bytes)
		munmap(ring->bytes, ring->size);
	ring->bytes = NULL;
}

static struct header *header_at(const struct ring *ring, uint64_t position)
{
	return (struct header *)(void *)(ring->bytes + (position & (ring->size - 1)));
}

/* Where a record claimed at `head` would begin: at the front, if the end is too short. */
static uint64_t start_of(const struct ring *ring, uint64_t head, uint64_t length)
{
	uint64_t left = ring->size - (head & (ring->size - 1));

	return left < length ? head + left : head;
}

/* Release pairs with the acquire in ring_first(): the record's bytes. Sequentially
 * consistent besides: see capture_put(). */
static void publish(struct header *header, uint32_t state)
{
	atomic_store_explicit(&header->state, state, memory_order_seq_cst);
}

void *ring_claim(struct ring *ring, size_t length)
{
	uint64_t need, head, start, tail;
	struct header *header;

	if (length > ring->size / 2 - ALIGNMENT)
		return NULL;
	need = (sizeof(*header) + length + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
	head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	do { /* acquire pairs with the release in give_back(): the bytes are wiped */
		tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
		start = start_of(ring, head, need);
		if (start + need - tail > ring->size)
			return NULL;
	} while (!atomic_compare_exchange_weak_explicit(&ring->head, &head, start + need,
							memory_order_relaxed,
							memory_order_relaxed));
	if (start != head) {
		header = header_at(ring, head);
		header->length = start - head;
		publish(header, PADDING);
	}
	header = header_at(ring, start);
	header->length = need;
	return header + 1;
}

void ring_put(struct ring *ring, void *record)
{
	(void)ring;
	publish((struct header *)record - 1, WHOLE);
}

/* Release pairs with the acquire in ring_claim(). */
static void give_back(struct ring *ring, struct header *header)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint64_t length = header->length;

	memset(header, 0, length);
	atomic_store_explicit(&ring->tail, tail + length, memory_order_release);
}

void *ring_first(struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	struct header *header = header_at(ring, tail);
	/* pairs with publish() */
	uint32_t state = atomic_load_explicit(&header->state, memory_order_seq_cst);

	if (state == PADDING) {
		give_back(ring, header);
		header = header_at(ring, tail + (ring->size - (tail & (ring->size - 1))));
		state = atomic_load_explicit(&header->state, memory_order_seq_cst);
	}
	return state == WHOLE ? header + 1 : NULL;
}

void ring_drop(struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	give_back(ring, header_at(ring, tail));
}

uint64_t ring_used(const struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	return head > tail ? head - tail : 0;
}

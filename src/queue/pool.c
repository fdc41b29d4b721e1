/* SPDX-License-Identifier: MIT */
/*
 * Slots come in slabs, and stay until the queue is closed: what was held at the most is
 * what is needed. Those that left their batch come back from any thread, and the reader
 * takes them all at once: no lock, and nothing for a stack's ABA problem to spoil.
 */
#include "queue/queue.h"

#include <stdlib.h>

/* Longer messages spill. 1,500 bytes and what the kernel tells of them fit. */
#define SLOT_MAX 1984u
#define SLAB_SIZE (256u << 10)

struct slab {
	_Alignas(CACHE_LINE) struct slab *next;
	size_t count, stride;
};

/* An odd number of cache lines, so that slots do not all fall into the same sets. */
static size_t stride_of(size_t capacity)
{
	size_t lines =
		(sizeof(struct nfqueue_packet) + capacity + CACHE_LINE - 1) / CACHE_LINE;

	return (lines | 1) * CACHE_LINE;
}

static struct nfqueue_packet *packet_at(struct slab *slab, size_t index)
{
	return (struct nfqueue_packet *)(void *)((char *)(slab + 1) +
						 index * slab->stride);
}

static void init(struct nfqueue_packet *packet, struct nfqueue *queue, size_t capacity)
{
	*packet = (struct nfqueue_packet){
		.queue = queue,
		.capacity = capacity,
		.message = packet->buffer,
	};
}

struct nfqueue_packet *packet_new_alone(struct nfqueue *queue, size_t capacity)
{
	struct nfqueue_packet *packet = aligned_alloc(CACHE_LINE, stride_of(capacity));

	if (!packet)
		return NULL;
	init(packet, queue, capacity);
	packet->alone = true;
	return packet;
}

static int new_slab(struct nfqueue *queue)
{
	size_t size = atomic_load_explicit(&queue->slot_size, memory_order_relaxed);
	size_t stride = stride_of(size < SLOT_MAX ? size : SLOT_MAX);
	struct slab *slab = aligned_alloc(CACHE_LINE, SLAB_SIZE);

	if (!slab)
		return -1;
	slab->stride = stride;
	slab->count = (SLAB_SIZE - sizeof(*slab)) / stride;
	slab->next = queue->slabs;
	queue->slabs = slab;
	for (size_t i = slab->count; i-- > 0;) { /* in the end the first is on top */
		struct nfqueue_packet *packet = packet_at(slab, i);

		init(packet, queue, stride - sizeof(*packet));
		packet->next = queue->pool;
		queue->pool = packet;
	}
	return 0;
}

struct nfqueue_packet *pool_get(struct nfqueue *queue)
{
	struct nfqueue_packet *packet;

	if (!queue->pool)
		queue->pool = atomic_exchange_explicit(&queue->returned, NULL,
						       memory_order_acquire);
	if (!queue->pool && new_slab(queue) < 0)
		return NULL;
	packet = queue->pool;
	queue->pool = packet->next;
	__builtin_prefetch(queue->pool, 1); /* another thread had it last */
	return packet;
}

/* False: it was alone, and is gone. */
static bool reset(struct nfqueue_packet *packet)
{
	if (packet->alone) {
		free(packet);
		return false;
	}
	free(packet->spill);
	packet->spill = NULL;
	packet->held = false;
	packet->left = false;
	packet_set_state(packet, PACKET_FREE);
	return true;
}

static void push_chain(struct nfqueue *queue, struct nfqueue_packet *first,
		       struct nfqueue_packet *last)
{
	last->next = atomic_load_explicit(&queue->returned, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&queue->returned, &last->next,
						      first, memory_order_release,
						      memory_order_relaxed))
		continue;
}

void pool_put_all(struct nfqueue *queue, struct nfqueue_packet **packets, size_t count)
{
	struct nfqueue_packet *first = NULL, *last = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!reset(packets[i]))
			continue;
		if (last)
			last->next = packets[i];
		else
			first = packets[i];
		last = packets[i];
	}
	if (last)
		push_chain(queue, first, last);
}

void pool_put(struct nfqueue *queue, struct nfqueue_packet *packet)
{
	pool_put_all(queue, &packet, 1);
}

/* What is spilled by packets in a slot is the slot's. */
void pool_free(struct nfqueue *queue)
{
	struct slab *slab;

	while ((slab = queue->slabs)) {
		queue->slabs = slab->next;
		for (size_t i = 0; i < slab->count; i++)
			if (packet_at(slab, i)->left)
				free(packet_at(slab, i)->spill);
		free(slab);
	}
}

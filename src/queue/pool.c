/* SPDX-License-Identifier: MIT */
/*
 * Slots come in slabs, and stay until the queue is closed: what was held at the most is
 * what is needed. Those that left their batch come back from any thread, in magazines, on
 * a stack that the reader takes as a whole: no lock, and nothing for its ABA problem to
 * spoil. In a list, each slot would be a miss to the other CPU's cache, one after the
 * other; those of a magazine are fetched all together.
 */
#include "queue/queue.h"

#include <nfqueue/edit.h>
#include <stdlib.h>
#include <string.h>

#define SLAB_SIZE (256u << 10)

struct slab {
	_Alignas(CACHE_LINE) struct slab *next;
	size_t count, stride;
};

/* In the buffer of a free slot, which is the last one that is taken from it. */
#define MAGAZINE_MAX 60u
struct magazine {
	struct nfqueue_packet *next; /* of the slots that are magazines */
	uint32_t count;
	struct nfqueue_packet *packets[MAGAZINE_MAX];
};

_Static_assert(sizeof(struct magazine) <= WIRE_PACKET_OVERHEAD, "the smallest slot");

static struct magazine *magazine_of(struct nfqueue_packet *packet)
{
	return (struct magazine *)(void *)packet->buffer;
}

/* Makes one of them all; the first is its slot. */
static struct nfqueue_packet *fill(struct nfqueue_packet *const *packets, uint32_t count)
{
	struct magazine *magazine = magazine_of(packets[0]);

	magazine->count = count - 1;
	memcpy(magazine->packets, packets + 1, (count - 1) * sizeof(*packets));
	return packets[0];
}

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

void packet_free_alone(struct nfqueue_packet *packet)
{
	nfqueue_edit_free(packet->edit);
	free(packet);
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
	if (!queue->slabs) /* later ones are not smaller: slots only grow */
		queue->least_slot = stride - sizeof(struct nfqueue_packet);
	queue->slabs = slab;
	for (size_t i = 0; i < slab->count; i++) {
		struct nfqueue_packet *packet = packet_at(slab, i);

		init(packet, queue, stride - sizeof(*packet));
		magazine_of(packet)->count = 0; /* each by itself, in order */
		magazine_of(packet)->next =
			i + 1 < slab->count ? packet_at(slab, i + 1) : NULL;
	}
	queue->pool = packet_at(slab, 0);
	return 0;
}

/* Another thread had them last. */
static void fetch(const struct nfqueue_packet *packet)
{
	const struct magazine *magazine = (const void *)packet->buffer;

	for (uint32_t i = 0; i < magazine->count; i++)
		__builtin_prefetch(magazine->packets[i], 1);
}

static int next_magazine(struct nfqueue *queue)
{
	queue->pool =
		atomic_exchange_explicit(&queue->returned, NULL, memory_order_acquire);
	if (!queue->pool && new_slab(queue) < 0)
		return -1;
	fetch(queue->pool);
	return 0;
}

struct nfqueue_packet *pool_get(struct nfqueue *queue)
{
	struct nfqueue_packet *packet;
	struct magazine *magazine;

	if (!queue->pool && next_magazine(queue) < 0)
		return NULL;
	packet = queue->pool;
	magazine = magazine_of(packet);
	if (magazine->count)
		return magazine->packets[--magazine->count];
	queue->pool = magazine->next;
	if (queue->pool)
		fetch(queue->pool);
	return packet;
}

/* False: it was alone, and is gone. */
static bool reset(struct nfqueue_packet *packet)
{
	if (packet->alone) {
		packet_free_alone(packet);
		return false;
	}
	free(packet->spill);
	packet->spill = NULL;
	if (packet->edited)
		packet_end_edit(packet);
	packet->held = false;
	packet->left = false;
	packet_set_state(packet, PACKET_FREE);
	return true;
}

static void push(struct nfqueue *queue, struct nfqueue_packet *const *packets,
		 uint32_t count)
{
	struct nfqueue_packet *packet = fill(packets, count);
	struct magazine *magazine = magazine_of(packet);

	magazine->next = atomic_load_explicit(&queue->returned, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&queue->returned, &magazine->next,
						      packet, memory_order_release,
						      memory_order_relaxed))
		continue;
}

void pool_put_all(struct nfqueue *queue, struct nfqueue_packet **packets, size_t count)
{
	uint32_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (reset(packets[i]))
			packets[kept++] = packets[i];
		if (kept == MAGAZINE_MAX || (kept && i + 1 == count)) {
			push(queue, packets, kept);
			kept = 0;
		}
	}
}

void pool_put(struct nfqueue *queue, struct nfqueue_packet *packet)
{
	pool_put_all(queue, &packet, 1);
}

void pool_put_settled(struct nfqueue *queue, struct nfqueue_packet *packet)
{
	if (packet->left)
		pool_put(queue, packet);
	else if (packet->edited)
		packet_end_edit(packet);
}

/* What is spilled by packets in a slot is the slot's. */
static void free_parts(struct nfqueue_packet *packet)
{
	if (packet->left)
		free(packet->spill);
	nfqueue_edit_free(packet->edit);
}

void pool_free(struct nfqueue *queue)
{
	struct slab *slab;

	while ((slab = queue->slabs)) {
		queue->slabs = slab->next;
		for (size_t i = 0; i < slab->count; i++)
			free_parts(packet_at(slab, i));
		free(slab);
	}
}

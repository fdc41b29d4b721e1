/* SPDX-License-Identifier: MIT */
/*
 * Slots that left their batch come back here from any thread, and the reader takes them
 * all at once: no lock, and nothing for a stack's ABA problem to spoil.
 */
#include "queue/queue.h"

#include <stdlib.h>

/* So many wait to be used again; what comes beyond goes back to the heap. */
#define POOL_MAX 4096u

struct nfqueue_packet *pool_get(struct nfqueue *queue)
{
	size_t size = atomic_load_explicit(&queue->slot_size, memory_order_relaxed);
	struct nfqueue_packet *packet;

	if (!queue->pool)
		queue->pool = atomic_exchange_explicit(&queue->returned, NULL,
						       memory_order_acquire);
	while ((packet = queue->pool)) {
		queue->pool = packet->next;
		atomic_fetch_sub_explicit(&queue->pooled, 1, memory_order_relaxed);
		if (packet->capacity >= size)
			return packet;
		free(packet);
	}
	return slot_new(queue, size);
}

void pool_put(struct nfqueue *queue, struct nfqueue_packet *packet)
{
	size_t size = atomic_load_explicit(&queue->slot_size, memory_order_relaxed);
	uint32_t pooled = atomic_load_explicit(&queue->pooled, memory_order_relaxed);

	packet_set_state(packet, PACKET_FREE);
	if (packet->capacity < size || pooled >= POOL_MAX) {
		free(packet);
		return;
	}
	packet->held = false;
	packet->left = false;
	atomic_fetch_add_explicit(&queue->pooled, 1, memory_order_relaxed);
	packet->next = atomic_load_explicit(&queue->returned, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&queue->returned, &packet->next,
						      packet, memory_order_release,
						      memory_order_relaxed))
		continue;
}

void pool_free(struct nfqueue *queue)
{
	struct nfqueue_packet *packet;

	do {
		while ((packet = queue->pool)) {
			queue->pool = packet->next;
			free(packet);
		}
		queue->pool = atomic_exchange_explicit(&queue->returned, NULL,
						       memory_order_acquire);
	} while (queue->pool);
}

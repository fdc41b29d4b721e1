/* SPDX-License-Identifier: MIT */
/*
 * Slots: the memory that packets are received into. A held packet takes its slot along.
 */
#include "queue/queue.h"

#include <stdlib.h>

/* Room beyond the copy range for what the kernel may add: nested conntrack, context. */
#define SLOT_CONNTRACK 2048u
#define SLOT_SECCTX 4096u

size_t message_size(uint32_t copy_range, uint32_t flags)
{
	size_t size = WIRE_PACKET_OVERHEAD;

	if (copy_range != NFQUEUE_COPY_META)
		size += copy_range;
	if (flags & NFQUEUE_CONNTRACK)
		size += SLOT_CONNTRACK;
	if (flags & NFQUEUE_SECCTX)
		size += SLOT_SECCTX;
	return size;
}

size_t slot_size_for(const struct nfqueue *queue)
{
	size_t size = message_size(queue->copy_range, queue_capabilities(queue));

	/*
	 * An odd number of cache lines, so that slots do not all fall into the same sets.
	 */
	return ((size / CACHE_LINE) | 1) * CACHE_LINE + 2 * CACHE_LINE;
}

struct nfqueue_packet *slot_new(struct nfqueue *queue, size_t capacity)
{
	size_t size = sizeof(struct nfqueue_packet) + capacity;
	struct nfqueue_packet *packet = aligned_alloc(
		CACHE_LINE, (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1));

	if (!packet)
		return NULL;
	packet->queue = queue;
	packet->capacity = capacity;
	packet_set_state(packet, PACKET_FREE);
	packet->held = false;
	packet->left = false;
	packet->linked = false;
	packet->timed = false;
	packet->deadline = (struct wheel_entry){0};
	return packet;
}

/* They only grow: longer messages from before may be in the socket still. */
void slots_resize(struct nfqueue *queue)
{
	size_t size = slot_size_for(queue);

	if (size <= atomic_load_explicit(&queue->slot_size, memory_order_relaxed))
		return;
	atomic_store_explicit(&queue->slot_size, size, memory_order_relaxed);
	atomic_store_explicit(&queue->slots_stale, true, memory_order_relaxed);
}

/* The packet takes its slot along; the next receive puts a new one in its place. */
void slot_leave(struct nfqueue_packet *packet)
{
	packet->left = true;
	packet->queue->slots[packet->index] = NULL;
	atomic_store_explicit(&packet->queue->slots_stale, true, memory_order_relaxed);
}

static void place(struct nfqueue *queue, unsigned int index,
		  struct nfqueue_packet *packet)
{
	packet->index = (uint16_t)index;
	queue->slots[index] = packet;
	queue->vectors[index] = (struct iovec){packet->buffer, packet->capacity};
	queue->headers[index].msg_hdr =
		(struct msghdr){.msg_iov = &queue->vectors[index], .msg_iovlen = 1};
}

unsigned int slots_refill(struct nfqueue *queue)
{
	size_t size = atomic_load_explicit(&queue->slot_size, memory_order_relaxed);

	if (!atomic_load_explicit(&queue->slots_stale, memory_order_relaxed))
		return queue->batch_size;
	for (unsigned int i = 0; i < queue->batch_size; i++) {
		struct nfqueue_packet *packet = queue->slots[i];

		if (packet && packet->capacity >= size)
			continue;
		free(packet);
		queue->slots[i] = NULL;
		packet = pool_get(queue);
		if (!packet)
			return i; /* a smaller batch, then */
		place(queue, i, packet);
	}
	atomic_store_explicit(&queue->slots_stale, false, memory_order_relaxed);
	return queue->batch_size;
}

int slots_new(struct nfqueue *queue)
{
	unsigned int size = queue->batch_size;

	slots_resize(queue);
	queue->slots = calloc(size, sizeof(*queue->slots));
	queue->batch = calloc(size, sizeof(*queue->batch));
	queue->headers = calloc(size, sizeof(*queue->headers));
	queue->vectors = calloc(size, sizeof(*queue->vectors));
	queue->sender = sender_new(queue, FLUSH_MAX);
	queue->late_sender = sender_new(queue, FLUSH_MAX);
	if (!queue->slots || !queue->batch || !queue->headers || !queue->vectors ||
	    !queue->sender || !queue->late_sender)
		return -1;
	return slots_refill(queue) == size ? 0 : -1;
}

static void list_free(struct packet_list *list)
{
	struct nfqueue_packet *packet;

	while ((packet = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, packet, entry);
		free(packet);
	}
}

void slots_free(struct nfqueue *queue)
{
	list_free(&queue->held);
	list_free(&queue->orphans);
	list_free(&queue->backlog);
	for (unsigned int i = 0; i < queue->batch_count; i++)
		if (queue->batch[i]->left) /* came from the backlog: in no slot */
			free(queue->batch[i]);
	for (unsigned int i = 0; queue->slots && i < queue->batch_size; i++)
		free(queue->slots[i]);
	pool_free(queue);
	senders_free(queue);
	free(queue->slots);
	free(queue->batch);
	free(queue->headers);
	free(queue->vectors);
}

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
	packet->state = PACKET_FREE;
	packet->held = false;
	packet->left = false;
	return packet;
}

/* A batch packet's slot stays where it is; what has left the batch goes. Backlog is both,
 * of the batch and on its own: shrink_batch() frees it. */
void slot_release(struct nfqueue_packet *packet)
{
	bool gone = packet->left && !packet_in_batch(packet);

	packet->state = PACKET_FREE;
	if (gone)
		free(packet);
}

/* The packet takes its slot along; the next receive puts a new one in its place. */
void slot_leave(struct nfqueue_packet *packet)
{
	packet->left = true;
	packet->queue->slots[packet->index] = NULL;
	packet->queue->slots_stale = true;
}

static void place(struct nfqueue *queue, unsigned int index,
		  struct nfqueue_packet *packet)
{
	packet->index = index;
	queue->slots[index] = packet;
	queue->vectors[index] = (struct iovec){packet->buffer, packet->capacity};
	queue->headers[index].msg_hdr =
		(struct msghdr){.msg_iov = &queue->vectors[index], .msg_iovlen = 1};
}

unsigned int slots_refill(struct nfqueue *queue)
{
	if (!queue->slots_stale)
		return queue->batch_size;
	for (unsigned int i = 0; i < queue->batch_size; i++) {
		struct nfqueue_packet *packet = queue->slots[i];

		if (packet && packet->capacity >= queue->slot_size)
			continue;
		free(packet);
		queue->slots[i] = NULL;
		packet = slot_new(queue, queue->slot_size);
		if (!packet)
			return i; /* a smaller batch, then */
		place(queue, i, packet);
	}
	queue->slots_stale = false;
	return queue->batch_size;
}

int slots_new(struct nfqueue *queue)
{
	unsigned int size = queue->batch_size;

	queue->slot_size = slot_size_for(queue);
	queue->slots_stale = true;
	queue->slots = calloc(size, sizeof(*queue->slots));
	queue->batch = calloc(size, sizeof(*queue->batch));
	queue->headers = calloc(size, sizeof(*queue->headers));
	queue->vectors = calloc(size, sizeof(*queue->vectors));
	queue->entries = calloc(FLUSH_MAX, sizeof(*queue->entries));
	queue->messages = calloc(FLUSH_MAX, sizeof(*queue->messages));
	queue->send_buffer = malloc((size_t)FLUSH_MAX * WIRE_VERDICT_PLAIN_MAX);
	if (!queue->slots || !queue->batch || !queue->headers || !queue->vectors ||
	    sent_reserve(queue, queue->max_length) < 0 || !queue->entries ||
	    !queue->messages || !queue->send_buffer)
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
	list_free(&queue->backlog);
	for (size_t i = 0; i < queue->late_count; i++)
		if (!packet_in_batch(queue->late[i]))
			free(queue->late[i]);
	for (unsigned int i = 0; i < queue->batch_count; i++)
		if (queue->batch[i]->left) /* came from the backlog: in no slot */
			free(queue->batch[i]);
	for (unsigned int i = 0; queue->slots && i < queue->batch_size; i++)
		free(queue->slots[i]);
	free(queue->slots);
	free(queue->batch);
	free(queue->headers);
	free(queue->vectors);
	free(queue->late);
	free(queue->sent);
	free(queue->entries);
	free(queue->messages);
	free(queue->send_buffer);
}

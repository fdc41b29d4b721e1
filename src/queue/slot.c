/* SPDX-License-Identifier: MIT */
/*
 * Slots: the memory that packets are received into. A held packet takes its slot along.
 * Slots are small, for nearly all messages are; a message longer than its slot goes on in
 * a spill, so that ten thousand held packets need not pin the memory of the longest.
 */
#include "queue/queue.h"

#include <stdlib.h>
#include <string.h>

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
	return message_size(queue->copy_range, queue_capabilities(queue));
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

/* The packet takes its slot along, and what it spilled; the next receive puts new ones in
 * their place. */
void slot_leave(struct nfqueue_packet *packet)
{
	struct nfqueue *queue = packet->queue;

	packet->left = true;
	queue->slots[packet->index] = NULL;
	if (packet->spill)
		queue->spills[packet->index] = NULL;
	atomic_store_explicit(&queue->slots_stale, true, memory_order_relaxed);
}

/* The spill has room for the whole message: its first part is copied in front. */
void slot_filled(struct nfqueue_packet *packet, size_t length)
{
	packet->message = packet->buffer;
	packet->spill = NULL;
	if (length <= packet->capacity)
		return;
	packet->spill = packet->queue->spills[packet->index];
	memcpy(packet->spill, packet->buffer, packet->capacity);
	packet->message = packet->spill;
}

/* Most messages fit in the slot; for those that do not there is a spill. */
static int place_spill(struct nfqueue *queue, unsigned int index)
{
	struct iovec *rest = &queue->vectors[2 * index + 1];
	struct nfqueue_packet *packet = queue->slots[index];
	uint8_t **spill = &queue->spills[index];

	*rest = (struct iovec){0};
	if (packet->capacity >= queue->spill_size)
		return 0;
	if (!*spill)
		*spill = malloc(queue->spill_size);
	if (!*spill)
		return -1;
	*rest = (struct iovec){*spill + packet->capacity,
			       queue->spill_size - packet->capacity};
	return 0;
}

static int place(struct nfqueue *queue, unsigned int index)
{
	struct nfqueue_packet *packet = queue->slots[index];

	if (!packet)
		packet = pool_get(queue);
	if (!packet)
		return -1;
	queue->slots[index] = packet;
	packet->index = (uint16_t)index;
	queue->vectors[2 * index] = (struct iovec){packet->buffer, packet->capacity};
	return place_spill(queue, index);
}

/* One vector is cheaper for the kernel than two. */
static void aim_headers(struct nfqueue *queue, bool spills)
{
	for (unsigned int i = 0; i < queue->batch_size; i++)
		queue->headers[i].msg_hdr = (struct msghdr){
			.msg_iov = &queue->vectors[2 * i], .msg_iovlen = spills ? 2 : 1};
}

static void take_size(struct nfqueue *queue)
{
	size_t size = atomic_load_explicit(&queue->slot_size, memory_order_relaxed);

	if (queue->spill_size == size)
		return;
	queue->spill_size = size;
	aim_headers(queue, size > (queue->slabs ? queue->least_slot : SLOT_MAX));
	for (unsigned int i = 0; i < queue->batch_size; i++) {
		free(queue->spills[i]);
		queue->spills[i] = NULL;
	}
}

static bool is_complete(const struct nfqueue *queue, unsigned int index)
{
	return queue->slots[index] &&
	       (queue->spills[index] ||
		queue->slots[index]->capacity >= queue->spill_size);
}

unsigned int slots_refill(struct nfqueue *queue)
{
	if (!atomic_load_explicit(&queue->slots_stale, memory_order_relaxed))
		return queue->batch_size;
	take_size(queue);
	for (unsigned int i = 0; i < queue->batch_size; i++)
		if (!is_complete(queue, i) && place(queue, i) < 0)
			return i; /* a smaller batch, then */
	atomic_store_explicit(&queue->slots_stale, false, memory_order_relaxed);
	return queue->batch_size;
}

int slots_new(struct nfqueue *queue)
{
	unsigned int size = queue->batch_size;

	slots_resize(queue);
	queue->slots = calloc(size, sizeof(*queue->slots));
	queue->spills = calloc(size, sizeof(*queue->spills));
	queue->batch = calloc(size, sizeof(*queue->batch));
	queue->headers = calloc(size, sizeof(*queue->headers));
	queue->vectors = calloc(size, 2 * sizeof(*queue->vectors));
	queue->sender = sender_new(queue, FLUSH_MAX);
	queue->late_sender = sender_new(queue, FLUSH_MAX);
	if (!queue->slots || !queue->spills || !queue->batch || !queue->headers ||
	    !queue->vectors || !queue->sender || !queue->late_sender)
		return -1;
	return slots_refill(queue) == size ? 0 : -1;
}

static void free_alone(struct nfqueue_packet *packet)
{
	if (packet->alone)
		packet_free_alone(packet);
}

static void list_free(struct packet_list *list)
{
	struct nfqueue_packet *packet;

	while ((packet = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, packet, entry);
		free_alone(packet);
	}
}

void slots_free(struct nfqueue *queue)
{
	list_free(&queue->held);
	list_free(&queue->orphans);
	list_free(&queue->backlog);
	for (unsigned int i = 0; i < queue->batch_count; i++)
		free_alone(queue->batch[i]);
	for (unsigned int i = 0; queue->spills && i < queue->batch_size; i++)
		free(queue->spills[i]);
	pool_free(queue);
	senders_free(queue);
	free(queue->slots);
	free(queue->spills);
	free(queue->batch);
	free(queue->headers);
	free(queue->vectors);
}

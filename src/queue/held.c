/* SPDX-License-Identifier: MIT */
/*
 * Packets that left their batch and wait to be decided and sent, oldest first. The list
 * tells how far a range verdict may reach: over those that are sent with it, as long as
 * nothing older waits. It is locked once a batch, not once a packet.
 */
#include "queue/queue.h"

void held_link_batch(struct nfqueue *queue)
{
	uint32_t linked = 0;

	if (queue->batch_count == 0)
		return;
	pthread_mutex_lock(&queue->held_lock);
	for (unsigned int i = 0; i < queue->batch_count; i++) {
		struct nfqueue_packet *packet = queue->batch[i];

		if (packet_state(packet) == PACKET_FREE) {
			pool_put_settled(queue, packet);
			continue; /* another thread has decided it, and sent that */
		}
		if (!packet->left)
			slot_leave(packet);
		packet->linked = true;
		TAILQ_INSERT_TAIL(&queue->held, packet, entry);
		linked++;
	}
	atomic_fetch_add_explicit(&queue->held_count, linked, memory_order_relaxed);
	pthread_mutex_unlock(&queue->held_lock);
	queue->batch_count = 0;
}

/* How many of the first `count` a range verdict may cover: nothing older waits. What is
 * still in the reader's batch is newer than all in the list, and not in it. */
static size_t coverable(struct nfqueue *queue, struct nfqueue_packet *const *packets,
			size_t count)
{
	const struct nfqueue_packet *oldest;
	size_t covered = 0;

	pthread_mutex_lock(&queue->held_lock);
	oldest = TAILQ_FIRST(&queue->held);
	while (covered < count && packets[covered] == oldest) {
		oldest = TAILQ_NEXT(oldest, entry);
		covered++;
	}
	pthread_mutex_unlock(&queue->held_lock);
	return covered;
}

/* True if its memory is free now: the program knows that it is decided. */
static bool settle(struct nfqueue *queue, struct nfqueue_packet *packet)
{
	bool linked = packet->linked;

	deadline_remove(queue, packet);
	if (linked) {
		TAILQ_REMOVE(&queue->held, packet, entry);
		packet->linked = false;
	}
	if (packet_move_state(packet, PACKET_FORCED, PACKET_FORCED_SENT)) {
		TAILQ_INSERT_TAIL(&queue->orphans, packet, entry);
		return false;
	}
	if (linked)
		return true;
	packet_set_state(packet, PACKET_FREE); /* its batch has it still */
	return false;
}

static void let_go(struct nfqueue *queue, struct nfqueue_packet **packets, size_t count)
{
	uint32_t gone = 0, holds = 0;
	size_t freed = 0;

	pthread_mutex_lock(&queue->held_lock);
	for (size_t i = 0; i < count; i++) {
		gone += packets[i]->linked;
		holds += packets[i]->held;
		if (settle(queue, packets[i]))
			packets[freed++] = packets[i];
	}
	atomic_fetch_sub_explicit(&queue->held_count, gone, memory_order_release);
	if (holds)
		atomic_fetch_sub_explicit(&queue->program_holds, holds,
					  memory_order_relaxed);
	pthread_mutex_unlock(&queue->held_lock);
	pool_put_all(queue, packets, freed);
}

int held_send(struct sender *sender, struct nfqueue_packet **packets, size_t count)
{
	struct nfqueue *queue = sender->queue;
	size_t put = 0;
	int err;

	while (put < count && sender_put(sender, put, packets[put])) {
		/* Another thread may have had them last. */
		if (++put + FETCH_AHEAD < count)
			__builtin_prefetch(packets[put + FETCH_AHEAD], 1);
	}
	err = sender_send(sender, put, coverable(queue, packets, put));
	if (err < 0)
		return err;
	let_go(queue, packets, put);
	return (int)put;
}

bool held_force(struct nfqueue_packet *packet, struct nfqueue_verdict verdict)
{
	if (!packet_move_state(packet, PACKET_UNDECIDED, PACKET_FORCED))
		return false;
	packet->verdict = verdict;
	return true;
}

void held_disown(struct nfqueue_packet *packet)
{
	struct nfqueue *queue = packet->queue;

	pthread_mutex_lock(&queue->held_lock);
	TAILQ_REMOVE(&queue->orphans, packet, entry);
	pthread_mutex_unlock(&queue->held_lock);
	pool_put(queue, packet);
}

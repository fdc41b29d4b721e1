/* SPDX-License-Identifier: MIT */
/*
 * Held packets that were decided, by any thread, in the order of their decision: a stack
 * that takes one without a lock, and behind it the line of those to be sent.
 */
#include "queue/queue.h"

void late_push_chain(struct nfqueue *queue, struct nfqueue_packet *newest,
		     struct nfqueue_packet *oldest)
{
	oldest->next = atomic_load_explicit(&queue->late, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&queue->late, &oldest->next, newest))
		continue;
}

void late_push(struct nfqueue_packet *packet)
{
	late_push_chain(packet->queue, packet, packet);
}

bool late_pending(const struct nfqueue *queue)
{
	return atomic_load(&queue->late) != NULL ||
	       atomic_load_explicit(&queue->late_stuck, memory_order_relaxed);
}

/* The newest is on top of the stack. */
static void line_up(struct nfqueue *queue)
{
	struct nfqueue_packet *packet = atomic_exchange(&queue->late, NULL);
	struct nfqueue_packet *last = packet, *line = NULL, *next;

	for (; packet; packet = next) {
		next = packet->next;
		packet->next = line;
		line = packet;
	}
	if (!line)
		return;
	if (queue->late_first)
		queue->late_last->next = line;
	else
		queue->late_first = line;
	queue->late_last = last;
}

/* Once sent they are gone, and the array is of use to others: the first that stays is
 * read before. */
static int send_some(struct nfqueue *queue)
{
	struct sender *sender = queue->late_sender;
	struct nfqueue_packet *packet = queue->late_first;
	size_t count = 0;
	int sent;

	for (; packet && count < sender->size; packet = packet->next)
		sender->packets[count++] = packet;
	sent = held_send(sender, sender->packets, count);
	if (sent < 0)
		return sent;
	queue->late_first = (size_t)sent < count ? sender->packets[sent] : packet;
	return 0;
}

/* If there is no memory: some refusals are counted as verdicts. */
void late_reserve(struct nfqueue *queue)
{
	pthread_mutex_lock(&queue->late_lock);
	sent_reserve(queue->late_sender, queue->max_length);
	pthread_mutex_unlock(&queue->late_lock);
}

int late_send(struct nfqueue *queue)
{
	int err = 0;

	do {
		line_up(queue);
		while (queue->late_first && err == 0)
			err = send_some(queue);
	} while (err == 0 && atomic_load(&queue->late) != NULL);
	atomic_store_explicit(&queue->late_stuck, err != 0, memory_order_relaxed);
	return err;
}

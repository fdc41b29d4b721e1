/* SPDX-License-Identifier: MIT */
/* A flush: noted verdicts are sent. */
#include "queue/queue.h"

static bool goes_with_batch(const struct nfqueue_packet *packet)
{
	return !packet->held && packet_state(packet) == PACKET_DECIDED;
}

/* Whether no verdict of it is to come any more. */
static bool is_settled(const struct nfqueue_packet *packet)
{
	return packet_state(packet) == PACKET_FREE;
}

/* Held packets are older than the batch: while there are any, no range covers it. Those
 * who send them make the count go down when that is done. Returns how many of the batch
 * are looked at and sent if they can be: not all if their payloads are long; or -errno.
 */
static int send_batch(struct nfqueue *queue)
{
	bool covered =
		atomic_load_explicit(&queue->held_count, memory_order_acquire) == 0;
	size_t count = 0, coverable = 0;
	unsigned int i;
	int err;

	for (i = 0; i < queue->batch_count; i++) {
		const struct nfqueue_packet *packet = queue->batch[i];

		if (goes_with_batch(packet) && !sender_put(queue->sender, count, packet))
			break;
		if (goes_with_batch(packet))
			count++;
		else if (!is_settled(packet))
			covered = false;
		if (covered)
			coverable = count;
	}
	err = count ? sender_send(queue->sender, count, coverable) : 0;
	return err < 0 ? err : (int)i;
}

/* What is sent, of the first `seen`, leaves the batch. */
static void shrink_batch(struct nfqueue *queue, unsigned int seen)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < queue->batch_count; i++) {
		struct nfqueue_packet *packet = queue->batch[i];

		if (i < seen && goes_with_batch(packet))
			packet_set_state(packet, PACKET_FREE);
		if (is_settled(packet))
			pool_put_settled(queue, packet);
		else
			queue->batch[kept++] = packet;
	}
	queue->batch_count = kept;
}

static int flush_batch(struct nfqueue *queue)
{
	unsigned int batch;
	int seen;

	do {
		batch = queue->batch_count;
		seen = send_batch(queue);
		if (seen < 0)
			return seen;
		shrink_batch(queue, (unsigned int)seen);
	} while ((unsigned int)seen < batch);
	return 0;
}

int flush_late(struct nfqueue *queue)
{
	int err;

	pthread_mutex_lock(&queue->late_lock);
	err = late_send(queue);
	pthread_mutex_unlock(&queue->late_lock);
	return err;
}

int flush_all(struct nfqueue *queue)
{
	int err = 0;

	/* The late ones first: they are older than what the batch's ranges cover. */
	if (late_pending(queue))
		err = flush_late(queue);
	return err < 0 ? err : flush_batch(queue);
}

int nfqueue_flush(struct nfqueue *queue)
{
	if (!is_reader(queue))
		return flush_late(queue);
	/* The program may go to sleep now without asking us: tell those who decide. */
	wake_expect(queue);
	return flush_all(queue);
}

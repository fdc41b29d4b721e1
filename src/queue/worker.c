/* SPDX-License-Identifier: MIT */
#include "queue/worker.h"

#include "queue/queue.h"

struct sender *queue_sender_new(struct nfqueue *queue, size_t size)
{
	return sender_new(queue, size);
}

void packet_decide_default(struct nfqueue_packet *packet)
{
	if (packet_state(packet) != PACKET_UNDECIDED)
		return;
	packet->verdict = packet->queue->default_verdict;
	packet_set_state(packet, PACKET_DECIDED);
	counter_add_shared(&packet->queue->counters.defaulted, 1);
}

void packet_overflow(struct nfqueue_packet *packet, struct nfqueue_verdict verdict)
{
	packet->verdict = verdict;
	packet_set_state(packet, PACKET_DECIDED);
	counter_add_shared(&packet->queue->counters.ring_overflow, 1);
	late_push(packet);
}

void queue_count_wait(struct nfqueue *queue)
{
	counter_add_shared(&queue->counters.ring_waits, 1);
}

/* Bytes that made no sense are decided already, and nobody else will send them. */
void queue_detach(struct nfqueue *queue)
{
	for (unsigned int i = 0; i < queue->batch_count; i++)
		if (packet_state(queue->batch[i]) == PACKET_DECIDED)
			late_push(queue->batch[i]);
	held_link_batch(queue);
}

int queue_send_detached(struct sender *sender, struct nfqueue_packet **packets,
			size_t count)
{
	return held_send(sender, packets, count);
}

int queue_tend(struct nfqueue *queue)
{
	if (atomic_load_explicit(&queue->deadlines, memory_order_relaxed))
		deadlines_expire(queue);
	return late_pending(queue) ? flush_late(queue) : 0;
}

bool queue_has_backlog(struct nfqueue *queue)
{
	bool has;

	gate_enter(queue);
	has = !TAILQ_EMPTY(&queue->backlog);
	gate_leave(queue);
	return has;
}

/* SPDX-License-Identifier: MIT */
/* Held packets that are decided when their time is over: one wheel for all of a queue. */
#include "queue/queue.h"

#include "queue/clock.h"

#include <limits.h>

static struct nfqueue_packet *packet_of(struct wheel_entry *entry)
{
	return (struct nfqueue_packet *)(void *)((char *)entry -
						 offsetof(struct nfqueue_packet,
							  deadline));
}

static void count(struct nfqueue *queue)
{
	atomic_store(&queue->deadlines, queue->wheel.count);
}

void deadline_add(struct nfqueue *queue, struct nfqueue_packet *packet)
{
	wheel_add(&queue->wheel, &packet->deadline, packet->deadline_ms);
	count(queue);
}

void deadline_remove(struct nfqueue *queue, struct nfqueue_packet *packet)
{
	if (!packet->timed)
		return;
	wheel_remove(&queue->wheel, &packet->deadline);
	count(queue);
}

/* Nothing expires while it is in its batch: the reader looks when it has ended that. */
void deadline_arm(struct nfqueue_packet *packet)
{
	struct nfqueue *queue = packet->queue;

	pthread_mutex_lock(&queue->held_lock);
	deadline_add(queue, packet);
	pthread_mutex_unlock(&queue->held_lock);
	wake_reader(queue); /* it may sleep longer than that */
}

/* The next one that nobody has decided meanwhile; NULL: none is due. */
static struct nfqueue_packet *next_due(struct nfqueue *queue, uint64_t now)
{
	struct wheel_entry *entry;

	while ((entry = wheel_expired(&queue->wheel, now))) {
		struct nfqueue_packet *packet = packet_of(entry);

		if (held_force(packet, packet->expiry))
			return packet;
	}
	return NULL;
}

void deadlines_expire(struct nfqueue *queue)
{
	struct nfqueue_packet *packet, *due = NULL, **last = &due;
	uint64_t now = clock_ms();

	pthread_mutex_lock(&queue->held_lock);
	while ((packet = next_due(queue, now))) {
		packet->next = NULL;
		*last = packet;
		last = &packet->next;
	}
	count(queue);
	pthread_mutex_unlock(&queue->held_lock);
	while ((packet = due)) {
		due = packet->next;
		counter_add_shared(&queue->counters.expired, 1);
		late_push(packet);
	}
}

int deadlines_next(struct nfqueue *queue)
{
	int64_t next = -1;

	pthread_mutex_lock(&queue->held_lock);
	if (queue->wheel.count)
		next = wheel_next(&queue->wheel, clock_ms());
	pthread_mutex_unlock(&queue->held_lock);
	return next < INT_MAX ? (int)next : INT_MAX;
}

int nfqueue_timeout(struct nfqueue *queue)
{
	int next = deadlines_next(queue);

	if (!late_pending(queue))
		return next;
	return next == 0 ? 0 : RETRY_MS;
}

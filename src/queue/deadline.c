/* SPDX-License-Identifier: MIT */
/* Held packets that are decided when their time is over: one wheel for all of a queue. */
#include "queue/queue.h"

#include "queue/clock.h"

#include <errno.h>
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

void deadline_remove(struct nfqueue *queue, struct nfqueue_packet *packet)
{
	if (!packet->timed)
		return;
	wheel_remove(&queue->wheel, &packet->deadline);
	count(queue);
}

/* Under held_lock. A packet is forced under it, too: undecided here, it is not going to
 * leave with its entry armed. */
static int arm(struct nfqueue_packet *packet, uint64_t deadline_ms,
	       struct nfqueue_verdict verdict)
{
	struct nfqueue *queue = packet->queue;

	if (packet_state(packet) != PACKET_UNDECIDED)
		return -EALREADY;
	packet->expiry = verdict;
	packet->timed = true;
	wheel_add(&queue->wheel, &packet->deadline, deadline_ms);
	count(queue);
	return 0;
}

/* Nothing expires while it is in its batch: the reader looks when it has ended that. */
int deadline_arm(struct nfqueue_packet *packet, uint64_t deadline_ms,
		 struct nfqueue_verdict verdict)
{
	struct nfqueue *queue = packet->queue;
	bool oversleeps;
	int err;

	pthread_mutex_lock(&queue->held_lock);
	err = arm(packet, deadline_ms, verdict);
	oversleeps = deadline_ms < queue->sleep_until;
	pthread_mutex_unlock(&queue->held_lock);
	if (err == 0 && oversleeps)
		wake_reader(queue);
	return err;
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

/* Under held_lock. */
static int64_t next_after(const struct nfqueue *queue, uint64_t now)
{
	return queue->wheel.count ? wheel_next(&queue->wheel, now) : -1;
}

static int as_timeout(int64_t next)
{
	return next < INT_MAX ? (int)next : INT_MAX;
}

int deadlines_next(struct nfqueue *queue)
{
	int64_t next;

	pthread_mutex_lock(&queue->held_lock);
	next = next_after(queue, clock_ms());
	pthread_mutex_unlock(&queue->held_lock);
	return as_timeout(next);
}

/* Who arms an earlier one sees, under the same lock, that it has to wake the reader. */
int deadlines_sleep(struct nfqueue *queue)
{
	uint64_t now = clock_ms();
	int64_t next;

	pthread_mutex_lock(&queue->held_lock);
	next = next_after(queue, now);
	queue->sleep_until = next < 0 ? UINT64_MAX : now + (uint64_t)next;
	pthread_mutex_unlock(&queue->held_lock);
	return as_timeout(next);
}

int nfqueue_timeout(struct nfqueue *queue)
{
	int next = deadlines_next(queue);

	if (!late_pending(queue))
		return next;
	return next == 0 ? 0 : RETRY_MS;
}

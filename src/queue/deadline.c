/* SPDX-License-Identifier: MIT */
/*
 * Held packets that are decided, and decided ones that are sent, when their time is over:
 * one wheel for all of a queue.
 */
#include "queue/queue.h"

#include "queue/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* Of the wheel: late by half of it, on average. A round takes two seconds. */
#define TICK_US 32u

static uint64_t tick_not_before(uint64_t us)
{
	return (us + TICK_US - 1) / TICK_US;
}

static struct nfqueue_packet *packet_of(struct wheel_entry *entry)
{
	return (struct nfqueue_packet *)(void *)((char *)entry -
						 offsetof(struct nfqueue_packet,
							  deadline));
}

int deadlines_new(struct nfqueue *queue)
{
	queue->wheel = calloc(1, sizeof(*queue->wheel));
	if (!queue->wheel)
		return -ENOMEM;
	wheel_init(queue->wheel, clock_us() / TICK_US);
	return 0;
}

static void count(struct nfqueue *queue)
{
	atomic_store(&queue->deadlines, queue->wheel->count);
}

void deadline_remove(struct nfqueue *queue, struct nfqueue_packet *packet)
{
	if (!packet->timed)
		return;
	wheel_remove(queue->wheel, &packet->deadline);
	count(queue);
}

void queue_count_delayed(struct nfqueue *queue, int more)
{
	atomic_fetch_add_explicit(&queue->delayed, (uint32_t)more, memory_order_relaxed);
}

static void arm(struct nfqueue_packet *packet, uint64_t deadline_us)
{
	struct nfqueue *queue = packet->queue;

	packet->timed = true;
	wheel_add(queue->wheel, &packet->deadline, tick_not_before(deadline_us));
	count(queue);
}

/* Under held_lock. A packet is forced under it, too: undecided here, it is not going to
 * leave with its entry armed. */
static int arm_expiry(struct nfqueue_packet *packet, uint64_t deadline_us,
		      struct nfqueue_verdict verdict)
{
	if (packet_state(packet) != PACKET_UNDECIDED)
		return -EALREADY;
	packet->expiry = verdict;
	arm(packet, deadline_us);
	return 0;
}

/* The same. What is decided by this is sent by nobody but who finds it due. */
static int arm_delay(struct nfqueue_packet *packet, uint64_t send_us,
		     struct nfqueue_verdict verdict)
{
	if (packet_move_state(packet, PACKET_UNDECIDED, PACKET_DECIDED)) {
		packet->verdict = verdict;
		packet->delayed = true;
		queue_count_delayed(packet->queue, 1);
		arm(packet, send_us);
		return 0;
	}
	return -EALREADY;
}

/* Nothing expires while it is in its batch: the reader looks when it has ended that. */
static int arm_locked(struct nfqueue_packet *packet, uint64_t us,
		      struct nfqueue_verdict verdict,
		      int (*arm_as)(struct nfqueue_packet *packet, uint64_t us,
				    struct nfqueue_verdict verdict))
{
	struct nfqueue *queue = packet->queue;
	bool oversleeps;
	int err;

	pthread_mutex_lock(&queue->held_lock);
	err = arm_as(packet, us, verdict);
	oversleeps = us < queue->sleep_until;
	pthread_mutex_unlock(&queue->held_lock);
	if (err == 0 && oversleeps)
		wake_reader(queue);
	return err;
}

int deadline_arm(struct nfqueue_packet *packet, uint64_t deadline_us,
		 struct nfqueue_verdict verdict)
{
	return arm_locked(packet, deadline_us, verdict, arm_expiry);
}

int deadline_delay(struct nfqueue_packet *packet, uint64_t send_us,
		   struct nfqueue_verdict verdict)
{
	return arm_locked(packet, send_us, verdict, arm_delay);
}

/* The next one that nobody has decided meanwhile; NULL: none is due. */
static struct nfqueue_packet *next_due(struct nfqueue *queue, uint64_t now_us)
{
	struct wheel_entry *entry;

	while ((entry = wheel_expired(queue->wheel, now_us / TICK_US))) {
		struct nfqueue_packet *packet = packet_of(entry);

		if (packet->delayed) {
			queue_count_delayed(queue, -1);
			return packet;
		}
		if (held_force(packet, packet->expiry)) {
			counter_add_shared(&queue->counters.expired, 1);
			return packet;
		}
	}
	return NULL;
}

void deadlines_expire(struct nfqueue *queue)
{
	struct nfqueue_packet *packet, *due = NULL, **last = &due;
	uint64_t now = clock_us();

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
		late_push(packet);
	}
}

/* Under held_lock. */
static int64_t next_after(const struct nfqueue *queue, uint64_t now_us)
{
	int64_t ticks = wheel_next(queue->wheel, now_us / TICK_US);

	return ticks <= 0 ? ticks : ticks * TICK_US - (int64_t)(now_us % TICK_US);
}

int64_t deadlines_next(struct nfqueue *queue)
{
	int64_t next;

	pthread_mutex_lock(&queue->held_lock);
	next = next_after(queue, clock_us());
	pthread_mutex_unlock(&queue->held_lock);
	return next;
}

/* Who arms an earlier one sees, under the same lock, that it has to wake the reader. */
int64_t deadlines_sleep(struct nfqueue *queue)
{
	uint64_t now = clock_us();
	int64_t next;

	pthread_mutex_lock(&queue->held_lock);
	next = next_after(queue, now);
	queue->sleep_until = next < 0 ? UINT64_MAX : now + (uint64_t)next;
	pthread_mutex_unlock(&queue->held_lock);
	return next;
}

/* Rounded up: earlier there would be nothing to do. */
int nfqueue_timeout(struct nfqueue *queue)
{
	int64_t next = deadlines_next(queue);

	if (late_pending(queue) && (next < 0 || next > RETRY_US))
		next = RETRY_US;
	if (next > (int64_t)INT_MAX * 1000)
		return INT_MAX;
	return next < 0 ? -1 : (int)((next + 999) / 1000);
}

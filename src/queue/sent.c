/* SPDX-License-Identifier: MIT */
/* What was sent, until it is known that the kernel did not refuse it. */
#include "queue/queue.h"

#include <errno.h>
#include <stdlib.h>

#define VERDICT_MASK 0xffu

/* Where a verdict is counted while the kernel has not refused it. */
static counter *verdict_counter(struct counters *counters, uint32_t code)
{
	switch (code & VERDICT_MASK) {
	case NFQUEUE_VERDICT_DROP:
		return &counters->dropped;
	case NFQUEUE_VERDICT_QUEUE:
		return &counters->requeued;
	case NFQUEUE_VERDICT_REPEAT:
		return &counters->repeated;
	default:
		return &counters->accepted;
	}
}

/* 0 is nfqueue_wake()'s. */
uint32_t next_sequence(struct nfqueue *queue)
{
	if (++queue->sequence == 0)
		queue->sequence = 1;
	return queue->sequence;
}

static struct sent_message *sent_at(const struct nfqueue *queue, uint32_t sequence)
{
	return &queue->sent[sequence & (queue->sent_size - 1)];
}

/*
 * A refusal stands in line behind all packets that wait, and each of them may get a
 * message of its own before it is read.
 */
int sent_reserve(struct nfqueue *queue, uint32_t max_length)
{
	struct sent_message *old = queue->sent;
	uint32_t size = SENT_MIN, old_size = queue->sent_size;

	while (size / 2 < max_length)
		size *= 2;
	if (size <= old_size)
		return 0;
	queue->sent = calloc(size, sizeof(*queue->sent));
	if (!queue->sent) {
		queue->sent = old;
		return -ENOMEM;
	}
	queue->sent_size = size;
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i].count)
			*sent_at(queue, old[i].sequence) = old[i];
	free(old);
	return 0;
}

/*
 * A flush of the kernel's empties its queue but not the socket: then more messages than
 * packets may wait can stand before a refusal, though not more than the socket holds.
 */
void sent_make_room(struct nfqueue *queue)
{
	uint32_t unsettled = queue->sequence - queue->settled;
	uint32_t limit = queue->socket_buffer / MESSAGE_CHARGE_MIN;

	if (unsettled > limit)
		unsettled = limit;
	if (unsettled > queue->sent_size / 2)
		sent_reserve(queue, unsettled); /* if not: some are counted as sent */
}

void sent_note(struct nfqueue *queue, const struct coalesce_message *message,
	       uint32_t sequence, uint32_t last)
{
	struct sent_message *sent = sent_at(queue, sequence);

	sent->sequence = sequence;
	sent->last = last;
	sent->count = message->count;
	sent->code = message->verdict.code;
	counter_add(verdict_counter(&queue->counters, sent->code), sent->count);
}

static void refund(struct nfqueue *queue, struct sent_message *message, int error)
{
	struct counters *counters = &queue->counters;

	counter_subtract(verdict_counter(counters, message->code), message->count);
	counter_add(error == -ENOENT ? &counters->flushed : &counters->refused,
		    message->count);
	message->count = 0;
}

/*
 * ENOENT: the kernel flushed the packet. EPERM: we may not send (any more), and then the
 * kernel answers the first message of a send and ignores the rest: nfnetlink_rcv().
 */
void verdict_refused(struct nfqueue *queue, uint32_t sequence, int error)
{
	struct sent_message *message = sent_at(queue, sequence);

	if (message->sequence != sequence || message->count == 0)
		return;
	refund(queue, message, error);
	if (error != -EPERM)
		return;
	queue->unprivileged = true;
	while (sequence != message->last) {
		sequence = sequence + 1 ? sequence + 1 : 1;
		message = sent_at(queue, sequence);
		if (message->sequence != sequence)
			return;
		refund(queue, message, error);
	}
}

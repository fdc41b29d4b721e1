/* SPDX-License-Identifier: MIT */
/* A flush: noted verdicts are coalesced, written into one buffer and sent. */
#include "queue/queue.h"

#include <stdlib.h>
#include <string.h>

static void encode(struct nfqueue *queue, struct wire_writer *writer,
		   const struct coalesce_message *message)
{
	struct wire_verdict verdict = {
		.queue = queue->number,
		.id = message->id,
		.code = message->verdict.code,
		.mark = message->verdict.mark,
		.priority = message->verdict.priority,
	};

	if (message->verdict.set & NFQUEUE_SET_MARK)
		verdict.present |= 1u << WIRE_MARK;
	if (message->verdict.set & NFQUEUE_SET_PRIORITY)
		verdict.present |= 1u << WIRE_PRIORITY;
	if (message->range)
		wire_put_range_verdict(writer, &verdict, next_sequence(queue));
	else
		wire_put_verdict(writer, &verdict, next_sequence(queue));
}

static int send_messages(struct nfqueue *queue, size_t count)
{
	struct wire_writer writer;
	uint32_t sequence = queue->sequence;
	ssize_t sent;

	wire_writer_init(&writer, queue->send_buffer,
			 (size_t)FLUSH_MAX * WIRE_VERDICT_PLAIN_MAX);
	for (size_t i = 0; i < count; i++)
		encode(queue, &writer, &queue->messages[i]);
	sent = writer.error ? writer.error
			    : queue_send(queue, writer.data, writer.length);
	if (sent < 0) {
		queue->sequence = sequence;
		return queue_error(queue, (int)sent, "queue %u: cannot send verdicts: %s",
				   queue->number, strerror((int)-sent));
	}
	sent_make_room(queue);
	for (size_t i = 0; i < count; i++) {
		sequence = sequence + 1 ? sequence + 1 : 1;
		sent_note(queue, &queue->messages[i], sequence, queue->sequence);
	}
	counter_add(&queue->counters.sends, 1);
	counter_add(&queue->counters.messages, count);
	return 0;
}

static void put_entry(struct nfqueue *queue, size_t index,
		      const struct nfqueue_packet *packet)
{
	queue->entries[index].id = packet->wire.id;
	queue->entries[index].verdict = packet->verdict;
}

/* Sends the first `count` entries, of which ranges may cover the first `coverable`. */
static int send_entries(struct nfqueue *queue, size_t count, size_t coverable)
{
	int err;

	counters_begin(&queue->counters);
	err = send_messages(queue,
			    coalesce(queue->entries, count, coverable, queue->messages));
	if (err == 0)
		counter_subtract(&queue->counters.held, count);
	counters_end(&queue->counters);
	return err;
}

/* Whether the late ones were decided in the order of their arrival. Only then may they
 * go into ranges; else each goes by itself, in the order in which they were decided. */
static bool late_in_order(const struct nfqueue *queue)
{
	for (size_t i = 1; i < queue->late_count; i++)
		if (queue->late[i]->order < queue->late[i - 1]->order)
			return false;
	return true;
}

/* Ranges over late ones reach neither a packet that is still held nor the batch, which
 * is sent behind them. */
static uint64_t late_barrier(const struct nfqueue *queue)
{
	const struct nfqueue_packet *held = TAILQ_FIRST(&queue->held);

	if (!late_in_order(queue))
		return 0;
	if (held)
		return held->order;
	return queue->batch_count ? queue->batch[0]->order : UINT64_MAX;
}

static int send_late(struct nfqueue *queue, struct nfqueue_packet **late, size_t count,
		     uint64_t barrier)
{
	size_t coverable = 0;
	int err;

	for (size_t i = 0; i < count; i++) {
		put_entry(queue, i, late[i]);
		if (late[i]->order < barrier)
			coverable = i + 1;
	}
	err = send_entries(queue, count, coverable);
	for (size_t i = 0; i < count && err == 0; i++)
		slot_release(late[i]);
	return err;
}

static int flush_late(struct nfqueue *queue)
{
	uint64_t barrier = late_barrier(queue);
	size_t done = 0, count;
	int err = 0;

	while (done < queue->late_count && err == 0) {
		count = queue->late_count - done;
		if (count > FLUSH_MAX)
			count = FLUSH_MAX;
		err = send_late(queue, queue->late + done, count, barrier);
		if (err == 0)
			done += count;
	}
	queue->late_count -= done;
	memmove(queue->late, queue->late + done,
		queue->late_count * sizeof(*queue->late));
	return err;
}

static bool goes_with_batch(const struct nfqueue_packet *packet)
{
	return packet->state == PACKET_DECIDED && !packet->held;
}

/* Held packets are older than the batch: while there are any, no range covers it. */
static int flush_batch(struct nfqueue *queue)
{
	bool covered = TAILQ_EMPTY(&queue->held);
	size_t count = 0, coverable = 0;

	for (unsigned int i = 0; i < queue->batch_count; i++) {
		const struct nfqueue_packet *packet = queue->batch[i];

		if (goes_with_batch(packet))
			put_entry(queue, count++, packet);
		else if (packet->state == PACKET_UNDECIDED)
			covered = false;
		if (covered)
			coverable = count;
	}
	return count ? send_entries(queue, count, coverable) : 0;
}

/* What is sent leaves the batch: late ones are free already, the others if `all` went. */
static void shrink_batch(struct nfqueue *queue, bool all)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < queue->batch_count; i++) {
		struct nfqueue_packet *packet = queue->batch[i];

		if (all && goes_with_batch(packet))
			packet->state = PACKET_FREE;
		if (packet->state != PACKET_FREE)
			queue->batch[kept++] = packet;
		else if (packet->left)
			free(packet);
	}
	queue->batch_count = kept;
}

int nfqueue_flush(struct nfqueue *queue)
{
	int err = 0;

	/* The late ones first: they are older than what the batch's ranges cover. */
	if (queue->late_count)
		err = flush_late(queue);
	if (err == 0)
		err = flush_batch(queue);
	shrink_batch(queue, err == 0);
	return err;
}

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

static int send_packets(struct nfqueue *queue, struct nfqueue_packet **packets,
			size_t count, uint64_t barrier)
{
	size_t coverable = 0;
	int err;

	for (size_t i = 0; i < count; i++) {
		queue->entries[i].id = packets[i]->wire.id;
		queue->entries[i].verdict = packets[i]->verdict;
		if (packets[i]->order < barrier)
			coverable = i + 1;
	}
	counters_begin(&queue->counters);
	err = send_messages(queue,
			    coalesce(queue->entries, count, coverable, queue->messages));
	if (err == 0)
		counter_subtract(&queue->counters.held, count);
	counters_end(&queue->counters);
	return err;
}

/* The oldest packet without a verdict: no range may reach it. */
static uint64_t find_barrier(const struct nfqueue *queue)
{
	const struct nfqueue_packet *oldest = TAILQ_FIRST(&queue->held);

	if (oldest)
		return oldest->order;
	for (unsigned int i = 0; i < queue->batch_count; i++)
		if (queue->batch[i]->state == PACKET_UNDECIDED)
			return queue->batch[i]->order;
	return UINT64_MAX;
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

/* A range over late ones must not reach into the batch, which is sent behind them. */
static uint64_t late_barrier(const struct nfqueue *queue, uint64_t barrier)
{
	if (!late_in_order(queue))
		return 0;
	if (queue->batch_count && queue->batch[0]->order < barrier)
		return queue->batch[0]->order;
	return barrier;
}

static int flush_late(struct nfqueue *queue, uint64_t barrier)
{
	size_t done = 0, count;
	int err = 0;

	barrier = late_barrier(queue, barrier);
	while (done < queue->late_count) {
		count = queue->late_count - done;
		if (count > FLUSH_MAX)
			count = FLUSH_MAX;
		err = send_packets(queue, queue->late + done, count, barrier);
		if (err < 0)
			break;
		for (size_t i = done; i < done + count; i++)
			slot_release(queue->late[i]);
		done += count;
	}
	queue->late_count -= done;
	memmove(queue->late, queue->late + done,
		queue->late_count * sizeof(*queue->late));
	return err;
}

static unsigned int collect_decided(struct nfqueue *queue)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < queue->batch_count; i++) {
		struct nfqueue_packet *packet = queue->batch[i];

		if (packet->state == PACKET_DECIDED && !packet->held)
			queue->decided[count++] = packet;
	}
	return count;
}

static int flush_batch(struct nfqueue *queue, uint64_t barrier)
{
	unsigned int count = collect_decided(queue);
	int err;

	if (count == 0)
		return 0;
	err = send_packets(queue, queue->decided, count, barrier);
	for (unsigned int i = 0; i < count && err == 0; i++)
		slot_release(queue->decided[i]);
	return err;
}

/* What is sent leaves the batch. */
static void shrink_batch(struct nfqueue *queue)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < queue->batch_count; i++) {
		struct nfqueue_packet *packet = queue->batch[i];

		if (packet->state != PACKET_FREE)
			queue->batch[kept++] = packet;
		else if (packet->left)
			free(packet);
	}
	queue->batch_count = kept;
}

int nfqueue_flush(struct nfqueue *queue)
{
	uint64_t barrier = find_barrier(queue);
	int err = 0;

	/* The late ones first: they are older than what the batch's ranges cover. */
	if (queue->late_count)
		err = flush_late(queue, barrier);
	if (err == 0)
		err = flush_batch(queue, barrier);
	shrink_batch(queue);
	return err;
}

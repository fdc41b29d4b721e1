/* SPDX-License-Identifier: MIT */
/* Verdicts: noted beside the packet, coalesced, sent, and taken back when refused. */
#include "queue/queue.h"

#include "queue/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERDICT_MASK 0xffu

/* Source: verdicthdr_get(): anything else is -EINVAL there, and the packet stays. */
bool verdict_is_known(uint32_t code)
{
	switch (code & VERDICT_MASK) {
	case NFQUEUE_VERDICT_DROP:
	case NFQUEUE_VERDICT_ACCEPT:
	case NFQUEUE_VERDICT_QUEUE:
	case NFQUEUE_VERDICT_REPEAT:
	case NFQUEUE_VERDICT_STOP:
		return true;
	default:
		return false;
	}
}

/* A packet that left its batch and is decided now waits on the list of late ones. */
static int note_late(struct nfqueue_packet *packet)
{
	struct nfqueue *queue = packet->queue;

	if (queue->late_count == queue->late_size) {
		size_t size = queue->late_size ? queue->late_size * 2 : 256;
		void *grown = realloc(queue->late, size * sizeof(*queue->late));

		if (!grown)
			return -ENOMEM;
		queue->late = grown;
		queue->late_size = size;
	}
	queue->late[queue->late_count++] = packet;
	TAILQ_REMOVE(&queue->held, packet, entry);
	return 0;
}

static bool in_batch(const struct nfqueue_packet *packet)
{
	const struct nfqueue *queue = packet->queue;

	return queue->batch_count && packet->order >= queue->batch[0]->order;
}

int nfqueue_decide(struct nfqueue_packet *packet, struct nfqueue_verdict verdict)
{
	int err;

	if (packet->state != PACKET_UNDECIDED)
		return -EALREADY;
	if (!verdict_is_known(verdict.code))
		return queue_error(packet->queue, -EINVAL,
				   "packet %u: unknown verdict 0x%x", packet->wire.id,
				   verdict.code);
	if (!in_batch(packet)) {
		err = note_late(packet);
		if (err < 0)
			return err;
	}
	if (verdict.code == NFQUEUE_VERDICT_DROP)
		verdict = NFQUEUE_DROP; /* nobody will see its mark */
	packet->verdict = verdict;
	packet->state = PACKET_DECIDED;
	return 0;
}

int nfqueue_accept(struct nfqueue_packet *packet)
{
	return nfqueue_decide(packet, NFQUEUE_ACCEPT);
}

int nfqueue_drop(struct nfqueue_packet *packet)
{
	return nfqueue_decide(packet, NFQUEUE_DROP);
}

int nfqueue_packet_hold(struct nfqueue_packet *packet)
{
	if (packet->state != PACKET_UNDECIDED)
		return -EALREADY;
	packet->held = true;
	return 0;
}

bool packet_is_held(const struct nfqueue_packet *packet)
{
	return packet->held;
}

void verdicts_default(struct nfqueue *queue)
{
	for (unsigned int i = 0; i < queue->batch_count; i++) {
		struct nfqueue_packet *packet = queue->batch[i];

		if (packet->state != PACKET_UNDECIDED || packet->held)
			continue;
		packet->verdict = queue->default_verdict;
		packet->state = PACKET_DECIDED;
		counter_add(&queue->counters.defaulted, 1);
	}
}

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
static void sent_make_room(struct nfqueue *queue)
{
	uint32_t unsettled = queue->sequence - queue->settled;
	uint32_t limit = queue->socket_buffer / MESSAGE_CHARGE_MIN;

	if (unsettled > limit)
		unsettled = limit;
	if (unsettled > queue->sent_size / 2)
		sent_reserve(queue, unsettled); /* if not: some are counted as sent */
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

static void note_sent(struct nfqueue *queue, const struct coalesce_message *message,
		      uint32_t sequence, uint32_t last)
{
	struct sent_message *sent = sent_at(queue, sequence);

	sent->sequence = sequence;
	sent->last = last;
	sent->count = message->count;
	sent->code = message->verdict.code;
	counter_add(verdict_counter(&queue->counters, sent->code), sent->count);
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
		note_sent(queue, &queue->messages[i], sequence, queue->sequence);
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

static int by_order(const void *a, const void *b)
{
	const struct nfqueue_packet *const *first = a, *const *second = b;

	return ((*first)->order > (*second)->order) -
	       ((*first)->order < (*second)->order);
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

static int flush_late(struct nfqueue *queue, uint64_t barrier)
{
	size_t done = 0, count;
	int err = 0;

	if (queue->late_count > 1)
		qsort(queue->late, queue->late_count, sizeof(*queue->late), by_order);
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

	for (unsigned int i = 0; i < queue->batch_count; i++)
		if (queue->batch[i]->state == PACKET_DECIDED)
			queue->decided[count++] = queue->batch[i];
	return count;
}

static void keep_undecided(struct nfqueue *queue)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < queue->batch_count; i++)
		if (queue->batch[i]->state == PACKET_UNDECIDED)
			queue->batch[kept++] = queue->batch[i];
	queue->batch_count = kept;
}

static int flush_batch(struct nfqueue *queue, uint64_t barrier)
{
	unsigned int count = collect_decided(queue);
	int err;

	if (count == 0)
		return 0;
	err = send_packets(queue, queue->decided, count, barrier);
	if (err < 0)
		return err;
	keep_undecided(queue);
	for (unsigned int i = 0; i < count; i++)
		slot_release(queue->decided[i]);
	return 0;
}

int nfqueue_flush(struct nfqueue *queue)
{
	uint64_t barrier = find_barrier(queue);
	int err = 0;

	/* The late ones are older than the batch: a range over the batch counts on that
	 * they are decided by then. */
	if (queue->late_count)
		err = flush_late(queue, barrier);
	return err < 0 ? err : flush_batch(queue, barrier);
}

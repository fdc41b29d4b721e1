/* SPDX-License-Identifier: MIT */
/* What was sent, until it is known that the kernel did not refuse it. */
#include "queue/queue.h"

#include <errno.h>
#include <stdlib.h>

static enum verdict_kind kind_of(const struct nfqueue_verdict *verdict)
{
	if (verdict->set & SET_FLOW_DROP)
		return KIND_DROPPED;
	switch (verdict->code & 0xff) {
	case NFQUEUE_VERDICT_DROP:
		return KIND_DROPPED;
	case NFQUEUE_VERDICT_QUEUE:
		return KIND_REQUEUED;
	case NFQUEUE_VERDICT_REPEAT:
		return KIND_REPEATED;
	default:
		return KIND_ACCEPTED;
	}
}

static uint32_t modified(const struct nfqueue_verdict *verdict)
{
	return verdict->set & SET_PAYLOAD ? KIND_MODIFIED : 0;
}

static uint32_t after(uint32_t sequence)
{
	return sequence == SEQUENCE_MASK ? 1 : sequence + 1;
}

uint32_t sender_next_sequence(struct sender *sender)
{
	sender->sequence = after(sender->sequence);
	return sender->base | sender->sequence;
}

static struct sent_message *sent_at(const struct sender *sender, uint32_t sequence)
{
	return &sender->sent[sequence & (sender->sent_size - 1)];
}

static uint32_t load(const _Atomic uint32_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

static void store(_Atomic uint32_t *to, uint32_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static void put(struct sent_message *message, uint32_t sequence, uint32_t last,
		uint32_t count, uint32_t kind)
{
	store(&message->last, last);
	store(&message->count, count);
	store(&message->kind, kind);
	atomic_store_explicit(&message->sequence, sequence, memory_order_release);
}

static void copy(struct sender *to, const struct sent_message *from)
{
	uint32_t sequence = load(&from->sequence);

	if (sequence && load(&from->count))
		put(sent_at(to, sequence), sequence, load(&from->last),
		    load(&from->count), load(&from->kind));
}

/*
 * A refusal stands in line behind all packets that wait, and each of them may get a
 * message of its own before it is read. Who makes a ring grow that is in use has the
 * socket_lock, for whoever reads the socket looks into it.
 */
int sent_reserve(struct sender *sender, uint32_t max_length)
{
	struct sent_message *old = sender->sent;
	uint32_t size = SENT_MIN, old_size = sender->sent_size;

	while (size / 2 < max_length)
		size *= 2;
	if (size <= old_size)
		return 0;
	sender->sent = calloc(size, sizeof(*sender->sent));
	if (!sender->sent) {
		sender->sent = old;
		return -ENOMEM;
	}
	sender->sent_size = size;
	for (uint32_t i = 0; i < old_size; i++)
		copy(sender, &old[i]);
	free(old);
	return 0;
}

static uint32_t since(const struct sender *sender, uint32_t sequence)
{
	return (sender->sequence - sequence) & SEQUENCE_MASK;
}

/*
 * The socket is a line: when the ACK of a mark is read, all refusals of what was sent
 * before it are, too. Under lasting load the socket is never seen empty, which would tell
 * the same. A mark that gets lost in a full socket is followed by the next.
 */
static void mark(struct sender *sender)
{
	if (since(sender, sender->settled) < sender->sent_size / 4 ||
	    since(sender, sender->marked) < sender->sent_size / 4)
		return;
	sender->marked = sender->sequence;
	wake_send(sender->queue, SEQUENCE_MARK | sender->sequence);
}

/*
 * A flush of the kernel's empties its queue but not the socket: then more messages than
 * packets may wait can stand before a refusal, though not more than the socket holds.
 */
static void make_room(struct sender *sender)
{
	uint32_t unsettled = since(sender, sender->settled);
	uint32_t limit = sender->queue->socket_buffer / MESSAGE_CHARGE_MIN;

	mark(sender);
	if (unsettled > limit)
		unsettled = limit;
	if (unsettled <= sender->sent_size / 2)
		return;
	gate_enter(sender->queue);       /* a configuration may be reading refusals */
	sent_reserve(sender, unsettled); /* if not: some are counted as sent */
	gate_leave(sender->queue);
}

/* Read by a configuration, too: a mark that is taken back by an older one is no harm. */
void sent_settle(struct sender *sender, uint32_t sequence)
{
	sender->settled = sequence & SEQUENCE_MASK;
}

static void count(struct sender *sender, const struct coalesce_message *message,
		  enum verdict_kind kind)
{
	struct sent_counters *counts = &sender->counts;

	counter_add(&counts->kind[kind], message->count);
	if (message->verdict.set & NFQUEUE_SET_FLOW)
		counter_add(&counts->flow_accepted, message->count);
	if (message->verdict.set & SET_FLOW_DROP)
		counter_add(&counts->flow_dropped, message->count);
	if (message->verdict.set & SET_PAYLOAD)
		counter_add(&counts->modified, message->count);
}

void sent_note(struct sender *sender, size_t messages, uint32_t first)
{
	if (sender == sender->queue->sender)
		make_room(sender);
	version_turn(&sender->counts.version);
	for (size_t i = 0; i < messages; i++) {
		const struct coalesce_message *message = &sender->messages[i];
		enum verdict_kind kind = kind_of(&message->verdict);

		first = after(first);
		put(sent_at(sender, first), sender->base | first,
		    sender->base | sender->sequence, message->count,
		    kind | modified(&message->verdict));
		count(sender, message, kind);
	}
	counter_add(&sender->counts.sends, 1);
	counter_add(&sender->counts.messages, messages);
	version_turn(&sender->counts.version);
}

static void uncount(struct sender *sender, const struct coalesce_message *message,
		    enum verdict_kind kind)
{
	struct sent_counters *counts = &sender->counts;

	counter_subtract(&counts->kind[kind], message->count);
	if (message->verdict.set & NFQUEUE_SET_FLOW)
		counter_subtract(&counts->flow_accepted, message->count);
	if (message->verdict.set & SET_FLOW_DROP)
		counter_subtract(&counts->flow_dropped, message->count);
	if (message->verdict.set & SET_PAYLOAD)
		counter_subtract(&counts->modified, message->count);
}

void sent_forget(struct sender *sender, size_t messages, uint32_t first)
{
	version_turn(&sender->counts.version);
	for (size_t i = 0; i < messages; i++) {
		const struct coalesce_message *message = &sender->messages[i];

		first = after(first);
		store(&sent_at(sender, first)->count, 0);
		uncount(sender, message, kind_of(&message->verdict));
	}
	counter_subtract(&sender->counts.sends, 1);
	counter_subtract(&sender->counts.messages, messages);
	version_turn(&sender->counts.version);
}

static void refund(struct nfqueue *queue, struct sent_message *message, int error)
{
	struct counters *counters = &queue->counters;
	uint32_t packets = load(&message->count), kind = load(&message->kind);

	counter_add(&counters->refunded[kind % KIND_COUNT], packets);
	if (kind & KIND_MODIFIED)
		counter_add(&counters->refunded_modified, packets);
	counter_add(error == -ENOENT ? &counters->flushed : &counters->refused, packets);
	store(&message->count, 0);
}

/* The message that has this sequence number, if it is known still; or NULL. */
static struct sent_message *find(const struct nfqueue *queue, uint32_t sequence)
{
	uint32_t number = sequence >> SEQUENCE_BITS;
	struct sent_message *message;

	if (number == 0 || number > queue->sender_count)
		return NULL;
	message = sent_at(queue->senders[number - 1], sequence);
	if (atomic_load_explicit(&message->sequence, memory_order_acquire) != sequence)
		return NULL;
	return message;
}

/*
 * ENOENT: the kernel flushed the packet. EPERM: we may not send (any more), and then the
 * kernel answers the first message of a send and ignores the rest: nfnetlink_rcv().
 */
void verdict_refused(struct nfqueue *queue, uint32_t sequence, int error)
{
	struct sent_message *message = find(queue, sequence);
	uint32_t last;

	if (!message || load(&message->count) == 0)
		return;
	last = load(&message->last);
	refund(queue, message, error);
	if (error != -EPERM)
		return;
	/* Privileges are a thread's: another one that decides may lack them. */
	if (sequence >> SEQUENCE_BITS != queue->late_sender->base >> SEQUENCE_BITS)
		atomic_store_explicit(&queue->unprivileged, true, memory_order_relaxed);
	while (sequence != last) {
		sequence = (sequence & ~SEQUENCE_MASK) | after(sequence & SEQUENCE_MASK);
		message = find(queue, sequence);
		if (!message)
			return;
		refund(queue, message, error);
	}
}

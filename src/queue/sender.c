/* SPDX-License-Identifier: MIT */
/* Verdicts are coalesced, written into one buffer, noted, and sent. */
#include "queue/queue.h"

#include "queue/payload.h"

#include <stdlib.h>
#include <string.h>

static int allocate(struct sender *sender, size_t size)
{
	sender->size = size;
	sender->entries = calloc(size, sizeof(*sender->entries));
	sender->messages = calloc(size, sizeof(*sender->messages));
	sender->packets = calloc(size, sizeof(struct nfqueue_packet *));
	sender->buffer = malloc(size * VERDICT_MAX);
	sender->payloads = payloads_new(size);
	if (!sender->entries || !sender->messages || !sender->packets ||
	    !sender->buffer || !sender->payloads)
		return -1;
	return sent_reserve(sender, sender->queue->max_length);
}

static void sender_free(struct sender *sender)
{
	free(sender->entries);
	free(sender->messages);
	free(sender->packets);
	free(sender->buffer);
	free(sender->payloads);
	free(sender->sent);
	free(sender);
}

struct sender *sender_new(struct nfqueue *queue, size_t size)
{
	struct sender *sender;

	if (queue->sender_count == SENDERS_MAX)
		return NULL;
	sender = calloc(1, sizeof(*sender));
	if (!sender)
		return NULL;
	sender->queue = queue;
	sender->base = (queue->sender_count + 1) << SEQUENCE_BITS;
	if (allocate(sender, size) < 0) {
		sender_free(sender);
		return NULL;
	}
	queue->senders[queue->sender_count++] = sender;
	return sender;
}

void senders_free(struct nfqueue *queue)
{
	while (queue->sender_count)
		sender_free(queue->senders[--queue->sender_count]);
}

/* The same for all of a send, and locked once for it. */
static struct nfqueue_flow_marks flow_marks(struct sender *sender)
{
	struct nfqueue *queue = sender->queue;

	if (!sender->knows_marks) {
		pthread_mutex_lock(&queue->held_lock);
		sender->marks = queue->flow_marks;
		pthread_mutex_unlock(&queue->held_lock);
		sender->knows_marks = true;
	}
	return sender->marks;
}

/*
 * A flow verdict is a mark, which rules behind the queue save with the connection; these
 * also drop what is marked so. A kernel that takes the connection's mark with the verdict
 * gets it, too: a range verdict cannot carry it. Without marks it is a plain verdict.
 */
static struct nfqueue_verdict flow_verdict(struct sender *sender,
					   const struct nfqueue_packet *packet)
{
	struct nfqueue_flow_marks marks = flow_marks(sender);
	struct nfqueue_verdict verdict = packet->verdict;
	bool drop = verdict.code == NFQUEUE_VERDICT_DROP;
	uint32_t mark = verdict.set & NFQUEUE_SET_MARK ? verdict.mark : packet->wire.mark;

	verdict.set &= ~NFQUEUE_SET_FLOW;
	if (!marks.mask)
		return verdict;
	verdict.code = NFQUEUE_VERDICT_ACCEPT;
	verdict.set |= NFQUEUE_SET_MARK | (drop ? SET_FLOW_DROP : NFQUEUE_SET_FLOW);
	verdict.mark = (mark & ~marks.mask) | (drop ? marks.drop : marks.accept);
	if (queue_has(packet->queue, NFQUEUE_CONNTRACK))
		verdict.set |= SET_CONNTRACK | COALESCE_ALONE;
	return verdict;
}

/* The first one is taken in any case: packet_commit_edit() has looked at its length. */
static bool take_room(struct sender *sender, size_t index)
{
	if (index == 0)
		sender->room = queue_send_room(sender->queue);
	return index == 0 || (index + 1) * VERDICT_MAX <= sender->room;
}

static bool put_payload(struct sender *sender, size_t index,
			const struct nfqueue_edit *edit)
{
	size_t length = payload_length(edit);

	if (index && (index + 1) * VERDICT_MAX + length > sender->room)
		return false;
	if (!payloads_put(sender->payloads, edit))
		return false;
	sender->room -= length < sender->room ? length : sender->room;
	return true;
}

bool sender_put(struct sender *sender, size_t index, const struct nfqueue_packet *packet)
{
	struct coalesce_entry *entry = &sender->entries[index];

	if (!take_room(sender, index))
		return false;
	if (packet->verdict.set & SET_PAYLOAD &&
	    !put_payload(sender, index, packet->edit))
		return false;
	entry->id = packet->id;
	entry->verdict = packet->verdict;
	if (entry->verdict.set & NFQUEUE_SET_FLOW)
		entry->verdict = flow_verdict(sender, packet);
	return true;
}

/* Source: nfqnl_ct_parse(), ctnetlink_glue_parse_ct(). */
static void add_conntrack_mark(struct sender *sender, struct wire_verdict *verdict)
{
	struct nfqueue_flow_marks marks = flow_marks(sender);

	verdict->present |= 1u << WIRE_CT;
	verdict->ct_present = WIRE_CT_HAS_MARK | WIRE_CT_HAS_MARK_MASK;
	verdict->ct_mark = verdict->mark & marks.mask;
	verdict->ct_mark_mask = marks.mask;
}

/* Edited packets are accepted, in some way, and of those the coalescer keeps the order.
 */
static void encode_payload(struct sender *sender, struct wire_writer *writer,
			   struct wire_verdict *verdict)
{
	verdict->present |= 1u << WIRE_PAYLOAD;
	verdict->payload.length = payloads_next_length(sender->payloads);
	wire_put_verdict_head(writer, verdict, sender_next_sequence(sender));
	payloads_place(sender->payloads, writer->length);
}

static void encode(struct sender *sender, struct wire_writer *writer,
		   const struct coalesce_message *message)
{
	struct wire_verdict verdict = {
		.queue = sender->queue->number,
		.id = message->id,
		.code = message->verdict.code,
		.mark = message->verdict.mark,
		.priority = message->verdict.priority,
	};

	if (message->verdict.set & NFQUEUE_SET_MARK)
		verdict.present |= 1u << WIRE_MARK;
	if (message->verdict.set & NFQUEUE_SET_PRIORITY)
		verdict.present |= 1u << WIRE_PRIORITY;
	if (message->verdict.set & SET_CONNTRACK)
		add_conntrack_mark(sender, &verdict);
	if (message->verdict.set & SET_PAYLOAD)
		encode_payload(sender, writer, &verdict);
	else if (message->range)
		wire_put_range_verdict(writer, &verdict, sender_next_sequence(sender));
	else
		wire_put_verdict(writer, &verdict, sender_next_sequence(sender));
}

int sender_send(struct sender *sender, size_t count, size_t coverable)
{
	struct nfqueue *queue = sender->queue;
	size_t messages = coalesce(sender->entries, count, coverable, sender->messages);
	uint32_t first = sender->sequence;
	struct wire_writer writer;
	ssize_t sent;

	wire_writer_init(&writer, sender->buffer, sender->size * VERDICT_MAX);
	for (size_t i = 0; i < messages; i++)
		encode(sender, &writer, &sender->messages[i]);
	sender->knows_marks = false;
	/* Before the send: the kernel's refusals may be read before it returns. */
	sent_note(sender, messages, first);
	sent = writer.error ? writer.error
			    : payloads_send(sender->payloads, queue, &writer);
	payloads_clear(sender->payloads);
	if (sent >= 0)
		return 0;
	sent_forget(sender, messages, first);
	return queue_error(queue, (int)sent, "queue %u: cannot send verdicts: %s",
			   queue->number, strerror((int)-sent));
}

/* SPDX-License-Identifier: MIT */
/*
 * A sender: what one thread at a time needs to send verdicts, and what it has sent, until
 * it is known that the kernel did not refuse it. The kernel takes verdicts of several
 * threads on one socket at the same time (nfqnl_recv_verdict() runs under RCU).
 */
#ifndef NFQUEUE_SENDER_H
#define NFQUEUE_SENDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/coalesce.h"
#include "queue/counters.h"
#include "wire/wire.h"

struct nfqueue;
struct nfqueue_packet;

/*
 * The sequence number of a message names its sender: the first byte is 1 + the sender's
 * number, the others count from 1 on. 0 is nfqueue_wake()'s; the last two are those of
 * configurations and of marks in the stream of answers.
 */
#define SENDERS_MAX 253u
#define SEQUENCE_BITS 24u
#define SEQUENCE_MASK ((1u << SEQUENCE_BITS) - 1)
#define SEQUENCE_MARK (254u << SEQUENCE_BITS)
#define SEQUENCE_CONFIG (255u << SEQUENCE_BITS)

/* In a verdict's `set`: the kernel gets an accept with a mark, and rules drop the flow;
 * the mark of the connection; the packet's edit. The last two need a message each. */
#define SET_FLOW_DROP (1u << 31)
#define SET_CONNTRACK (1u << 29)
#define SET_PAYLOAD (1u << 28)

/* Of a message without its payload: the mark of the connection is a nest of two numbers,
 * and the payload has a head. */
#define VERDICT_MAX (WIRE_VERDICT_PLAIN_MAX + 20 + 4)

/* A flush sends at most so many verdicts at once: they fit in the default send buffer. */
#define FLUSH_MAX 1024u

/* Of the ring of sent messages: at the least, and twice what may wait. */
#define SENT_MIN 8192u

/* What a verdict message said, to be looked up when the kernel refuses it: written by the
 * sender, read by who reads the socket. `sequence` releases the others. */
struct sent_message {
	_Atomic uint32_t sequence;
	_Atomic uint32_t last;  /* sequence of the last message of the same send */
	_Atomic uint32_t count; /* packets it decided */
	_Atomic uint32_t kind;  /* enum verdict_kind, KIND_MODIFIED */
};

struct sender {
	struct nfqueue *queue;
	uint32_t base;     /* of its sequence numbers */
	uint32_t sequence; /* the last one's count */
	/* Of the reader's sender only: refusals up to this one are read; the last mark.
	 */
	_Atomic uint32_t settled;
	uint32_t marked;
	struct sent_message *sent; /* a ring, by sequence */
	uint32_t sent_size;        /* a power of two */
	size_t size;               /* of the following */
	struct coalesce_entry *entries;
	struct coalesce_message *messages;
	struct nfqueue_packet **packets; /* room for who gathers them */
	uint8_t *buffer;
	struct payloads *payloads;       /* that go along with the next send */
	size_t room;                     /* bytes that it takes beside them */
	struct nfqueue_flow_marks marks; /* of this send */
	bool knows_marks;
	struct sent_counters counts;
};

/* A new sender of at most `size` verdicts at once. Before other threads use the queue.
 * Freed with the queue. NULL: no memory, or too many senders. */
struct sender *sender_new(struct nfqueue *queue, size_t size);
void senders_free(struct nfqueue *queue);

/* Makes the packet's verdict entry `index` of the next sender_send(). False: that would
 * be more than one send takes, and there is something to send. */
bool sender_put(struct sender *sender, size_t index, const struct nfqueue_packet *packet);

/* Sends `count` entries, of which ranges may cover the first `coverable`. Returns 0;
 * -errno of send(2): nothing was sent or counted. */
int sender_send(struct sender *sender, size_t count, size_t coverable);

/* sent.c */
uint32_t sender_next_sequence(struct sender *sender);
/* Makes the ring large enough for refusals behind `waiting` packets. 0 or -ENOMEM. */
int sent_reserve(struct sender *sender, uint32_t waiting);

/* Counts `messages` as sent; the first has sequence count `first`. */
void sent_note(struct sender *sender, size_t messages, uint32_t first);
/* The send failed: takes it all back. */
void sent_forget(struct sender *sender, size_t messages, uint32_t first);
/* The ACK of a mark was read. */
void sent_settle(struct sender *sender, uint32_t sequence);
/* Takes back what the kernel refused. Whoever reads the socket. */
void verdict_refused(struct nfqueue *queue, uint32_t sequence, int error);

#endif

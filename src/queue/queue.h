/* SPDX-License-Identifier: MIT */
/* What the files of the queue layer share. */
#ifndef NFQUEUE_QUEUE_INTERNAL_H
#define NFQUEUE_QUEUE_INTERNAL_H

#include <nfqueue/queue.h>

#include <libmnl/libmnl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "queue/coalesce.h"
#include "queue/counters.h"
#include "wire/wire.h"

enum packet_state {
	PACKET_FREE,      /* its slot may receive */
	PACKET_UNDECIDED, /* the program has it */
	PACKET_DECIDED,   /* its verdict is noted, not sent */
};

#define CACHE_LINE 64u

/*
 * A packet and the slot it was received into: one allocation. What every pass over a
 * batch touches fills the first cache line, and the id is at the begin of the second.
 */
struct nfqueue_packet {
	_Alignas(CACHE_LINE) struct nfqueue *queue;
	uint64_t order; /* of arrival; ids wrap, this does not */
	struct nfqueue_verdict verdict;
	enum packet_state state;
	unsigned int index;                /* of its slot, until it leaves */
	bool held;                         /* it shall leave its batch */
	bool left;                         /* it has: its memory is its own now */
	TAILQ_ENTRY(nfqueue_packet) entry; /* held, or backlog */
	_Alignas(CACHE_LINE) struct wire_packet wire;
	size_t capacity;
	_Alignas(CACHE_LINE) uint8_t buffer[];
};

_Static_assert(offsetof(struct nfqueue_packet, wire) == CACHE_LINE, "one line before it");

TAILQ_HEAD(packet_list, nfqueue_packet);

/* What a verdict message said, to be looked up when the kernel refuses it. */
struct sent_message {
	uint32_t sequence;
	uint32_t last;  /* sequence of the last message of the same send */
	uint32_t count; /* packets it decided */
	uint32_t code;
};

/* What a batch brought, until its counts are published. */
struct tally {
	uint32_t received, truncated;
	uint64_t bytes;
};

/* Of the ring of sent messages: at the least, and twice what may wait. */
#define SENT_MIN 8192u

/* The least that a message is charged to the socket's buffer. */
#define MESSAGE_CHARGE_MIN 512u

/* A flush sends at most so many verdicts at once: they fit in the default send buffer. */
#define FLUSH_MAX 1024u

#define QUEUE_ERROR_MAX 512

/* More the kernel does not copy: a netlink attribute's length has 16 bits. */
#define COPY_RANGE_ALL 65535u
#define MAX_LENGTH_LIMIT 65536u

struct nfqueue {
	struct mnl_socket *socket;
	uint16_t number;
	uint32_t copy_range;
	uint32_t max_length;
	/* The owner writes it, nfqueue_stats_get() reads it in any thread. Relaxed: it
	 * carries no data. */
	_Atomic uint32_t capabilities;
	uint32_t socket_buffer;
	struct nfqueue_verdict default_verdict;

	unsigned int batch_size;
	size_t slot_size;
	struct nfqueue_packet **slots; /* batch_size of them; NULL where one left */
	bool slots_stale;              /* one left, or the slot size has changed */
	struct mmsghdr *headers;
	struct iovec *vectors;
	struct nfqueue_packet **batch; /* received and not yet released, in order */
	unsigned int batch_count;
	struct packet_list held;      /* undecided, oldest first; older than the batch */
	struct packet_list backlog;   /* came while an ACK was awaited */
	struct nfqueue_packet **late; /* held once, decided now */
	size_t late_count, late_size;
	uint64_t arrivals;
	uint32_t expected_id;
	struct tally tally;

	uint32_t sequence;
	uint32_t ack_sequence; /* of the configuration message that waits for its ACK */
	bool ack_received;
	int ack_error;
	atomic_bool woken;         /* by nfqueue_wake(): the next sleep does not happen */
	uint32_t settled;          /* refusals of all messages up to this one are read */
	bool unprivileged;         /* the kernel refuses our sends */
	struct sent_message *sent; /* a ring, by sequence */
	uint32_t sent_size;        /* a power of two */
	struct coalesce_entry *entries;    /* FLUSH_MAX */
	struct coalesce_message *messages; /* FLUSH_MAX */
	uint8_t *send_buffer;

	struct counters counters;
	char ack_text[160];
	char error[QUEUE_ERROR_MAX];
};

static inline uint32_t queue_capabilities(const struct nfqueue *queue)
{
	return atomic_load_explicit(&queue->capabilities, memory_order_relaxed);
}

static inline bool queue_has(const struct nfqueue *queue, uint32_t capability)
{
	return queue_capabilities(queue) & capability;
}

static inline void queue_set_has(struct nfqueue *queue, uint32_t capability, bool has)
{
	uint32_t now = queue_capabilities(queue);

	atomic_store_explicit(&queue->capabilities,
			      has ? now | capability : now & ~capability,
			      memory_order_relaxed);
}

/* error.c */
/* Notes the text and returns `code`, so that callers can `return queue_error(...)`. */
int queue_error(struct nfqueue *queue, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* socket.c */
int queue_socket_open(struct nfqueue *queue, uint32_t wanted_buffer);
int queue_socket(const struct nfqueue *queue);
ssize_t queue_send(struct nfqueue *queue, const void *data, size_t length);

/* slot.c */
/* The longest message with such packets, in bytes. */
size_t message_size(uint32_t copy_range, uint32_t flags);
size_t slot_size_for(const struct nfqueue *queue);
struct nfqueue_packet *slot_new(struct nfqueue *queue, size_t capacity);
int slots_new(struct nfqueue *queue);
void slots_free(struct nfqueue *queue);
void slot_release(struct nfqueue_packet *packet);
void slot_leave(struct nfqueue_packet *packet);
/*
 * Fills the places of slots that left or are too small now. Returns how many there are.
 */
unsigned int slots_refill(struct nfqueue *queue);

/* receive.c */
/* Looks at one received message; true if `packet` now is a packet that somebody must
 * decide. */
bool receive_message(struct nfqueue_packet *packet, size_t length, bool truncated);

/* Adds what was received to the counts. */
void tally_publish(struct nfqueue *queue);

/* verdict.c */
bool verdict_is_known(uint32_t code);
void verdicts_default(struct nfqueue *queue);
/* Whether an undecided packet still belongs to the batch. */
bool packet_in_batch(const struct nfqueue_packet *packet);

/* sent.c */
uint32_t next_sequence(struct nfqueue *queue);
/* Makes the ring of sent messages large enough for refusals behind `waiting` packets.
 * Returns 0 or -ENOMEM. */
int sent_reserve(struct nfqueue *queue, uint32_t waiting);
void sent_make_room(struct nfqueue *queue);
/* Counts a message as sent; `last` is the sequence of the last one of the same send. */
void sent_note(struct nfqueue *queue, const struct coalesce_message *message,
	       uint32_t sequence, uint32_t last);
/* Takes back what was counted. */
void verdict_refused(struct nfqueue *queue, uint32_t sequence, int error);

/* wake.c */
/* Makes the socket readable. Returns 0 or -errno of send(2). */
int wake_send(struct nfqueue *queue);

/* config.c */
/* Sends one configuration message and waits for its ACK. Returns 0 or the kernel's
 * -errno; the kernel's words are in queue->ack_text then. */
int queue_configure(struct nfqueue *queue, const struct wire_config *config);
int queue_apply_flag(struct nfqueue *queue, uint32_t flag, bool on);

/* diagnose.c */
/* Why the bind was refused: fills the error text and returns the code for it. */
int diagnose_bind(struct nfqueue *queue, int error);

/* option names for messages */
const char *flag_name(uint32_t flag);

#endif

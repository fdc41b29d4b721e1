/* SPDX-License-Identifier: MIT */
/* What the files of the queue layer share. */
#ifndef NFQUEUE_QUEUE_INTERNAL_H
#define NFQUEUE_QUEUE_INTERNAL_H

#include <nfqueue/queue.h>

#include <libmnl/libmnl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "queue/coalesce.h"
#include "queue/counters.h"
#include "queue/packet.h"
#include "queue/sender.h"

/* What a batch brought, until its counts are published. */
struct tally {
	uint32_t received, truncated;
	uint64_t bytes;
	bool lost; /* ids are missing */
};

/* The least that a message is charged to the socket's buffer. */
#define MESSAGE_CHARGE_MIN 512u

#define QUEUE_ERROR_MAX 512

/* Longer messages spill. 1,500 bytes and what the kernel tells of them fit. */
#define SLOT_MAX 1984u

/* Packets that another thread had are fetched so many places ahead. */
#define FETCH_AHEAD 4u

/* Verdicts that the kernel had no memory for are tried again after so long. */
#define RETRY_US 1000

/* More the kernel does not copy: a netlink attribute's length has 16 bits. */
#define COPY_RANGE_ALL 65535u
#define MAX_LENGTH_LIMIT 65536u

/*
 * Whose is what: the reader is the thread in nfqueue_recv() and in what it returned.
 * Whoever holds `socket_lock` may read the socket. `held_lock` guards the list of held
 * packets and their deadlines, `late_lock` the sending of what was decided late.
 * Order: config_lock, socket_lock, late_lock, held_lock.
 */
struct nfqueue {
	struct mnl_socket *socket;
	uint16_t number;
	_Atomic uint32_t copy_range;
	_Atomic uint32_t max_length;
	/* Relaxed: it carries no data. */
	_Atomic uint32_t capabilities;
	_Atomic uint32_t socket_buffer;
	uint32_t socket_buffer_wanted; /* the option: 0, as much as max length needs */
	uint32_t socket_buffer_max;
	uint32_t flags_wanted;
	uint32_t hold_limit;
	enum nfqueue_overload overload;
	uint32_t busy_poll_us;
	uint32_t spin_us; /* of these, what paid lately */
	bool has_backlog; /* the last receive did not have to wait */
	struct nfqueue_verdict default_verdict;

	/* The reader's. Each group has cache lines of its own. */
	_Alignas(CACHE_LINE) unsigned int batch_size;
	struct nfqueue_packet **slots; /* batch_size of them; NULL where one left */
	uint8_t **spills; /* for what does not fit in a slot; NULL where one left */
	size_t spill_size;
	struct mmsghdr *headers;
	struct iovec *vectors;         /* two for each: the slot, the rest of its spill */
	struct nfqueue_packet **batch; /* received and not yet released, in order */
	unsigned int batch_count;
	struct nfqueue_packet *pool; /* magazines of free slots */
	struct slab *slabs;          /* all slots, but those alone */
	size_t least_slot;           /* the smallest capacity of one */
	unsigned int full_batches;   /* one after the other */
	bool had_deadlines;          /* before the last sleep */
	struct sender *sender;

	/* Under socket_lock. */
	_Alignas(CACHE_LINE) pthread_mutex_t socket_lock;
	_Atomic size_t slot_size;
	atomic_bool slots_stale;    /* one left, or the slot size has changed */
	struct packet_list backlog; /* came while an ACK was awaited */
	uint32_t expected_id;
	bool expects_id;           /* false: the next id may be any */
	uint32_t lost_full_before; /* the kernel's count when we took the queue over */
	struct tally tally;
	uint32_t ack_sequence; /* of the configuration message that waits for its ACK */
	uint32_t config_sequence;
	bool ack_received;
	bool is_shut; /* no configurations any more */
	int ack_error;
	char ack_text[160];

	/* Under config_lock: one configuration at a time. */
	pthread_mutex_t config_lock;
	atomic_int socket_wanted; /* so many threads want socket_lock */

	/* Under held_lock. */
	_Alignas(CACHE_LINE) pthread_mutex_t held_lock;
	struct packet_list held;    /* left their batch, unsent; oldest first */
	struct packet_list orphans; /* sent, but the program does not know yet */
	struct wheel *wheel;
	uint64_t sleep_until; /* by clock_us(), as far as deadlines are concerned */
	struct nfqueue_flow_marks flow_marks;
	/* Length of `held`. Each that leaves is released behind its send. */
	_Atomic uint32_t held_count;

	/* Under late_lock. */
	_Alignas(CACHE_LINE) pthread_mutex_t late_lock;
	struct nfqueue_packet *late_first, *late_last; /* in the order of decision */
	atomic_bool late_stuck; /* the kernel had no memory for them: to be tried again */
	struct sender *late_sender;

	/* Of all threads. */
	/* A stack: decided, not yet in line; one for the pool. */
	_Alignas(CACHE_LINE) _Atomic(struct nfqueue_packet *) late;
	_Alignas(CACHE_LINE) _Atomic(struct nfqueue_packet *) returned;
	_Alignas(CACHE_LINE) _Atomic uint32_t program_holds; /* against hold_limit */
	_Atomic pthread_t reader; /* who called nfqueue_recv() last */
	atomic_bool idle;         /* the reader sleeps, or may without asking us */
	atomic_bool kicked;       /* and a message is under way that wakes it */
	atomic_bool attention;    /* there is something late, or a new deadline */
	_Atomic size_t deadlines; /* in the wheel */
	_Atomic uint32_t delayed; /* of these; under held_lock, read by any */
	atomic_bool woken;        /* by nfqueue_wake(): the next sleep does not happen */
	atomic_bool unprivileged; /* the kernel refuses our sends */
	/* Relaxed: found out twice is no harm. */
	_Atomic uint8_t mangling; /* enum mangling */
	_Atomic size_t send_room; /* 0: not asked yet */
	struct sender *senders[SENDERS_MAX];
	uint32_t sender_count;

	_Alignas(CACHE_LINE) struct counters counters;
	pthread_mutex_t error_lock;
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
	if (has)
		atomic_fetch_or_explicit(&queue->capabilities, capability,
					 memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&queue->capabilities, ~capability,
					  memory_order_relaxed);
}

static inline bool is_reader(const struct nfqueue *queue)
{
	return atomic_load_explicit(&queue->reader, memory_order_relaxed) ==
	       pthread_self();
}

/* error.c */
/* Notes the text and returns `code`, so that callers can `return queue_error(...)`. */
int queue_error(struct nfqueue *queue, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* socket.c */
int queue_socket_open(struct nfqueue *queue);
int queue_socket_adopt(struct nfqueue *queue, int fd);
int queue_socket(const struct nfqueue *queue);
ssize_t queue_send(struct nfqueue *queue, const void *data, size_t length);
ssize_t queue_send_vectors(struct nfqueue *queue, struct iovec *vectors, size_t count);
/* So many bytes one send takes. Any thread. */
size_t queue_send_room(struct nfqueue *queue);

/* buffer.c */
void buffer_set(struct nfqueue *queue);
/* Enlarges the socket's buffer, up to its limit, if it is filling up. Reader. */
void buffer_tend(struct nfqueue *queue, bool full_batch, bool lost);

/* slot.c */
/* The longest message with such packets, in bytes. */
size_t message_size(uint32_t copy_range, uint32_t flags);
size_t slot_size_for(const struct nfqueue *queue);
/* The copy range or the features have changed. Under socket_lock. */
void slots_resize(struct nfqueue *queue);
int slots_new(struct nfqueue *queue);
void slots_free(struct nfqueue *queue);
void slot_leave(struct nfqueue_packet *packet);
/* A message of `length` bytes came: puts it together if it has spilled. */
void slot_filled(struct nfqueue_packet *packet, size_t length);
/*
 * Fills the places of slots that left or are too small now. Returns how many there are.
 */
unsigned int slots_refill(struct nfqueue *queue);

/* pool.c */
/* A packet by itself, with room for a message of `capacity` bytes; NULL: no memory. */
struct nfqueue_packet *packet_new_alone(struct nfqueue *queue, size_t capacity);
void packet_free_alone(struct nfqueue_packet *packet);
/* A free slot; NULL: no memory. Reader. */
struct nfqueue_packet *pool_get(struct nfqueue *queue);
/* Gives back what has left its batch. Any thread. */
void pool_put(struct nfqueue *queue, struct nfqueue_packet *packet);
void pool_put_all(struct nfqueue *queue, struct nfqueue_packet **packets, size_t count);
/* Its batch has done with a packet that is free: its slot stays, or goes to the pool. */
void pool_put_settled(struct nfqueue *queue, struct nfqueue_packet *packet);
void pool_free(struct nfqueue *queue);

/* receive.c */
/* Looks at one received message; true if `packet` now is a packet that somebody must
 * decide. */
bool receive_message(struct nfqueue_packet *packet, size_t length, bool truncated);

/* Ends the batch: held packets leave it, all others are decided and sent. Reader. */
int batch_finish(struct nfqueue *queue);

/* Adds what was received to the counts. */
void tally_publish(struct nfqueue *queue);

/* busy.c */
/* Receives without sleep, for as long as it is likely to pay, and until `end_us` at the
 * most. Returns how many messages came; -EAGAIN none; -errno. Reader. */
int busy_poll(struct nfqueue *queue, unsigned int size, uint64_t end_us);
/* It did not pay: the packet that ended the sleep came so long after its begin, or none
 * at all: UINT64_MAX. */
void busy_slept(struct nfqueue *queue, uint64_t slept_us);

/* verdict.c */
bool verdict_is_known(struct nfqueue_verdict verdict);
/* Without what is of no effect, and without bits that are ours. */
struct nfqueue_verdict verdict_normal(struct nfqueue_verdict verdict);
void verdicts_default(struct nfqueue *queue);

/* flush.c */
/* The reader's: what is late, then its batch. */
int flush_all(struct nfqueue *queue);
int flush_late(struct nfqueue *queue);

/* late.c */
/* A held packet is decided: it stands in line to be sent. Any thread. */
void late_push(struct nfqueue_packet *packet);
/* Many of them, each but the oldest with the next older one as `next`. */
void late_push_chain(struct nfqueue *queue, struct nfqueue_packet *newest,
		     struct nfqueue_packet *oldest);
bool late_pending(const struct nfqueue *queue);
/* More packets may wait, and be refused. With socket_lock: refusals are looked up. */
void late_reserve(struct nfqueue *queue);
/* Sends what is in line, with late_lock. */
int late_send(struct nfqueue *queue);

/* held.c */
/* What is left of the batch leaves it. Reader. */
void held_link_batch(struct nfqueue *queue);
/* Sends verdicts of packets that left their batch, in this order, and lets go of them: of
 * the first at least, of as many as one send takes. Returns how many, or -errno. One
 * thread at a time uses a sender. */
int held_send(struct sender *sender, struct nfqueue_packet **packets, size_t count);
/* Decides a packet that the program still has. True if it was undecided. */
bool held_force(struct nfqueue_packet *packet, struct nfqueue_verdict verdict);
/* The program has learnt that its packet was decided and sent. */
void held_disown(struct nfqueue_packet *packet);

/* deadline.c */
int deadlines_new(struct nfqueue *queue);
/* Under held_lock. */
void deadline_remove(struct nfqueue *queue, struct nfqueue_packet *packet);
/* For a held packet: or moves the one that it has. 0; -EALREADY it is decided. */
int deadline_arm(struct nfqueue_packet *packet, uint64_t deadline_us,
		 struct nfqueue_verdict verdict);
/* Decides a held packet, to be sent at that time. 0; -EALREADY it is decided. */
int deadline_delay(struct nfqueue_packet *packet, uint64_t send_us,
		   struct nfqueue_verdict verdict);
/* One more, or less. Under held_lock. */
void queue_count_delayed(struct nfqueue *queue, int more);
/* Decides those whose deadline has passed. Reader. */
void deadlines_expire(struct nfqueue *queue);
/* Microseconds to the next one, -1: none. */
int64_t deadlines_next(struct nfqueue *queue);
/* The same, of a reader that will sleep so long. */
int64_t deadlines_sleep(struct nfqueue *queue);

/* mangle.c */
enum mangling { MANGLING_UNKNOWN, MANGLING_TAKEN, MANGLING_REFUSED };
/* Whether the kernel takes changed payloads from us. Any thread. */
bool queue_may_mangle(struct nfqueue *queue);

/* edit.c */
/* The packet's edit, if it has one that does something, goes with this verdict. 0; -errno
 * of nfqueue_edit_commit(). */
int packet_commit_edit(struct nfqueue_packet *packet, struct nfqueue_verdict *verdict);
/* It is sent. */
void packet_end_edit(struct nfqueue_packet *packet);

/* wake.c */
/* Makes the socket readable: an ACK with this sequence number. 0 or -errno of send(2). */
int wake_send(struct nfqueue *queue, uint32_t sequence);
/* Makes an idle reader look, without ending its nfqueue_recv(). 0, or -errno of send(2).
 */
int wake_reader(struct nfqueue *queue);
/* The reader may go to sleep, and looks at `attention` once more; it is awake again. */
void wake_expect(struct nfqueue *queue);
void wake_clear(struct nfqueue *queue);

/* gate.c: one thread reads the socket */
void gate_enter(struct nfqueue *queue);
void gate_leave(struct nfqueue *queue);
/* The reader, inside: lets those in who wait. */
void gate_yield(struct nfqueue *queue);
/* For a configuration: makes a sleeping reader step aside. Returns 0; -ESHUTDOWN, and it
 * is not inside. */
int gate_enter_config(struct nfqueue *queue);
void gate_leave_config(struct nfqueue *queue);

/* config.c */
/* Sends one configuration message and waits for its ACK. Returns 0 or the kernel's
 * -errno; the kernel's words are in queue->ack_text then. Inside the gate. */
int queue_configure(struct nfqueue *queue, const struct wire_config *config);
/* Keeps what is in the socket for nfqueue_recv(). Returns 0 or -errno. Inside the gate.
 */
int queue_read_ahead(struct nfqueue *queue);
int queue_apply_flag(struct nfqueue *queue, uint32_t flag, bool on);

/* adopt.c */
struct adoption {
	bool known; /* the kernel's table could be read */
	uint32_t newest_id;
};
/* Before the first configuration. */
struct adoption adopt_begin(struct nfqueue *queue);
/* Gives the default verdict to what an earlier owner of the socket had received. */
int adopt_orphans(struct nfqueue *queue, const struct adoption *adoption);

/* diagnose.c */
/* Why the bind was refused: fills the error text and returns the code for it. */
int diagnose_bind(struct nfqueue *queue, int error);

/* option names for messages */
const char *flag_name(uint32_t flag);

#endif

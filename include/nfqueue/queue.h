/* SPDX-License-Identifier: MIT */
/*
 * One kernel queue: open it, receive packets in batches, decide them, see what was lost.
 *
 *	struct nfqueue *queue;
 *	struct nfqueue_packet *packets[64];
 *
 *	if (nfqueue_open(&queue, NULL) < 0)
 *		errx(1, "%s", nfqueue_error(queue));
 *	for (;;) {
 *		int n = nfqueue_recv(queue, packets, 64, -1);
 *		for (int i = 0; i < n; i++)
 *			nfqueue_accept(packets[i]);
 *	}
 *
 * Thread rule: one thread at a time receives, and decides what it received; it is called
 * the reader. A packet that it holds may be decided by any thread. Any thread may call,
 * until nfqueue_close(): nfqueue_wake(), nfqueue_stats_get(), nfqueue_fd(), the functions
 * nfqueue_set_*(), nfqueue_error(), and nfqueue_flush() for packets that it decided.
 */
#ifndef NFQUEUE_QUEUE_H
#define NFQUEUE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/packet.h>
#include <nfqueue/verdict.h>
#include <nfqueue/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Features, the kernel's own bits. Source: uapi nfnetlink_queue.h, NFQA_CFG_F_*. */
#define NFQUEUE_FAIL_OPEN (1u << 0) /**< accept, uninspected, when the queue is full */
#define NFQUEUE_CONNTRACK (1u << 1) /**< send each packet's connection */
#define NFQUEUE_GSO (1u << 2)       /**< packets up to 64 KiB, uncut: on by default */
#define NFQUEUE_UID_GID (1u << 3)   /**< send the owner of the sending socket */
#define NFQUEUE_SECCTX (1u << 4)    /**< send the security context */
/** Not the kernel's: leave GSO off. */
#define NFQUEUE_NO_GSO (1u << 31)

/** In nfqueue_capabilities() only. */
#define NFQUEUE_CAP_NO_ENOBUFS (1u << 16) /**< an overflow costs one packet, not all */
#define NFQUEUE_CAP_EXT_ACK (1u << 17)    /**< errors carry the kernel's own words */
#define NFQUEUE_CAP_BUFFER (1u << 18)     /**< the socket buffer is as large as wanted */

/** Copy nothing of the packet, only what the kernel knows of it. */
#define NFQUEUE_COPY_META UINT32_MAX

/** What becomes of a packet for which there is no room. */
enum nfqueue_overload {
	/** Held packets: accept if NFQUEUE_FAIL_OPEN is on, else drop. Deciders
	 * (engine.h): wait. */
	NFQUEUE_OVERLOAD_DEFAULT = 0,
	NFQUEUE_OVERLOAD_DROP = 1,
	NFQUEUE_OVERLOAD_ACCEPT = 2,
	/** Deciders only: the reader waits, so the kernel's queue fills, and accepts what
	 * then comes with NFQUEUE_FAIL_OPEN, else drops it. */
	NFQUEUE_OVERLOAD_WAIT = 3,
};

/** How to open a queue. Zero means the default everywhere. */
struct nfqueue_options {
	size_t size;            /**< sizeof(struct nfqueue_options) */
	uint32_t queue;         /**< queue number, 0..65535 */
	uint32_t copy_range;    /**< bytes copied of each packet; 0: all of it (65,531) */
	uint32_t max_length;    /**< packets that may wait, at most 65,536; 0: 4,096 */
	uint32_t flags;         /**< features wanted; one this kernel lacks is left out */
	uint32_t required;      /**< features without which the open shall fail */
	uint32_t socket_buffer; /**< bytes; 0: enough for max_length packets */
	uint32_t batch_size;    /**< packets received at once, at most 1,024; 0: 64 */
	struct nfqueue_verdict
		default_verdict; /**< for what nobody decides; zero: drop */
	uint32_t hold_limit;     /**< packets held at once; 0: 3/4 of max_length */
	uint32_t overload;       /**< enum nfqueue_overload: for holds above the limit */
	uint32_t busy_poll_us;   /**< microseconds to look for packets, at most, before a
				  * sleep; 0: none. Costs a CPU, saves a wakeup */
	/** Bytes up to which the socket's buffer is enlarged when it fills, starting from
	 * socket_buffer; 0: not at all. */
	uint32_t socket_buffer_max;
};

/**
 * What happened to the packets of one queue since it was opened. Counts never go down,
 * but for `held` and `waiting`. At any time received = accepted + dropped + repeated +
 * requeued + refused + flushed + held.
 */
struct nfqueue_stats {
	size_t size;            /**< in: sizeof(struct nfqueue_stats) */
	uint64_t received;      /**< packets that came up */
	uint64_t bytes;         /**< their length in the kernel */
	uint64_t accepted;      /**< by a verdict accept or stop */
	uint64_t dropped;       /**< by a verdict drop */
	uint64_t repeated;      /**< sent through the hook again */
	uint64_t requeued;      /**< handed to another queue */
	uint64_t modified;      /**< of all these: with a changed payload */
	uint64_t held;          /**< received and not yet decided */
	uint64_t waiting;       /**< undecided in the kernel, received or not */
	uint64_t defaulted;     /**< got the default verdict, for nobody decided them */
	uint64_t refused;       /**< the kernel refused the verdict (not ENOENT) */
	uint64_t flushed;       /**< gone when the verdict came: interface down, ... */
	uint64_t truncated;     /**< the copy range cut them */
	uint64_t malformed;     /**< messages that could not be decoded */
	uint64_t lost_socket;   /**< lost: socket buffer full (gaps in the ids) */
	uint64_t lost_full;     /**< lost: the queue was full (the kernel's counter) */
	uint64_t passed_socket; /**< uninspected: socket buffer full, fail open */
	uint64_t enobufs;       /**< times the socket told of an overflow */
	uint64_t batches;       /**< receive calls that brought something */
	uint64_t sends;         /**< send calls for verdicts */
	uint64_t messages;      /**< verdict messages in them */
	uint64_t expired;       /**< held until their deadline decided */
	uint64_t hold_overflow; /**< beyond the hold limit: got the overload verdict */
	uint64_t ring_overflow; /**< a decider's ring was full: the same */
	uint64_t ring_waits;    /**< such a ring was full: times the reader waited */
	uint64_t flow_accepted; /**< of accepted: meant for the rest of the flow */
	uint64_t flow_dropped;  /**< of dropped: meant for the rest of the flow */
	uint64_t buffer_grown;  /**< times the socket's buffer was enlarged */
	uint64_t delayed;       /**< of `held`: decided, and their time has not come */
};

/** A row of the kernel's own table of queues. */
struct nfqueue_kernel_queue {
	uint32_t queue;          /**< number */
	uint32_t port_id;        /**< netlink port id of the socket that owns it */
	int32_t pid;             /**< a process that has this socket open; 0: not found */
	char name[16];           /**< its name, terminated; "" if not found */
	uint32_t waiting;        /**< packets without a verdict */
	uint32_t copy_mode;      /**< 0 none (all is dropped), 1 metadata, 2 packets */
	uint32_t copy_range;     /**< bytes */
	uint32_t dropped_full;   /**< packets lost because the queue was full */
	uint32_t dropped_socket; /**< packets lost because the socket refused them */
	uint32_t last_id;        /**< id of the newest packet */
};

/**
 * Opens a queue and takes it into possession: packets may come from now on.
 *
 * @param queue   out: the handle. Also set when the open failed, so that
 *                nfqueue_error() can tell why: give it to nfqueue_close(), nothing else.
 *                NULL only for -ENOMEM.
 * @param options NULL: queue 0 and all defaults
 * @return 0, or
 * -EINVAL an option is out of its range; -EPERM no CAP_NET_ADMIN in this network
 * namespace; -EBUSY another socket owns the queue (its process is in the text);
 * -EOPNOTSUPP a required feature, or nfnetlink_queue itself, is missing in this kernel;
 * -EMFILE, -ENFILE, -ENOMEM out of that resource.
 * Thread rule: any thread. Source: nfqnl_recv_config().
 */
NFQUEUE_API int nfqueue_open(struct nfqueue **queue,
			     const struct nfqueue_options *options);

/**
 * Takes over an open queue from another process, with its socket: by SCM_RIGHTS, or from
 * the file descriptor store of a service manager. What waits in the kernel is received as
 * usual. What the other process had received and not decided gets the default verdict at
 * once (unless this process may not read /proc/net/netfilter and nothing waits).
 *
 * @param queue   as nfqueue_open()
 * @param fd      the socket; belongs to the handle from now on, and is closed on failure
 * @param options as nfqueue_open(), with the queue's number
 * @return as nfqueue_open(); -EINVAL also: fd is no netfilter socket.
 * Thread rule: any thread; nobody else receives from the socket any more.
 * Source: nfqnl_recv_config(), nfqnl_recv_verdict_batch().
 */
NFQUEUE_API int nfqueue_adopt(struct nfqueue **queue, int fd,
			      const struct nfqueue_options *options);

/**
 * Sends noted verdicts, gives the default verdict to what is held or undecided, and
 * closes the queue. What the kernel has queued but nobody received is dropped by the
 * kernel: receive until nothing comes, first.
 *
 * @param queue may be NULL
 * Thread rule: no other call on this queue during or after it.
 * Source: nfqnl_rcv_nl_event().
 */
NFQUEUE_API void nfqueue_close(struct nfqueue *queue);

/** What went wrong last, in words, with what to do about it; "" if nothing did. A copy:
 * lives until the calling thread asks again. NULL: words for -ENOMEM. Any thread.
 * Source: extended ACK. */
NFQUEUE_API const char *nfqueue_error(const struct nfqueue *queue);

/** The socket, for poll(): readable when nfqueue_recv() would bring something. Don't read
 * it. Any thread. Source: socket(2). */
NFQUEUE_API int nfqueue_fd(const struct nfqueue *queue);

/** The queue's number, 0..65535. Any thread. Source: nfgenmsg.res_id. */
NFQUEUE_API uint16_t nfqueue_number(const struct nfqueue *queue);

/** The features in force: NFQUEUE_FAIL_OPEN ... NFQUEUE_SECCTX and NFQUEUE_CAP_*.
 * Source: the kernel's ACK to each. */
NFQUEUE_API uint32_t nfqueue_capabilities(const struct nfqueue *queue);

/** The size the socket buffer really has, in bytes. Source: SO_RCVBUF. */
NFQUEUE_API uint32_t nfqueue_socket_buffer(const struct nfqueue *queue);

/**
 * Receives packets: flushes the batch before, whose undecided packets get the default
 * verdict unless they are held, then takes what the kernel has ready.
 *
 * @param packets out: `max` pointers, oldest packet first
 * @param max     more than 0; at most the batch size is received at once
 * @param timeout_ms wait that long for a first packet; -1 for ever; 0 not at all
 * @return the number of packets, 0 if none came (timeout, nfqueue_wake(), a signal
 * whose handler has no SA_RESTART), or
 * -EINVAL `max` is 0; -EPERM CAP_NET_ADMIN was given up, so no verdict can be sent;
 * -EBADF the socket is gone; -ENOMEM, -ENOBUFS no memory to send verdicts now.
 * Lost packets are no error: see nfqueue_stats. Source: recvmmsg(2).
 */
NFQUEUE_API int nfqueue_recv(struct nfqueue *queue, struct nfqueue_packet **packets,
			     unsigned int max, int timeout_ms);

/** Makes a waiting, or the next, nfqueue_recv() return. Any thread, signal handlers too.
 * @return 0, or -errno of send(2). Source: NFQNL_CFG_CMD_PF_UNBIND, a no-op with an ACK.
 */
NFQUEUE_API int nfqueue_wake(struct nfqueue *queue);

/**
 * Notes a packet's verdict. It is sent with the batch: by the reader's next
 * nfqueue_recv(), nfqueue_flush() or nfqueue_close().
 *
 * A held packet may be decided by any thread: it is sent when that thread calls
 * nfqueue_flush(), else by the reader, which is woken for it. The packet is not the
 * program's any more once 0 or -EALREADY is returned.
 *
 * Unless it is a drop, the packet's edit goes along (nfqueue_packet_edit() in edit.h).
 *
 * @return 0; -EALREADY the packet is decided, by the program, its deadline, or a stop:
 * the first verdict stands; -EINVAL a code the kernel does not know, or a flow verdict
 * that is neither accept nor drop; or the error of nfqueue_edit_commit(): the packet
 * stays undecided. Source: nfqnl_recv_verdict().
 */
NFQUEUE_API int nfqueue_decide(struct nfqueue_packet *packet,
			       struct nfqueue_verdict verdict);

/**
 * nfqueue_decide(), but the verdict is sent later: the packet is delayed. It is the
 * program's no more. A stop or nfqueue_close() sends it at once.
 *
 * @param delay_us microseconds from now; packets leave in the order of their times, equal
 *                 ones as they were decided. Kept by nfqueue_recv(), to some 50 us if it
 *                 is called in time: see nfqueue_timeout()
 * @return as nfqueue_decide(); -ENOSPC the hold limit is reached, to which delayed
 * packets count: the packet is dropped if that is the overload verdict, else it has its
 * verdict at once. Any thread, for a held packet; else as nfqueue_packet_hold(). Source:
 * CLOCK_MONOTONIC.
 */
NFQUEUE_API int nfqueue_decide_after(struct nfqueue_packet *packet,
				     struct nfqueue_verdict verdict, uint64_t delay_us);

/**
 * Decides many packets and sends their verdicts: nfqueue_decide() for each, then
 * nfqueue_flush(). For a thread that decides held packets this is the cheapest way: the
 * reader is not woken.
 *
 * @param packets  `count` packets of this queue
 * @param verdicts as many
 * @return how many of them this call has decided: the others were decided before, or
 * their verdict is none (they stay undecided); or the error of nfqueue_flush(). Thread
 * rule: as nfqueue_decide(). Source: nfqnl_recv_verdict_batch().
 */
NFQUEUE_API int nfqueue_decide_all(struct nfqueue *queue,
				   struct nfqueue_packet *const *packets,
				   const struct nfqueue_verdict *verdicts, size_t count);

/** nfqueue_decide() with NFQUEUE_ACCEPT. Source: NF_ACCEPT. */
NFQUEUE_API int nfqueue_accept(struct nfqueue_packet *packet);

/** nfqueue_decide() with NFQUEUE_DROP. Source: NF_DROP. */
NFQUEUE_API int nfqueue_drop(struct nfqueue_packet *packet);

/**
 * Keeps a packet beyond its batch: it stays valid until the program decides it, in any
 * thread, also if a deadline or a stop has decided it before; at the latest until
 * nfqueue_close(), which gives the default verdict. The held packets that one thread
 * decides leave the kernel in the order in which it decides them.
 *
 * @return 0; -EALREADY it is decided; -ENOSPC the hold limit is reached: the packet has
 * got the overload verdict, and is not held.
 * Thread rule: the reader; in a decide function, the thread that it runs in.
 * Source: nfqueue_recv() above.
 */
NFQUEUE_API int nfqueue_packet_hold(struct nfqueue_packet *packet);

/**
 * nfqueue_packet_hold() with a deadline.
 *
 * @param timeout_ms milliseconds from now
 * @param verdict    what the packet gets then, if it is undecided. The program's own
 *                   verdict comes too late after that, but must still be given: it is
 *                   answered with -EALREADY, and lets go of the packet
 * @return as nfqueue_packet_hold(); -EINVAL no verdict the kernel knows.
 * Deadlines are kept by nfqueue_recv(), to the millisecond if it is called in time: see
 * nfqueue_timeout(). Any number costs the same a packet. Source: CLOCK_MONOTONIC.
 */
NFQUEUE_API int nfqueue_packet_hold_for(struct nfqueue_packet *packet,
					uint32_t timeout_ms,
					struct nfqueue_verdict verdict);

/** For programs that poll() nfqueue_fd(): milliseconds until nfqueue_recv() should be
 * called for a deadline, or for verdicts that must be tried again; -1: for neither.
 * Any thread. Source: poll(2). */
NFQUEUE_API int nfqueue_timeout(struct nfqueue *queue);

/**
 * Sends the verdicts noted so far: of the reader all, of another thread those for held
 * packets. Packets of the batch that have none yet stay valid.
 *
 * @return 0; -ENOBUFS, -ENOMEM no memory now: the verdicts are kept for the next try.
 * That the kernel refused a verdict is read later: see nfqueue_recv() and nfqueue_stats.
 * Any thread. Source: netlink_sendmsg().
 */
NFQUEUE_API int nfqueue_flush(struct nfqueue *queue);

/**
 * Changes how many bytes of each packet are copied, or how many packets may wait. The
 * socket's buffer grows with them if its size was left to the library.
 *
 * @return 0; -EINVAL out of range; -EPERM no CAP_NET_ADMIN; -ESHUTDOWN an engine has
 * decided what it received, and closes. Packets that arrive meanwhile
 * are kept for nfqueue_recv(); a reader asleep in it steps aside. Any thread. Source:
 * NFQA_CFG_PARAMS, NFQA_CFG_QUEUE_MAXLEN.
 */
NFQUEUE_API int nfqueue_set_copy_range(struct nfqueue *queue, uint32_t copy_range);
NFQUEUE_API int nfqueue_set_max_length(struct nfqueue *queue, uint32_t max_length);

/**
 * Turns the features in `mask` on or off as their bits in `flags` say, one by one.
 *
 * @return 0; -EINVAL an unknown bit; -EOPNOTSUPP this kernel lacks one (the text names
 * it; the others are set); -ESHUTDOWN as above. Any thread. Source: NFQA_CFG_FLAGS,
 * NFQA_CFG_MASK.
 */
NFQUEUE_API int nfqueue_set_flags(struct nfqueue *queue, uint32_t flags, uint32_t mask);

/**
 * What flow verdicts write into the packet mark from now on: what the rules tell that are
 * to save it (nfqueue_rules_flow_marks() in rules.h). With NFQUEUE_CONNTRACK in force the
 * kernel writes it into the connection's mark, too.
 *
 * Careful with rules of your own: a flow verdict leaves the queue as an accept, so that
 * its mark can be saved. A chain behind the queue must save it (`ct mark set`), and must
 * drop what carries the drop mark: without that the packet passes.
 *
 * @param marks copied; mask 0: flow verdicts are plain verdicts, as at the beginning
 * @return 0; -EINVAL a mark is outside of the mask, or both are the same.
 * Any thread. Source: NFQA_MARK.
 */
NFQUEUE_API int nfqueue_set_flow_marks(struct nfqueue *queue,
				       const struct nfqueue_flow_marks *marks);

/**
 * The queue's counts, all of one moment. Any thread.
 *
 * @param stats its member `size` says how much of it is filled
 * @return 0; -EINVAL size is 0.
 * Source: ids of packets, /proc/net/netfilter/nfnetlink_queue (lost_full).
 */
NFQUEUE_API int nfqueue_stats_get(struct nfqueue *queue, struct nfqueue_stats *stats);

/**
 * The kernel's table of queues in this network namespace.
 *
 * @param rows out: up to `max` rows
 * @return how many queues there are, more than `max` perhaps; -ENOENT no nfnetlink_queue
 * in this kernel; -EBADMSG the table has a form unknown to us.
 * Any thread. Source: /proc/net/netfilter/nfnetlink_queue, seq_show().
 */
NFQUEUE_API int nfqueue_kernel_queues(struct nfqueue_kernel_queue *rows, size_t max);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The engine: a range of queues, one thread for each, or a reader and several deciders,
 * and one decide function. nfqueue_run() is all that a simple program needs.
 */
#ifndef NFQUEUE_ENGINE_H
#define NFQUEUE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/packet.h>
#include <nfqueue/queue.h>
#include <nfqueue/verdict.h>
#include <nfqueue/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nfqueue_engine;

/**
 * Decides one packet. Called by the worker of the packet's queue, or by one of its
 * deciders: for packets of one flow one after the other, else at the same time in several
 * threads, see nfqueue_engine_thread(). Must not call nfqueue_recv() or nfqueue_close().
 * A packet that it decided itself with nfqueue_decide(), or holds, keeps that; the
 * returned verdict is then ignored.
 */
typedef struct nfqueue_verdict (*nfqueue_decide_fn)(struct nfqueue_packet *packet,
						    void *ctx);

/** nfqueue_worker_options.flags: the threads stay on their CPUs. */
#define NFQUEUE_WORKER_PIN (1u << 0)

/** How one queue is served. Zero means the default everywhere. */
struct nfqueue_worker_options {
	size_t size;       /**< sizeof(struct nfqueue_worker_options) */
	uint32_t deciders; /**< threads that decide, at most 250; 0: the one that reads */
	uint32_t ring_size; /**< packets that may wait for each of them; 0: 1,024 */
	uint32_t overload;  /**< enum nfqueue_overload: when such a ring is full */
	uint32_t flags;     /**< NFQUEUE_WORKER_PIN */
	uint32_t cpu;       /**< pinned: the reader's; the deciders take the next ones */
};

/** What was short. Counts are told in struct nfqueue_stats, too. */
enum nfqueue_event_kind {
	NFQUEUE_EVENT_QUEUE_FULL,  /**< packets found the kernel's queue full: lost */
	NFQUEUE_EVENT_SOCKET_FULL, /**< ... the socket's buffer: lost, or passed */
	NFQUEUE_EVENT_HOLD_FULL,   /**< packets found the hold limit reached */
	NFQUEUE_EVENT_RING_FULL,   /**< ... a decider's ring full, or the reader waited */
	NFQUEUE_EVENT_BUFFER_GREW, /**< the socket's buffer was enlarged */
};

struct nfqueue_event {
	size_t size; /**< sizeof(struct nfqueue_event) */
	enum nfqueue_event_kind kind;
	uint32_t queue; /**< its number */
	uint64_t count; /**< since this was told last */
	uint64_t total;
};

struct nfqueue_engine_options {
	size_t size;          /**< sizeof(struct nfqueue_engine_options) */
	uint32_t first_queue; /**< number of the first queue */
	uint32_t queue_count; /**< so many queues from there on; 0: one */
	nfqueue_decide_fn decide;
	void *ctx; /**< handed to every callback */
	/** How each queue is opened; `queue` in it is ignored. NULL: the defaults. */
	const struct nfqueue_options *queue_options;
	/** nfqueue_run() only: called when all queues are open, before the first packet
	 * is decided; a negative return ends the run with that code. The place to install
	 * rules. May be NULL. */
	int (*started)(struct nfqueue_engine *engine, void *ctx);
	/** nfqueue_run() only: called once when a stop begins, before the queues are
	 * drained. The place to delete rules, so that nothing new arrives. May be NULL.
	 */
	void (*stopping)(struct nfqueue_engine *engine, void *ctx);
	/** nfqueue_run() only: called when all is decided, before the queues are closed.
	 * The place to read the last counts, and to remove the table of rules. Called
	 * after an error, too, and when `started` has failed. May be NULL. */
	void (*finished)(struct nfqueue_engine *engine, void *ctx);
	/** nfqueue_run() only: called every `tick_ms` by the thread that called it. */
	void (*tick)(struct nfqueue_engine *engine, void *ctx);
	uint32_t tick_ms;
	/** A clean stop decides what waits, at the most so long; 0: 2,000 ms. */
	uint32_t drain_ms;
	/**
	 * nfqueue_run() only: called with why it failed; NULL: the text goes to stderr.
	 */
	void (*error)(const char *text, void *ctx);
	/** How the queues are served. NULL: the defaults, a thread for each. */
	const struct nfqueue_worker_options *worker;
	/** Called for each queue before it is opened, in order: changes what is its own.
	 * A negative return ends the open with that code. May be NULL. */
	int (*prepare)(uint32_t index, struct nfqueue_options *queue,
		       struct nfqueue_worker_options *worker, void *ctx);
	/** Sockets to take over with nfqueue_adopt(), one a queue; -1: open it. They are
	 * the engine's: it closes them also when it fails. NULL: open all. */
	const int *sockets;
	/** nfqueue_run() only: called by its thread when something was short, for each
	 * queue and kind at most once a second. May be NULL. */
	void (*event)(struct nfqueue_engine *engine, const struct nfqueue_event *event,
		      void *ctx);
};

/**
 * Opens the queues, decides packets until SIGINT or SIGTERM or nfqueue_engine_stop(),
 * then decides what still waits, and closes. Blocks both signals in the calling thread,
 * from before the queues are opened, while it runs, and restores them.
 *
 * @param options decide must be set
 * @return 0 after a clean stop, or what nfqueue_open() or pthread_create() said; -EINVAL
 * an option is out of its range. Why is told to options->error.
 * Thread rule: any thread; the callbacks say who calls them. Source: signalfd(2).
 */
NFQUEUE_API int nfqueue_run(const struct nfqueue_engine_options *options);

/**
 * Opens the queues; starts no thread. The callbacks marked nfqueue_run() are not called.
 *
 * @param engine out: the handle, also when it failed: for nfqueue_engine_error() and
 *               nfqueue_engine_free(). NULL only for -ENOMEM.
 * @return 0, or as nfqueue_run(). Thread rule: any thread. Source: nfqueue_open().
 */
NFQUEUE_API int nfqueue_engine_new(struct nfqueue_engine **engine,
				   const struct nfqueue_engine_options *options);

/** Starts the workers, once. @return 0; -EALREADY it was started before; or -errno of
 * pthread_create(), with none left running.
 * Thread rule: the thread that made the engine. Source: pthread_create(3). */
NFQUEUE_API int nfqueue_engine_start(struct nfqueue_engine *engine);

/** Begins a clean stop and returns at once. Any thread, signal handlers too; not any more
 * once `finished` has begun. Source: nfqueue_wake(). */
NFQUEUE_API void nfqueue_engine_stop(struct nfqueue_engine *engine);

/** As nfqueue_engine_stop(), but what waits in the kernel is left for who takes over the
 * sockets: the workers decide what they have received, send it, and end. Held packets get
 * the default verdict. Any thread. Source: nfqueue_adopt(). */
NFQUEUE_API void nfqueue_engine_release(struct nfqueue_engine *engine);

/** Waits until all workers have decided what waited, and have ended.
 * @return 0, or the first error that ended a worker.
 * Thread rule: the thread that made the engine. Source: pthread_join(3). */
NFQUEUE_API int nfqueue_engine_wait(struct nfqueue_engine *engine);

/** Stops, waits, closes the queues, frees. @param engine may be NULL.
 * Thread rule: the thread that made the engine. Source: nfqueue_close(). */
NFQUEUE_API void nfqueue_engine_free(struct nfqueue_engine *engine);

/** What went wrong last, in words; "" if nothing did. A copy: lives until the calling
 * thread asks again. Any thread. Source: nfqueue_error(). */
NFQUEUE_API const char *nfqueue_engine_error(const struct nfqueue_engine *engine);

/** The number of queues. Any thread. Source: queue_count. */
NFQUEUE_API uint32_t nfqueue_engine_count(const struct nfqueue_engine *engine);

/** Queue `index` (0..count-1), for its number and stats only; NULL if out of range.
 * Any thread. Source: nfqueue_open(). */
NFQUEUE_API struct nfqueue *nfqueue_engine_queue(struct nfqueue_engine *engine,
						 uint32_t index);

/** How many threads may call the decide function. Any thread. Source:
 * nfqueue_worker_options.
 */
NFQUEUE_API uint32_t nfqueue_engine_threads(const struct nfqueue_engine *engine);

/** In a decide function: which of these threads calls it, 0..threads - 1; elsewhere 0.
 * For what each thread has to itself. Source: nfqueue_engine_threads(). */
NFQUEUE_API uint32_t nfqueue_engine_thread(void);

/**
 * In a decide function: sends the verdicts that this thread has given before, so that
 * they are in front of packets which the program sends itself. Elsewhere it does nothing.
 *
 * @return 0, or the error of nfqueue_flush(). Source: nfqueue_flush().
 */
NFQUEUE_API int nfqueue_engine_flush(void);

/** nfqueue_set_copy_range() for all queues. @return 0, or the first error; the other
 * queues are changed. Any thread. Source: NFQA_CFG_PARAMS. */
NFQUEUE_API int nfqueue_engine_set_copy_range(struct nfqueue_engine *engine,
					      uint32_t copy_range);

/** nfqueue_set_flow_marks() for all queues. @return as that. Any thread.
 * Source: NFQA_MARK. */
NFQUEUE_API int nfqueue_engine_set_flow_marks(struct nfqueue_engine *engine,
					      const struct nfqueue_flow_marks *marks);

/**
 * The sum over all queues. Errors and thread rule as nfqueue_stats_get().
 * Source: nfqueue_stats_get().
 */
NFQUEUE_API int nfqueue_engine_stats_get(struct nfqueue_engine *engine,
					 struct nfqueue_stats *stats);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The engine: a range of queues, one thread for each, one decide function.
 * nfqueue_run() is all that a simple program needs.
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
 * Decides one packet. Called by the worker of the packet's queue: for different queues at
 * the same time, for one queue one after the other. Must not call nfqueue_recv(),
 * nfqueue_flush() or nfqueue_close(). A packet that it decided itself with
 * nfqueue_decide(), or holds, keeps that; the returned verdict is then ignored.
 */
typedef struct nfqueue_verdict (*nfqueue_decide_fn)(struct nfqueue_packet *packet,
						    void *ctx);

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

/** Starts the workers. @return 0, or -errno of pthread_create(), with none left running.
 * Thread rule: the thread that made the engine. Source: pthread_create(3). */
NFQUEUE_API int nfqueue_engine_start(struct nfqueue_engine *engine);

/** Begins a clean stop and returns at once. Any thread, signal handlers too.
 * Source: nfqueue_wake(). */
NFQUEUE_API void nfqueue_engine_stop(struct nfqueue_engine *engine);

/** Waits until all workers have decided what waited, and have ended.
 * @return 0, or the first error that ended a worker.
 * Thread rule: the thread that made the engine. Source: pthread_join(3). */
NFQUEUE_API int nfqueue_engine_wait(struct nfqueue_engine *engine);

/** Stops, waits, closes the queues, frees. @param engine may be NULL.
 * Thread rule: the thread that made the engine. Source: nfqueue_close(). */
NFQUEUE_API void nfqueue_engine_free(struct nfqueue_engine *engine);

/** What went wrong last, in words; "" if nothing did. Lives until the next call on the
 * handle. Thread rule: the thread that made the engine. Source: nfqueue_error(). */
NFQUEUE_API const char *nfqueue_engine_error(const struct nfqueue_engine *engine);

/** The number of queues. Any thread. Source: queue_count. */
NFQUEUE_API uint32_t nfqueue_engine_count(const struct nfqueue_engine *engine);

/** Queue `index` (0..count-1), for its number and stats only; NULL if out of range.
 * Any thread. Source: nfqueue_open(). */
NFQUEUE_API struct nfqueue *nfqueue_engine_queue(struct nfqueue_engine *engine,
						 uint32_t index);

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

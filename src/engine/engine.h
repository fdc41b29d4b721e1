/* SPDX-License-Identifier: MIT */
/* What the files of the engine share. */
#ifndef NFQUEUE_ENGINE_INTERNAL_H
#define NFQUEUE_ENGINE_INTERNAL_H

#include <nfqueue/engine.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "engine/ring.h"

#define ENGINE_ERROR_MAX 512

/* Packets a decider takes from its ring, and decides before it sends, at the most. */
#define DECIDER_BATCH 64u

struct sender;
struct worker;

/* A thread that decides what the reader of its queue hands to it. */
struct decider {
	struct worker *worker;
	struct sender *sender;
	struct ring ring;
	uint32_t index; /* among those of its queue */
	uint32_t thread_number;
	pthread_t thread;
	bool started;
	int result;
	/* Both sleep rarely, and only then the other one takes the lock. */
	pthread_mutex_t lock;
	pthread_cond_t filled, drained;
	atomic_bool sleeps;       /* the decider, on an empty ring */
	atomic_bool reader_waits; /* on a full one */
	atomic_bool failed;       /* it ended before it was told to */
	bool stop;                /* under lock: end when the ring is empty */
	bool ended;               /* under lock: it does nothing more */
	atomic_bool hurry;        /* the time is over: default verdicts for the rest */
	struct nfqueue_packet *packets[DECIDER_BATCH];
	/* Not yet sent: `decided_count` of them. */
	struct nfqueue_packet *decided[DECIDER_BATCH];
	uint32_t decided_count;
};

/* One queue, the thread that reads it, and those that decide for it. */
struct worker {
	struct nfqueue_engine *engine;
	struct nfqueue *queue;
	struct nfqueue_packet **packets; /* batch_size of them */
	unsigned int batch_size;
	struct nfqueue_worker_options options;
	uint32_t thread_number; /* of the first thread that decides */
	struct decider *deciders;
	uint64_t end; /* of the drain, by clock_ms(); 0: no stop was seen yet. Its own */
	pthread_t thread;
	bool started;
	int result;
};

/* How often each kind of event had happened when it was told last. */
#define EVENT_KINDS 5u
struct events_seen {
	uint64_t totals[EVENT_KINDS];
};

struct nfqueue_engine {
	struct nfqueue_engine_options options;
	struct nfqueue_options queue_options;
	struct nfqueue_worker_options worker_options;
	struct worker *workers;
	struct events_seen *seen; /* one a worker */
	uint32_t count;
	uint32_t opened;  /* so many of them, or tried */
	uint32_t threads; /* that decide */
	bool was_started;
	/* Set by nfqueue_engine_stop(), read by workers once a batch. Relaxed: it carries
	 * no data, and nfqueue_wake() makes a sleeping worker look. */
	atomic_bool stopping;
	atomic_bool releasing; /* and leave to others what waits in the kernel */
	/* nfqueue_run() drives: a stop is told to it, and it stops the workers when its
	 * `stopping` callback has returned. Set before the first worker starts. */
	bool driven;
	int event; /* eventfd: readable once a stop begins or a worker has failed */
	pthread_mutex_t error_lock;
	char error[ENGINE_ERROR_MAX];
};

/* error.c */
int engine_error(struct nfqueue_engine *engine, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* engine.c */
/* Makes the workers drain and end. Async-signal-safe. */
void engine_stop_workers(struct nfqueue_engine *engine);
void engine_tell(struct nfqueue_engine *engine);

/* thread.c */
/* Starts a thread that takes no signals, on CPU `place` of the worker's if it is pinned.
 * Returns 0 or a positive errno. */
int thread_start(pthread_t *thread, const struct worker *worker, uint32_t place,
		 void *(*run)(void *argument), void *argument);
/* Names this thread: a worker, or one of its deciders, else NULL. */
void thread_introduce(struct worker *worker, struct decider *decider);

/* worker.c */
int worker_open(struct nfqueue_engine *engine, uint32_t index);
void worker_close(struct worker *worker);
int worker_start(struct worker *worker);
int worker_join(struct worker *worker);
/* When the time to drain is over, from the first call on. Its thread. */
uint64_t worker_end(struct worker *worker);

/* decider.c */
int deciders_new(struct worker *worker);
void deciders_free(struct worker *worker);
int deciders_start(struct worker *worker);
/* Tells them to end when their rings are empty, and waits; from `end` on, by clock_ms(),
 * the rest gets the default verdict. Returns 0 or the first error. */
int deciders_stop(struct worker *worker, uint64_t end);

/* Sends what it has decided. Its thread. Returns 0 or -errno. */
int decider_flush(struct decider *decider);

/* dispatch.c */
/* Hands a batch to the deciders. Returns 0 or -errno. */
int dispatch(struct worker *worker, int count);

/* event.c */
/* Tells what has happened since it was told last. */
void events_tell(struct nfqueue_engine *engine);

#endif

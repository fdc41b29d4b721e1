/* SPDX-License-Identifier: MIT */
/* What the files of the engine share. */
#ifndef NFQUEUE_ENGINE_INTERNAL_H
#define NFQUEUE_ENGINE_INTERNAL_H

#include <nfqueue/engine.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define ENGINE_ERROR_MAX 512

/* One queue and the thread that reads it. */
struct worker {
	struct nfqueue_engine *engine;
	struct nfqueue *queue;
	struct nfqueue_packet **packets; /* batch_size of them */
	pthread_t thread;
	bool started;
	int result;
};

struct nfqueue_engine {
	struct nfqueue_engine_options options;
	struct nfqueue_options queue_options;
	unsigned int batch_size;
	struct worker *workers;
	uint32_t count;
	/* Set by nfqueue_engine_stop(), read by workers once a batch. Relaxed: it carries
	 * no data, and nfqueue_wake() makes a sleeping worker look. */
	atomic_bool stopping;
	/* nfqueue_run() drives: a stop is told to it, and it stops the workers when its
	 * `stopping` callback has returned. Set before the first worker starts. */
	bool driven;
	int event; /* eventfd: readable once a stop begins or a worker has failed */
	char error[ENGINE_ERROR_MAX];
};

/* error.c */
int engine_error(struct nfqueue_engine *engine, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* engine.c */
/* Makes the workers drain and end. Async-signal-safe. */
void engine_stop_workers(struct nfqueue_engine *engine);
void engine_tell(struct nfqueue_engine *engine);

/* worker.c */
int worker_start(struct worker *worker);
int worker_join(struct worker *worker);

#endif

/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEFAULT_DRAIN_MS 2000u
#define QUEUE_NUMBERS 65536u

static int check_options(struct nfqueue_engine *engine,
			 const struct nfqueue_engine_options *options)
{
	if (!options || options->size == 0)
		return engine_error(engine, -EINVAL,
				    "set nfqueue_engine_options.size to "
				    "sizeof(struct nfqueue_engine_options)");
	if (options->queue_options && options->queue_options->size == 0)
		return engine_error(engine, -EINVAL,
				    "set nfqueue_options.size to "
				    "sizeof(struct nfqueue_options)");
	if (engine->options.worker && engine->options.worker->size == 0)
		return engine_error(engine, -EINVAL,
				    "set nfqueue_worker_options.size to "
				    "sizeof(struct nfqueue_worker_options)");
	if (!engine->options.decide)
		return engine_error(engine, -EINVAL,
				    "nfqueue_engine_options.decide is not set");
	if (engine->options.first_queue >= QUEUE_NUMBERS ||
	    engine->count > QUEUE_NUMBERS - engine->options.first_queue)
		return engine_error(engine, -EINVAL,
				    "queues %u to %u: the last number is 65535",
				    engine->options.first_queue,
				    engine->options.first_queue + engine->count - 1);
	return 0;
}

/* A caller built against an older, shorter struct leaves the newer members at zero. */
static void take_options(struct nfqueue_engine *engine,
			 const struct nfqueue_engine_options *options)
{
	const struct nfqueue_worker_options *worker;
	const struct nfqueue_options *queue;

	if (options)
		memcpy(&engine->options, options,
		       options->size < sizeof(*options) ? options->size
							: sizeof(*options));
	queue = engine->options.queue_options;
	engine->queue_options.size = sizeof(engine->queue_options);
	if (queue)
		memcpy(&engine->queue_options, queue,
		       queue->size < sizeof(*queue) ? queue->size : sizeof(*queue));
	worker = engine->options.worker;
	if (worker)
		memcpy(&engine->worker_options, worker,
		       worker->size < sizeof(*worker) ? worker->size : sizeof(*worker));
	engine->worker_options.size = sizeof(engine->worker_options);
	engine->count = engine->options.queue_count ? engine->options.queue_count : 1;
	if (!engine->options.drain_ms)
		engine->options.drain_ms = DEFAULT_DRAIN_MS;
}

static int open_workers(struct nfqueue_engine *engine,
			const struct nfqueue_engine_options *options)
{
	int err;

	take_options(engine, options);
	err = check_options(engine, options);
	if (err < 0)
		return err;
	engine->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->event < 0)
		return engine_error(engine, -errno, "cannot make an eventfd: %s",
				    strerror(errno));
	engine->workers = calloc(engine->count, sizeof(*engine->workers));
	engine->seen = calloc(engine->count, sizeof(*engine->seen));
	if (!engine->workers || !engine->seen)
		return engine_error(engine, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < engine->count && err == 0; i++)
		err = worker_open(engine, engine->opened++);
	return err;
}

/* They are ours to close, too, if it came to no use of them. */
static void close_sockets(struct nfqueue_engine *engine)
{
	const int *sockets = engine->options.sockets;

	for (uint32_t i = engine->opened; sockets && i < engine->count; i++)
		if (sockets[i] >= 0)
			close(sockets[i]);
}

static void close_workers(struct nfqueue_engine *engine)
{
	for (uint32_t i = 0; engine->workers && i < engine->count; i++)
		worker_close(&engine->workers[i]);
	free(engine->workers);
	free(engine->seen);
	engine->seen = NULL;
	engine->workers = NULL;
}

int nfqueue_engine_new(struct nfqueue_engine **engine,
		       const struct nfqueue_engine_options *options)
{
	int err;

	*engine = calloc(1, sizeof(**engine));
	if (!*engine)
		return -ENOMEM;
	pthread_mutex_init(&(*engine)->error_lock, NULL);
	(*engine)->event = -1;
	err = open_workers(*engine, options);
	if (err < 0) {
		close_sockets(*engine);
		close_workers(*engine);
	}
	return err;
}

int nfqueue_engine_start(struct nfqueue_engine *engine)
{
	int err = 0;

	if (!engine->workers)
		return engine_error(engine, -EINVAL, "this engine was not opened");
	if (engine->was_started)
		return engine_error(engine, -EALREADY,
				    "this engine runs already, or has: make another one");
	engine->was_started = true;
	for (uint32_t i = 0; i < engine->count && err == 0; i++)
		err = worker_start(&engine->workers[i]);
	if (err < 0) {
		engine_stop_workers(engine);
		for (uint32_t i = 0; i < engine->count; i++)
			worker_join(&engine->workers[i]);
	}
	return err;
}

/* Async-signal-safe. It cannot fail but when it is told already. */
void engine_tell(struct nfqueue_engine *engine)
{
	const uint64_t one = 1;
	int saved = errno;

	if (write(engine->event, &one, sizeof(one)) < 0)
		errno = saved;
}

void engine_stop_workers(struct nfqueue_engine *engine)
{
	atomic_store_explicit(&engine->stopping, true, memory_order_release);
	for (uint32_t i = 0; engine->workers && i < engine->count; i++)
		nfqueue_wake(engine->workers[i].queue);
}

void nfqueue_engine_stop(struct nfqueue_engine *engine)
{
	if (!engine->driven)
		engine_stop_workers(engine);
	/* Last: nfqueue_run() may free the engine as soon as it is told. */
	engine_tell(engine);
}

void nfqueue_engine_release(struct nfqueue_engine *engine)
{
	atomic_store_explicit(&engine->releasing, true, memory_order_relaxed);
	nfqueue_engine_stop(engine);
}

int nfqueue_engine_wait(struct nfqueue_engine *engine)
{
	int err, first = 0;

	for (uint32_t i = 0; engine->workers && i < engine->count; i++) {
		err = worker_join(&engine->workers[i]);
		if (first == 0)
			first = err;
	}
	return first;
}

void nfqueue_engine_free(struct nfqueue_engine *engine)
{
	if (!engine)
		return;
	engine_stop_workers(engine);
	nfqueue_engine_wait(engine);
	close_workers(engine);
	if (engine->event >= 0)
		close(engine->event);
	pthread_mutex_destroy(&engine->error_lock);
	free(engine);
}

uint32_t nfqueue_engine_count(const struct nfqueue_engine *engine)
{
	return engine->count;
}

struct nfqueue *nfqueue_engine_queue(struct nfqueue_engine *engine, uint32_t index)
{
	return engine->workers && index < engine->count ? engine->workers[index].queue
							: NULL;
}

uint32_t nfqueue_engine_threads(const struct nfqueue_engine *engine)
{
	return engine->threads;
}

/* The first error, in words, too. */
static int note(struct nfqueue_engine *engine, uint32_t index, int err, int first)
{
	if (err < 0 && first == 0)
		engine_error(engine, err, "%s",
			     nfqueue_error(engine->workers[index].queue));
	return first ? first : err;
}

int nfqueue_engine_set_copy_range(struct nfqueue_engine *engine, uint32_t copy_range)
{
	int first = 0;

	for (uint32_t i = 0; engine->workers && i < engine->count; i++)
		first = note(engine, i,
			     nfqueue_set_copy_range(engine->workers[i].queue, copy_range),
			     first);
	return first;
}

int nfqueue_engine_set_flow_marks(struct nfqueue_engine *engine,
				  const struct nfqueue_flow_marks *marks)
{
	int first = 0;

	for (uint32_t i = 0; engine->workers && i < engine->count; i++)
		first = note(engine, i,
			     nfqueue_set_flow_marks(engine->workers[i].queue, marks),
			     first);
	return first;
}

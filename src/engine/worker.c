/* SPDX-License-Identifier: MIT */
/*
 * A worker: receive a batch, decide each packet or hand it to a decider; the next receive
 * sends the verdicts.
 */
#include "engine/engine.h"

#include "queue/clock.h"
#include "queue/passing.h"
#include "queue/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_BATCH_SIZE 64u
#define DEFAULT_RING_SIZE 1024u
#define RING_SIZE_LIMIT 65536u
#define DECIDERS_LIMIT 250u

/*
 * A deleted rule may still be under way on another CPU when the kernel has acknowledged
 * its deletion (nf_tables frees it after a grace period): the queue is empty when nothing
 * came for so long.
 */
#define QUIET_MS 20

static int check_options(struct worker *worker, uint32_t copy_range)
{
	struct nfqueue_worker_options *options = &worker->options;
	uint32_t size = 4; /* the least that ck_ring_init() takes */

	if (options->deciders > DECIDERS_LIMIT)
		return engine_error(worker->engine, -EINVAL, "%u deciders: at most %u",
				    options->deciders, DECIDERS_LIMIT);
	if (options->ring_size > RING_SIZE_LIMIT)
		return engine_error(worker->engine, -EINVAL,
				    "a ring of %u packets: at most %u",
				    options->ring_size, RING_SIZE_LIMIT);
	if (options->flags & ~NFQUEUE_WORKER_PIN)
		return engine_error(worker->engine, -EINVAL, "unknown worker flags 0x%x",
				    options->flags & ~NFQUEUE_WORKER_PIN);
	if (options->deciders > 1 && copy_range == NFQUEUE_COPY_META)
		return engine_error(worker->engine, -EINVAL,
				    "%u deciders: without payload no flow can be told, "
				    "use one, or a copy range",
				    options->deciders);
	if (options->overload > NFQUEUE_OVERLOAD_WAIT)
		return engine_error(worker->engine, -EINVAL, "unknown overload %u",
				    options->overload);
	if (!options->ring_size)
		options->ring_size = DEFAULT_RING_SIZE;
	while (size < options->ring_size + 1) /* one place stays empty */
		size *= 2;
	options->ring_size = size;
	return 0;
}

/* A socket to take over is ours to close also after an error before. */
static int open_queue(struct worker *worker, const struct nfqueue_options *options,
		      uint32_t index, int err)
{
	const int *sockets = worker->engine->options.sockets;
	int fd = sockets ? sockets[index] : -1;

	if (err < 0) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	err = fd < 0 ? nfqueue_open(&worker->queue, options)
		     : nfqueue_adopt(&worker->queue, fd, options);
	if (err < 0)
		engine_error(worker->engine, err, "%s", nfqueue_error(worker->queue));
	return err;
}

int worker_open(struct nfqueue_engine *engine, uint32_t index)
{
	const struct nfqueue_engine_options *options = &engine->options;
	struct worker *worker = &engine->workers[index];
	struct nfqueue_options queue = engine->queue_options;
	int err = 0;

	worker->engine = engine;
	worker->options = engine->worker_options;
	if (options->prepare)
		err = options->prepare(index, &queue, &worker->options, options->ctx);
	if (err < 0)
		engine_error(engine, err, "queue %u: prepare() failed",
			     options->first_queue + index);
	queue.queue = options->first_queue + index;
	worker->batch_size = queue.batch_size ? queue.batch_size : DEFAULT_BATCH_SIZE;
	if (err == 0)
		err = check_options(worker, queue.copy_range);
	err = open_queue(worker, &queue, index, err);
	if (err < 0)
		return err;
	worker->thread_number = engine->threads;
	engine->threads += worker->options.deciders ? worker->options.deciders : 1;
	worker->packets = calloc(worker->batch_size, sizeof(*worker->packets));
	if (!worker->packets || deciders_new(worker) < 0)
		return engine_error(engine, -ENOMEM, "out of memory");
	return 0;
}

void worker_close(struct worker *worker)
{
	nfqueue_close(worker->queue);
	deciders_free(worker);
	free(worker->packets);
}

static void decide_batch(struct worker *worker, int count)
{
	const struct nfqueue_engine_options *options = &worker->engine->options;

	for (int i = 0; i < count; i++) {
		struct nfqueue_packet *packet = worker->packets[i];
		struct nfqueue_verdict verdict = options->decide(packet, options->ctx);

		/* Refused only when the callback decided it itself. */
		if (!packet_was_held(packet))
			nfqueue_decide(packet, verdict);
	}
}

static bool is_set(const atomic_bool *flag)
{
	return atomic_load_explicit(flag, memory_order_acquire);
}

static int work(struct worker *worker, int timeout_ms)
{
	int count = nfqueue_recv(worker->queue, worker->packets, worker->batch_size,
				 timeout_ms);
	int err = 0;

	if (count <= 0)
		return count;
	if (worker->deciders)
		err = dispatch(worker, count);
	else
		decide_batch(worker, count);
	return err < 0 ? err : count;
}

static int drain(struct worker *worker, uint64_t end)
{
	uint64_t now = clock_ms(), quiet = now + QUIET_MS;
	int count;

	/* 0 may also be the answer to a nfqueue_wake(): the time tells whether it is
	 * quiet. */
	do {
		count = work(worker, QUIET_MS);
		now = clock_ms();
		if (count != 0)
			quiet = now + QUIET_MS;
	} while ((count >= 0 || error_passes(count)) && now < quiet && now < end);
	return count < 0 && !error_passes(count) ? count : 0;
}

/* What was received is decided, and no more is. */
static int finish_received(struct worker *worker)
{
	int count = 0;

	while ((count >= 0 || error_passes(count)) && queue_has_backlog(worker->queue) &&
	       clock_ms() < worker_end(worker))
		count = work(worker, 0);
	return count < 0 && !error_passes(count) ? count : 0;
}

uint64_t worker_end(struct worker *worker)
{
	if (!worker->end)
		worker->end = clock_ms() + worker->engine->options.drain_ms;
	return worker->end;
}

static int stop(struct worker *worker)
{
	uint64_t end = worker_end(worker);
	int err = is_set(&worker->engine->releasing) ? finish_received(worker)
						     : drain(worker, end);
	int failed = deciders_stop(worker, end);

	if (err == 0)
		err = failed;
	return err < 0 ? err : queue_settle(worker->queue);
}

static int work_until_stop(struct worker *worker)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int count = 0;

	while (!is_set(&worker->engine->stopping)) {
		count = work(worker, -1);
		if (count >= 0)
			continue;
		if (!error_passes(count))
			return count;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	int err;

	thread_introduce(worker, NULL);
	worker->result = work_until_stop(worker);
	if (worker->result == 0) {
		worker->result = stop(worker);
		return NULL;
	}
	/* Without it its queue fills: the others shall not go on as if nothing was. */
	nfqueue_engine_stop(worker->engine);
	err = deciders_stop(worker, clock_ms());
	if (worker->result == -EPIPE && err < 0)
		worker->result = err; /* the reader only met the end of a decider */
	return NULL;
}

int worker_start(struct worker *worker)
{
	int err = deciders_start(worker);

	if (err == 0)
		err = -thread_start(&worker->thread, worker, 0, worker_main, worker);
	worker->started = err == 0;
	if (err == 0)
		return 0;
	deciders_stop(worker, 0);
	return engine_error(
		worker->engine, err, "cannot start the threads of queue %u%s: %s",
		nfqueue_number(worker->queue),
		worker->options.flags & NFQUEUE_WORKER_PIN ? " on their CPUs" : "",
		strerror(-err));
}

int worker_join(struct worker *worker)
{
	if (!worker->started)
		return 0;
	pthread_join(worker->thread, NULL);
	worker->started = false;
	if (worker->result < 0)
		engine_error(worker->engine, worker->result, "%s",
			     nfqueue_error(worker->queue));
	return worker->result;
}

/* SPDX-License-Identifier: MIT */
/*
 * A worker: receive a batch, decide each packet, and the next receive sends the verdicts.
 */
#include "engine/engine.h"

#include "queue/clock.h"
#include "queue/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * A deleted rule may still be under way on another CPU when the kernel has acknowledged
 * its deletion (nf_tables frees it after a grace period): the queue is empty when nothing
 * came for so long.
 */
#define QUIET_MS 20

static void decide_batch(struct worker *worker, int count)
{
	const struct nfqueue_engine_options *options = &worker->engine->options;

	for (int i = 0; i < count; i++) {
		struct nfqueue_packet *packet = worker->packets[i];
		struct nfqueue_verdict verdict = options->decide(packet, options->ctx);

		/* Refused only when the callback decided it itself. */
		if (!packet_is_held(packet))
			nfqueue_decide(packet, verdict);
	}
}

static bool is_stopping(struct worker *worker)
{
	return atomic_load_explicit(&worker->engine->stopping, memory_order_relaxed);
}

static int work(struct worker *worker, int timeout_ms)
{
	int count = nfqueue_recv(worker->queue, worker->packets,
				 worker->engine->batch_size, timeout_ms);

	if (count > 0)
		decide_batch(worker, count);
	return count;
}

/* No memory to send is no reason to end: the verdicts are kept and sent with the next. */
static bool is_passing(int error)
{
	return error == -ENOBUFS || error == -ENOMEM || error == -EAGAIN;
}

static int drain(struct worker *worker)
{
	uint64_t now = clock_ms(), quiet = now + QUIET_MS;
	uint64_t end = now + worker->engine->options.drain_ms;
	int count;

	/* 0 may also be the answer to a nfqueue_wake(): the time tells whether it is
	 * quiet. */
	do {
		count = work(worker, QUIET_MS);
		now = clock_ms();
		if (count != 0)
			quiet = now + QUIET_MS;
	} while ((count >= 0 || is_passing(count)) && now < quiet && now < end);
	return count < 0 ? count : queue_settle(worker->queue);
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	const struct timespec pause = {.tv_nsec = 1000000};
	char name[16];
	int count;

	snprintf(name, sizeof(name), "nfqueue-%u", nfqueue_number(worker->queue));
	pthread_setname_np(pthread_self(), name);
	while (!is_stopping(worker)) {
		count = work(worker, -1);
		if (count >= 0)
			continue;
		if (!is_passing(count)) {
			/* Without it its queue fills: the others shall not go on as if
			 * nothing was. */
			worker->result = count;
			nfqueue_engine_stop(worker->engine);
			return NULL;
		}
		nanosleep(&pause, NULL);
	}
	worker->result = drain(worker);
	return NULL;
}

/* Signals are for the program's own threads: a worker takes none, but those that tell of
 * a fault of its own. */
static void block_signals(sigset_t *before)
{
	static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				     SIGTRAP, SIGABRT, SIGSYS};
	sigset_t blocked;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(&blocked, faults[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, before);
}

int worker_start(struct worker *worker)
{
	sigset_t before;
	int err;

	block_signals(&before);
	err = pthread_create(&worker->thread, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return engine_error(worker->engine, -err,
				    "cannot start the thread of queue %u: %s",
				    nfqueue_number(worker->queue), strerror(err));
	worker->started = true;
	return 0;
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

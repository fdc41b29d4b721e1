/* SPDX-License-Identifier: MIT */
/*
 * From the reader to the deciders, by flow, so that the packets of a flow keep their
 * order.
 */
#include "engine/engine.h"

#include <nfqueue/view.h>

#include "queue/clock.h"
#include "queue/passing.h"
#include "queue/worker.h"

#include <errno.h>
#include <time.h>

/* While the reader waits for room, it looks after deadlines every so often. */
#define LOOK_MS 1

static uint32_t flow_of(const struct nfqueue_packet *packet)
{
	struct nfqueue_view view;
	struct nfqueue_flow flow;
	const uint8_t *data;
	size_t length;

	data = nfqueue_packet_data(packet, &length);
	if (!data || nfqueue_view_parse(&view, data, length) < 0 ||
	    nfqueue_view_flow(&view, &flow) < 0)
		return 0;
	return nfqueue_flow_hash(&flow, 0);
}

static struct decider *decider_of(struct worker *worker,
				  const struct nfqueue_packet *packet)
{
	uint32_t count = worker->options.deciders;

	/* The upper half: a hash's product takes all its bits. */
	return &worker->deciders[((uint64_t)flow_of(packet) * count) >> 32];
}

static void sleep_for_room(struct decider *decider)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&decider->lock);
	pthread_cond_clockwait(&decider->drained, &decider->lock, CLOCK_MONOTONIC,
			       &until);
	pthread_mutex_unlock(&decider->lock);
}

static void wake(struct decider *decider)
{
	if (!atomic_load(&decider->sleeps))
		return;
	pthread_mutex_lock(&decider->lock);
	pthread_cond_signal(&decider->filled);
	pthread_mutex_unlock(&decider->lock);
}

/* A wakeup for all of a batch: behind the last put. */
static void wake_all(struct worker *worker)
{
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < worker->options.deciders; i++)
		wake(&worker->deciders[i]);
}

/* A stop does not wait for slow decisions for ever: the rest gets the default verdict. */
static void hurry_if_stopping(struct decider *decider)
{
	struct worker *worker = decider->worker;

	if (atomic_load_explicit(&worker->engine->stopping, memory_order_relaxed) &&
	    clock_ms() >= worker_end(worker))
		atomic_store_explicit(&decider->hurry, true, memory_order_relaxed);
}

/* Back-pressure: the kernel's queue fills meanwhile, and decides as it was told to. */
static int put_waiting(struct decider *decider, struct nfqueue_packet *packet)
{
	int err = 0;

	queue_count_wait(decider->worker->queue);
	wake_all(decider->worker); /* those that got some of this batch, too */
	atomic_store(&decider->reader_waits, true);
	while (!ring_put(&decider->ring, packet) && err == 0) {
		wake(decider);
		sleep_for_room(decider);
		hurry_if_stopping(decider);
		err = queue_tend(decider->worker->queue);
		if (atomic_load(&decider->failed))
			err = -EPIPE;
		if (error_passes(err))
			err = 0;
	}
	atomic_store(&decider->reader_waits, false);
	return err;
}

static int hand_over(struct worker *worker, struct nfqueue_packet *packet)
{
	struct decider *decider = decider_of(worker, packet);

	if (ring_put(&decider->ring, packet))
		return 0;
	if (worker->options.overload == NFQUEUE_OVERLOAD_ACCEPT)
		packet_overflow(packet, NFQUEUE_ACCEPT);
	else if (worker->options.overload == NFQUEUE_OVERLOAD_DROP)
		packet_overflow(packet, NFQUEUE_DROP);
	else
		return put_waiting(decider, packet);
	return 0;
}

int dispatch(struct worker *worker, int count)
{
	int err = 0;

	queue_detach(worker->queue);
	for (int i = 0; i < count && err == 0; i++)
		err = hand_over(worker, worker->packets[i]);
	wake_all(worker);
	return err;
}

/* SPDX-License-Identifier: MIT */
/*
 * A decider: takes packets from its ring, decides them, and sends their verdicts itself,
 * so that the kernel's work for them is spread, too.
 */
#include "engine/engine.h"

#include "queue/clock.h"
#include "queue/fetch.h"
#include "queue/passing.h"
#include "queue/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* After this time of deciding no further decision is begun before what is decided is
 * sent.
 */
#define SEND_AFTER_US 500u

static int decider_init(struct worker *worker, uint32_t index)
{
	struct decider *decider = &worker->deciders[index];
	uint32_t size = worker->options.ring_size;

	decider->worker = worker;
	decider->index = index;
	decider->thread_number = worker->thread_number + index;
	pthread_mutex_init(&decider->lock, NULL);
	pthread_cond_init(&decider->filled, NULL);
	pthread_cond_init(&decider->drained, NULL);
	decider->sender = queue_sender_new(worker->queue, DECIDER_BATCH);
	decider->ring.slots = calloc(size, sizeof(*decider->ring.slots));
	ck_ring_init(&decider->ring.ring, size);
	return decider->sender && decider->ring.slots ? 0 : -ENOMEM;
}

int deciders_new(struct worker *worker)
{
	uint32_t count = worker->options.deciders;
	int err = 0;

	if (count == 0)
		return 0;
	worker->deciders = calloc(count, sizeof(*worker->deciders));
	if (!worker->deciders)
		return -ENOMEM;
	for (uint32_t i = 0; i < count && err == 0; i++)
		err = decider_init(worker, i);
	return err;
}

void deciders_free(struct worker *worker)
{
	for (uint32_t i = 0; worker->deciders && i < worker->options.deciders; i++) {
		struct decider *decider = &worker->deciders[i];

		free(decider->ring.slots);
		if (!decider->worker)
			continue;
		pthread_mutex_destroy(&decider->lock);
		pthread_cond_destroy(&decider->filled);
		pthread_cond_destroy(&decider->drained);
	}
	free(worker->deciders);
	worker->deciders = NULL;
}

/* Sleeps until there is something in the ring. False: it stays empty. `sleeps` and the
 * ring are in one total order with dispatch.c's look at them. */
static bool wait_for_packets(struct decider *decider)
{
	bool stop;

	pthread_mutex_lock(&decider->lock);
	atomic_store(&decider->sleeps, true);
	atomic_thread_fence(memory_order_seq_cst);
	while (ring_is_empty(&decider->ring) && !decider->stop)
		pthread_cond_wait(&decider->filled, &decider->lock);
	atomic_store(&decider->sleeps, false);
	stop = decider->stop && ring_is_empty(&decider->ring);
	pthread_mutex_unlock(&decider->lock);
	return !stop;
}

static void tell_reader(struct decider *decider)
{
	if (!atomic_load(&decider->reader_waits))
		return;
	pthread_mutex_lock(&decider->lock);
	pthread_cond_signal(&decider->drained);
	pthread_mutex_unlock(&decider->lock);
}

/* The reader had them last: what it wrote is in another CPU's cache. */
static uint32_t take(struct decider *decider)
{
	uint32_t count = 0;

	while (count < DECIDER_BATCH &&
	       ring_take(&decider->ring, &decider->packets[count]))
		fetch_packet(decider->packets[count++]);
	if (count)
		tell_reader(decider);
	return count;
}

/* The packets are the sender's until it has sent them: the kernel may have no memory. An
 * error ends the decider. */
int decider_flush(struct decider *decider)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct nfqueue_packet **packets = decider->decided;
	struct nfqueue_packet **end = packets + decider->decided_count;
	int sent;

	while (packets < end) {
		sent = queue_send_detached(decider->sender, packets,
					   (size_t)(end - packets));
		if (sent > 0)
			packets += sent;
		else if (error_passes(sent))
			nanosleep(&pause, NULL);
		else
			decider->result = sent;
		if (decider->result < 0)
			break;
	}
	decider->decided_count = 0;
	return decider->result;
}

static bool decide(struct decider *decider, struct nfqueue_packet *packet)
{
	const struct nfqueue_engine_options *options = &decider->worker->engine->options;
	struct nfqueue_verdict verdict;

	if (atomic_load_explicit(&decider->hurry, memory_order_relaxed)) {
		packet_decide_default(packet);
		return true;
	}
	verdict = options->decide(packet, options->ctx);
	if (packet_was_held(packet))
		return false; /* others have it now */
	if (nfqueue_decide(packet, verdict) < 0)
		packet_decide_default(packet);
	return true;
}

/* What it decides may flush, too: that counts as well. */
static int decide_some(struct decider *decider, uint32_t count)
{
	uint64_t begin = clock_us();

	for (uint32_t i = 0; i < count && decider->result == 0; i++) {
		if (decide(decider, decider->packets[i]))
			decider->decided[decider->decided_count++] = decider->packets[i];
		if (decider->decided_count == 0 ||
		    (i + 1 < count && clock_us() < begin + SEND_AFTER_US))
			continue;
		decider_flush(decider);
		begin = clock_us();
	}
	return decider->result;
}

static void tell_end(struct decider *decider)
{
	pthread_mutex_lock(&decider->lock);
	decider->ended = true;
	pthread_cond_signal(&decider->drained);
	pthread_mutex_unlock(&decider->lock);
}

static void *decider_main(void *argument)
{
	struct decider *decider = argument;
	struct worker *worker = decider->worker;
	uint32_t count;
	int err = 0;

	thread_introduce(worker, decider);
	do {
		count = take(decider);
		if (count)
			err = decide_some(decider, count);
	} while (err == 0 && (count || wait_for_packets(decider)));
	if (err < 0) {
		atomic_store(&decider->failed, true);
		nfqueue_engine_stop(worker->engine);
	}
	tell_end(decider);
	return NULL;
}

int deciders_start(struct worker *worker)
{
	int err = 0;

	for (uint32_t i = 0; i < worker->options.deciders && err == 0; i++) {
		struct decider *decider = &worker->deciders[i];

		err = thread_start(&decider->thread, worker, i + 1, decider_main,
				   decider);
		decider->started = err == 0;
	}
	return -err;
}

static void tell_stop(struct decider *decider)
{
	pthread_mutex_lock(&decider->lock);
	decider->stop = true;
	pthread_cond_signal(&decider->filled);
	pthread_mutex_unlock(&decider->lock);
}

static void join(struct decider *decider, uint64_t end)
{
	struct timespec until = {.tv_sec = (time_t)(end / 1000),
				 .tv_nsec = (long)(end % 1000) * 1000000};
	int err = 0;

	pthread_mutex_lock(&decider->lock);
	while (!decider->ended && err == 0)
		err = pthread_cond_clockwait(&decider->drained, &decider->lock,
					     CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&decider->lock);
	if (err != 0)
		atomic_store_explicit(&decider->hurry, true, memory_order_relaxed);
	pthread_join(decider->thread, NULL);
	decider->started = false;
}

int deciders_stop(struct worker *worker, uint64_t end)
{
	int err = 0;

	for (uint32_t i = 0; i < worker->options.deciders; i++)
		if (worker->deciders[i].started)
			tell_stop(&worker->deciders[i]);
	for (uint32_t i = 0; i < worker->options.deciders; i++) {
		struct decider *decider = &worker->deciders[i];

		if (decider->started)
			join(decider, end);
		if (err == 0)
			err = decider->result;
	}
	return err;
}

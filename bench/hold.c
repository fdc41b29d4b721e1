/* SPDX-License-Identifier: MIT */
/*
 * Packets that are held: `--hold` of them wait for their verdict, each `--deadline-ms` at
 * the most, while newer ones come. With `--deciders 1` a second thread decides, else the
 * reader. When nothing comes any more, all are decided.
 */
#include <err.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include <nfqueue/nfqueue.h>

#include "common.h"

#define BATCH 64u
#define LINE_SIZE 131072u /* a power of two, more than may wait in the kernel */
#define QUIET_MS 5

/* The packets of one queue, in the order in which they came. */
struct lane {
	const struct bench_options *options;
	struct nfqueue *queue;
	struct nfqueue_packet **line; /* LINE_SIZE */
	struct nfqueue_packet **window;
	pthread_t reader, decider;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t come, gone; /* under lock: the places in the line */
	bool quiet;          /* under lock: nothing comes now */
	uint64_t random;
};

static void push(struct lane *lane, struct nfqueue_packet **packets, int count)
{
	uint32_t come = lane->come;

	for (int i = 0; i < count; i++)
		lane->line[come++ % LINE_SIZE] = packets[i];
	pthread_mutex_lock(&lane->lock);
	lane->quiet = count == 0;
	lane->come = come;
	pthread_cond_signal(&lane->changed);
	pthread_mutex_unlock(&lane->lock);
}

/* How many may be decided now, with the lock held. In order of arrival: all that are
 * older than the newest `hold`. In another order: a whole window of `hold`. */
static uint32_t decidable(const struct lane *lane)
{
	uint32_t waiting = lane->come - lane->gone, hold = lane->options->hold;

	if (lane->options->order != BENCH_ARRIVAL)
		return waiting >= hold ? hold : lane->quiet ? waiting : 0;
	if (!lane->quiet)
		waiting -= waiting < hold ? waiting : hold;
	return waiting < BATCH ? waiting : BATCH;
}

static void swap(struct nfqueue_packet **a, struct nfqueue_packet **b)
{
	struct nfqueue_packet *held = *a;

	*a = *b;
	*b = held;
}

/* xorshift: the same shuffles in every run. */
static uint32_t below(struct lane *lane, uint32_t limit)
{
	lane->random ^= lane->random << 13;
	lane->random ^= lane->random >> 7;
	lane->random ^= lane->random << 17;
	return (uint32_t)((lane->random >> 32) * limit >> 32);
}

static void reorder(struct lane *lane, uint32_t count)
{
	if (lane->options->order == BENCH_REVERSED)
		for (uint32_t i = 0; i < count / 2; i++)
			swap(&lane->window[i], &lane->window[count - 1 - i]);
	else if (lane->options->order == BENCH_RANDOM)
		for (uint32_t i = count; i > 1; i--)
			swap(&lane->window[i - 1], &lane->window[below(lane, i)]);
}

static void decide(struct lane *lane, uint32_t count)
{
	struct nfqueue_verdict accepts[BATCH];

	for (uint32_t i = 0; i < BATCH; i++)
		accepts[i] = NFQUEUE_ACCEPT;
	for (uint32_t i = 0; i < count; i++)
		lane->window[i] = lane->line[(lane->gone + i) % LINE_SIZE];
	reorder(lane, count);
	for (uint32_t i = 0; i < count; i += BATCH)
		nfqueue_decide_all(lane->queue, lane->window + i, accepts,
				   count - i < BATCH ? count - i : BATCH);
	pthread_mutex_lock(&lane->lock);
	lane->gone += count;
	pthread_mutex_unlock(&lane->lock);
}

static uint32_t wait_for_packets(struct lane *lane)
{
	uint32_t count;

	pthread_mutex_lock(&lane->lock);
	while ((count = decidable(lane)) == 0)
		pthread_cond_wait(&lane->changed, &lane->lock);
	pthread_mutex_unlock(&lane->lock);
	return count;
}

static void *decider_main(void *argument)
{
	struct lane *lane = argument;

	for (;;)
		decide(lane, wait_for_packets(lane));
	return NULL;
}

static void hold(struct lane *lane, struct nfqueue_packet *packet)
{
	uint32_t deadline_ms = lane->options->deadline_ms;
	int err = deadline_ms
			  ? nfqueue_packet_hold_for(packet, deadline_ms, NFQUEUE_ACCEPT)
			  : nfqueue_packet_hold(packet);

	if (err < 0)
		errx(1, "%s", nfqueue_error(lane->queue));
}

static void *reader_main(void *argument)
{
	struct lane *lane = argument;
	struct nfqueue_packet *packets[BATCH];
	uint32_t due;
	int count;

	for (;;) {
		count = nfqueue_recv(lane->queue, packets, BATCH,
				     lane->quiet ? -1 : QUIET_MS);
		if (count < 0)
			errx(1, "%s", nfqueue_error(lane->queue));
		for (int i = 0; i < count; i++)
			hold(lane, packets[i]);
		push(lane, packets, count);
		while (!lane->options->deciders && (due = decidable(lane)))
			decide(lane, due);
	}
	return NULL;
}

static void lane_open(struct lane *lane, const struct bench_options *options,
		      uint32_t number)
{
	struct nfqueue_options queue = {
		.size = sizeof(queue),
		.queue = number,
		.copy_range = options->copy_range,
		.max_length = BENCH_MAX_LENGTH,
		.socket_buffer = BENCH_SOCKET_BUFFER,
		.hold_limit = BENCH_MAX_LENGTH,
	};

	if (nfqueue_open(&lane->queue, &queue) < 0)
		errx(1, "%s", nfqueue_error(lane->queue));
	lane->options = options;
	lane->random = 88172645463325252ull;
	lane->quiet = true;
	lane->line = calloc(LINE_SIZE, sizeof(struct nfqueue_packet *));
	lane->window = calloc(LINE_SIZE, sizeof(struct nfqueue_packet *));
	if (!lane->line || !lane->window)
		err(1, "calloc");
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->changed, NULL);
}

static void start(pthread_t *thread, void *(*run)(void *argument), struct lane *lane)
{
	if (pthread_create(thread, NULL, run, lane))
		errx(1, "pthread_create");
}

int main(int argc, char **argv)
{
	struct bench_options options;
	struct lane *lanes;

	bench_parse(&options, argc, argv);
	if (!options.queues)
		options.queues = 1;
	options.hold /= options.queues;
	if (!options.hold)
		options.hold = 1;
	lanes = calloc(options.queues, sizeof(*lanes));
	if (!lanes)
		err(1, "calloc");
	for (uint32_t i = 0; i < options.queues; i++)
		lane_open(&lanes[i], &options, i);
	for (uint32_t i = 0; i < options.queues; i++) {
		if (options.deciders)
			start(&lanes[i].decider, decider_main, &lanes[i]);
		start(&lanes[i].reader, reader_main, &lanes[i]);
	}
	bench_ready(&options);
	for (uint32_t i = 0; i < options.queues; i++)
		pthread_join(lanes[i].reader, NULL);
	return 0;
}

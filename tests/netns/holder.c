/* SPDX-License-Identifier: MIT */
#include "holder.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BATCH 64
#define TIMEOUT_MS 1000

/* --- the reader ------------------------------------------------------------------- */

static int wait_and_receive(struct holder *holder, struct nfqueue_packet **packets,
			    bool stop)
{
	struct pollfd ready = {.fd = nfqueue_fd(holder->queue), .events = POLLIN};

	if (stop)
		return nfqueue_recv(holder->queue, packets, BATCH, 0);
	if (holder->waiting == WAIT_ASLEEP)
		return nfqueue_recv(holder->queue, packets, BATCH, -1);
	if (holder->waiting == WAIT_TIMEOUT)
		return nfqueue_recv(holder->queue, packets, BATCH, TIMEOUT_MS);
	poll(&ready, 1, nfqueue_timeout(holder->queue));
	return nfqueue_recv(holder->queue, packets, BATCH, 0);
}

static void keep(struct holder *holder, struct nfqueue_packet *packet)
{
	uint32_t number = datagram_number(packet);
	int err;

	assert_true(number < holder->size);
	err = holder->hold ? holder->hold(packet, number, holder->ctx)
			   : nfqueue_packet_hold(packet);
	assert_int_equal(err, 0);
	holder->held[number] = packet;
	atomic_fetch_add_explicit(&holder->count, 1, memory_order_release);
}

static void *holder_main(void *argument)
{
	struct holder *holder = argument;
	struct nfqueue_packet *packets[BATCH];
	bool stop = false;
	int n = 0;

	while (n > 0 || !stop) {
		stop = atomic_load(&holder->stop);
		n = wait_and_receive(holder, packets, stop);
		assert_true(n >= 0);
		for (int i = 0; i < n; i++)
			keep(holder, packets[i]);
		if (n > 0 && holder->waiting == WAIT_POLL)
			assert_int_equal(nfqueue_flush(holder->queue), 0);
	}
	return NULL;
}

void holder_start(struct holder *holder, struct nfqueue *queue, uint32_t size)
{
	holder->queue = queue;
	holder->size = size;
	holder->held = calloc(size, sizeof(struct nfqueue_packet *));
	assert_non_null(holder->held);
	atomic_init(&holder->count, 0);
	atomic_init(&holder->stop, false);
	assert_int_equal(pthread_create(&holder->thread, NULL, holder_main, holder), 0);
}

void holder_wait(struct holder *holder, uint32_t count)
{
	uint64_t end = netns_now() + WAIT_MS;

	while (atomic_load_explicit(&holder->count, memory_order_acquire) < count) {
		if (netns_now() > end)
			fail_msg("%u of %u came", atomic_load(&holder->count), count);
		netns_sleep(1);
	}
}

void holder_stop(struct holder *holder)
{
	atomic_store(&holder->stop, true);
	assert_int_equal(nfqueue_wake(holder->queue), 0);
	pthread_join(holder->thread, NULL);
	free(holder->held);
	holder->held = NULL;
}

/* --- what came -------------------------------------------------------------------- */

struct arrivals arrivals_new(uint32_t size)
{
	struct arrivals arrivals = {.size = size};

	arrivals.times = calloc(size, sizeof(*arrivals.times));
	arrivals.order = calloc(size, sizeof(*arrivals.order));
	arrivals.at_ms = calloc(size, sizeof(*arrivals.at_ms));
	assert_true(arrivals.times && arrivals.order && arrivals.at_ms);
	return arrivals;
}

void arrivals_free(struct arrivals *arrivals)
{
	free(arrivals->times);
	free(arrivals->order);
	free(arrivals->at_ms);
}

static void note_arrival(struct arrivals *arrivals, int server)
{
	uint8_t bytes[65536];
	uint32_t number;
	ssize_t n = recv(server, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < (ssize_t)sizeof(number))
		return;
	memcpy(&number, bytes, sizeof(number));
	number = ntohl(number);
	assert_true(number < arrivals->size);
	if (++arrivals->times[number] != 1)
		fail_msg("datagram %u came twice", number);
	arrivals->at_ms[number] = netns_now();
	arrivals->order[arrivals->came++] = number;
}

void arrivals_collect(struct arrivals *arrivals, int server, uint32_t wanted)
{
	struct pollfd ready = {.fd = server, .events = POLLIN};

	while (poll(&ready, 1, arrivals->came < wanted ? WAIT_MS : QUIET_MS) > 0)
		note_arrival(arrivals, server);
}

void arrivals_check(const struct arrivals *arrivals, const bool *wanted)
{
	for (uint32_t i = 0; i < arrivals->size; i++)
		if (arrivals->times[i] != wanted[i])
			fail_msg("datagram %u: came %u times, not %u (%u came)", i,
				 arrivals->times[i], wanted[i], arrivals->came);
}

void assert_came(int server, const bool *wanted, uint32_t size)
{
	struct arrivals arrivals = arrivals_new(size);
	uint32_t count = 0;

	for (uint32_t i = 0; i < size; i++)
		count += wanted[i];
	arrivals_collect(&arrivals, server, count);
	arrivals_check(&arrivals, wanted);
	arrivals_free(&arrivals);
}

struct nfqueue_stats wait_for_none_held(struct nfqueue *queue)
{
	uint64_t end = netns_now() + WAIT_MS;
	struct nfqueue_stats stats = stats_of(queue);

	while (stats.held > 0) {
		if (netns_now() > end)
			fail_msg("%llu still held", (unsigned long long)stats.held);
		netns_sleep(1);
		stats = stats_of(queue);
	}
	assert_sums_up(&stats);
	return stats;
}

/* --- chance ----------------------------------------------------------------------- */

uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

uint32_t random_seed(void)
{
	uint32_t seed = (uint32_t)netns_now() * 2654435761u;
	const char *given = getenv("SEED");

	if (given)
		seed = (uint32_t)strtoul(given, NULL, 0);
	fprintf(stderr, "# SEED=%u\n", seed);
	return seed;
}

void shuffle(uint32_t *numbers, uint32_t count, uint32_t *seed)
{
	for (uint32_t i = 0; i < count; i++)
		numbers[i] = i;
	for (uint32_t i = count; i > 1; i--) {
		uint32_t other = random_next(seed) % i, swap = numbers[i - 1];

		numbers[i - 1] = numbers[other];
		numbers[other] = swap;
	}
}

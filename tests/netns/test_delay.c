/* SPDX-License-Identifier: MIT */
/* Packets that are decided now and sent later: in time, in order, each once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "holder.h"

#define COUNT 300
#define DELAY_MS 40
#define LATE_MS 3000 /* a busy machine may be so late, not more */

struct delayer {
	uint64_t decided_at[COUNT];
	uint32_t step_us; /* datagram n is delayed by n times as much more */
	bool backwards;   /* or less */
};

static uint64_t delay_of(const struct delayer *delayer, uint32_t number)
{
	uint32_t steps = delayer->backwards ? COUNT - number : number;

	return DELAY_MS * 1000 + (uint64_t)steps * delayer->step_us;
}

static int delay(struct nfqueue_packet *packet, uint32_t number, void *ctx)
{
	struct delayer *delayer = ctx;

	delayer->decided_at[number] = netns_now();
	return nfqueue_decide_after(packet, NFQUEUE_ACCEPT, delay_of(delayer, number));
}

static void check_times(const struct arrivals *arrivals, const struct delayer *delayer)
{
	for (uint32_t i = 0; i < COUNT; i++) {
		uint64_t due = delayer->decided_at[i] + delay_of(delayer, i) / 1000;

		assert_int_equal(arrivals->times[i], 1);
		if (arrivals->at_ms[i] < due || arrivals->at_ms[i] > due + LATE_MS)
			fail_msg("datagram %u: %lld ms after its time", i,
				 (long long)(arrivals->at_ms[i] - due));
	}
}

static void each_packet_leaves_at_its_time(struct delayer *delayer, enum waiting waiting)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct arrivals arrivals = arrivals_new(COUNT);
	struct holder holder = {.waiting = waiting, .hold = delay, .ctx = delayer};
	struct nfqueue_stats stats;

	holder_start(&holder, queue, COUNT);
	netns_udp_send(udp_client, 0, COUNT);
	arrivals_collect(&arrivals, udp_server, COUNT);
	stats = wait_for_none_held(queue);
	holder_stop(&holder);
	check_times(&arrivals, delayer);
	assert_int_equal(stats.accepted, COUNT);
	assert_int_equal(stats.expired + stats.defaulted + stats.delayed, 0);
	assert_sums_up(&stats);
	arrivals_free(&arrivals);
}

static void a_sleeping_reader_sends_in_time(void **state)
{
	each_packet_leaves_at_its_time(&(struct delayer){.step_us = 100}, WAIT_ASLEEP);
}

static void a_polling_reader_sends_in_time(void **state)
{
	each_packet_leaves_at_its_time(&(struct delayer){.step_us = 100}, WAIT_POLL);
}

static void a_shorter_delay_overtakes(void **state)
{
	each_packet_leaves_at_its_time(
		&(struct delayer){.step_us = 200, .backwards = true}, WAIT_ASLEEP);
}

/* --- decided by this thread ------------------------------------------------------- */

static void packets_with_the_same_delay_keep_their_order(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	struct netns_tally tally;
	uint64_t end = netns_now() + WAIT_MS;

	for (uint32_t round = 0; round < 8; round++) {
		netns_udp_send(udp_client, round * 32, 32);
		receive(queue, packets, 32);
		for (int i = 0; i < 32; i++)
			assert_int_equal(
				nfqueue_decide_after(packets[i], NFQUEUE_ACCEPT, 20000),
				0);
	}
	while (stats_of(queue).held && netns_now() < end)
		nfqueue_recv(queue, packets, 64, 5);
	netns_udp_collect(udp_server, 0, 256, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 256);
	assert_int_equal(tally.reordered + tally.duplicate, 0);
	assert_int_equal(stats_of(queue).held, 0);
}

static void close_sends_at_once_what_is_delayed(void **state)
{
	struct nfqueue *queue = start_on_loopback(
		(struct nfqueue_options){.default_verdict = NFQUEUE_DROP});
	struct nfqueue_packet *packets[64];
	struct netns_tally tally;

	netns_udp_send(udp_client, 0, 10);
	receive(queue, packets, 10);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
			nfqueue_decide_after(packets[i],
					     i % 2 ? NFQUEUE_ACCEPT : NFQUEUE_DROP,
					     60 * 1000000u),
			0);
	assert_int_equal(stats_of(queue).delayed, 10);
	flush_and_settle(queue);
	assert_int_equal(stats_of(queue).held, 10);
	assert_int_equal(stats_of(queue).delayed, 10);
	netns_udp_collect(udp_server, 0, 10, QUIET_MS, &tally, NULL);
	assert_int_equal(tally.received, 0);
	close_queue(queue);
	netns_udp_collect(udp_server, 0, 10, QUIET_MS, &tally, NULL);
	assert_int_equal(tally.received, 5);
}

static void what_is_decided_cannot_be_delayed(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];

	netns_udp_send(udp_client, 0, 1);
	receive(queue, packets, 1);
	assert_int_equal(nfqueue_accept(packets[0]), 0);
	assert_int_equal(nfqueue_decide_after(packets[0], NFQUEUE_DROP, 1000), -EALREADY);
	assert_int_equal(nfqueue_decide_after(packets[0], nfqueue_verdict_of(77), 1000),
			 -EINVAL);
	flush_and_settle(queue);
	assert_int_equal(stats_of(queue).accepted, 1);
}

/* The deadline has decided: the program is told, and its packet is let go of. */
static void a_delay_behind_the_deadline_is_told_that_it_came_late(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];

	netns_udp_send(udp_client, 0, 1);
	receive(queue, packets, 1);
	assert_int_equal(nfqueue_packet_hold_for(packets[0], 10, NFQUEUE_ACCEPT), 0);
	netns_sleep(20);
	assert_int_equal(nfqueue_recv(queue, packets + 1, 1, 20), 0);
	assert_int_equal(nfqueue_decide_after(packets[0], NFQUEUE_DROP, 1000), -EALREADY);
	flush_and_settle(queue);
	assert_int_equal(stats_of(queue).expired, 1);
	assert_int_equal(stats_of(queue).accepted, 1);
}

/* It replaces the deadline. */
static void a_held_packet_can_be_delayed(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	uint64_t end = netns_now() + WAIT_MS;

	netns_udp_send(udp_client, 0, 1);
	receive(queue, packets, 1);
	assert_int_equal(nfqueue_packet_hold_for(packets[0], 10, NFQUEUE_DROP), 0);
	assert_int_equal(nfqueue_decide_after(packets[0], NFQUEUE_ACCEPT, 60000), 0);
	while (stats_of(queue).held && netns_now() < end)
		nfqueue_recv(queue, packets, 64, 5);
	assert_int_equal(stats_of(queue).expired, 0);
	assert_int_equal(stats_of(queue).accepted, 1);
}

/* The program has decided: what is accepted above the limit is only not delayed. */
static void above_the_hold_limit(enum nfqueue_overload overload, uint32_t accepted)
{
	struct nfqueue *queue = start_on_loopback(
		(struct nfqueue_options){.hold_limit = 4, .overload = overload});
	struct nfqueue_packet *packets[64];

	netns_udp_send(udp_client, 0, 8);
	receive(queue, packets, 8);
	for (int i = 0; i < 8; i++)
		assert_int_equal(nfqueue_decide_after(
					 packets[i],
					 i % 2 ? NFQUEUE_ACCEPT : NFQUEUE_DROP, 1000000),
				 i < 4 ? 0 : -ENOSPC);
	flush_and_settle(queue);
	assert_int_equal(stats_of(queue).held, 4);
	assert_int_equal(stats_of(queue).accepted, accepted);
	assert_int_equal(stats_of(queue).dropped, 4 - accepted);
	assert_int_equal(stats_of(queue).hold_overflow, 4);
}

static void above_the_hold_limit_a_verdict_is_not_delayed(void **state)
{
	above_the_hold_limit(NFQUEUE_OVERLOAD_ACCEPT, 2);
}

static void above_the_hold_limit_an_overload_may_drop(void **state)
{
	above_the_hold_limit(NFQUEUE_OVERLOAD_DROP, 0);
}

/* Not in the past: the clock cannot tell such a time. */
static void the_longest_delay_is_one(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	struct netns_tally tally;

	netns_udp_send(udp_client, 0, 3);
	receive(queue, packets, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(nfqueue_decide_after(packets[i], NFQUEUE_ACCEPT,
						      UINT64_MAX - i * 1000000u),
				 0);
	assert_int_equal(nfqueue_recv(queue, packets, 64, 20), 0);
	assert_int_equal(stats_of(queue).held, 3);
	close_queue(queue);
	netns_udp_collect(udp_server, 0, 3, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 3);
}

/* --- with deciders ---------------------------------------------------------------- */

static struct nfqueue_verdict delay_all(struct nfqueue_packet *packet, void *ctx)
{
	atomic_uint *refused = ctx;

	if (nfqueue_decide_after(packet, NFQUEUE_ACCEPT, 10000) != 0)
		atomic_fetch_add(refused, 1);
	return NFQUEUE_DROP; /* ignored */
}

static void deciders_delay(void **state)
{
	struct nfqueue_worker_options worker = {.size = sizeof(worker), .deciders = 2};
	atomic_uint refused = 0;
	struct nfqueue_engine_options options = {
		.decide = delay_all, .ctx = &refused, .worker = &worker};
	struct nfqueue_engine *engine;
	struct netns_tally tally;

	launch_engine(&engine, options);
	queue_output(0);
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	for (uint32_t i = 0; i < 20; i++) {
		netns_udp_send(udp_client, i * 100, 100);
		netns_sleep(2);
	}
	netns_udp_collect(udp_server, 0, 2000, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 2000);
	assert_int_equal(tally.duplicate + tally.reordered, 0);
	assert_int_equal(atomic_load(&refused), 0);
	nfqueue_engine_free(engine);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sleeping_reader_sends_in_time),
		TEST(a_polling_reader_sends_in_time),
		TEST(a_shorter_delay_overtakes),
		TEST(packets_with_the_same_delay_keep_their_order),
		TEST(close_sends_at_once_what_is_delayed),
		TEST(what_is_decided_cannot_be_delayed),
		TEST(a_delay_behind_the_deadline_is_told_that_it_came_late),
		TEST(a_held_packet_can_be_delayed),
		TEST(above_the_hold_limit_a_verdict_is_not_delayed),
		TEST(above_the_hold_limit_an_overload_may_drop),
		TEST(the_longest_delay_is_one),
		TEST(deciders_delay),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

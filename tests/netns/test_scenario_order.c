/* SPDX-License-Identifier: MIT */
/*
 * Verdicts in any order, and for ids that no packet has: each packet still gets its own,
 * once, and leaves when it got it.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue_fixture.h"

#define BOGUS 50

/* --- windows ---------------------------------------------------------------------- */

/* All wait in the kernel before the first is taken, so that each window is full. */
static void check_window(uint32_t window, uint32_t seed, uint32_t total)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.max_length = 65536});
	uint32_t *released = calloc(total, sizeof(*released));
	uint32_t *came = calloc(total, sizeof(*came));
	struct reorderer reorderer;
	struct nfqueue_stats stats;

	assert_true(released && came);
	netns_udp_send(udp_client, 0, total);
	reorderer_init(&reorderer, queue, window, seed);
	reorderer_take(&reorderer, total, released);
	reorderer_free(&reorderer);
	assert_int_equal(netns_udp_numbers(udp_server, came, total, WAIT_MS), total);
	assert_memory_equal(came, released, total * sizeof(*came));
	assert_false(readable(queue, 0));
	stats = stats_of(queue);
	assert_int_equal(stats.received, total);
	assert_int_equal(stats.accepted, total);
	assert_int_equal(rule_count("iptables", "OUTPUT", 1), total);
	assert_nothing_lost(&stats);
	assert_true(netns_queue_waits(0, 0, 0));
	free(released);
	free(came);
}

/* Position `at` of windows that come last first. */
static uint32_t reversed(uint32_t at, uint32_t window)
{
	return at / window * window + window - 1 - at % window;
}

static void windows_of_sixteen_leave_last_first(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct reorderer reorderer;
	struct nfqueue_stats stats;
	uint32_t came[1600];

	netns_udp_send(udp_client, 0, 1600);
	reorderer_init(&reorderer, queue, 16, 0);
	reorderer_take(&reorderer, 1600, NULL);
	reorderer_free(&reorderer);
	assert_int_equal(netns_udp_numbers(udp_server, came, 1600, WAIT_MS), 1600);
	for (uint32_t i = 0; i < 1600; i++)
		assert_int_equal(came[i], reversed(i, 16));
	stats = stats_of(queue);
	assert_int_equal(stats.accepted, 1600);
	assert_nothing_lost(&stats);
}

static void a_window_of_one_keeps_the_order(void **state)
{
	check_window(1, 0, 2000);
}

static void windows_of_a_hundred_leave_in_the_order_of_their_verdicts(void **state)
{
	check_window(100, 1, 20000);
}

static void windows_of_ten_thousand_leave_in_the_order_of_their_verdicts(void **state)
{
	netns_need_real_root(); /* for a large socket buffer */
	check_window(10000, 2, 20000);
}

static void windows_of_ten_thousand_leave_last_first(void **state)
{
	netns_need_real_root();
	check_window(10000, 0, 20000);
}

static void a_window_that_is_not_full_leaves_whole(void **state)
{
	check_window(100, 3, 250);
}

/* Accepted and dropped in turn, in a random order: each number tells what it got. */
static void each_of_a_window_gets_its_own_verdict(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	struct netns_tally tally;
	struct nfqueue_stats stats;
	uint8_t came[64];

	netns_udp_send(udp_client, 0, 64);
	receive(queue, packets, 64);
	for (int i = 0; i < 64; i++)
		assert_int_equal(nfqueue_packet_hold(packets[i]), 0);
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t at = i * 37 % 64; /* each place once */

		nfqueue_decide(packets[at], at % 3 ? NFQUEUE_ACCEPT : NFQUEUE_DROP);
		if (i % 5 == 0)
			assert_int_equal(nfqueue_flush(queue), 0);
	}
	flush_and_settle(queue);
	netns_udp_collect(udp_server, 0, 64, QUIET_MS, &tally, came);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(came[i], i % 3 ? 1 : 0);
	stats = stats_of(queue);
	assert_int_equal(stats.accepted, 42);
	assert_int_equal(stats.dropped, 22);
	assert_nothing_lost(&stats);
}

/* --- ids that no packet has ------------------------------------------------------- */

static void a_verdict_for_an_id_that_no_packet_has_is_answered_by_the_kernel(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	char bytes[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = (struct nlmsghdr *)bytes;
	struct nfqueue_packet *packets[64];
	struct nfqueue_stats stats;

	send_bogus(queue, 3);
	assert_true(recv(nfqueue_fd(queue), bytes, sizeof(bytes),
			 MSG_PEEK | MSG_DONTWAIT) > (ssize_t)sizeof(*message));
	assert_int_equal(message->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(((struct nlmsgerr *)NLMSG_DATA(message))->error, -ENOENT);
	assert_int_equal(nfqueue_recv(queue, packets, 64, 0), 0);
	assert_false(readable(queue, 0));
	stats = stats_of(queue);
	assert_int_equal(stats.received, 0);
	assert_nothing_lost(&stats);
}

static void fifty_verdicts_for_nobody_with_each_packet_harm_none(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct reorderer reorderer;
	struct nfqueue_stats stats;
	uint32_t came[2000];

	netns_udp_send(udp_client, 0, 2000);
	reorderer_init(&reorderer, queue, 20, 0);
	reorderer.bogus = BOGUS;
	reorderer_take(&reorderer, 2000, NULL);
	reorderer_free(&reorderer);
	assert_int_equal(netns_udp_numbers(udp_server, came, 2000, WAIT_MS), 2000);
	for (uint32_t i = 0; i < 2000; i++)
		assert_int_equal(came[i], reversed(i, 20));
	stats = stats_of(queue);
	assert_int_equal(stats.received, 2000);
	assert_int_equal(stats.accepted, 2000);
	assert_nothing_lost(&stats);
}

/* --- eight queues ----------------------------------------------------------------- */

#define QUEUES 8
#define EACH 4000

struct lane {
	struct nfqueue *queue;
	struct reorderer reorderer;
	int server, client;
};

struct load {
	struct lane *lanes; /* two threads, half of them each */
	pthread_t thread;
};

static void *send_to_half(void *argument)
{
	struct load *load = argument;

	for (uint32_t i = 0; i < EACH; i += 20)
		for (int lane = 0; lane < QUEUES / 2; lane++)
			netns_udp_send(load->lanes[lane].client, i, 20);
	return NULL;
}

static void lane_open(struct lane *lane, uint32_t number)
{
	uint16_t port = (uint16_t)(PORT + number);

	lane->queue =
		open_queue((struct nfqueue_options){.queue = number, .max_length = 512});
	lane->server = netns_udp_server(NULL, "127.0.0.1", port);
	lane->client = netns_udp_client(NULL, "127.0.0.1", port);
	netns_sh("iptables -w -A OUTPUT -p udp --dport %u -j NFQUEUE --queue-num %u",
		 port, number);
	reorderer_init(&lane->reorderer, lane->queue, 16 + 3 * number, number);
	lane->reorderer.bogus = 10;
	lane->reorderer.pass = 32; /* while older ones are held */
	reorderer_start(&lane->reorderer);
}

/* What was sent arrived once, or found the queue or its socket full. */
static void lane_check(struct lane *lane, uint32_t number)
{
	struct nfqueue_stats stats;
	struct netns_tally tally;

	assert_int_equal(lane->reorderer.result, 0);
	stats = stats_of(lane->queue);
	assert_sums_up(&stats);
	assert_int_equal(rule_count("iptables", "OUTPUT", (int)number + 1), EACH);
	assert_int_equal(stats.received + stats.lost_full + stats.lost_socket, EACH);
	assert_int_equal(stats.received, lane->reorderer.taken);
	assert_int_equal(stats.accepted, stats.received);
	assert_int_equal(stats.enobufs + stats.passed_socket + stats.malformed, 0);
	netns_udp_collect(lane->server, 0, EACH, QUIET_MS, &tally, NULL);
	assert_int_equal(tally.received, stats.accepted);
	assert_int_equal(tally.duplicate + tally.foreign, 0);
	assert_true(tally.reordered > 0);
	close(lane->server);
	close(lane->client);
	reorderer_free(&lane->reorderer);
}

static void eight_queues_out_of_order_with_verdicts_for_nobody_account_for_each(
	void **state)
{
	struct lane lanes[QUEUES];
	struct load loads[2];

	for (uint32_t i = 0; i < QUEUES; i++)
		lane_open(&lanes[i], i);
	for (int i = 0; i < 2; i++) {
		loads[i].lanes = lanes + i * (QUEUES / 2);
		pthread_create(&loads[i].thread, NULL, send_to_half, &loads[i]);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(loads[i].thread, NULL);
	for (uint32_t i = 0; i < QUEUES; i++)
		reorderer_stop(&lanes[i].reorderer);
	for (uint32_t i = 0; i < QUEUES; i++)
		lane_check(&lanes[i], i);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(windows_of_sixteen_leave_last_first),
		TEST(a_window_of_one_keeps_the_order),
		TEST(windows_of_a_hundred_leave_in_the_order_of_their_verdicts),
		TEST(windows_of_ten_thousand_leave_in_the_order_of_their_verdicts),
		TEST(windows_of_ten_thousand_leave_last_first),
		TEST(a_window_that_is_not_full_leaves_whole),
		TEST(each_of_a_window_gets_its_own_verdict),
		TEST(a_verdict_for_an_id_that_no_packet_has_is_answered_by_the_kernel),
		TEST(fifty_verdicts_for_nobody_with_each_packet_harm_none),
		TEST(eight_queues_out_of_order_with_verdicts_for_nobody_account_for_each),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What is short is chosen and counted: room for held packets, the socket's buffer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "holder.h"

#define LIMIT 100
#define SENT 300

/* --- the hold limit --------------------------------------------------------------- */

static struct nfqueue_packet *held[LIMIT + SENT];

/* Receives `count` and holds them; returns how many the limit allowed. */
static uint32_t hold_next(struct nfqueue *queue, uint32_t count)
{
	struct nfqueue_packet *packets[64];
	uint32_t allowed = 0, came = 0;

	while (came < count) {
		int n = nfqueue_recv(queue, packets, 64, WAIT_MS);

		assert_true(n > 0);
		came += (uint32_t)n;
		for (int i = 0; i < n; i++) {
			int err = nfqueue_packet_hold(packets[i]);

			if (err == 0)
				held[allowed++] = packets[i];
			else
				assert_int_equal(err, -ENOSPC);
		}
	}
	return allowed;
}

static void check_limit(struct nfqueue_options options, bool accepts)
{
	struct nfqueue *queue;
	struct nfqueue_stats stats;
	bool wanted[2 * SENT] = {false};

	options.hold_limit = LIMIT;
	queue = start_on_loopback(options);
	netns_udp_send(udp_client, 0, SENT);
	assert_int_equal(hold_next(queue, SENT), LIMIT);
	flush_and_settle(queue);
	for (uint32_t i = LIMIT; i < SENT; i++)
		wanted[i] = accepts;
	assert_came(udp_server, wanted, SENT);
	stats = stats_of(queue);
	assert_sums_up(&stats);
	assert_int_equal(stats.hold_overflow, SENT - LIMIT);
	assert_int_equal(stats.held, LIMIT);
	assert_int_equal(stats.defaulted, 0);
	assert_int_equal(accepts ? stats.accepted : stats.dropped, SENT - LIMIT);
	for (uint32_t i = 0; i < LIMIT; i++)
		assert_int_equal(
			nfqueue_decide(held[i], accepts ? NFQUEUE_DROP : NFQUEUE_ACCEPT),
			0);
	flush_and_settle(queue);
	stats = stats_of(queue);
	assert_sums_up(&stats);
	assert_int_equal(stats.held, 0);
	netns_udp_send(udp_client, SENT, LIMIT); /* there is room for as many again */
	assert_int_equal(hold_next(queue, LIMIT), LIMIT);
	assert_int_equal(stats_of(queue).hold_overflow, SENT - LIMIT);
}

static void what_the_hold_limit_does_not_allow_is_dropped(void **state)
{
	check_limit((struct nfqueue_options){0}, false);
}

static void what_the_hold_limit_does_not_allow_is_accepted_with_fail_open(void **state)
{
	check_limit((struct nfqueue_options){.flags = NFQUEUE_FAIL_OPEN}, true);
}

static void what_the_hold_limit_does_not_allow_is_accepted_where_that_is_chosen(
	void **state)
{
	check_limit((struct nfqueue_options){.overload = NFQUEUE_OVERLOAD_ACCEPT}, true);
}

static void what_the_hold_limit_does_not_allow_is_dropped_where_that_is_chosen(
	void **state)
{
	check_limit((struct nfqueue_options){.overload = NFQUEUE_OVERLOAD_DROP,
					     .flags = NFQUEUE_FAIL_OPEN},
		    false);
}

static void to_wait_is_no_choice_for_held_packets(void **state)
{
	struct nfqueue_options options = {.size = sizeof(options),
					  .overload = NFQUEUE_OVERLOAD_WAIT};
	struct nfqueue *queue;

	netns_need_queue();
	assert_int_equal(nfqueue_open(&queue, &options), -EINVAL);
	assert_non_null(strstr(nfqueue_error(queue), "overload"));
	nfqueue_close(queue);
}

static void three_quarters_of_the_max_length_may_be_held_by_default(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.max_length = 200});

	netns_udp_send(udp_client, 0, 200);
	assert_int_equal(hold_next(queue, 200), 150);
	flush_and_settle(queue);
	assert_int_equal(nfqueue_set_max_length(queue, 240), 0);
	netns_udp_send(udp_client, 200, 50);
	assert_int_equal(hold_next(queue, 50), 30);
	assert_int_equal(stats_of(queue).hold_overflow, 70);
	assert_int_equal(stats_of(queue).lost_full, 0);
}

static void a_deadline_gives_its_room_back(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.hold_limit = 1});
	struct nfqueue_packet *packet, *other;

	netns_udp_send(udp_client, 0, 1);
	receive(queue, &packet, 1);
	assert_int_equal(nfqueue_packet_hold_for(packet, 1, NFQUEUE_ACCEPT), 0);
	while (stats_of(queue).expired == 0)
		assert_int_equal(nfqueue_recv(queue, &other, 1, 2), 0);
	netns_udp_send(udp_client, 1, 1);
	receive(queue, &other, 1);
	assert_int_equal(nfqueue_packet_hold(other), 0);
	assert_int_equal(nfqueue_accept(packet), -EALREADY); /* no room comes of that */
	flush_and_settle(queue);
	netns_udp_send(udp_client, 2, 1);
	receive(queue, &packet, 1);
	assert_int_equal(nfqueue_packet_hold(packet), -ENOSPC);
}

/* --- what the kernel flushed ------------------------------------------------------ */

#define FLUSHED 20000

/* One message each, in the order that no range covers. The queue was shorter when it was
 * opened. */
static void each_of_thousands_of_late_verdicts_that_are_refused_is_counted(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.copy_range = 64});
	struct holder holder = {.waiting = WAIT_ASLEEP};
	struct nfqueue_packet **packets;
	struct nfqueue_stats stats;

	netns_need_command("nft");
	assert_int_equal(nfqueue_set_max_length(queue, 65536), 0);
	holder_start(&holder, queue, FLUSHED);
	netns_udp_send(udp_client, 0, FLUSHED);
	holder_wait(&holder, FLUSHED);
	packets = holder.held;
	holder.held = NULL;
	holder_stop(&holder);
	netns_sh("nft 'add table ip t; add chain ip t c "
		 "{ type filter hook output priority 100; }' && nft delete table ip t");
	assert_true(netns_queue_waits(0, 0, WAIT_MS));
	for (uint32_t i = FLUSHED; i-- > 0;)
		assert_int_equal(nfqueue_accept(packets[i]), 0);
	assert_int_equal(nfqueue_flush(queue), 0);
	flush_and_settle(queue);
	stats = stats_of(queue);
	assert_int_equal(stats.flushed, FLUSHED);
	assert_int_equal(stats.accepted, 0);
	assert_sums_up(&stats);
	free(packets);
}

/* --- the socket's buffer ---------------------------------------------------------- */

#define SMALL (64 * 1024)
#define LARGE (8 * 1024 * 1024)
#define BURST 2000

static uint32_t accept_waiting(struct nfqueue *queue)
{
	struct nfqueue_packet *packets[64];
	uint32_t count = 0;
	int n;

	while ((n = nfqueue_recv(queue, packets, 8, 0)) > 0) {
		for (int i = 0; i < n; i++)
			assert_int_equal(nfqueue_accept(packets[i]), 0);
		count += (uint32_t)n;
	}
	assert_int_equal(n, 0);
	return count;
}

static void a_full_socket_buffer_grows_up_to_its_limit_and_then_loses_none(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){
		.socket_buffer = SMALL, .socket_buffer_max = LARGE});
	struct nfqueue_stats stats;
	uint32_t sent = 0, before = nfqueue_socket_buffer(queue);

	assert_in_range(before, 1, SMALL);
	for (int round = 0; round < 16; round++, sent += BURST) {
		netns_udp_send(udp_client, sent, BURST);
		accept_waiting(queue);
	}
	stats = stats_of(queue);
	assert_sums_up(&stats);
	assert_int_equal(stats.received + stats.lost_socket, sent);
	assert_true(stats.lost_socket > 0); /* so it learnt */
	assert_true(stats.buffer_grown > 0);
	assert_in_range(nfqueue_socket_buffer(queue), before * 2, LARGE);
	netns_udp_send(udp_client, sent, BURST);
	assert_int_equal(accept_waiting(queue), BURST);
	assert_int_equal(stats_of(queue).lost_socket, stats.lost_socket);
}

/* It fills, but is emptied in time: nothing needs to be lost. */
static void a_filling_socket_buffer_grows_before_anything_is_lost(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){
		.socket_buffer = 1024 * 1024, .socket_buffer_max = LARGE});
	uint32_t fill = 1024 * 1024 / 832 * 9 / 10, sent = 0;

	for (int round = 0; round < 8; round++, sent += fill) {
		netns_udp_send(udp_client, sent, fill);
		assert_int_equal(accept_waiting(queue), fill);
	}
	assert_int_equal(stats_of(queue).lost_socket, 0);
	assert_true(stats_of(queue).buffer_grown > 0);
}

static void without_a_limit_the_socket_buffer_stays_as_it_is(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.socket_buffer = SMALL});
	uint32_t before = nfqueue_socket_buffer(queue);

	for (uint32_t round = 0; round < 4; round++) {
		netns_udp_send(udp_client, round * BURST, BURST);
		accept_waiting(queue);
	}
	assert_int_equal(nfqueue_socket_buffer(queue), before);
	assert_int_equal(stats_of(queue).buffer_grown, 0);
}

static void a_longer_queue_has_a_larger_socket_buffer(void **state)
{
	struct nfqueue *queue = start_on_loopback(
		(struct nfqueue_options){.max_length = 100, .copy_range = 128});
	uint32_t before = nfqueue_socket_buffer(queue);

	assert_int_equal(nfqueue_set_max_length(queue, 8000), 0);
	assert_true(nfqueue_socket_buffer(queue) >= before * 10);
	netns_udp_send(udp_client, 0, 8000);
	assert_int_equal(accept_waiting(queue), 8000);
	assert_int_equal(stats_of(queue).lost_socket + stats_of(queue).lost_full, 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_hold_limit_does_not_allow_is_dropped),
		TEST(what_the_hold_limit_does_not_allow_is_accepted_with_fail_open),
		TEST(what_the_hold_limit_does_not_allow_is_accepted_where_that_is_chosen),
		TEST(what_the_hold_limit_does_not_allow_is_dropped_where_that_is_chosen),
		TEST(to_wait_is_no_choice_for_held_packets),
		TEST(three_quarters_of_the_max_length_may_be_held_by_default),
		TEST(a_deadline_gives_its_room_back),
		TEST(each_of_thousands_of_late_verdicts_that_are_refused_is_counted),
		TEST(a_full_socket_buffer_grows_up_to_its_limit_and_then_loses_none),
		TEST(a_filling_socket_buffer_grows_before_anything_is_lost),
		TEST(without_a_limit_the_socket_buffer_stays_as_it_is),
		TEST(a_longer_queue_has_a_larger_socket_buffer),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

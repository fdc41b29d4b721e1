/* SPDX-License-Identifier: MIT */
/* Exactly one verdict a packet: held, decided late, twice, or by nobody. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue_fixture.h"

#define MANY 3000

static int server = -1, client = -1;

static struct nfqueue *start(struct nfqueue_options options)
{
	struct nfqueue *queue = open_queue(options);

	queue_output(0);
	server = netns_udp_server(NULL, "127.0.0.1", PORT);
	client = netns_udp_client(NULL, "127.0.0.1", PORT);
	return queue;
}

static int end(void **state)
{
	close(server);
	close(client);
	return clean_up(state);
}

/* How many of the datagrams 0 .. count - 1 came; each at most once. */
static struct netns_tally arrivals(uint32_t count, uint32_t expected)
{
	struct netns_tally tally;

	netns_udp_collect(server, 0, count, expected == count ? WAIT_MS : QUIET_MS,
			  &tally, NULL);
	assert_int_equal(tally.received, expected);
	assert_int_equal(tally.duplicate + tally.foreign, 0);
	return tally;
}

static void sixteen_held_packets_leave_in_the_reverse_order_they_are_decided_in(
	void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	struct netns_tally tally;

	netns_udp_send(client, 0, 16);
	receive(queue, packets, 16);
	for (int i = 0; i < 16; i++)
		assert_int_equal(nfqueue_packet_hold(packets[i]), 0);
	flush_and_settle(queue);
	assert_int_equal(stats_of(queue).held, 16);
	for (int i = 15; i >= 0; i--) {
		assert_int_equal(nfqueue_accept(packets[i]), 0);
		assert_int_equal(nfqueue_flush(queue), 0);
	}
	tally = arrivals(16, 16);
	assert_int_equal(tally.reordered, 15);
	assert_int_equal(stats_of(queue).held, 0);
	assert_int_equal(stats_of(queue).messages, 16);
}

static void no_range_verdict_decides_a_held_packet(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	struct nfqueue_stats stats;

	netns_udp_send(client, 0, 64);
	receive(queue, packets, 64);
	for (int i = 0; i < 64; i++)
		if (i % 16 == 7)
			nfqueue_packet_hold(packets[i]);
		else
			nfqueue_accept(packets[i]);
	flush_and_settle(queue);
	assert_true(netns_queue_waits(0, 4, WAIT_MS));
	stats = stats_of(queue);
	assert_int_equal(stats.messages, 1 + 53); /* a range of 7, then one each */
	assert_int_equal(stats.accepted, 60);
	assert_int_equal(stats.held, 4);

	/* a later batch may not be decided by a range either, while older ones wait */
	netns_udp_send(client, 64, 10);
	assert_int_equal(decide_next(queue, 10, NFQUEUE_ACCEPT), 10);
	assert_true(netns_queue_waits(0, 4, WAIT_MS));
	assert_int_equal(stats_of(queue).messages, stats.messages + 10);

	for (int i = 7; i < 64; i += 16)
		assert_int_equal(nfqueue_drop(packets[i]), 0);
	flush_and_settle(queue);
	assert_int_equal(stats_of(queue).messages, stats.messages + 11);
	arrivals(74, 70);
	stats = stats_of(queue);
	assert_int_equal(stats.accepted, 70);
	assert_int_equal(stats.dropped, 4);
	assert_int_equal(stats.flushed + stats.refused + stats.defaulted, 0);
	assert_sums_up(&stats);
}

static void a_held_packet_keeps_its_bytes_while_other_batches_come(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){.batch_size = 8});
	struct nfqueue_packet *packets[64], *held[16];

	for (uint32_t i = 0; i < 16; i++) {
		netns_udp_send(client, i * 8, 8);
		receive(queue, packets, 8);
		held[i] = packets[i % 8];
		nfqueue_packet_hold(held[i]);
		for (uint32_t n = 0; n < 8; n++)
			if (packets[n] != held[i])
				nfqueue_drop(packets[n]);
	}
	flush_and_settle(queue);
	for (uint32_t i = 0; i < 16; i++) {
		assert_int_equal(nfqueue_packet_id(held[i]), i * 8 + i % 8 + 1);
		assert_int_equal(datagram_number(held[i]), i * 8 + i % 8);
		nfqueue_accept(held[i]);
	}
	nfqueue_flush(queue);
	arrivals(128, 16);
}

static void thousands_of_held_packets_are_decided_by_a_few_ranges(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){0});
	static struct nfqueue_packet *held[MANY + 64];
	struct nfqueue_stats stats;
	int n, count = 0;

	netns_udp_send(client, 0, MANY);
	while (count < MANY) {
		n = nfqueue_recv(queue, held + count, 64, WAIT_MS);
		assert_true(n > 0);
		for (int i = 0; i < n; i++)
			nfqueue_packet_hold(held[count + i]);
		count += n;
	}
	flush_and_settle(queue);
	for (int i = 0; i < count; i++)
		assert_int_equal(nfqueue_accept(held[i]), 0);
	flush_and_settle(queue);
	assert_int_equal(arrivals(MANY, MANY).reordered, 0);
	stats = stats_of(queue);
	assert_int_equal(stats.accepted, MANY);
	assert_int_equal(stats.messages, (MANY + 1023) / 1024);
	assert_sums_up(&stats);
}

static void held_packets_leave_in_the_order_in_which_they_are_decided(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	struct nfqueue_stats stats;

	netns_udp_send(client, 0, 16);
	receive(queue, packets, 16);
	for (int i = 0; i < 16; i++)
		nfqueue_packet_hold(packets[i]);
	for (int i = 15; i >= 8; i--) /* in their batch still */
		assert_int_equal(nfqueue_accept(packets[i]), 0);
	assert_int_equal(nfqueue_recv(queue, packets + 16, 48, 0), 0);
	for (int i = 7; i >= 0; i--)
		assert_int_equal(nfqueue_accept(packets[i]), 0);
	flush_and_settle(queue);
	assert_int_equal(arrivals(16, 16).reordered, 15);
	stats = stats_of(queue);
	assert_int_equal(stats.accepted, 16);
	assert_sums_up(&stats);
}

static void what_nobody_decides_is_dropped_by_default(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	struct nfqueue_stats stats;

	netns_udp_send(client, 0, 10);
	receive(queue, packets, 10);
	nfqueue_accept(packets[4]);
	flush_and_settle(queue);
	arrivals(10, 1);
	stats = stats_of(queue);
	assert_int_equal(stats.defaulted, 9);
	assert_int_equal(stats.dropped, 9);
	assert_sums_up(&stats);
}

static void what_nobody_decides_gets_the_verdict_the_options_name(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){
		.default_verdict = nfqueue_verdict_mark(NFQUEUE_ACCEPT, 0x77)});
	struct nfqueue_packet *packets[64];
	struct nfqueue_stats stats;

	rule("-t mangle -A POSTROUTING -m mark --mark 0x77");
	netns_udp_send(client, 0, 10);
	receive(queue, packets, 10);
	nfqueue_drop(packets[4]);
	flush_and_settle(queue);
	arrivals(10, 9);
	assert_int_equal(rule_count("iptables -t mangle", "POSTROUTING", 1), 9);
	stats = stats_of(queue);
	assert_int_equal(stats.defaulted, 9);
	assert_int_equal(stats.accepted, 9);
}

static void close_decides_what_is_noted_held_and_undecided(void **state)
{
	struct nfqueue *queue =
		start((struct nfqueue_options){.default_verdict = NFQUEUE_ACCEPT});
	struct nfqueue_packet *packets[64];

	netns_udp_send(client, 0, 10);
	receive(queue, packets, 10);
	for (int i = 0; i < 10; i++)
		nfqueue_packet_hold(packets[i]);
	nfqueue_recv(queue, packets + 10, 10, 0);
	nfqueue_drop(packets[3]); /* noted, late */
	netns_udp_send(client, 10, 10);
	receive(queue, packets + 10, 10);
	nfqueue_packet_hold(packets[11]);
	nfqueue_drop(packets[12]); /* noted, in its batch */
	close_queue(queue);
	arrivals(20, 18);
}

static void close_drops_by_default_what_is_held(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];

	netns_udp_send(client, 0, 10);
	receive(queue, packets, 10);
	nfqueue_packet_hold(packets[1]);
	nfqueue_accept(packets[2]);
	close_queue(queue);
	arrivals(10, 1);
}

static void the_first_verdict_stands(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];

	netns_udp_send(client, 0, 2);
	receive(queue, packets, 2);
	assert_int_equal(nfqueue_accept(packets[0]), 0);
	assert_int_equal(nfqueue_drop(packets[0]), -EALREADY);
	assert_int_equal(nfqueue_packet_hold(packets[0]), -EALREADY);
	assert_int_equal(nfqueue_packet_hold(packets[1]), 0);
	flush_and_settle(queue);
	assert_int_equal(nfqueue_drop(packets[1]), 0);
	assert_int_equal(nfqueue_accept(packets[1]), -EALREADY);
	flush_and_settle(queue);
	arrivals(2, 1);
}

static void an_unknown_verdict_is_refused_and_the_packet_can_still_be_decided(
	void **state)
{
	static const uint32_t unknown[] = {2, 6, 0xff, 0x102, 0xffff0006};
	struct nfqueue *queue = start((struct nfqueue_options){0});
	struct nfqueue_packet *packet;

	netns_udp_send(client, 0, 1);
	receive(queue, &packet, 1);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
		assert_int_equal(nfqueue_decide(packet, nfqueue_verdict_of(unknown[i])),
				 -EINVAL);
	assert_non_null(strstr(nfqueue_error(queue), "unknown verdict"));
	assert_int_equal(nfqueue_accept(packet), 0);
	flush_and_settle(queue);
	arrivals(1, 1);
}

static void packets_stay_valid_and_undecided_over_a_flush(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];

	netns_udp_send(client, 0, 64);
	receive(queue, packets, 64);
	for (int i = 0; i < 64; i += 2)
		nfqueue_accept(packets[i]);
	assert_int_equal(nfqueue_flush(queue), 0);
	assert_int_equal(stats_of(queue).held, 32);
	arrivals(64, 32);
	for (uint32_t i = 1; i < 64; i += 2) {
		assert_int_equal(datagram_number(packets[i]), i);
		assert_int_equal(nfqueue_accept(packets[i]), 0);
	}
	assert_int_equal(nfqueue_flush(queue), 0);
	arrivals(64, 32);
	assert_int_equal(stats_of(queue).messages, 1 + 31 + 1);
}

static void verdicts_noted_in_any_order_leave_in_the_order_of_the_packets(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];

	netns_udp_send(client, 0, 64);
	receive(queue, packets, 64);
	for (int i = 63; i >= 0; i--)
		nfqueue_accept(packets[i]);
	flush_and_settle(queue);
	assert_int_equal(arrivals(64, 64).reordered, 0);
	assert_int_equal(stats_of(queue).messages, 1);
}

static void no_more_packets_are_received_than_there_is_room_for(void **state)
{
	struct nfqueue *queue = start((struct nfqueue_options){.batch_size = 8});
	struct nfqueue_packet *packets[64];

	netns_udp_send(client, 0, 20);
	assert_int_equal(nfqueue_recv(queue, packets, 3, 0), 3);
	assert_int_equal(nfqueue_recv(queue, packets, 0, 0), -EINVAL);
	assert_true(*nfqueue_error(queue));
	assert_int_equal(nfqueue_recv(queue, packets, 64, 0), 8);
	assert_int_equal(nfqueue_recv(queue, packets, 64, 0), 8);
	assert_int_equal(nfqueue_recv(queue, packets, 64, 0), 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sixteen_held_packets_leave_in_the_reverse_order_they_are_decided_in),
		TEST(no_range_verdict_decides_a_held_packet),
		TEST(a_held_packet_keeps_its_bytes_while_other_batches_come),
		TEST(thousands_of_held_packets_are_decided_by_a_few_ranges),
		TEST(held_packets_leave_in_the_order_in_which_they_are_decided),
		TEST(what_nobody_decides_is_dropped_by_default),
		TEST(what_nobody_decides_gets_the_verdict_the_options_name),
		TEST(close_decides_what_is_noted_held_and_undecided),
		TEST(close_drops_by_default_what_is_held),
		TEST(the_first_verdict_stands),
		TEST(an_unknown_verdict_is_refused_and_the_packet_can_still_be_decided),
		TEST(packets_stay_valid_and_undecided_over_a_flush),
		TEST(verdicts_noted_in_any_order_leave_in_the_order_of_the_packets),
		TEST(no_more_packets_are_received_than_there_is_room_for),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

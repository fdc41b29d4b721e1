/* SPDX-License-Identifier: MIT */
/* Every packet that a rule counted is accounted for, whatever happened to it. */
#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "faults.h"
#include "queue_fixture.h"

#define MANY 20000

static uint32_t arrived(uint32_t sent, uint32_t expected)
{
	struct netns_tally tally;

	netns_udp_collect(udp_server, 0, sent, expected == sent ? WAIT_MS : QUIET_MS,
			  &tally, NULL);
	assert_int_equal(tally.duplicate + tally.foreign, 0);
	return tally.received;
}

static void accept_all(struct nfqueue *queue)
{
	struct nfqueue_packet *packets[64];
	int n;

	while ((n = nfqueue_recv(queue, packets, 64, 0)) > 0)
		for (int i = 0; i < n; i++)
			nfqueue_accept(packets[i]);
	assert_int_equal(n, 0);
}

/* --- overload --------------------------------------------------------------------- */

/*
 * received + lost_socket + lost_full + passed_socket + passed because full = rule
 * counter, where the last but one is the rule counter less the ids that the queue gave.
 */
static void check_account(struct nfqueue *queue, uint32_t sent, bool fail_open)
{
	uint64_t counted = rule_count("iptables", "OUTPUT", 1);
	struct nfqueue_stats stats = stats_of(queue);
	struct netns_queue_row row;
	uint64_t passed_full;

	assert_true(netns_queue_row(nfqueue_number(queue), &row));
	assert_int_equal(counted, sent);
	assert_int_equal(stats.received + stats.lost_socket + stats.passed_socket,
			 row.last_id);
	passed_full = counted - row.last_id - stats.lost_full;
	assert_int_equal(stats.received + stats.lost_socket + stats.lost_full +
				 stats.passed_socket + passed_full,
			 counted);
	assert_int_equal(stats.accepted, stats.received);
	assert_int_equal(stats.held, 0);
	if (fail_open) {
		assert_int_equal(stats.lost_socket + stats.lost_full, 0);
		assert_int_equal(arrived(sent, sent), sent);
	} else {
		assert_int_equal(passed_full + stats.passed_socket, 0);
		assert_int_equal(stats.lost_full, row.dropped_full);
		assert_int_equal(stats.lost_socket, row.dropped_socket);
		assert_int_equal(arrived(sent, (uint32_t)stats.accepted), stats.accepted);
	}
}

/* Nobody reads while `sent` packets come. */
static struct nfqueue_stats flood(struct nfqueue_options options, uint32_t sent)
{
	struct nfqueue *queue = start_on_loopback(options);
	struct nfqueue_stats stats;

	netns_udp_send(udp_client, 0, sent);
	accept_all(queue);
	stats = stats_of(queue);
	check_account(queue, sent, options.flags & NFQUEUE_FAIL_OPEN);
	return stats;
}

static void what_finds_a_full_queue_is_dropped_and_counted(void **state)
{
	struct nfqueue_stats stats =
		flood((struct nfqueue_options){.max_length = 16}, 200);

	assert_int_equal(stats.received, 16);
	assert_int_equal(stats.lost_full, 184);
	assert_int_equal(stats.lost_socket, 0);
}

static void what_finds_a_full_queue_passes_with_fail_open(void **state)
{
	struct nfqueue_stats stats = flood(
		(struct nfqueue_options){.max_length = 16, .flags = NFQUEUE_FAIL_OPEN},
		200);

	assert_int_equal(stats.received, 16);
	assert_int_equal(stats.lost_full + stats.passed_socket, 0);
}

static void what_finds_a_full_socket_is_dropped_and_counted(void **state)
{
	struct nfqueue_stats stats =
		flood((struct nfqueue_options){.socket_buffer = 16384}, 200);

	assert_in_range(stats.received, 5, 40);
	assert_int_equal(stats.lost_socket, 200 - stats.received);
	assert_int_equal(stats.lost_full, 0);
}

static void what_finds_a_full_socket_passes_with_fail_open_and_is_counted(void **state)
{
	struct nfqueue_stats stats =
		flood((struct nfqueue_options){.socket_buffer = 16384,
					       .flags = NFQUEUE_FAIL_OPEN},
		      200);

	assert_in_range(stats.received, 5, 40);
	assert_int_equal(stats.passed_socket, 200 - stats.received);
}

static void losses_in_the_middle_are_counted_when_the_next_packet_comes(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.socket_buffer = 16384});

	netns_udp_send(udp_client, 0, 200);
	accept_all(queue);
	netns_udp_send(udp_client, 200, 5);
	accept_all(queue);
	netns_udp_send(udp_client, 205, 200);
	accept_all(queue);
	assert_true(stats_of(queue).lost_socket > 300);
	check_account(queue, 405, false);
}

/* The same at full speed, while the packets are decided. */
static void overload_at_full_speed(struct nfqueue_options options)
{
	struct nfqueue *queue = open_queue(options);
	struct decider decider;
	struct sender sender;

	queue_output(0);
	decider_start(&decider, queue, decide_accept, NULL);
	sender_start(&sender, "127.0.0.1", MANY);
	sender_join(&sender);
	decider_stop(&decider);
	udp_server = sender.server;
	udp_client = sender.client;
	check_account(queue, MANY, options.flags & NFQUEUE_FAIL_OPEN);
}

static void the_account_is_exact_after_an_overload_of_the_queue(void **state)
{
	overload_at_full_speed((struct nfqueue_options){.max_length = 4});
}

static void the_account_is_exact_after_an_overload_of_a_queue_that_fails_open(
	void **state)
{
	overload_at_full_speed(
		(struct nfqueue_options){.max_length = 4, .flags = NFQUEUE_FAIL_OPEN});
}

static void the_account_is_exact_after_an_overload_of_the_socket(void **state)
{
	overload_at_full_speed((struct nfqueue_options){.socket_buffer = 4096});
}

static void the_account_is_exact_after_an_overload_of_a_socket_that_fails_open(
	void **state)
{
	overload_at_full_speed((struct nfqueue_options){.socket_buffer = 4096,
							.flags = NFQUEUE_FAIL_OPEN});
}

static void the_default_socket_buffer_is_never_full_before_the_queue(void **state)
{
	static const struct {
		uint32_t copy_range;
		size_t datagram;
	} cases[] = {
		{NFQUEUE_COPY_META, 16},
		{0, 16},
		{1, 1000},
		{64, 1000},
		{200, 1000},
		{300, 1000},
		{500, 1000},
		{600, 1000},
		{700, 1000},
		{1500, 1472},
		{1500, 1472},
		{2500, 9000},
		{5000, 9000},
		{9000, 9000},
		{20000, 65507},
		{0, 65507},
	};

	netns_need_real_root();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct nfqueue *queue = start_on_loopback((struct nfqueue_options){
			.max_length = 300, .copy_range = cases[i].copy_range});
		struct nfqueue_stats stats;

		netns_udp_send_long(udp_client, 0, 310, cases[i].datagram);
		stats = stats_of(queue);
		if (stats.lost_full != 10)
			fail_msg("copy range %u: %d lost because full, not 10",
				 cases[i].copy_range, (int)stats.lost_full);
		accept_all(queue);
		assert_int_equal(stats_of(queue).received, 300);
		end_on_loopback(NULL);
	}
}

static void an_overflow_that_the_socket_tells_of_is_counted_and_survived(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.socket_buffer = 16384});
	int off = 0;

	assert_int_equal(setsockopt(nfqueue_fd(queue), SOL_NETLINK, NETLINK_NO_ENOBUFS,
				    &off, sizeof(off)),
			 0);
	for (uint32_t round = 0; round < 3; round++) {
		netns_udp_send(udp_client, round * 210, 200);
		accept_all(queue);
		assert_int_equal(stats_of(queue).enobufs, round + 1);
		netns_udp_send(udp_client, round * 210 + 200, 10);
		assert_int_equal(decide_next(queue, 10, NFQUEUE_ACCEPT), 10);
	}
	flush_and_settle(queue);
	check_account(queue, 630, false);
}

/* --- flushed by the kernel -------------------------------------------------------- */

static void add_table(void)
{
	netns_sh("nft 'table inet passing { chain c { type filter hook input priority 0; "
		 "}; }'");
}

static void check_flushed(struct nfqueue *queue, uint32_t count)
{
	struct nfqueue_stats stats;

	flush_and_settle(queue);
	stats = stats_of(queue);
	assert_int_equal(stats.flushed, count);
	assert_int_equal(stats.received, count);
	assert_int_equal(stats.refused + stats.accepted + stats.dropped, 0);
	assert_sums_up(&stats);
}

static void packets_flushed_with_somebodys_table_are_counted_and_no_error(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];

	netns_need_command("nft");
	add_table();
	netns_udp_send(udp_client, 0, 60);
	receive(queue, packets, 60);
	netns_sh("nft delete table inet passing");
	for (uint32_t i = 0; i < 60; i++) /* ranges, exceptions and singles */
		nfqueue_decide(packets[i],
			       i % 7 == 0 ? NFQUEUE_DROP
			       : i > 30   ? nfqueue_verdict_mark(NFQUEUE_ACCEPT, i)
					  : NFQUEUE_ACCEPT);
	check_flushed(queue, 60);
	assert_int_equal(arrived(60, 0), 0);

	netns_udp_send(udp_client, 60, 10);
	assert_int_equal(decide_next(queue, 10, NFQUEUE_ACCEPT), 10);
	flush_and_settle(queue);
	assert_int_equal(stats_of(queue).accepted, 10);
}

static void held_packets_that_were_flushed_are_counted(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];

	netns_need_command("nft");
	add_table();
	netns_udp_send(udp_client, 0, 20);
	receive(queue, packets, 20);
	for (int i = 0; i < 20; i++)
		nfqueue_packet_hold(packets[i]);
	flush_and_settle(queue);
	netns_sh("nft delete table inet passing");
	for (int i = 0; i < 20; i++)
		nfqueue_accept(packets[i]);
	check_flushed(queue, 20);
}

/* The refusals stand in line behind all that was not read yet. */
static void each_of_thousands_that_were_flushed_is_counted(void **state)
{
	struct nfqueue *queue = start_on_loopback(
		(struct nfqueue_options){.max_length = 65536, .copy_range = 64});
	struct nfqueue_packet *packets[64];
	uint32_t mark = 0;
	int n;

	netns_need_command("nft");
	netns_need_real_root(); /* for a large socket buffer */
	add_table();
	netns_udp_send(udp_client, 0, MANY);
	netns_sh("nft delete table inet passing");
	while ((n = nfqueue_recv(queue, packets, 64, 0)) > 0)
		for (int i = 0; i < n; i++) /* no two alike: a message each */
			nfqueue_decide(packets[i],
				       nfqueue_verdict_mark(NFQUEUE_ACCEPT, ++mark));
	check_flushed(queue, MANY);
}

static void refusals_on_their_way_are_counted_when_max_length_grows(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];

	netns_need_command("nft");
	add_table();
	netns_udp_send(udp_client, 0, 64);
	receive(queue, packets, 64);
	netns_sh("nft delete table inet passing");
	for (uint32_t i = 0; i < 64; i++)
		nfqueue_decide(packets[i], nfqueue_verdict_mark(NFQUEUE_ACCEPT, i));
	assert_int_equal(nfqueue_flush(queue), 0);
	assert_int_equal(nfqueue_set_max_length(queue, 65536), 0);
	check_flushed(queue, 64);
}

static void packets_of_an_interface_that_went_down_are_counted_as_flushed(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];

	netns_pair(&pair);
	rule("-A INPUT -p udp --dport %d -j NFQUEUE", PORT);
	udp_server = netns_udp_server(NULL, "10.99.0.1", PORT);
	udp_client = netns_udp_client(&pair, "10.99.0.1", PORT);
	netns_udp_send(udp_client, 0, 10);
	assert_true(netns_queue_waits(0, 10, WAIT_MS));
	receive(queue, packets, 10);
	netns_sh("ip link set %s down", pair.here_name);
	for (int i = 0; i < 10; i++)
		nfqueue_accept(packets[i]);
	check_flushed(queue, 10);
}

/* --- refused ---------------------------------------------------------------------- */

/* Capabilities belong to a thread: only this one loses them. */
static void *decide_without_rights(void *argument)
{
	struct nfqueue *queue = argument;
	struct nfqueue_packet *packets[64];
	static int result[2];

	receive(queue, packets, 20);
	drop_capabilities();
	for (int i = 0; i < 20; i++)
		nfqueue_decide(packets[i],
			       i % 2 ? NFQUEUE_ACCEPT
				     : nfqueue_verdict_mark(NFQUEUE_ACCEPT, 1));
	result[0] = nfqueue_recv(queue, packets, 64, -1);
	result[1] = nfqueue_recv(queue, packets, 64, 0);
	return result;
}

static void verdicts_after_the_capability_was_given_up_end_with_words(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_stats stats;
	pthread_t thread;
	void *result;

	netns_udp_send(udp_client, 0, 20);
	pthread_create(&thread, NULL, decide_without_rights, queue);
	pthread_join(thread, &result);
	assert_int_equal(((int *)result)[0], -EPERM);
	assert_int_equal(((int *)result)[1], -EPERM);
	assert_non_null(strstr(nfqueue_error(queue), "CAP_NET_ADMIN"));
	stats = stats_of(queue);
	assert_int_equal(stats.refused, 20);
	assert_int_equal(stats.accepted + stats.flushed, 0);
	assert_sums_up(&stats);
	assert_true(netns_queue_waits(0, 20, WAIT_MS));
}

struct without_rights {
	struct nfqueue *queue;
	struct nfqueue_packet *held;
	int result;
};

static void *flush_without_rights(void *argument)
{
	struct without_rights *thread = argument;

	drop_capabilities();
	assert_int_equal(nfqueue_accept(thread->held), 0);
	thread->result = nfqueue_flush(thread->queue);
	return NULL;
}

/* Its verdict is refused: what it decided stays in the kernel. The reader goes on. */
static void a_thread_that_gave_up_the_capability_does_not_end_the_reader(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct without_rights without = {.queue = queue};
	struct nfqueue_packet *packets[64];
	struct nfqueue_stats stats;
	pthread_t thread;

	netns_udp_send(udp_client, 0, 1);
	receive(queue, packets, 1);
	without.held = packets[0];
	assert_int_equal(nfqueue_packet_hold(packets[0]), 0);
	flush_and_settle(queue);
	pthread_create(&thread, NULL, flush_without_rights, &without);
	pthread_join(thread, NULL);
	assert_int_equal(without.result, 0); /* the refusal is read later */
	for (uint32_t i = 1; i < 4; i++) {
		netns_udp_send(udp_client, i, 1);
		assert_int_equal(decide_next(queue, 1, NFQUEUE_ACCEPT), 1);
		assert_int_equal(nfqueue_recv(queue, packets, 64, 5), 0);
	}
	assert_int_equal(arrived(4, 3), 3);
	stats = stats_of(queue);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(stats.accepted, 3);
	assert_int_equal(stats.flushed, 0);
	assert_sums_up(&stats);
	assert_true(netns_queue_waits(0, 1, WAIT_MS));
}

/* A socket that is no queue's any more: the program closed it, or put another there. */
static void a_socket_that_is_gone_is_an_error_and_nothing_leaks(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	int other;

	netns_udp_send(udp_client, 0, 20);
	receive(queue, packets, 20);
	nfqueue_packet_hold(packets[3]);
	nfqueue_accept(packets[4]);
	other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(dup2(other, nfqueue_fd(queue)) >= 0);
	close(other);
	assert_true(nfqueue_flush(queue) < 0);
	assert_true(nfqueue_recv(queue, packets, 64, 0) < 0);
	assert_non_null(strstr(nfqueue_error(queue), "cannot send verdicts"));
	assert_true(nfqueue_set_max_length(queue, 10) < 0);
	assert_true(nfqueue_wake(queue) < 0);
	assert_int_equal(stats_of(queue).received, 20);
	close_queue(queue);
}

/* --- a kernel without memory ------------------------------------------------------ */

static void close_without_memory(bool holds)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){
		.default_verdict = holds ? NFQUEUE_ACCEPT : NFQUEUE_DROP});
	struct nfqueue_packet *packets[64];

	netns_udp_send(udp_client, 0, 20);
	receive(queue, packets, 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(holds ? nfqueue_packet_hold(packets[i])
				       : nfqueue_accept(packets[i]),
				 0);
	fail_sends(3);
	close_queue(queue);
	assert_int_equal(fail_no_more(), 0);
	assert_int_equal(arrived(20, 20), 20);
}

static void what_was_accepted_comes_though_the_close_had_no_memory(void **state)
{
	close_without_memory(false);
}

static void what_was_held_gets_its_default_though_the_close_had_no_memory(void **state)
{
	close_without_memory(true);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_finds_a_full_queue_is_dropped_and_counted),
		TEST(what_finds_a_full_queue_passes_with_fail_open),
		TEST(what_finds_a_full_socket_is_dropped_and_counted),
		TEST(what_finds_a_full_socket_passes_with_fail_open_and_is_counted),
		TEST(losses_in_the_middle_are_counted_when_the_next_packet_comes),
		TEST(the_account_is_exact_after_an_overload_of_the_queue),
		TEST(the_account_is_exact_after_an_overload_of_a_queue_that_fails_open),
		TEST(the_account_is_exact_after_an_overload_of_the_socket),
		TEST(the_account_is_exact_after_an_overload_of_a_socket_that_fails_open),
		TEST(the_default_socket_buffer_is_never_full_before_the_queue),
		TEST(an_overflow_that_the_socket_tells_of_is_counted_and_survived),
		TEST(packets_flushed_with_somebodys_table_are_counted_and_no_error),
		TEST(held_packets_that_were_flushed_are_counted),
		TEST(each_of_thousands_that_were_flushed_is_counted),
		TEST(refusals_on_their_way_are_counted_when_max_length_grows),
		TEST(packets_of_an_interface_that_went_down_are_counted_as_flushed),
		TEST(verdicts_after_the_capability_was_given_up_end_with_words),
		TEST(a_thread_that_gave_up_the_capability_does_not_end_the_reader),
		TEST(a_socket_that_is_gone_is_an_error_and_nothing_leaks),
		TEST(what_was_accepted_comes_though_the_close_had_no_memory),
		TEST(what_was_held_gets_its_default_though_the_close_had_no_memory),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

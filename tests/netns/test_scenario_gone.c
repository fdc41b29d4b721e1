/* SPDX-License-Identifier: MIT */
/*
 * What goes away while packets wait: the listener, the interface, somebody's table. And
 * a queue with no room left. No packet is unaccounted for, and traffic goes on.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <nfqueue/rules.h>

#include "queue_fixture.h"

#define TAKEN 20   /* received and held by the listener that is killed */
#define WAITING 50 /* in the kernel by then */

static struct netns_pair second;
static pid_t child;

static void kill_child(void)
{
	if (child <= 0)
		return;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	child = 0;
}

static int end(void **state)
{
	kill_child();
	netns_pair_close(&second);
	return end_on_loopback(state);
}

/* --- the listener is killed ------------------------------------------------------- */

struct report {
	int status;
	struct nfqueue_stats stats;
};

static int install_rules(void)
{
	struct nfqueue_redirect wanted = {.size = sizeof(wanted),
					  .hook = NFQUEUE_HOOK_OUTPUT,
					  .match = "udp dst port 5000"};
	struct nfqueue_rules *rules; /* kept by the process, until it is killed */
	int err = nfqueue_rules_open(&rules, NULL);

	if (err == 0)
		err = nfqueue_rules_add(rules, &wanted);
	if (err == 0)
		err = nfqueue_rules_install(rules);
	return err;
}

static int take_and_hold(struct nfqueue *queue)
{
	struct nfqueue_packet *packets[TAKEN];

	for (int taken = 0; taken < TAKEN;) {
		int n = nfqueue_recv(queue, packets, (unsigned int)(TAKEN - taken), -1);

		if (n < 0)
			return n;
		for (int i = 0; i < n; i++)
			if (nfqueue_packet_hold(packets[i]) < 0)
				return -ENOMEM;
		taken += n;
	}
	return 0;
}

/* Says when it is ready, and again when it holds its packets; then waits to be killed. */
static void __attribute__((noreturn)) listen_until_killed(bool own_rules, int output)
{
	struct report report = {.stats.size = sizeof(report.stats)};
	struct nfqueue *queue;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	report.status = nfqueue_open(&queue, NULL);
	if (report.status == 0 && own_rules)
		report.status = install_rules();
	for (int i = 0; i < 2; i++) {
		if (report.status == 0)
			nfqueue_stats_get(queue, &report.stats);
		if (write(output, &report, sizeof(report)) < 0)
			_exit(1);
		if (i == 0 && report.status == 0)
			report.status = take_and_hold(queue);
	}
	for (;;)
		pause();
}

static struct report read_report(int input)
{
	struct report report;

	assert_int_equal(read(input, &report, sizeof(report)), sizeof(report));
	assert_int_equal(report.status, 0);
	return report;
}

/* The kernel drops what waited, received or not, and traffic passes from then on. */
static void kill_a_listener(bool own_rules)
{
	struct netns_queue_row row;
	struct netns_tally tally;
	struct report report;
	int ends[2];

	netns_need_queue();
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		listen_until_killed(own_rules, ends[1]);
	close(ends[1]);
	read_report(ends[0]);
	if (!own_rules)
		rule("-A OUTPUT -p udp --dport %d -j NFQUEUE --queue-bypass", PORT);
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	netns_udp_send(udp_client, 0, WAITING);
	report = read_report(ends[0]);
	close(ends[0]);
	assert_true(netns_queue_waits(0, WAITING, WAIT_MS));
	assert_int_equal(report.stats.received, TAKEN);
	assert_int_equal(report.stats.held, TAKEN);
	assert_sums_up(&report.stats);

	kill_child();
	assert_false(netns_queue_row(0, &row));
	netns_udp_collect(udp_server, 0, WAITING, QUIET_MS, &tally, NULL);
	assert_int_equal(tally.received, 0);
	netns_udp_exchange(udp_client, udp_server, WAITING, WAIT_MS, &tally);
	assert_int_equal(tally.received, WAITING);
	assert_int_equal(tally.duplicate + tally.foreign, 0);
}

static void a_killed_listeners_packets_are_dropped_and_the_next_ones_pass(void **state)
{
	kill_a_listener(false);
	assert_int_equal(rule_count("iptables", "OUTPUT", 1), 2 * WAITING);
}

static void a_killed_listeners_own_rules_go_with_it_and_traffic_passes(void **state)
{
	kill_a_listener(true);
	assert_int_equal(nfqueue_rules_list(NULL, 0), 0);
}

/* Who comes next finds an empty queue of the same number. */
static void the_queue_of_a_killed_listener_is_free_for_the_next_one(void **state)
{
	struct netns_tally tally;
	struct nfqueue_stats stats;
	struct nfqueue *queue;

	kill_a_listener(false);
	queue = open_queue((struct nfqueue_options){0});
	netns_udp_send(udp_client, 0, WAITING);
	assert_int_equal(decide_next(queue, WAITING, NFQUEUE_ACCEPT), WAITING);
	flush_and_settle(queue);
	stats = stats_of(queue);
	assert_int_equal(stats.accepted, WAITING);
	assert_nothing_lost(&stats);
	netns_udp_collect(udp_server, 0, WAITING, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, WAITING);
}

/* --- interfaces and tables -------------------------------------------------------- */

/* Half of 2 * WAITING forwarded packets are received when the interface goes down. */
static struct nfqueue_stats forwarded_over(const struct netns_pair *going)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	struct nfqueue_stats stats;
	struct netns_tally tally;
	int n;

	netns_forward();
	rule("-A FORWARD -p udp --dport %d -j NFQUEUE", PORT);
	udp_server = netns_udp_server(&second, "10.98.0.2", PORT);
	udp_client = netns_udp_client(&pair, "10.98.0.2", PORT);
	netns_udp_send(udp_client, 0, 2 * WAITING);
	assert_true(netns_queue_waits(0, 2 * WAITING, WAIT_MS));
	n = nfqueue_recv(queue, packets, WAITING, WAIT_MS);
	assert_int_equal(n, WAITING);
	netns_sh("ip link set %s down", going->here_name);
	assert_true(netns_queue_waits(0, 0, WAIT_MS));
	for (int i = 0; i < n; i++)
		nfqueue_accept(packets[i]);
	assert_int_equal(decide_next(queue, WAITING, NFQUEUE_ACCEPT), WAITING);
	flush_and_settle(queue);
	stats = stats_of(queue);
	assert_sums_up(&stats);
	assert_int_equal(rule_count("iptables", "FORWARD", 1), stats.received);
	netns_udp_collect(udp_server, 0, 2 * WAITING, QUIET_MS, &tally, NULL);
	assert_int_equal(tally.received, stats.accepted);
	return stats;
}

static void packets_that_came_from_an_interface_that_went_down_are_flushed(void **state)
{
	struct nfqueue_stats stats;

	netns_pair(&pair);
	netns_pair_at(&second, 98);
	stats = forwarded_over(&pair);
	assert_int_equal(stats.received, 2 * WAITING);
	assert_int_equal(stats.flushed, 2 * WAITING);
}

static void packets_that_go_to_an_interface_that_went_down_are_flushed(void **state)
{
	struct nfqueue_stats stats;

	netns_pair(&pair);
	netns_pair_at(&second, 98);
	stats = forwarded_over(&second);
	assert_int_equal(stats.received, 2 * WAITING);
	assert_int_equal(stats.flushed, 2 * WAITING);
}

/* Only the interface's own packets go; the others keep their verdicts. */
static void packets_of_other_interfaces_stay_when_one_goes_down(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	struct nfqueue_stats stats;
	struct netns_tally tally;
	int peers;

	netns_pair(&pair);
	rule("-A INPUT -p udp --dport %d -i %s -j NFQUEUE", PORT, pair.here_name);
	peers = netns_udp_client(&pair, "10.99.0.1", PORT);
	netns_udp_send(udp_client, 0, 10);
	netns_udp_send(peers, 10, 10);
	assert_true(netns_queue_waits(0, 20, WAIT_MS));
	receive(queue, packets, 20);
	netns_sh("ip link set %s down", pair.here_name);
	assert_true(netns_queue_waits(0, 10, WAIT_MS));
	for (int i = 0; i < 20; i++) /* ranges would cover the gone ones, too */
		nfqueue_decide(packets[i], i % 2 ? nfqueue_verdict_mark(NFQUEUE_ACCEPT, 1)
						 : NFQUEUE_ACCEPT);
	flush_and_settle(queue);
	close(peers);
	stats = stats_of(queue);
	assert_int_equal(stats.accepted, 10);
	assert_int_equal(stats.flushed, 10);
	assert_sums_up(&stats);
	netns_udp_collect(udp_server, 0, 10, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 10);
}

/* All queues of the namespace are emptied; the other's table is gone, the traffic not. */
static void a_table_that_is_removed_empties_every_queue_and_each_counts_it(void **state)
{
	struct nfqueue *queues[2];
	struct nfqueue_stats stats;
	struct netns_tally tally;

	netns_need_command("nft");
	netns_sh("nft 'table inet passing { chain c { type filter hook input priority 0; "
		 "}; }'");
	queues[0] = start_on_loopback((struct nfqueue_options){0});
	queues[1] = open_queue((struct nfqueue_options){.queue = 1});
	netns_udp_send(udp_client, 0, WAITING);
	rule("-R OUTPUT 1 -p udp --dport %d -j NFQUEUE --queue-num 1", PORT);
	netns_udp_send(udp_client, WAITING, WAITING);
	for (uint16_t i = 0; i < 2; i++)
		assert_true(netns_queue_waits(i, WAITING, WAIT_MS));
	netns_sh("nft delete table inet passing");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(decide_next(queues[i], WAITING, NFQUEUE_ACCEPT),
				 WAITING);
		flush_and_settle(queues[i]);
		stats = stats_of(queues[i]);
		assert_int_equal(stats.flushed, WAITING);
		assert_int_equal(stats.accepted, 0);
		assert_sums_up(&stats);
	}
	netns_udp_collect(udp_server, 0, 2 * WAITING, QUIET_MS, &tally, NULL);
	assert_int_equal(tally.received, 0);
	netns_udp_send(udp_client, 0, WAITING);
	assert_int_equal(decide_next(queues[1], WAITING, NFQUEUE_ACCEPT), WAITING);
	netns_udp_collect(udp_server, 0, WAITING, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, WAITING);
}

/* --- no room ---------------------------------------------------------------------- */

/* A full queue that nobody reads stops no stream if it fails open. */
static void a_stream_passes_a_full_queue_that_fails_open(void **state)
{
	struct nfqueue *queue = start_on_loopback(
		(struct nfqueue_options){.max_length = 10, .flags = NFQUEUE_FAIL_OPEN});
	struct nfqueue_stats stats;
	struct netns_tally tally;
	struct netns_tcp tcp;

	rule("-A OUTPUT -p tcp -j NFQUEUE");
	netns_udp_send(udp_client, 0, 10);
	netns_tcp_start(&tcp, NULL, NULL, "127.0.0.1", PORT, 8 << 20);
	assert_int_equal(netns_tcp_wait(&tcp, WAIT_MS), 0);
	assert_true(netns_queue_waits(0, 10, WAIT_MS));
	assert_int_equal(decide_next(queue, 10, NFQUEUE_ACCEPT), 10);
	flush_and_settle(queue);
	stats = stats_of(queue);
	assert_int_equal(stats.accepted, stats.received);
	assert_nothing_lost(&stats);
	netns_udp_collect(udp_server, 0, 10, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 10);
}

/* Fail closed: the stream stands still, and goes on when there is room again. */
static void a_stream_waits_for_a_full_queue_and_is_whole(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.max_length = 10});
	struct nfqueue_stats stats;
	struct decider decider;
	struct netns_tcp tcp;

	rule("-A OUTPUT -p tcp -j NFQUEUE");
	netns_udp_send(udp_client, 0, 10);
	netns_tcp_start(&tcp, NULL, NULL, "127.0.0.1", PORT, 1 << 20);
	for (uint64_t quit = netns_now() + WAIT_MS; stats_of(queue).lost_full == 0;) {
		assert_true(netns_now() < quit);
		netns_sleep(10);
	}
	decider_start(&decider, queue, decide_accept, NULL);
	assert_int_equal(netns_tcp_wait(&tcp, 6 * WAIT_MS), 0);
	rule("-I OUTPUT -j RETURN");
	decider_stop(&decider);
	stats = stats_of(queue);
	assert_sums_up(&stats);
	assert_int_equal(stats.accepted, stats.received);
	assert_int_equal(stats.received + stats.lost_full + stats.lost_socket,
			 rule_count("iptables", "OUTPUT", 2) +
				 rule_count("iptables", "OUTPUT", 3));
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_killed_listeners_packets_are_dropped_and_the_next_ones_pass),
		TEST(a_killed_listeners_own_rules_go_with_it_and_traffic_passes),
		TEST(the_queue_of_a_killed_listener_is_free_for_the_next_one),
		TEST(packets_that_came_from_an_interface_that_went_down_are_flushed),
		TEST(packets_that_go_to_an_interface_that_went_down_are_flushed),
		TEST(packets_of_other_interfaces_stay_when_one_goes_down),
		TEST(a_table_that_is_removed_empties_every_queue_and_each_counts_it),
		TEST(a_stream_passes_a_full_queue_that_fails_open),
		TEST(a_stream_waits_for_a_full_queue_and_is_whole),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

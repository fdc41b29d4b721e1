/* SPDX-License-Identifier: MIT */
/* Rules in the place of others: no packet by, nothing that waits lost. */
#include "rules_fixture.h"

#define QUEUE 3
#define MASK 0xff00u

static void add(const char *match, int32_t priority)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, match, QUEUE);

	wanted.priority = priority;
	check(rules, nfqueue_rules_add(rules, &wanted));
}

static void start(uint32_t mask)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = NFQUEUE_ON_CRASH_CLOSED,
						.flow_mask = mask};

	netns_need_queue();
	check(rules, nfqueue_rules_open(&rules, &options));
	add("udp port 5001", 0);
	check(rules, nfqueue_rules_install(rules));
	listener_open(&listener, QUEUE);
}

static void replace(const char *match, int32_t priority)
{
	check(rules, nfqueue_rules_reset(rules));
	add(match, priority);
	check(rules, nfqueue_rules_install(rules));
}

static void no_packet_passes_by_while_rules_are_replaced(uint32_t mask)
{
	struct traffic traffic;

	start(mask);
	traffic_start(&traffic);
	for (int i = 0; i < 100; i++) {
		traffic_pass_some(&traffic, 20);
		check(rules, nfqueue_rules_reset(rules));
		if (i % 2)
			add("udp port 5002", 0);
		add(i % 3 ? "udp dst port 5001" : "udp", 0);
		check(rules, nfqueue_rules_install(rules));
		traffic_pass(&traffic);
	}
	traffic_stop(&traffic);
	assert_int_equal(counted(-1), traffic.sent);
	assert_true(traffic.sent >= 2000);
	fprintf(stderr, "%u packets in 100 replacements\n", traffic.sent);
}

static void no_packet_passes_by_a_replacement(void **state)
{
	no_packet_passes_by_while_rules_are_replaced(0);
}

static void no_packet_passes_by_a_replacement_with_flow_rules(void **state)
{
	no_packet_passes_by_while_rules_are_replaced(MASK);
}

static void what_waits_outlives_a_replacement(void **state)
{
	static const int32_t priorities[] = {0, 20, -20, 0, 40};
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct netns_tally tally;

	start(MASK);
	netns_udp_send(client, 0, 10);
	for (size_t i = 0; i < 5; i++) {
		replace("udp port 5002", priorities[i]);
		assert_true(netns_queue_waits(QUEUE, 10, 0));
	}
	assert_int_equal(listener_pass(&listener, 10, 1000), 10);
	netns_udp_collect(server, 0, 10, 1000, &tally, NULL);
	assert_int_equal(tally.received, 10);
	assert_int_equal(loopback("127.0.0.1", OTHER_PORT, 1), 0);
	assert_int_equal(listener_pass(&listener, 1, 1000), 1);
	close(client);
	close(server);
}

static void an_old_chain_stays_and_is_empty(void **state)
{
	netns_need_command("nft");
	start(MASK);
	replace("udp port 5001", 10);
	netns_sh("nft list chain inet nfqueue-3 input | grep 'hook input'");
	netns_sh("! nft list chain inet nfqueue-3 input | grep -E 'jump|counter'");
	netns_sh("nft list chain inet nfqueue-3 input-flows | grep 'jump flows-save'");
	netns_sh("nft list chain inet nfqueue-3 input-10 | grep 'counter'");
	replace("udp port 5001", 0);
	netns_sh("nft list chain inet nfqueue-3 input | grep 'counter'");
	netns_sh("! nft list chain inet nfqueue-3 input-10 | grep -E 'jump|counter'");
}

static void counters_begin_anew_and_their_sum_goes_on(void **state)
{
	start(0);
	loopback("127.0.0.1", PORT, 3);
	assert_int_equal(counted(0), 3);
	check(rules, nfqueue_rules_reset(rules));
	add("udp port 5002", 0);
	add("udp port 5001", 0);
	assert_int_equal(counted(0), 3);
	assert_int_equal(nfqueue_rules_counter(rules, 1, NULL, NULL), -ENOENT);
	check(rules, nfqueue_rules_install(rules));
	loopback("127.0.0.1", PORT, 4);
	assert_int_equal(counted(0), 0);
	assert_int_equal(counted(1), 4);
	assert_int_equal(counted(-1), 7);
	replace("udp port 5001", 0);
	assert_int_equal(counted(0), 0);
	assert_int_equal(nfqueue_rules_counter(rules, 1, NULL, NULL), -ENOENT);
	assert_int_equal(counted(-1), 7);
}

static void decided_flows_stay_decided(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct nfqueue_flow_marks marks, later;
	struct netns_tally tally;

	start(MASK);
	check(rules, nfqueue_rules_flow_marks(rules, &marks));
	netns_udp_send(client, 0, 1);
	assert_int_equal(listener_read(&listener, 1, 1000), 1);
	replace("udp", 0);
	listener_mark(&listener, marks.accept);
	netns_udp_send(client, 1, 5);
	replace("udp port 5001", 10);
	netns_udp_send(client, 6, 5);
	netns_udp_collect(server, 0, 11, 1000, &tally, NULL);
	assert_int_equal(tally.received, 11);
	assert_int_equal(listener_read(&listener, 1, 0), 0);
	check(rules, nfqueue_rules_flow_marks(rules, &later));
	assert_int_equal(later.accept, marks.accept);
	close(client);
	close(server);
}

/* A rule of somebody's uses what has to go: the kernel refuses the transaction. */
static void a_refused_replacement_leaves_the_old_rules(void **state)
{
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	char before[8192], after[8192];

	netns_need_command("nft");
	start(MASK);
	netns_sh("nft add chain inet nfqueue-3 mine");
	netns_sh("nft add rule inet nfqueue-3 mine counter name redirect-0");
	netns_udp_send(client, 0, 10);
	nfqueue_rules_text(rules, before, sizeof(before));
	check(rules, nfqueue_rules_reset(rules));
	add("udp port 5002", 10);
	assert_int_equal(nfqueue_rules_install(rules), -EBUSY);
	assert_true(strlen(nfqueue_rules_error(rules)) > 0);
	nfqueue_rules_text(rules, after, sizeof(after));
	assert_string_equal(before, after);
	assert_true(netns_queue_waits(QUEUE, 10, 0));
	netns_udp_send(client, 10, 5);
	assert_true(netns_queue_waits(QUEUE, 15, 0));
	assert_int_equal(counted(0), 15);
	netns_sh("nft flush chain inet nfqueue-3 mine");
	check(rules, nfqueue_rules_install(rules));
	assert_true(netns_queue_waits(QUEUE, 15, 0));
	assert_int_equal(loopback("127.0.0.1", PORT, 5), 5);
	close(client);
}

static void a_list_is_begun_before_it_is_installed(void **state)
{
	start(0);
	assert_int_equal(nfqueue_rules_install(rules), -EALREADY);
	check(rules, nfqueue_rules_reset(rules));
	assert_int_equal(nfqueue_rules_install(rules), -EINVAL);
	assert_int_equal(counted(0), 0);
	nfqueue_rules_close(rules);
	check(rules, nfqueue_rules_open(&rules, NULL));
	add("udp port 5001", 0);
	check(rules, nfqueue_rules_reset(rules));
	assert_int_equal(nfqueue_rules_install(rules), -EINVAL);
	assert_int_equal(table_count(), 0);
}

static void rules_that_were_stopped_can_be_installed_again(void **state)
{
	start(MASK);
	check(rules, nfqueue_rules_stop(rules));
	assert_int_equal(loopback("127.0.0.1", PORT, 5), 5);
	replace("udp port 5001", 0);
	assert_int_equal(loopback("127.0.0.1", PORT, 5), 0);
	assert_int_equal(listener_pass(&listener, 5, 1000), 5);
}

static void a_table_that_is_gone_cannot_be_replaced(void **state)
{
	netns_need_command("nft");
	start(0);
	netns_sh("nft flush ruleset");
	check(rules, nfqueue_rules_reset(rules));
	add("udp port 5001", 0);
	assert_int_equal(nfqueue_rules_install(rules), -ENOENT);
	assert_non_null(strstr(nfqueue_rules_error(rules), "somebody removed"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(no_packet_passes_by_a_replacement),
		TEST(no_packet_passes_by_a_replacement_with_flow_rules),
		TEST(what_waits_outlives_a_replacement),
		TEST(an_old_chain_stays_and_is_empty),
		TEST(counters_begin_anew_and_their_sum_goes_on),
		TEST(decided_flows_stay_decided),
		TEST(a_refused_replacement_leaves_the_old_rules),
		TEST(a_list_is_begun_before_it_is_installed),
		TEST(rules_that_were_stopped_can_be_installed_again),
		TEST(a_table_that_is_gone_cannot_be_replaced),
	};

	netns_enter(argc > 1 && strcmp(argv[1], "--user") == 0 ? NETNS_USER : 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What carries the guard mark goes past the queues, and nothing else does. */
#include <sys/socket.h>

#include "rules_fixture.h"

#define QUEUE 3
#define GUARD 0x08000000u
#define FLOWS 0xff00u

static void add(enum nfqueue_hook hook, int32_t priority)
{
	struct nfqueue_redirect wanted = redirect(hook, "udp port 5001", QUEUE);

	wanted.priority = priority;
	check(rules, nfqueue_rules_add(rules, &wanted));
}

static void start(uint32_t guard, uint32_t flows)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = NFQUEUE_ON_CRASH_CLOSED,
						.flow_mask = flows,
						.guard_mark = guard};

	netns_need_queue();
	check(rules, nfqueue_rules_open(&rules, &options));
	add(NFQUEUE_HOOK_OUTPUT, 0);
	check(rules, nfqueue_rules_install(rules));
	listener_open(&listener, QUEUE);
}

/* How many datagrams came up of `count` with this mark; all arrive. */
static uint32_t come_up(uint32_t mark, uint32_t count)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct netns_tally tally;
	uint32_t came;

	assert_int_equal(setsockopt(client, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	netns_udp_send(client, 0, count);
	came = listener_pass(&listener, count, NO_MORE_MS);
	netns_udp_collect(server, 0, count, NO_MORE_MS, &tally, NULL);
	assert_int_equal(tally.received, count);
	close(client);
	close(server);
	return came;
}

static uint64_t guarded(void)
{
	uint64_t packets;

	check(rules, nfqueue_rules_guard_counter(rules, &packets));
	return packets;
}

static void only_marked_packets_go_past(void **state)
{
	start(GUARD, 0);
	assert_int_equal(come_up(0, 5), 5);
	assert_int_equal(guarded(), 0);
	assert_int_equal(come_up(GUARD, 7), 0);
	assert_int_equal(come_up(GUARD | 0x77, 3), 0);
	assert_int_equal(come_up(~GUARD, 2), 2);
	assert_int_equal(guarded(), 10);
	assert_int_equal(counted(-1), 7);
}

/* One bit of two is not the mark. */
static void all_bits_of_the_mark_are_needed(void **state)
{
	start(0x30000000, 0);
	assert_int_equal(come_up(0x10000000, 2), 2);
	assert_int_equal(come_up(0x20000000, 2), 2);
	assert_int_equal(come_up(0x30000000, 2), 0);
}

static void without_a_guard_mark_all_packets_come_up(void **state)
{
	uint64_t packets;

	start(0, 0);
	assert_int_equal(come_up(GUARD, 5), 5);
	assert_int_equal(nfqueue_rules_guard_counter(rules, &packets), -ENOENT);
	assert_non_null(strstr(nfqueue_rules_error(rules), "no rules with a guard mark"));
}

/* A chain for each hook and priority has the rule, before any other. */
static void each_chain_lets_them_through(void **state)
{
	start(GUARD, 0);
	check(rules, nfqueue_rules_reset(rules));
	add(NFQUEUE_HOOK_OUTPUT, 0);
	add(NFQUEUE_HOOK_OUTPUT, 20);
	add(NFQUEUE_HOOK_INPUT, 0);
	add(NFQUEUE_HOOK_PREROUTING, -150);
	check(rules, nfqueue_rules_install(rules));
	assert_int_equal(come_up(GUARD, 5), 0);
	assert_int_equal(guarded(), 4 * 5);
	assert_int_equal(counted(-1), 0);
}

static void it_outlives_replacements(void **state)
{
	struct traffic traffic;

	start(GUARD, FLOWS);
	traffic_start(&traffic);
	for (int i = 0; i < 20; i++) {
		traffic_pass_some(&traffic, 20);
		check(rules, nfqueue_rules_reset(rules));
		add(NFQUEUE_HOOK_OUTPUT, 0);
		if (i % 2)
			add(NFQUEUE_HOOK_FORWARD, 0);
		check(rules, nfqueue_rules_install(rules));
	}
	traffic_stop(&traffic);
	assert_int_equal(counted(-1), traffic.sent);
	assert_int_equal(guarded(), 0);
	assert_int_equal(come_up(GUARD, 5), 0);
	assert_int_equal(guarded(), 5);
	check(rules, nfqueue_rules_stop(rules));
	assert_int_equal(come_up(GUARD, 5), 0);
	assert_int_equal(guarded(), 5);
}

/* It stands in front of what was decided for the flow: a reset that the program sends
 * must get out of a dropped flow. */
static void it_stands_in_front_of_flow_verdicts(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	const uint32_t guard = GUARD;
	struct nfqueue_flow_marks marks;
	struct netns_tally tally;

	start(GUARD, FLOWS);
	check(rules, nfqueue_rules_flow_marks(rules, &marks));
	netns_udp_send(client, 0, 1);
	assert_int_equal(listener_read(&listener, 1, 1000), 1);
	listener_mark(&listener, marks.drop);
	assert_int_equal(send(client, "dropped", 7, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EPERM);
	setsockopt(client, SOL_SOCKET, SO_MARK, &guard, sizeof(guard));
	netns_udp_send(client, 0, 3);
	netns_udp_collect(server, 0, 3, 1000, &tally, NULL);
	assert_int_equal(tally.received, 3);
	assert_int_equal(guarded(), 3);
	close(client);
	close(server);
}

/* --- hand over -------------------------------------------------------------------- */

static void hand_over(const struct nfqueue_rules_options *options)
{
	int fd = dup(nfqueue_rules_fd(rules));

	assert_true(fd >= 0);
	nfqueue_rules_release(rules);
	check(rules, nfqueue_rules_adopt(&rules, fd, options));
}

static void replace(void)
{
	add(NFQUEUE_HOOK_OUTPUT, 0);
	check(rules, nfqueue_rules_install(rules));
}

static void an_adopted_table_keeps_its_guard_mark(void **state)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = NFQUEUE_ON_CRASH_CLOSED};

	start(GUARD, FLOWS);
	assert_int_equal(come_up(GUARD, 2), 0);
	hand_over(NULL);
	assert_int_equal(guarded(), 2);
	assert_int_equal(come_up(GUARD, 2), 0);
	replace();
	assert_int_equal(come_up(GUARD, 2), 0);
	assert_int_equal(guarded(), 6);
	hand_over(&options);
	replace();
	assert_int_equal(come_up(GUARD, 2), 0);
	assert_int_equal(guarded(), 8);
}

static void an_adopted_table_may_get_another_guard_mark(void **state)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = NFQUEUE_ON_CRASH_CLOSED,
						.guard_mark = GUARD};

	start(0, 0);
	hand_over(&options);
	assert_int_equal(come_up(GUARD, 2), 2);
	replace();
	assert_int_equal(come_up(GUARD, 2), 0);
	assert_int_equal(guarded(), 2);
	options.guard_mark = 0x40;
	hand_over(&options);
	replace();
	assert_int_equal(come_up(GUARD, 2), 2);
	assert_int_equal(come_up(0x40, 2), 0);
	assert_int_equal(guarded(), 4);
}

static void an_adopted_flow_mask_excludes_a_guard_mark(void **state)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = NFQUEUE_ON_CRASH_CLOSED,
						.guard_mark = 0x100};
	int fd;

	start(GUARD, FLOWS);
	fd = dup(nfqueue_rules_fd(rules));
	nfqueue_rules_release(rules);
	assert_int_equal(nfqueue_rules_adopt(&rules, fd, &options), -EINVAL);
	assert_non_null(strstr(nfqueue_rules_error(rules), "flow mask 0xff00"));
	nfqueue_rules_close(rules);
	rules = NULL;
	assert_int_equal(nfqueue_rules_clean(), 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(only_marked_packets_go_past),
		TEST(all_bits_of_the_mark_are_needed),
		TEST(without_a_guard_mark_all_packets_come_up),
		TEST(each_chain_lets_them_through),
		TEST(it_outlives_replacements),
		TEST(it_stands_in_front_of_flow_verdicts),
		TEST(an_adopted_table_keeps_its_guard_mark),
		TEST(an_adopted_table_may_get_another_guard_mark),
		TEST(an_adopted_flow_mask_excludes_a_guard_mark),
	};

	netns_enter(argc > 1 && strcmp(argv[1], "--user") == 0 ? NETNS_USER : 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

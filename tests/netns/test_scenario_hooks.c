/* SPDX-License-Identifier: MIT */
/*
 * All five hooks of IPv4 and IPv6, with a queue at each, then with a second base chain
 * behind: each packet meets each chain once, and its verdict brings it to the next one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <nfqueue/rules.h>

#include "queue_fixture.h"

#define EACH 100 /* datagrams of each family on each way */
#define HOOKS 5

static struct nfqueue_rules *rules;
static struct netns_pair second;

/* Chains of this table stand at priority -150; ours before it, and behind. */
static const char between[] = "iptables -t mangle", between_v6[] = "ip6tables -t mangle";
enum { BEFORE = -200, BEHIND = -100 };

static const struct {
	enum nfqueue_hook hook;
	const char *chain;
	uint32_t expected; /* packets of one family, in datagrams of each way */
} hooks[HOOKS] = {
	{NFQUEUE_HOOK_PREROUTING, "PREROUTING", 2},   /* through, and to us */
	{NFQUEUE_HOOK_INPUT, "INPUT", 1},             /* to us */
	{NFQUEUE_HOOK_FORWARD, "FORWARD", 1},         /* through */
	{NFQUEUE_HOOK_OUTPUT, "OUTPUT", 1},           /* from us */
	{NFQUEUE_HOOK_POSTROUTING, "POSTROUTING", 2}, /* through, and from us */
};

/* --- rules ------------------------------------------------------------------------ */

static int end(void **state)
{
	nfqueue_rules_close(rules);
	rules = NULL;
	netns_pair_close(&second);
	return clean_up(state);
}

static void check(int status)
{
	if (status != 0)
		fail_msg("%d: %s", status, nfqueue_rules_error(rules));
}

static void add_at_each_hook(uint16_t queue, int32_t priority)
{
	for (int i = 0; i < HOOKS; i++) {
		struct nfqueue_redirect wanted = {.size = sizeof(wanted),
						  .hook = hooks[i].hook,
						  .match = "udp dst port 5000",
						  .first_queue = queue,
						  .priority = priority};

		check(nfqueue_rules_add(rules, &wanted));
	}
}

/* Our namespace forwards between two peers; between our chains stands a counter. */
static void set_up(int chains)
{
	netns_forward();
	netns_pair(&pair);
	netns_pair_at(&second, 98);
	check(nfqueue_rules_open(&rules, NULL));
	add_at_each_hook(0, BEFORE);
	if (chains > 1)
		add_at_each_hook(1, BEHIND);
	check(nfqueue_rules_install(rules));
	for (int i = 0; i < HOOKS; i++)
		rule("-t mangle -A %s -p udp --dport %d", hooks[i].chain, PORT);
}

static void check_counts(int chains)
{
	for (int i = 0; i < HOOKS; i++) {
		uint64_t expected = (uint64_t)hooks[i].expected * EACH;

		assert_int_equal(rule_count(between, hooks[i].chain, 1), expected);
		assert_int_equal(rule_count(between_v6, hooks[i].chain, 1), expected);
		for (int chain = 0; chain < chains; chain++) {
			uint64_t packets;

			check(nfqueue_rules_counter(rules, chain * HOOKS + i, &packets,
						    NULL));
			assert_int_equal(packets, 2 * expected);
		}
	}
}

/* --- traffic ---------------------------------------------------------------------- */

static uint32_t send_one_way(const struct netns_pair *from, const struct netns_pair *to,
			     const char *ip, int timeout_ms)
{
	int to_socket = netns_udp_server(to, ip, PORT);
	int from_socket = netns_udp_client(from, ip, PORT);
	struct netns_tally tally;

	netns_udp_exchange(from_socket, to_socket, EACH, timeout_ms, &tally);
	assert_int_equal(tally.duplicate + tally.foreign + tally.reordered, 0);
	close(to_socket);
	close(from_socket);
	return tally.received;
}

/* Through us, to us, and from us, in both families. Returns how many came. */
static uint32_t send_all_ways(int timeout_ms)
{
	static const struct {
		const char *through, *here, *peer;
	} ips[] = {
		{"10.98.0.2", "10.99.0.1", "10.99.0.2"},
		{"fd98::2", "fd99::1", "fd99::2"},
	};
	uint32_t came = 0;

	for (int i = 0; i < 2; i++) {
		came += send_one_way(&pair, &second, ips[i].through, timeout_ms);
		came += send_one_way(&pair, NULL, ips[i].here, timeout_ms);
		came += send_one_way(NULL, &pair, ips[i].peer, timeout_ms);
	}
	return came;
}

/* --- the tests -------------------------------------------------------------------- */

struct seen {
	uint32_t at[HOOKS][2]; /* IPv4, IPv6 */
	uint32_t elsewhere;
};

static struct nfqueue_verdict look(struct nfqueue_packet *packet, void *ctx)
{
	struct seen *seen = ctx;
	uint8_t hook = nfqueue_packet_hook(packet);

	if (hook < HOOKS)
		seen->at[hook][nfqueue_packet_family(packet) == AF_INET6]++;
	else
		seen->elsewhere++;
	return NFQUEUE_ACCEPT;
}

static void check_seen(struct nfqueue *queue, const struct seen *seen)
{
	struct nfqueue_stats stats = stats_of(queue);

	for (int i = 0; i < HOOKS; i++)
		for (int family = 0; family < 2; family++)
			assert_int_equal(seen->at[hooks[i].hook][family],
					 hooks[i].expected * EACH);
	assert_int_equal(seen->elsewhere, 0);
	assert_int_equal(stats.received, 2 * 7 * EACH);
	assert_int_equal(stats.accepted, stats.received);
	assert_nothing_lost(&stats);
}

static void meet_the_queues(int chains)
{
	struct decider deciders[2];
	struct seen seen[2] = {0};

	set_up(chains);
	for (int i = 0; i < chains; i++)
		decider_start(&deciders[i],
			      open_queue((struct nfqueue_options){.queue = (uint32_t)i}),
			      look, &seen[i]);
	assert_int_equal(send_all_ways(WAIT_MS), 6 * EACH);
	for (int i = 0; i < chains; i++)
		decider_stop(&deciders[i]);
	for (int i = 0; i < chains; i++)
		check_seen(deciders[i].queue, &seen[i]);
	check_counts(chains);
}

static void each_packet_comes_up_once_at_each_hook_on_its_way(void **state)
{
	meet_the_queues(1);
}

static void a_verdict_leads_to_the_next_chain_and_never_back(void **state)
{
	meet_the_queues(2);
}

static void nobody_listening_at_five_hooks_lets_all_pass_and_counts_it(void **state)
{
	set_up(2);
	assert_int_equal(send_all_ways(WAIT_MS), 6 * EACH);
	check_counts(2);
}

/* Without bypass, a queue without a listener is a hole; a listener fills it. */
static void forwarded_packets_die_without_a_listener_and_pass_with_one(void **state)
{
	static const char *const ips[] = {"10.98.0.2", "fd98::2"};
	struct decider decider;
	struct nfqueue_stats stats;

	netns_forward();
	netns_pair(&pair);
	netns_pair_at(&second, 98);
	rule("-A FORWARD -p udp --dport %d -j NFQUEUE --queue-num 600", PORT);
	for (int i = 0; i < 2; i++)
		assert_int_equal(send_one_way(&pair, &second, ips[i], QUIET_MS), 0);
	assert_int_equal(rule_count("iptables", "FORWARD", 1), EACH);
	assert_int_equal(rule_count("ip6tables", "FORWARD", 1), EACH);
	decider_start(&decider, open_queue((struct nfqueue_options){.queue = 600}),
		      decide_accept, NULL);
	for (int i = 0; i < 2; i++)
		assert_int_equal(send_one_way(&pair, &second, ips[i], WAIT_MS), EACH);
	decider_stop(&decider);
	stats = stats_of(decider.queue);
	assert_int_equal(stats.received, 2 * EACH);
	assert_int_equal(stats.accepted, 2 * EACH);
	assert_nothing_lost(&stats);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_packet_comes_up_once_at_each_hook_on_its_way),
		TEST(a_verdict_leads_to_the_next_chain_and_never_back),
		TEST(nobody_listening_at_five_hooks_lets_all_pass_and_counts_it),
		TEST(forwarded_packets_die_without_a_listener_and_pass_with_one),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

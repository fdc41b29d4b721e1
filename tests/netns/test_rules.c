/* SPDX-License-Identifier: MIT */
/* What the rules select, in the real kernel, with real packets. */
#include <sched.h>

#include "rules_fixture.h"

/* --- nobody listens --------------------------------------------------------------- */

static void open_rules_let_traffic_pass_while_nobody_listens(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 0);

	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	assert_int_equal(loopback("127.0.0.1", PORT, 50), 50);
	assert_int_equal(loopback("::1", PORT, 50), 50);
	assert_int_equal(counted(0), 100);
}

static void closed_rules_drop_while_nobody_listens(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 0);

	set_up(&rules, NFQUEUE_ON_CRASH_CLOSED, &wanted);
	assert_int_equal(loopback("127.0.0.1", PORT, 20), 0);
	assert_int_equal(loopback("127.0.0.1", OTHER_PORT, 20), 20);
	assert_int_equal(counted(0), 20);
}

/* --- what is selected ------------------------------------------------------------- */

static void the_match_selects_exactly_in_ipv4_and_ipv6(void **state)
{
	struct nfqueue_redirect wanted =
		redirect(NFQUEUE_HOOK_INPUT, "udp dst port 5001", 0);
	uint64_t packets, bytes;

	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	assert_int_equal(loopback("127.0.0.1", OTHER_PORT, 30), 30);
	assert_int_equal(loopback("::1", OTHER_PORT, 30), 30);
	assert_int_equal(counted(0), 0);
	assert_int_equal(loopback("127.0.0.1", PORT, 7), 7);
	assert_int_equal(counted(0), 7);
	assert_int_equal(loopback("::1", PORT, 5), 5);
	check(rules, nfqueue_rules_counter(rules, 0, &packets, &bytes));
	assert_int_equal(packets, 12);
	assert_int_equal(bytes, 7 * (20 + 8 + 16) + 5 * (40 + 8 + 16));
}

static void without_a_match_every_packet_is_selected(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, NULL, 0);

	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	assert_int_equal(loopback("127.0.0.1", PORT, 10), 10);
	assert_int_equal(loopback("::1", OTHER_PORT, 10), 10);
	assert_int_equal(counted(0), 20);
}

static void a_family_selects_its_packets_only(void **state)
{
	struct nfqueue_redirect v4 = redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 0);
	struct nfqueue_redirect v6 = redirect(NFQUEUE_HOOK_INPUT, NULL, 1);

	v4.family = NFQUEUE_FAMILY_IPV4;
	v6.family = NFQUEUE_FAMILY_IPV6;
	check(rules, nfqueue_rules_open(&rules, NULL));
	check(rules, nfqueue_rules_add(rules, &v4));
	check(rules, nfqueue_rules_add(rules, &v6));
	check(rules, nfqueue_rules_install(rules));
	assert_int_equal(loopback("127.0.0.1", PORT, 3), 3);
	assert_int_equal(loopback("::1", PORT, 4), 4);
	assert_int_equal(counted(0), 3);
	assert_int_equal(counted(1), 4);
	assert_int_equal(counted(-1), 7);
}

/* --- hooks ------------------------------------------------------------------------ */

static void pass_through_hook(enum nfqueue_hook hook, const struct netns_pair *from,
			      const struct netns_pair *to, const char *ip)
{
	struct nfqueue_redirect wanted = redirect(hook, "udp port 5001", 3);
	int server = netns_udp_server(to, ip, PORT);
	int client = netns_udp_client(from, ip, PORT);
	struct netns_tally tally;

	set_up(&rules, NFQUEUE_ON_CRASH_CLOSED, &wanted);
	netns_udp_send(client, 0, 40);
	assert_int_equal(listener_read(&listener, 40, 1000), 40);
	assert_int_equal(listener.last_hook, hook);
	netns_udp_collect(server, 0, 40, NO_MORE_MS, &tally, NULL);
	assert_int_equal(tally.received, 0);
	listener_accept(&listener);
	netns_udp_collect(server, 0, 40, 1000, &tally, NULL);
	assert_int_equal(tally.received, 40);
	assert_int_equal(tally.duplicate, 0);
	assert_int_equal(counted(0), 40);
	nfqueue_rules_close(rules);
	rules = NULL;
	close(client);
	close(server);
}

static void each_hook_sends_all_its_packets_to_the_queue(void **state)
{
	static const struct {
		enum nfqueue_hook hook;
		const char *v4, *v6;
	} hooks[] = {
		{NFQUEUE_HOOK_PREROUTING, "10.99.0.1", "fd99::1"},
		{NFQUEUE_HOOK_INPUT, "10.99.0.1", "fd99::1"},
		{NFQUEUE_HOOK_FORWARD, "10.98.0.2", "fd98::2"},
		{NFQUEUE_HOOK_OUTPUT, "10.99.0.2", "fd99::2"},
		{NFQUEUE_HOOK_POSTROUTING, "10.99.0.2", "fd99::2"},
	};

	netns_need_queue();
	netns_pair(&pair);
	netns_pair_at(&second, 98);
	netns_forward();
	listener_open(&listener, 3);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		bool local = hooks[i].hook == NFQUEUE_HOOK_OUTPUT ||
			     hooks[i].hook == NFQUEUE_HOOK_POSTROUTING;
		const struct netns_pair *from = local ? NULL : &pair;
		const struct netns_pair *to = local ? &pair : NULL;

		if (hooks[i].hook == NFQUEUE_HOOK_FORWARD)
			to = &second;
		pass_through_hook(hooks[i].hook, from, to, hooks[i].v4);
		pass_through_hook(hooks[i].hook, from, to, hooks[i].v6);
	}
}

static void send_one_to_each_of_32_addresses(void)
{
	for (int i = 1; i <= 32; i++) {
		char ip[32];
		int client;

		snprintf(ip, sizeof(ip), "127.0.0.%d", i);
		client = netns_udp_client(NULL, ip, PORT);
		netns_udp_send(client, 0, 1);
		close(client);
	}
}

static void balance_keeps_to_its_queues_and_loses_nothing(void **state)
{
	struct nfqueue_redirect wanted =
		redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 10);
	struct listener listeners[4];
	uint32_t came = 0, used = 0;

	netns_need_queue();
	wanted.queue_count = 4;
	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	for (uint16_t i = 0; i < 4; i++)
		listener_open(&listeners[i], 10 + i);
	send_one_to_each_of_32_addresses();
	for (int i = 0; i < 4; i++) {
		uint32_t here = listener_read(&listeners[i], 32, NO_MORE_MS);

		came += here;
		used += here > 0;
		listener_close(&listeners[i]);
	}
	assert_int_equal(came, 32);
	assert_true(used > 1);
	assert_int_equal(counted(0), 32);
}

static void fanout_chooses_the_queue_by_cpu(void **state)
{
	struct nfqueue_redirect wanted =
		redirect(NFQUEUE_HOOK_OUTPUT, "udp port 5001", 0);
	struct listener others;
	cpu_set_t one, before;

	netns_need_queue();
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		netns_skip("one CPU only");
	wanted.queue_count = 2;
	wanted.flags = NFQUEUE_REDIRECT_FANOUT;
	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	listener_open(&others, 0);
	listener_open(&listener, 1);
	sched_getaffinity(0, sizeof(before), &before);
	CPU_ZERO(&one);
	CPU_SET(1, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	send_one_to_each_of_32_addresses();
	sched_setaffinity(0, sizeof(before), &before);
	assert_int_equal(listener_read(&listener, 32, 1000), 32);
	assert_int_equal(listener_read(&others, 1, NO_MORE_MS), 0);
	listener_close(&others);
}

/* In both orders of adding: the kernel puts a new chain before its equals. */
static void chains_stand_in_the_order_of_their_priority(void **state)
{
	netns_need_queue();
	for (int early = 0; early < 2; early++) {
		check(rules, nfqueue_rules_open(&rules, NULL));
		for (int i = 0; i < 2; i++) {
			struct nfqueue_redirect wanted =
				redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", i == early);

			wanted.priority = i == early ? -10 : 10;
			check(rules, nfqueue_rules_add(rules, &wanted));
		}
		check(rules, nfqueue_rules_install(rules));
		listener_open(&listener, 1);
		loopback("127.0.0.1", PORT, 6);
		assert_int_equal(listener_read(&listener, 6, 1000), 6);
		assert_int_equal(counted(!early), 0);
		assert_int_equal(counted(early), 6);
		listener_accept(&listener);
		assert_int_equal(counted(!early), 6);
		listener_close(&listener);
		nfqueue_rules_close(rules);
		rules = NULL;
	}
}

/* --- limits ----------------------------------------------------------------------- */

static void hundreds_of_redirections_are_one_transaction(void **state)
{
	check(rules, nfqueue_rules_open(&rules, NULL));
	for (uint16_t i = 0; i < 400; i++) {
		struct nfqueue_redirect wanted;
		char match[32];

		snprintf(match, sizeof(match), "udp dst port %d", 4900 + i);
		wanted = redirect(i % 2 ? NFQUEUE_HOOK_INPUT : NFQUEUE_HOOK_OUTPUT, match,
				  i);
		check(rules, nfqueue_rules_add(rules, &wanted));
	}
	check(rules, nfqueue_rules_install(rules));
	assert_int_equal(loopback("127.0.0.1", PORT, 9), 9);
	assert_int_equal(counted(101), 9);
	assert_int_equal(counted(-1), 9);
}

/* nf_hook_entries_grow() takes 1,024 at one hook; without the right to a large send
 * buffer the transaction is refused before. */
static void what_the_kernel_refuses_installs_nothing(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 0);
	int status;

	check(rules, nfqueue_rules_open(&rules, NULL));
	for (int i = 0; i < 1025; i++) {
		wanted.priority = i;
		check(rules, nfqueue_rules_add(rules, &wanted));
	}
	status = nfqueue_rules_install(rules);
	assert_true(status == -E2BIG || status == -EMSGSIZE);
	fprintf(stderr, "%s\n", nfqueue_rules_error(rules));
	assert_true(strlen(nfqueue_rules_error(rules)) > 0);
	assert_int_equal(table_count(), 0);
	assert_int_equal(loopback("127.0.0.1", PORT, 5), 5);
}

/* --- text ------------------------------------------------------------------------- */

static int run_commands(char *text, const char *program)
{
	char *line = strtok(text, "\n");
	int commands = 0;

	for (; line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "# ", 2) != 0 ||
		    strncmp(line + 2, program, strlen(program)) != 0)
			continue;
		netns_sh("%s", line + 2);
		commands++;
	}
	return commands;
}

/* The same packets meet the iptables rule, whose counter must agree with ours. */
static void the_iptables_commands_of_the_text_do_the_same(void **state)
{
	struct nfqueue_redirect balanced =
		redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 0);
	struct nfqueue_redirect all = redirect(NFQUEUE_HOOK_POSTROUTING, NULL, 9);
	char text[8192];

	netns_need_command("iptables");
	netns_need_command("ip6tables");
	balanced.queue_count = 4;
	balanced.flags = NFQUEUE_REDIRECT_FANOUT;
	check(rules, nfqueue_rules_open(&rules, NULL));
	check(rules, nfqueue_rules_add(rules, &balanced));
	check(rules, nfqueue_rules_add(rules, &all));
	check(rules, nfqueue_rules_install(rules));
	assert_true(nfqueue_rules_text(rules, text, sizeof(text)) < (int)sizeof(text));
	assert_int_equal(run_commands(text, "iptables"), 2);
	nfqueue_rules_text(rules, text, sizeof(text));
	assert_int_equal(run_commands(text, "ip6tables"), 2);
	assert_int_equal(loopback("127.0.0.1", PORT, 8), 8);
	assert_int_equal(loopback("127.0.0.1", OTHER_PORT, 8), 8);
	assert_int_equal(loopback("::1", PORT, 6), 6);
	assert_int_equal(counted(0), 14);
	assert_int_equal(counted(1), 22);
	netns_sh("iptables -nvxL INPUT; ip6tables -nvxL INPUT; iptables -t mangle -nvxL "
		 "POSTROUTING");
	/* -a: libxt_bpf prints a byte of 0 behind the bytecode */
	netns_sh("iptables -nvxL INPUT | "
		 "grep -aE '^ +8 .*balance 0:3 bypass cpu-fanout'");
	netns_sh("ip6tables -nvxL INPUT | "
		 "grep -aE '^ +6 .*balance 0:3 bypass cpu-fanout'");
	netns_sh(
		"iptables -t mangle -nvxL POSTROUTING | grep -aE '^ +16 .*num 9 bypass'");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(open_rules_let_traffic_pass_while_nobody_listens),
		TEST(closed_rules_drop_while_nobody_listens),
		TEST(the_match_selects_exactly_in_ipv4_and_ipv6),
		TEST(without_a_match_every_packet_is_selected),
		TEST(a_family_selects_its_packets_only),
		TEST(each_hook_sends_all_its_packets_to_the_queue),
		TEST(balance_keeps_to_its_queues_and_loses_nothing),
		TEST(fanout_chooses_the_queue_by_cpu),
		TEST(chains_stand_in_the_order_of_their_priority),
		TEST(hundreds_of_redirections_are_one_transaction),
		TEST(what_the_kernel_refuses_installs_nothing),
		TEST(the_iptables_commands_of_the_text_do_the_same),
	};

	netns_enter(argc > 1 && strcmp(argv[1], "--user") == 0 ? NETNS_USER : 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

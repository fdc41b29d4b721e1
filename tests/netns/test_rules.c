/* SPDX-License-Identifier: MIT */
/* The rules in the real kernel, with real packets. */
#include <nfqueue/rules.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "listener.h"
#include "netns.h"

#define PORT 5001
#define OTHER_PORT 5002
#define NO_MORE_MS 100 /* long enough for what comes by veth to be here */

static struct netns_pair pair, second;
static struct nfqueue_rules *rules;
static struct listener listener;
static pid_t owners[4]; /* processes a test started and has not killed */

static void kill_owner(pid_t pid)
{
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
		if (owners[i] == pid)
			owners[i] = 0;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void note_owner(pid_t pid)
{
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		if (owners[i])
			continue;
		owners[i] = pid;
		return;
	}
	fail_msg("too many processes");
}

static int clean_up(void **state)
{
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
		if (owners[i])
			kill_owner(owners[i]);
	nfqueue_rules_close(rules);
	rules = NULL;
	listener_close(&listener);
	netns_pair_close(&second);
	netns_pair_close(&pair);
	netns_try("nft flush ruleset");
	return 0;
}

static struct nfqueue_redirect redirect(enum nfqueue_hook hook, const char *match,
					uint16_t queue)
{
	return (struct nfqueue_redirect){.size = sizeof(struct nfqueue_redirect),
					 .hook = hook,
					 .match = match,
					 .first_queue = queue};
}

static void check(struct nfqueue_rules *handle, int status)
{
	if (status != 0)
		fail_msg("%d: %s", status, nfqueue_rules_error(handle));
}

static void set_up(struct nfqueue_rules **handle, enum nfqueue_on_crash on_crash,
		   const struct nfqueue_redirect *wanted)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = on_crash};

	check(*handle, nfqueue_rules_open(handle, &options));
	check(*handle, nfqueue_rules_add(*handle, wanted));
	check(*handle, nfqueue_rules_install(*handle));
}

static uint64_t counted(int index)
{
	uint64_t packets;

	check(rules, nfqueue_rules_counter(rules, index, &packets, NULL));
	return packets;
}

static int table_count(void)
{
	int count = nfqueue_rules_list(NULL, 0);

	assert_true(count >= 0);
	return count;
}

/* Sends datagrams on loopback, returns how many came. */
static uint32_t loopback(const char *ip, uint16_t port, uint32_t count)
{
	int server = netns_udp_server(NULL, ip, port);
	int client = netns_udp_client(NULL, ip, port);
	struct netns_tally tally;

	netns_udp_exchange(client, server, count, NO_MORE_MS, &tally);
	close(client);
	close(server);
	return tally.received;
}

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

/* --- stop, close ------------------------------------------------------------------ */

static void stop_ends_the_redirection_and_drops_nothing_that_waits(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 0);
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct netns_tally tally;

	netns_need_queue();
	listener_open(&listener, 0);
	set_up(&rules, NFQUEUE_ON_CRASH_CLOSED, &wanted);
	netns_udp_send(client, 0, 10);
	assert_true(netns_queue_waits(0, 10, 1000));
	check(rules, nfqueue_rules_stop(rules));
	assert_true(netns_queue_waits(0, 10, 0));
	netns_udp_send(client, 10, 10);
	assert_true(netns_queue_waits(0, 10, 0));
	assert_int_equal(listener_pass(&listener, 10, 1000), 10);
	netns_udp_collect(server, 0, 20, NO_MORE_MS, &tally, NULL);
	assert_int_equal(tally.received, 20);
	assert_int_equal(counted(0), 10);
	assert_int_equal(table_count(), 1);
	check(rules, nfqueue_rules_stop(rules));
	close(client);
	close(server);
}

/* A chain that is unhooked makes the kernel drop what waits: no probe may do that. */
static void install_drops_nothing_that_waits_in_other_queues(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 0);
	struct nfqueue_redirect other = redirect(NFQUEUE_HOOK_INPUT, "udp port 5002", 1);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct nfqueue_rules *more;

	netns_need_queue();
	listener_open(&listener, 0);
	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	netns_udp_send(client, 0, 10);
	assert_true(netns_queue_waits(0, 10, 1000));
	check(rules, nfqueue_rules_open(&more, NULL));
	check(more, nfqueue_rules_add(more, &wanted));
	assert_int_equal(nfqueue_rules_install(more), -EBUSY);
	nfqueue_rules_close(more);
	assert_true(netns_queue_waits(0, 10, 0));
	set_up(&more, NFQUEUE_ON_CRASH_CLOSED, &other);
	assert_true(netns_queue_waits(0, 10, 0));
	assert_int_equal(listener_pass(&listener, 10, 1000), 10);
	nfqueue_rules_close(more);
	close(client);
}

static void close_removes_the_table_in_both_modes(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 0);

	for (int mode = NFQUEUE_ON_CRASH_OPEN; mode <= NFQUEUE_ON_CRASH_CLOSED; mode++) {
		set_up(&rules, mode, &wanted);
		assert_int_equal(table_count(), 1);
		nfqueue_rules_close(rules);
		rules = NULL;
		assert_int_equal(table_count(), 0);
		assert_int_equal(loopback("127.0.0.1", PORT, 5), 5);
	}
}

static void calls_out_of_order_are_refused_with_words(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, NULL, 0);

	check(rules, nfqueue_rules_open(&rules, NULL));
	assert_int_equal(nfqueue_rules_install(rules), -EINVAL);
	assert_int_equal(nfqueue_rules_stop(rules), -ENOENT);
	assert_int_equal(nfqueue_rules_counter(rules, -1, NULL, NULL), -ENOENT);
	assert_string_equal(nfqueue_rules_error(rules), "the rules are not installed");
	check(rules, nfqueue_rules_add(rules, &wanted));
	check(rules, nfqueue_rules_install(rules));
	assert_int_equal(nfqueue_rules_install(rules), -EALREADY);
	assert_int_equal(nfqueue_rules_add(rules, &wanted), -EALREADY);
	assert_int_equal(nfqueue_rules_counter(rules, 1, NULL, NULL), -ENOENT);
	assert_int_equal(nfqueue_rules_counter(rules, -2, NULL, NULL), -ENOENT);
	check(rules, nfqueue_rules_counter(rules, 0, NULL, NULL));
	assert_string_equal(nfqueue_rules_error(rules), "");
}

static void a_table_that_somebody_removed_is_reported(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, NULL, 0);

	netns_need_command("nft");
	set_up(&rules, NFQUEUE_ON_CRASH_CLOSED, &wanted);
	netns_sh("nft flush ruleset");
	assert_int_equal(nfqueue_rules_counter(rules, 0, NULL, NULL), -ENOENT);
	assert_non_null(strstr(nfqueue_rules_error(rules), "somebody removed"));
	assert_int_equal(nfqueue_rules_stop(rules), -ENOENT);
	netns_sh("nft add table inet nfqueue-0");
	nfqueue_rules_close(rules);
	rules = NULL;
	netns_sh("nft list table inet nfqueue-0");
}

/* --- other processes -------------------------------------------------------------- */

static void flush_ruleset_of_another_process_leaves_our_rules_working(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 0);

	netns_need_command("nft");
	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	netns_sh("nft flush ruleset");
	assert_int_equal(loopback("127.0.0.1", PORT, 10), 10);
	assert_int_equal(counted(0), 10);
}

static void delete_table_of_another_process_is_refused(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 0);

	netns_need_command("nft");
	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	netns_sh("nft delete table inet nfqueue-0 2>&1 | grep 'Operation not permitted'");
	assert_int_equal(loopback("127.0.0.1", PORT, 10), 10);
	assert_int_equal(counted(0), 10);
}

static void nft_list_says_whose_table_it_is_and_what_it_selects(void **state)
{
	struct nfqueue_redirect wanted =
		redirect(NFQUEUE_HOOK_INPUT, "udp\nport 5001", 0);

	netns_need_command("nft");
	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	netns_sh("nft list table inet nfqueue-0 | grep 'comment \"nfqueue: process %d '",
		 getpid());
	netns_sh("nft list table inet nfqueue-0 | grep 'comment \"udp port 5001\"'");
	netns_sh("nft list table inet nfqueue-0 | grep 'flags owner'");
}

/* A process that installs a redirection and sleeps. */
static pid_t start_owner(enum nfqueue_on_crash on_crash, uint16_t queue)
{
	struct nfqueue_redirect wanted =
		redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", queue);
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = on_crash};
	char ready = 0;
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct nfqueue_rules *own;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ready = nfqueue_rules_open(&own, &options) == 0 &&
			nfqueue_rules_add(own, &wanted) == 0 &&
			nfqueue_rules_install(own) == 0;
		if (!ready)
			fprintf(stderr, "%s\n", nfqueue_rules_error(own));
		if (write(ends[1], &ready, 1) == 1)
			pause();
		_exit(0);
	}
	note_owner(pid);
	close(ends[1]);
	assert_int_equal(read(ends[0], &ready, 1), 1);
	close(ends[0]);
	assert_true(ready);
	return pid;
}

static void open_rules_vanish_when_their_process_is_killed(void **state)
{
	pid_t pid = start_owner(NFQUEUE_ON_CRASH_OPEN, 0);

	assert_int_equal(table_count(), 1);
	kill_owner(pid);
	assert_int_equal(table_count(), 0);
	assert_int_equal(nfqueue_rules_clean(), 0);
	assert_int_equal(loopback("127.0.0.1", PORT, 10), 10);
}

static void closed_rules_stay_and_drop_when_their_process_is_killed(void **state)
{
	struct nfqueue_rules_table row;
	pid_t pid = start_owner(NFQUEUE_ON_CRASH_CLOSED, 0);

	assert_int_equal(nfqueue_rules_clean(), 0);
	assert_int_equal(nfqueue_rules_list(&row, 1), 1);
	assert_int_equal(row.pid, pid);
	kill_owner(pid);
	assert_int_equal(nfqueue_rules_list(&row, 1), 1);
	assert_string_equal(row.name, "nfqueue-0");
	assert_int_equal(row.on_crash, NFQUEUE_ON_CRASH_CLOSED);
	assert_int_equal(row.port_id, 0);
	assert_int_equal(row.pid, 0);
	assert_string_equal(row.process, "");
	assert_int_equal(loopback("127.0.0.1", PORT, 10), 0);
	assert_int_equal(nfqueue_rules_clean(), 1);
	assert_int_equal(table_count(), 0);
	assert_int_equal(loopback("127.0.0.1", PORT, 10), 10);
}

static void clean_leaves_the_tables_of_live_processes_alone(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, NULL, 1);
	pid_t dead = start_owner(NFQUEUE_ON_CRASH_CLOSED, 2);
	pid_t live = start_owner(NFQUEUE_ON_CRASH_CLOSED, 3);

	kill_owner(dead);
	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	assert_int_equal(table_count(), 3);
	assert_int_equal(nfqueue_rules_clean(), 1);
	assert_int_equal(table_count(), 2);
	kill_owner(live);
	assert_int_equal(nfqueue_rules_clean(), 1);
	assert_int_equal(table_count(), 1);
	assert_int_equal(counted(0), 0);
}

/* As a pid is used again, so is the port id made of it. */
static void a_dead_owner_stays_dead_when_its_port_id_is_used_again(void **state)
{
	pid_t pid = start_owner(NFQUEUE_ON_CRASH_CLOSED, 0);
	struct nfqueue_rules_table row;
	struct mnl_socket *heir = mnl_socket_open(NETLINK_NETFILTER);

	assert_non_null(heir);
	assert_int_equal(nfqueue_rules_list(&row, 1), 1);
	assert_int_not_equal(row.port_id, 0);
	kill_owner(pid);
	assert_int_equal(mnl_socket_bind(heir, 0, (pid_t)row.port_id), 0);
	assert_int_equal(nfqueue_rules_clean(), 1);
	mnl_socket_close(heir);
}

/* The socket that keeps the rules, not the process that made it, is what counts. */
static void rules_live_on_with_whoever_inherited_their_socket(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, NULL, 0);
	pid_t parent = fork();
	int status;

	assert_true(parent >= 0);
	if (parent == 0) {
		set_up(&rules, NFQUEUE_ON_CRASH_CLOSED, &wanted);
		parent = fork();
		if (parent == 0) {
			kill(getppid(), SIGKILL);
			netns_sleep(400);
		}
		if (parent > 0)
			pause();
		_exit(0);
	}
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(nfqueue_rules_clean(), 0);
	assert_int_equal(table_count(), 1);
	netns_sleep(600);
	assert_int_equal(nfqueue_rules_clean(), 1);
}

static void a_dead_process_table_of_the_same_name_is_replaced(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, "udp port 5002", 0);

	kill_owner(start_owner(NFQUEUE_ON_CRASH_CLOSED, 0));
	assert_int_equal(table_count(), 1);
	set_up(&rules, NFQUEUE_ON_CRASH_CLOSED, &wanted);
	assert_int_equal(table_count(), 1);
	assert_int_equal(loopback("127.0.0.1", PORT, 10), 10);
	assert_int_equal(loopback("127.0.0.1", OTHER_PORT, 10), 0);
}

static void a_busy_name_is_refused_and_its_owner_named(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, NULL, 0);

	for (int mode = NFQUEUE_ON_CRASH_OPEN; mode <= NFQUEUE_ON_CRASH_CLOSED; mode++) {
		pid_t pid = start_owner(mode, 0);
		char owner[64];

		snprintf(owner, sizeof(owner), "belongs to process %d (test-netns", pid);
		check(rules, nfqueue_rules_open(&rules, NULL));
		check(rules, nfqueue_rules_add(rules, &wanted));
		assert_int_equal(nfqueue_rules_install(rules), -EBUSY);
		assert_non_null(strstr(nfqueue_rules_error(rules), owner));
		kill_owner(pid);
		check(rules, nfqueue_rules_install(rules));
		nfqueue_rules_close(rules);
		rules = NULL;
	}
}

static void a_table_of_our_name_that_is_not_ours_is_left_alone(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, NULL, 0);

	netns_need_command("nft");
	netns_sh("nft add table inet nfqueue-0");
	assert_int_equal(table_count(), 0);
	assert_int_equal(nfqueue_rules_clean(), 0);
	check(rules, nfqueue_rules_open(&rules, NULL));
	check(rules, nfqueue_rules_add(rules, &wanted));
	assert_int_equal(nfqueue_rules_install(rules), -EBUSY);
	assert_non_null(strstr(nfqueue_rules_error(rules), "not ours"));
	netns_sh("nft list table inet nfqueue-0");
}

static void two_handles_work_at_once(void **state)
{
	struct nfqueue_redirect first = redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", 1);
	struct nfqueue_redirect other = redirect(NFQUEUE_HOOK_INPUT, "udp port 5002", 2);
	struct nfqueue_rules_table rows[2];
	struct nfqueue_rules *more = NULL;
	uint64_t packets;

	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &first);
	set_up(&more, NFQUEUE_ON_CRASH_CLOSED, &other);
	assert_int_equal(loopback("127.0.0.1", PORT, 5), 5);
	assert_int_equal(loopback("127.0.0.1", OTHER_PORT, 6), 0);
	assert_int_equal(counted(0), 5);
	check(more, nfqueue_rules_counter(more, 0, &packets, NULL));
	assert_int_equal(packets, 6);
	assert_int_equal(nfqueue_rules_list(rows, 2), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rows[i].pid, getpid());
		assert_string_equal(rows[i].process, "test-netns-rule");
		assert_int_not_equal(rows[i].port_id, 0);
		assert_int_equal(rows[i].on_crash,
				 strcmp(rows[i].name, "nfqueue-2") == 0);
	}
	nfqueue_rules_close(more);
	assert_int_equal(nfqueue_rules_list(rows, 2), 1);
	assert_string_equal(rows[0].name, "nfqueue-1");
}

/* --- rights and limits ------------------------------------------------------------ */

static void give_up_rights(void)
{
	if (setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0)
		return;
	/* Only one user is mapped: a nested user namespace has no rights here, either. */
	if (unshare(CLONE_NEWUSER) < 0)
		_exit(77);
}

static int try_without_rights(void)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, NULL, 0);
	struct nfqueue_rules *own;

	if (nfqueue_rules_open(&own, NULL) || nfqueue_rules_add(own, &wanted))
		return 1;
	if (nfqueue_rules_install(own) != -EPERM)
		return 2;
	if (!strstr(nfqueue_rules_error(own), "CAP_NET_ADMIN"))
		return 3;
	if (nfqueue_rules_list(NULL, 0) != -EPERM)
		return 4;
	if (nfqueue_rules_clean() != -EPERM)
		return 5;
	nfqueue_rules_close(own);
	return 0;
}

static void without_rights_the_refusal_names_the_capability(void **state)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		give_up_rights();
		_exit(try_without_rights());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void rights_lost_after_install_are_reported(void **state)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, NULL, 0);
	int status, refused;
	pid_t pid;

	set_up(&rules, NFQUEUE_ON_CRASH_OPEN, &wanted);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		give_up_rights();
		refused = nfqueue_rules_stop(rules) == -EPERM &&
			  strstr(nfqueue_rules_error(rules), "CAP_NET_ADMIN") &&
			  nfqueue_rules_counter(rules, 0, NULL, NULL) == -EPERM;
		_exit(refused ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(counted(-1), 0);
}

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

#define TEST(name) cmocka_unit_test_teardown(name, clean_up)

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
		TEST(stop_ends_the_redirection_and_drops_nothing_that_waits),
		TEST(install_drops_nothing_that_waits_in_other_queues),
		TEST(close_removes_the_table_in_both_modes),
		TEST(calls_out_of_order_are_refused_with_words),
		TEST(a_table_that_somebody_removed_is_reported),
		TEST(flush_ruleset_of_another_process_leaves_our_rules_working),
		TEST(delete_table_of_another_process_is_refused),
		TEST(nft_list_says_whose_table_it_is_and_what_it_selects),
		TEST(open_rules_vanish_when_their_process_is_killed),
		TEST(closed_rules_stay_and_drop_when_their_process_is_killed),
		TEST(clean_leaves_the_tables_of_live_processes_alone),
		TEST(a_dead_owner_stays_dead_when_its_port_id_is_used_again),
		TEST(rules_live_on_with_whoever_inherited_their_socket),
		TEST(a_dead_process_table_of_the_same_name_is_replaced),
		TEST(a_busy_name_is_refused_and_its_owner_named),
		TEST(a_table_of_our_name_that_is_not_ours_is_left_alone),
		TEST(two_handles_work_at_once),
		TEST(without_rights_the_refusal_names_the_capability),
		TEST(rights_lost_after_install_are_reported),
		TEST(hundreds_of_redirections_are_one_transaction),
		TEST(what_the_kernel_refuses_installs_nothing),
		TEST(the_iptables_commands_of_the_text_do_the_same),
	};

	netns_enter(argc > 1 && strcmp(argv[1], "--user") == 0 ? NETNS_USER : 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

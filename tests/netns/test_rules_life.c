/* SPDX-License-Identifier: MIT */
/* When the rules end: stop, close, other processes, death, lost rights. */
#include <libmnl/libmnl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "rules_fixture.h"

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

/* --- rights ------------------------------------------------------------------------ */

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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
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
	};

	netns_enter(argc > 1 && strcmp(argv[1], "--user") == 0 ? NETNS_USER : 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Revoked flow verdicts: decided flows come up again. */
#include <poll.h>

#include "rules_fixture.h"

#define QUEUE 3
#define FLOWS 12 /* four times three, one more than there are epochs in three bits */

static int server = -1, clients[FLOWS];

static int close_all(void **state)
{
	if (server >= 0)
		close(server);
	server = -1;
	for (int i = 0; i < FLOWS; i++) {
		if (clients[i] > 0)
			close(clients[i]);
		clients[i] = 0;
	}
	return clean_up(state);
}

/* At output, where the first packet of a flow has no confirmed connection. */
static void install(uint32_t mask)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = NFQUEUE_ON_CRASH_CLOSED,
						.flow_mask = mask};
	struct nfqueue_redirect wanted =
		redirect(NFQUEUE_HOOK_OUTPUT, "udp dst port 5001", QUEUE);

	check(rules, nfqueue_rules_open(&rules, &options));
	check(rules, nfqueue_rules_add(rules, &wanted));
	check(rules, nfqueue_rules_install(rules));
}

static void start(uint32_t mask)
{
	netns_need_queue();
	install(mask);
	listener_open(&listener, QUEUE);
	server = netns_udp_server(NULL, "127.0.0.1", PORT);
	for (int i = 0; i < FLOWS; i++)
		clients[i] = netns_udp_client(NULL, "127.0.0.1", PORT);
}

static struct nfqueue_flow_marks marks_now(void)
{
	struct nfqueue_flow_marks marks;

	check(rules, nfqueue_rules_flow_marks(rules, &marks));
	return marks;
}

static void send_of(int flow)
{
	send(clients[flow], "x", 1, 0); /* EPERM: it is dropped */
}

static void check_arrival(bool expected)
{
	struct pollfd wait = {.fd = server, .events = POLLIN};
	char byte;

	assert_int_equal(poll(&wait, 1, expected ? 5000 : 10), expected);
	if (expected)
		assert_int_equal(recv(server, &byte, 1, 0), 1);
}

/* At output what comes up is there when send() returns. */
static bool comes_up(int flow)
{
	send_of(flow);
	return listener_read(&listener, 1, 0) == 1;
}

static void decide(int flow, uint32_t mark, bool expected)
{
	assert_true(comes_up(flow));
	listener_mark(&listener, mark);
	check_arrival(expected);
}

/* Three flows: accepted, dropped at first, dropped later. */
static void decide_three(int first, const struct nfqueue_flow_marks *marks)
{
	decide(first, marks->accept, true);
	decide(first + 1, marks->drop, false);
	decide(first + 2, 0, true);
	decide(first + 2, marks->drop, false);
	for (int i = 0; i < 3; i++) {
		assert_false(comes_up(first + i));
		check_arrival(i == 0);
	}
}

static void check_undecided(int first)
{
	for (int i = 0; i < 3; i++) {
		assert_true(comes_up(first + i));
		listener_accept(&listener);
		check_arrival(true);
	}
}

/* Round and round: a mark that comes again means nothing until it is given again. */
static void revoke_with(uint32_t mask)
{
	uint64_t accepted = 0, dropped = 0;

	start(mask);
	for (int i = 0; i < 9; i++) {
		struct nfqueue_flow_marks marks = marks_now();

		assert_int_equal(marks.mask, mask);
		assert_int_equal((marks.accept | marks.drop) & ~mask, 0);
		decide_three(i % 4 * 3, &marks);
		check(rules, nfqueue_rules_revoke_flows(rules));
		for (int j = 0; j < FLOWS; j += 3)
			check_undecided(j);
	}
	check(rules, nfqueue_rules_flow_counter(rules, &accepted, &dropped));
	assert_int_equal(accepted, 9);
	assert_int_equal(dropped, 18);
}

static void a_mask_of_two_bits_revokes_for_ever(void **state)
{
	revoke_with(0x3);
}

static void a_mask_of_three_bits_revokes_for_ever(void **state)
{
	revoke_with(0x80010004);
}

static void a_mask_of_all_bits_revokes(void **state)
{
	revoke_with(UINT32_MAX);
}

static void verdicts_with_old_marks_decide_their_packet_only(void **state)
{
	struct nfqueue_flow_marks old;

	start(0xff);
	old = marks_now();
	assert_true(comes_up(0));
	check(rules, nfqueue_rules_revoke_flows(rules));
	assert_int_not_equal(marks_now().accept, old.accept);
	listener_mark(&listener, 0x500 | old.accept);
	check_arrival(true);
	decide(0, old.drop, false);
	decide(0, marks_now().drop, false);
	assert_false(comes_up(0));
	check(rules, nfqueue_rules_revoke_flows(rules));
	decide(0, 0, true);
}

static void what_waits_outlives_a_revocation(void **state)
{
	for (int i = 0; i < 2; i++) {
		start(i ? 0x3 : 0xff);
		for (int j = 0; j < 20; j++)
			send_of(j % FLOWS);
		assert_int_equal(listener_read(&listener, 20, 1000), 20);
		for (int j = 0; j < 100; j++)
			check(rules, nfqueue_rules_revoke_flows(rules));
		assert_true(netns_queue_waits(QUEUE, 20, 0));
		listener_accept(&listener);
		for (int j = 0; j < 20; j++)
			check_arrival(true);
		close_all(state);
	}
}

/* What an earlier process left in marks of connections. */
static void old_marks_mean_nothing_to_new_rules(void **state)
{
	struct nfqueue_flow_marks marks;

	start(0xff);
	marks = marks_now();
	decide(0, marks.accept, true);
	assert_false(comes_up(0));
	nfqueue_rules_close(rules);
	rules = NULL;
	install(0xff);
	assert_int_equal(marks_now().accept, marks.accept);
	assert_true(comes_up(0));
}

static void a_table_that_is_gone_cannot_revoke(void **state)
{
	netns_need_command("nft");
	start(0x3);
	netns_sh("nft delete table inet nfqueue-3");
	assert_int_equal(nfqueue_rules_revoke_flows(rules), -ENOENT);
	assert_non_null(strstr(nfqueue_rules_error(rules), "somebody removed"));
}

#define REVOKE_TEST(name) cmocka_unit_test_teardown(name, close_all)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		REVOKE_TEST(a_mask_of_two_bits_revokes_for_ever),
		REVOKE_TEST(a_mask_of_three_bits_revokes_for_ever),
		REVOKE_TEST(a_mask_of_all_bits_revokes),
		REVOKE_TEST(verdicts_with_old_marks_decide_their_packet_only),
		REVOKE_TEST(what_waits_outlives_a_revocation),
		REVOKE_TEST(old_marks_mean_nothing_to_new_rules),
		REVOKE_TEST(a_table_that_is_gone_cannot_revoke),
	};

	netns_enter(argc > 1 && strcmp(argv[1], "--user") == 0 ? NETNS_USER : 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

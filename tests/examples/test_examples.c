/* SPDX-License-Identifier: MIT */
/* The examples do what their first lines say: test-examples DIRECTORY-OF-THE-PROGRAMS. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "example.h"
#include "netns.h"

#define PORT 5000

static bool table_exists(void)
{
	return netns_try("nft list table inet nfqueue-0 >/dev/null 2>&1") == 0;
}

static void wait_for_table(bool wanted)
{
	uint64_t end = netns_now() + WAIT_MS;

	while (table_exists() != wanted) {
		assert_true(netns_now() < end);
		netns_sleep(10);
	}
}

/* --- the tests -------------------------------------------------------------------- */

/* The next datagram, with its end marked; returns the TTL that it came with. */
static int receive_text(int server, char *text, size_t size)
{
	const struct timeval patience = {.tv_sec = WAIT_MS / 1000};
	char control[64];
	struct iovec iov = {text, size - 1};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *ttl;
	ssize_t length;

	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	length = recvmsg(server, &message, 0);
	assert_true(length >= 0);
	text[length] = '\0';
	ttl = CMSG_FIRSTHDR(&message);
	assert_true(ttl && ttl->cmsg_type == IP_TTL);
	return *(const int *)(const void *)CMSG_DATA(ttl);
}

/* At OUTPUT: the checksums of these packets are not made yet. */
static void edit_changes_words_and_ttl(void **state)
{
	struct link link = open_link(PORT);
	const int on = 1;
	char text[100];

	setsockopt(link.server, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	netns_sh("iptables -w -A OUTPUT -p udp -j NFQUEUE --queue-num 0");
	start(&example, "edit", (const char *const[]){"cat", "horse", "7", NULL});
	wait_for_queue(0, 0);
	assert_int_equal(send(link.client, "a cat, a cat", 12, 0), 12);
	assert_int_equal(receive_text(link.server, text, sizeof(text)), 7);
	assert_string_equal(text, "a horse, a horse");
	assert_int_equal(send(link.client, "a dog", 5, 0), 5);
	assert_int_equal(receive_text(link.server, text, sizeof(text)), 7);
	assert_string_equal(text, "a dog");
	finish_cleanly(&example);
	close_link(&link);
}

static void loop_prints_each_packet_and_accepts_it(void **state)
{
	struct link link = open_link(PORT);

	netns_sh("iptables -w -A INPUT -p udp -j NFQUEUE --queue-num 0");
	start(&example, "loop", (const char *const[]){NULL});
	wait_for_queue(0, 0);
	assert_int_equal(arrivals(&link, 1, 30, WAIT_MS), 1);
	assert_int_equal(arrivals(&link, 1, 31, WAIT_MS), 1);
	finish_cleanly(&example);
	assert_says(&example, " > 127.0.0.1.5000: UDP, length 30\n");
	assert_says(&example, " > 127.0.0.1.5000: UDP, length 31\n");
	close_link(&link);
}

static void rules_drops_every_second_packet_and_leaves_no_rule_behind(void **state)
{
	struct link link = open_link(PORT), other = open_link(PORT + 1);

	start(&example, "rules", (const char *const[]){"udp port 5000", NULL});
	wait_for_table(true);
	assert_int_equal(arrivals(&link, 100, 16, QUIET_MS), 50);
	assert_int_equal(arrivals(&other, 20, 16, WAIT_MS), 20);
	finish_cleanly(&example);
	assert_says(&example, "matched 100 received 100 accepted 50 dropped 50\n");
	assert_false(table_exists());
	assert_int_equal(arrivals(&link, 20, 16, WAIT_MS), 20);
	close_link(&link);
	close_link(&other);
}

static void rules_says_what_is_wrong_with_an_expression(void **state)
{
	start(&example, "rules", (const char *const[]){"udp prot 5000", NULL});
	finish(&example, 0);
	assert_true(WIFEXITED(example.status));
	assert_int_equal(WEXITSTATUS(example.status), 1);
	assert_says(&example, "udp prot 5000");
	assert_says(&example, "syntax error");
}

static void rules_killed_leaves_no_rule_behind(void **state)
{
	struct link link = open_link(PORT);

	start(&example, "rules", (const char *const[]){"udp port 5000", NULL});
	wait_for_table(true);
	assert_int_equal(arrivals(&link, 20, 16, QUIET_MS), 10);
	finish(&example, SIGKILL);
	assert_true(WIFSIGNALED(example.status));
	wait_for_table(false);
	assert_int_equal(arrivals(&link, 20, 16, WAIT_MS), 20);
	close_link(&link);
}

static uint32_t next_number(int server)
{
	uint8_t datagram[64];
	uint32_t number;

	assert_true(recv(server, datagram, sizeof(datagram), 0) >= 4);
	memcpy(&number, datagram, sizeof(number));
	return ntohl(number);
}

static void hold_reverses_each_four_packets_and_lets_the_rest_go_at_the_end(void **state)
{
	static const uint32_t wanted[] = {3, 2, 1, 0, 7, 6, 5, 4, 8, 9};
	const struct timeval patience = {.tv_sec = WAIT_MS / 1000};
	struct link link = open_link(PORT);

	setsockopt(link.server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	netns_sh("iptables -w -A INPUT -p udp -j NFQUEUE --queue-num 0");
	start(&example, "hold", (const char *const[]){NULL});
	wait_for_queue(0, 0);
	netns_udp_send(link.client, 0, 10);
	for (int i = 0; i < 8; i++)
		assert_int_equal(next_number(link.server), wanted[i]);
	wait_for_queue(0, 2);
	finish_cleanly(&example);
	for (int i = 8; i < 10; i++)
		assert_int_equal(next_number(link.server), wanted[i]);
	close_link(&link);
}

static void ask_lets_flows_in_by_answers_and_holds_no_other_up(void **state)
{
	struct link links[3];
	int answers[2];

	netns_sh("iptables -w -A INPUT -p udp -m conntrack --ctstate NEW "
		 "-j NFQUEUE --queue-num 0");
	assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
	example_input = answers[0];
	start(&example, "ask", (const char *const[]){NULL});
	example_input = -1;
	close(answers[0]);
	wait_for_queue(0, 0);
	for (int i = 0; i < 3; i++) {
		links[i] = open_link((uint16_t)(PORT + i));
		netns_udp_send(links[i].client, 0, 1);
		wait_for_queue(0, (uint32_t)i + 1);
	}
	netns_sleep(UNSEEN_MS); /* it has received all three: questions in that order */
	assert_int_equal(write(answers[1], "n\ny\n", 4), 4);
	wait_for_queue(0, 1);
	assert_int_equal(arrived(&links[1], 1, WAIT_MS), 1);
	finish_cleanly(&example); /* the third one: dropped */
	assert_int_equal(arrived(&links[0], 1, QUIET_MS), 0);
	assert_int_equal(arrived(&links[2], 1, QUIET_MS), 0);
	assert_says(&example, "let it in? [y/n]\n");
	assert_says(&example, "done\ndone\n");
	close(answers[1]);
	for (int i = 0; i < 3; i++)
		close_link(&links[i]);
}

static void reorder_lets_each_window_go_last_first_and_the_rest_in_time(void **state)
{
	struct link link = open_link(PORT);
	uint32_t came[27];

	netns_sh("iptables -w -A INPUT -p udp -j NFQUEUE --queue-num 0");
	start(&example, "reorder", (const char *const[]){"8", NULL});
	wait_for_queue(0, 0);
	send_at_once(&link, 27);
	assert_int_equal(netns_udp_numbers(link.server, came, 27, WAIT_MS), 27);
	for (uint32_t i = 0; i < 24; i++)
		assert_int_equal(came[i], i / 8 * 8 + 7 - i % 8);
	for (uint32_t i = 24; i < 27; i++)
		assert_int_equal(came[i], 24 + 26 - i);
	finish_cleanly(&example);
	assert_says(&example, "27 packets received, 27 accepted, in 4 windows; 0 lost\n");
	close_link(&link);
}

#define SHUFFLED 200 /* two windows */

/* Each number comes once, in its own window, and almost none in its place. */
static void check_shuffled(const uint32_t *came)
{
	bool seen[SHUFFLED] = {false};
	uint32_t in_place = 0;

	for (uint32_t i = 0; i < SHUFFLED; i++) {
		assert_int_equal(came[i] / 100, i / 100);
		assert_false(seen[came[i]]);
		seen[came[i]] = true;
		in_place += came[i] == i;
	}
	assert_true(in_place < SHUFFLED / 10);
}

static void shuffled(const char *seed, uint32_t *came)
{
	struct link link = open_link(PORT);

	start(&example, "reorder", (const char *const[]){"100", seed, NULL});
	wait_for_queue(0, 0);
	send_at_once(&link, SHUFFLED);
	assert_int_equal(netns_udp_numbers(link.server, came, SHUFFLED, WAIT_MS),
			 SHUFFLED);
	finish_cleanly(&example);
	assert_says(&example, "200 packets received, 200 accepted, in 2 windows; ");
	check_shuffled(came);
	close_link(&link);
}

static void reorder_shuffles_each_window_and_a_seed_gives_one_order(void **state)
{
	uint32_t first[SHUFFLED], second[SHUFFLED];

	netns_sh("iptables -w -A INPUT -p udp -j NFQUEUE --queue-num 0");
	shuffled("42", first);
	shuffled("42", second);
	assert_memory_equal(first, second, sizeof(first));
	shuffled("43", second);
	assert_memory_not_equal(first, second, sizeof(first));
}

static void reorder_lets_what_it_holds_go_at_the_end(void **state)
{
	struct link link = open_link(PORT);
	uint32_t came[5];

	netns_sh("iptables -w -A INPUT -p udp -j NFQUEUE --queue-num 0");
	start(&example, "reorder", (const char *const[]){"10000", NULL});
	wait_for_queue(0, 0);
	netns_udp_send(link.client, 0, 5);
	finish_cleanly(&example);
	assert_int_equal(netns_udp_numbers(link.server, came, 5, WAIT_MS), 5);
	assert_says(&example, "5 packets received, 5 accepted, in ");
	close_link(&link);
}

static void reorder_takes_no_window_that_it_cannot_hold(void **state)
{
	static const char *const windows[] = {"0", "10001", "many"};

	for (int i = 0; i < 3; i++) {
		start(&example, "reorder", (const char *const[]){windows[i], NULL});
		finish(&example, 0);
		assert_true(WIFEXITED(example.status));
		assert_int_equal(WEXITSTATUS(example.status), 2);
		assert_says(&example, "a window of 1 to 10000");
	}
}

static void stats_tells_what_became_of_each_packet(void **state)
{
	struct link link = open_link(PORT);

	netns_sh("iptables -w -A INPUT -p udp -j NFQUEUE --queue-balance 0:3");
	start(&example, "stats", (const char *const[]){"0", "4", NULL});
	for (uint16_t queue = 0; queue < 4; queue++)
		wait_for_queue(queue, 0);
	assert_int_equal(arrivals(&link, 100, 16, WAIT_MS), 100);
	finish_cleanly(&example);
	assert_says(&example, "queue 3 received ");
	assert_says(&example, "received 100 = accepted 100 + dropped 0 + repeated 0 "
			      "+ requeued 0 + refused 0 + flushed 0\n");
	close_link(&link);
}

static void examples_tell_why_they_cannot_open_their_queue(void **state)
{
	struct link link = open_link(PORT);
	struct example second = {0};

	netns_sh("iptables -w -A INPUT -p udp -j NFQUEUE --queue-num 0");
	start(&example, "first", (const char *const[]){NULL});
	wait_for_queue(0, 0);
	assert_int_equal(arrivals(&link, 1, 16, WAIT_MS), 1);
	start(&second, "loop", (const char *const[]){NULL});
	read_output(&second);
	assert_int_equal(waitpid(second.pid, &second.status, 0), second.pid);
	assert_true(WIFEXITED(second.status));
	assert_int_equal(WEXITSTATUS(second.status), 1);
	assert_says(&second, "loop: queue 0 belongs to ");
	if (table_of_queues_readable())
		assert_says(&second, "(first)");
	finish_cleanly(&example);
	close_link(&link);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(edit_changes_words_and_ttl, clean_up),
		cmocka_unit_test_teardown(loop_prints_each_packet_and_accepts_it,
					  clean_up),
		cmocka_unit_test_teardown(
			rules_drops_every_second_packet_and_leaves_no_rule_behind,
			clean_up),
		cmocka_unit_test_teardown(rules_says_what_is_wrong_with_an_expression,
					  clean_up),
		cmocka_unit_test_teardown(rules_killed_leaves_no_rule_behind, clean_up),
		cmocka_unit_test_teardown(
			hold_reverses_each_four_packets_and_lets_the_rest_go_at_the_end,
			clean_up),
		cmocka_unit_test_teardown(
			ask_lets_flows_in_by_answers_and_holds_no_other_up, clean_up),
		cmocka_unit_test_teardown(
			reorder_lets_each_window_go_last_first_and_the_rest_in_time,
			clean_up),
		cmocka_unit_test_teardown(
			reorder_shuffles_each_window_and_a_seed_gives_one_order,
			clean_up),
		cmocka_unit_test_teardown(reorder_lets_what_it_holds_go_at_the_end,
					  clean_up),
		cmocka_unit_test_teardown(reorder_takes_no_window_that_it_cannot_hold,
					  clean_up),
		cmocka_unit_test_teardown(stats_tells_what_became_of_each_packet,
					  clean_up),
		cmocka_unit_test_teardown(examples_tell_why_they_cannot_open_their_queue,
					  clean_up),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test-examples DIRECTORY\n");
		return 2;
	}
	example_directory = argv[1];
	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

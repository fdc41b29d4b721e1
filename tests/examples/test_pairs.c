/* SPDX-License-Identifier: MIT */
/*
 * The examples that are there twice, on our API and on libnetfilter_queue's: both do the
 * same. test-pairs DIRECTORY-OF-THE-PROGRAMS [libnetfilter_queue.so.1]
 */
#include <libgen.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "example.h"
#include "netns.h"

#define PORT 5000
#define LONGEST ((size_t)(1000 - 28)) /* behind the IP and the UDP header */

/* Of the program, with the queue there and empty. */
static void start_with_rule(const char *program, const char *match)
{
	netns_sh("iptables -w -A INPUT -p udp %s -j NFQUEUE --queue-num 0", match);
	start(&example, program, (const char *const[]){NULL});
	wait_for_queue(0, 0);
	assert_runs_on_library(&example);
}

static void first_drops_what_is_longer_than_1000_bytes(void **state)
{
	struct link link = open_link(PORT);

	start_with_rule("first", "");
	assert_int_equal(arrivals(&link, 20, 16, WAIT_MS), 20);
	assert_int_equal(arrivals(&link, 20, LONGEST, WAIT_MS), 20);
	assert_int_equal(arrivals(&link, 20, LONGEST + 1, QUIET_MS), 0);
	finish_cleanly(&example);
	close_link(&link);
}

static void send_text(const struct link *link, const char *text)
{
	assert_int_equal(send(link->client, text, strlen(text), 0), strlen(text));
}

static void deciders_drop_a_word_and_keep_the_order_of_a_flow(void **state)
{
	static uint32_t came[1000];
	struct link link = open_link(PORT);

	start_with_rule("deciders", "");
	send_text(&link, "attack");
	send_text(&link, "an attack at dawn");
	assert_int_equal(netns_udp_numbers(link.server, came, 1, QUIET_MS), 0);
	send_at_once(&link, 1000); /* more than the classic one has messages */
	assert_int_equal(netns_udp_numbers(link.server, came, 1000, WAIT_MS), 1000);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(came[i], i);
	finish_cleanly(&example);
	close_link(&link);
}

static void ranges_decide_many_packets_with_few_messages(void **state)
{
	struct link link = open_link(PORT);
	unsigned int packets, messages;

	start_with_rule("ranges", "");
	send_at_once(&link, 1000);
	assert_int_equal(arrived(&link, 1000, WAIT_MS), 1000);
	assert_int_equal(arrivals(&link, 10, LONGEST + 1, QUIET_MS), 0);
	assert_int_equal(arrivals(&link, 1, LONGEST, WAIT_MS), 1);
	finish_cleanly(&example);
	assert_int_equal(sscanf(example.text, "%u packets, %u verdict messages\n",
				&packets, &messages),
			 2);
	assert_int_equal(packets, 1011);
	assert_in_range(messages, 12, 100);
	close_link(&link);
}

/* The oldest packet is not held up until there are more. */
static void ranges_let_a_single_packet_go_in_time(void **state)
{
	struct link link = open_link(PORT);
	uint64_t begin;

	start_with_rule("ranges", "");
	send_at_once(&link, 1000); /* a range is long from here on */
	assert_int_equal(arrived(&link, 1000, WAIT_MS), 1000);
	begin = netns_now();
	for (int i = 0; i < 10; i++)
		assert_int_equal(arrivals(&link, 1, 16, WAIT_MS), 1);
	assert_in_range(netns_now() - begin, 0, WAIT_MS / 2);
	finish_cleanly(&example);
	close_link(&link);
}

static void mark_marks_one_port_and_no_other(void **state)
{
	struct link marked = open_link(5001), other = open_link(5002);

	netns_sh("iptables -w -t mangle -A PREROUTING -p udp -j NFQUEUE "
		 "--queue-balance 0:3");
	netns_sh("iptables -w -A INPUT -m mark --mark 1 -j DROP");
	start(&example, "mark", (const char *const[]){"5001", NULL});
	for (uint16_t queue = 0; queue < 4; queue++)
		wait_for_queue(queue, 0);
	assert_runs_on_library(&example);
	assert_int_equal(arrivals(&other, 20, 16, WAIT_MS), 20);
	assert_int_equal(arrivals(&marked, 20, 16, QUIET_MS), 0);
	netns_sh("iptables -w -F INPUT");
	assert_int_equal(arrivals(&marked, 20, 16, WAIT_MS), 20);
	finish_cleanly(&example);
	close_link(&marked);
	close_link(&other);
}

/* What is repeated meets the first rule, which drops until it is deleted. */
static void repeat_sends_packets_through_the_chain_once_more(void **state)
{
	struct link link = open_link(PORT);

	netns_sh("iptables -w -A INPUT -m mark --mark 0x100/0x100 -j DROP");
	start_with_rule("repeat", "-m mark ! --mark 0x100/0x100");
	assert_int_equal(arrivals(&link, 20, LONGEST, QUIET_MS), 0);
	netns_sh("iptables -w -D INPUT 1");
	assert_int_equal(arrivals(&link, 20, LONGEST, WAIT_MS), 20);
	assert_int_equal(arrivals(&link, 20, LONGEST + 1, QUIET_MS), 0);
	finish(&example, SIGTERM);
	assert_true(WIFSIGNALED(example.status));
	assert_string_equal(example.text, "");
	close_link(&link);
}

static void repeat_keeps_the_other_bits_of_the_mark(void **state)
{
	struct link link = open_link(PORT);

	netns_sh("iptables -w -A INPUT -m mark --mark 0x100/0x100 "
		 "-m mark ! --mark 0x12000134 -j DROP");
	netns_sh("iptables -w -t mangle -A INPUT -j MARK --set-mark 0x12000034");
	start_with_rule("repeat", "-m mark ! --mark 0x100/0x100");
	assert_int_equal(arrivals(&link, 20, 16, WAIT_MS), 20);
	finish(&example, SIGTERM);
	close_link(&link);
}

static void examples_end_when_another_program_has_the_queue(void **state)
{
	static const char *const names[] = {"first", "deciders", "ranges", "repeat"};
	struct example second = {0};

	start_with_rule("first", "");
	for (int i = 0; i < 4; i++) {
		start(&second, names[i], (const char *const[]){NULL});
		read_output(&second);
		assert_int_equal(waitpid(second.pid, &second.status, 0), second.pid);
		assert_true(WIFEXITED(second.status));
		assert_int_equal(WEXITSTATUS(second.status), 1);
		assert_says(&second, "queue 0");
	}
	finish_cleanly(&example);
}

#define TEST(name) cmocka_unit_test_teardown(name, clean_up)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(first_drops_what_is_longer_than_1000_bytes),
		TEST(deciders_drop_a_word_and_keep_the_order_of_a_flow),
		TEST(ranges_decide_many_packets_with_few_messages),
		TEST(ranges_let_a_single_packet_go_in_time),
		TEST(mark_marks_one_port_and_no_other),
		TEST(repeat_sends_packets_through_the_chain_once_more),
		TEST(repeat_keeps_the_other_bits_of_the_mark),
		TEST(examples_end_when_another_program_has_the_queue),
	};

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: test-pairs DIRECTORY [LIBRARY]\n");
		return 2;
	}
	example_directory = argv[1];
	example_library = argc > 2 ? realpath(argv[2], NULL) : NULL;
	if (argc > 2 && !example_library) {
		perror(argv[2]);
		return 2;
	}
	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

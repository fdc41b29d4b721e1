/* SPDX-License-Identifier: MIT */
/* What all other network tests rely on: packets pass, and a missing one is noticed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "netns.h"

static struct netns_pair pair;

static int close_pair(void **state)
{
	netns_pair_close(&pair);
	return 0;
}

static void udp_reaches_the_peer_over_ipv4_and_ipv6(void **state)
{
	static const char *const ips[] = {"10.99.0.2", "fd99::2"};
	struct netns_tally tally;

	netns_pair(&pair);
	for (int i = 0; i < 2; i++) {
		int server = netns_udp_server(&pair, ips[i], 5000);
		int client = netns_udp_client(NULL, ips[i], 5000);

		netns_udp_exchange(client, server, 1000, 1000, &tally);
		assert_int_equal(tally.received, 1000);
		assert_int_equal(tally.missing + tally.duplicate + tally.foreign, 0);
		close(server);
		close(client);
	}
}

static void missing_duplicate_and_foreign_datagrams_are_told_apart(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", 5000);
	int client = netns_udp_client(NULL, "127.0.0.1", 5000);
	struct netns_tally tally;
	uint8_t came[10];

	netns_udp_send(client, 0, 4);
	netns_udp_send(client, 7, 3);
	netns_udp_send(client, 2, 2);
	netns_udp_send(client, 10, 1);
	assert_int_equal(send(client, "\0\0\0\5changed", 11, 0), 11);
	netns_udp_collect(server, 0, 10, 100, &tally, came);
	assert_int_equal(tally.received, 7);
	assert_int_equal(tally.missing, 3);
	assert_int_equal(tally.first_missing, 4);
	assert_int_equal(tally.duplicate, 2);
	assert_int_equal(tally.reordered, 2);
	assert_int_equal(tally.foreign, 2);
	assert_memory_equal(came, "\1\1\2\2\0\0\0\1\1\1", 10);
	close(server);
	close(client);
}

static void tcp_transfers_are_whole(void **state)
{
	struct netns_tcp tcp;

	netns_pair(&pair);
	netns_tcp_start(&tcp, NULL, &pair, "fd99::2", 5000, 10000000);
	assert_int_equal(netns_tcp_wait(&tcp, 20000), 0);
	assert_int_equal(tcp.received, 10000000);
}

static void tcp_that_is_cut_off_ends_with_a_timeout(void **state)
{
	struct netns_tcp tcp;

	netns_pair(&pair);
	netns_peer_sh(&pair, "ip link set %s down", pair.peer_name);
	netns_tcp_start(&tcp, NULL, &pair, "10.99.0.2", 5000, 1000);
	assert_int_equal(netns_tcp_wait(&tcp, 300), -ETIMEDOUT);
	assert_int_equal(tcp.received, 0);
}

static void two_peers_reach_each_other_by_forwarding(void **state)
{
	struct netns_pair other;
	struct netns_tally tally;
	int server, client;

	netns_pair(&pair);
	netns_pair_at(&other, 98);
	netns_forward();
	server = netns_udp_server(&other, "fd98::2", 5000);
	client = netns_udp_client(&pair, "fd98::2", 5000);
	netns_udp_exchange(client, server, 100, 1000, &tally);
	assert_int_equal(tally.received, 100);
	close(server);
	close(client);
	netns_pair_close(&other);
}

static void the_kernels_complaints_are_told_from_other_records(void **state)
{
	static const struct {
		const char *record;
		bool warning;
	} cases[] = {
		{"4,2034,6586,-;WARNING: CPU: 0 PID: 4 at net/core/sock.c:1 f+0x1\n",
		 true},
		{"0,1,2,-;BUG: kernel NULL pointer dereference\n", true},
		{"2,1,2,-,caller=T1;kernel BUG at mm/slub.c:1!\n", true},
		{"4,1,2,-;refcount_t: underflow; use-after-free.\n", true},
		{"1,1,2,-;Oops: 0000 [#1] SMP\n", true},
		{"4,2036,6586,-;nf_queue: full at 5 entries, dropping\n", false},
		{"12,1,2,-;WARNING: a program wrote this\n", false},
		{"4,1,2,-", false},
		{"", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (netns_is_warning(cases[i].record) != cases[i].warning)
			fail_msg("%s", cases[i].record);
}

#define OUR_RECORD "nfqueue: process %d tests the log\n"

static bool is_from_this_test(const char *record)
{
	char text[64];

	snprintf(text, sizeof(text), OUR_RECORD, getpid());
	return strstr(record, text);
}

static void each_record_of_the_kernels_log_is_read_once(void **state)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char text[64];
	int length;

	if (fd < 0 || netns_log_records(is_from_this_test) < 0)
		netns_skip("no access to /dev/kmsg: %s", strerror(errno));
	length = snprintf(text, sizeof(text), OUR_RECORD, getpid());
	assert_int_equal(write(fd, text, (size_t)length),
			 length); /* one write: one record */
	assert_int_equal(netns_log_records(is_from_this_test), 1);
	assert_int_equal(netns_log_records(is_from_this_test), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(udp_reaches_the_peer_over_ipv4_and_ipv6,
					  close_pair),
		cmocka_unit_test(missing_duplicate_and_foreign_datagrams_are_told_apart),
		cmocka_unit_test_teardown(tcp_transfers_are_whole, close_pair),
		cmocka_unit_test_teardown(tcp_that_is_cut_off_ends_with_a_timeout,
					  close_pair),
		cmocka_unit_test(the_kernels_complaints_are_told_from_other_records),
		cmocka_unit_test(each_record_of_the_kernels_log_is_read_once),
		cmocka_unit_test_teardown(two_peers_reach_each_other_by_forwarding,
					  close_pair),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

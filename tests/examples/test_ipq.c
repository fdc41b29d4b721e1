/* SPDX-License-Identifier: MIT */
/* libipq's loop on our libipq: test-ipq-example DIRECTORY-OF-THE-PROGRAM libipq.so.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "example.h"
#include "netns.h"

static void ipq_drops_what_is_longer_than_1000_bytes(void **state)
{
	const size_t longest = 1000 - 28; /* behind the IP and the UDP header */
	struct link link = open_link(5000);

	netns_sh("iptables -w -A INPUT -p udp -j NFQUEUE --queue-num 0");
	start(&example, "ipq", (const char *const[]){NULL});
	wait_for_queue(0, 0);
	assert_runs_on_library(&example);
	assert_int_equal(arrivals(&link, 20, 16, WAIT_MS), 20);
	assert_int_equal(arrivals(&link, 20, longest, WAIT_MS), 20);
	assert_int_equal(arrivals(&link, 20, longest + 1, QUIET_MS), 0);
	finish(&example, SIGTERM);
	assert_true(WIFSIGNALED(example.status));
	assert_string_equal(example.text, "");
	close_link(&link);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(ipq_drops_what_is_longer_than_1000_bytes,
					  clean_up),
	};

	if (argc != 3) {
		fprintf(stderr, "usage: test-ipq-example DIRECTORY LIBRARY\n");
		return 2;
	}
	example_directory = argv[1];
	example_library = realpath(argv[2], NULL);
	if (!example_library) {
		perror(argv[2]);
		return 2;
	}
	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

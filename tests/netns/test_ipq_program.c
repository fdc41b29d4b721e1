/* SPDX-License-Identifier: MIT */
/* A program of the time of ip_queue on real traffic: test-netns-ipq_program PROGRAM. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "ipq_fixture.h"

static const char *program;
static pid_t child;
static FILE *output;

static int end_program(void **state)
{
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	child = 0;
	if (output)
		fclose(output);
	output = NULL;
	return ipq_end(state);
}

static void execute(const char *const arguments[2], int fd)
{
	char path[512], first[8], second[8];
	char *argv[] = {path, first, second, NULL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s", program);
	snprintf(first, sizeof(first), "%s", arguments[0] ? arguments[0] : "");
	snprintf(second, sizeof(second), "%s", arguments[1] ? arguments[1] : "");
	argv[!arguments[0] ? 1 : !arguments[1] ? 2 : 3] = NULL;
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execv(path, argv);
	_exit(127);
}

/* Its output goes to a file, so that it never waits for us. */
static void start(const char *first, const char *second)
{
	const char *const arguments[2] = {first, second};

	netns_need_queue();
	output = tmpfile();
	assert_non_null(output);
	child = fork();
	if (child == 0)
		execute(arguments, fileno(output));
	assert_true(child > 0);
}

static uint32_t count_lines(const char *wanted)
{
	char line[256];
	uint32_t count = 0;

	rewind(output);
	while (fgets(line, sizeof(line), output))
		if (strcmp(line, wanted) == 0)
			count++;
	return count;
}

static void wait_for_mode(uint32_t mode)
{
	struct netns_queue_row row;
	uint64_t end = netns_now() + WAIT_MS;

	while (!netns_queue_row(0, &row) || row.copy_mode != mode) {
		assert_true(netns_now() < end);
		netns_sleep(5);
	}
}

static void it_passes(uint32_t protocol, const char *option)
{
	const char *ip = protocol == PF_INET6 ? "::1" : "127.0.0.1";
	const char *line = protocol == PF_INET6 ? "accept lo 64\n" : "accept lo 44\n";
	const char *dropped = protocol == PF_INET6 ? "drop lo 53\n" : "drop lo 33\n";

	start(protocol == PF_INET6 ? "-6" : option, protocol == PF_INET6 ? option : NULL);
	wait_for_mode(IPQ_COPY_PACKET);
	ipq_rule(protocol, "INPUT -p udp --dport 5000 -j NFQUEUE");
	udp_server = netns_udp_server(NULL, ip, PORT);
	udp_client = netns_udp_client(NULL, ip, PORT);
	assert_int_equal(send(udp_client, "stop!", 5, 0), 5);
	netns_udp_send(udp_client, 0, 50);
	assert_came(50);
	assert_queue_empty();
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
	assert_int_equal(count_lines(line), 50);
	assert_int_equal(count_lines(dropped), 1);
}

static void it_passes_ipv4(void **state)
{
	it_passes(PF_INET, NULL);
}

static void it_passes_ipv6(void **state)
{
	it_passes(PF_INET6, NULL);
}

static void it_passes_ipv4_with_select(void **state)
{
	it_passes(PF_INET, "-s");
}

static void it_passes_ipv6_with_select(void **state)
{
	it_passes(PF_INET6, "-s");
}

static void it_says_why_it_cannot(void **state)
{
	int status;

	ipq_begin(PF_INET, IPQ_COPY_META, 0);
	start(NULL, NULL);
	assert_int_equal(waitpid(child, &status, 0), child);
	child = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(count_lines("passer: Unable to bind netlink socket: "
				     "Operation not permitted\n"),
			 1);
}

static void it_dies_of_a_packet_that_is_too_long(void **state)
{
	int status;

	start(NULL, NULL);
	wait_for_mode(IPQ_COPY_PACKET);
	ipq_rule(PF_INET, "INPUT -p udp --dport 5000 -j NFQUEUE");
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	netns_udp_send_long(udp_client, 0, 1, 3000);
	assert_int_equal(waitpid(child, &status, 0), child);
	child = 0;
	assert_int_equal(count_lines("passer: Received message truncated\n"), 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_program)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(it_passes_ipv4),
		TEST(it_passes_ipv6),
		TEST(it_passes_ipv4_with_select),
		TEST(it_passes_ipv6_with_select),
		TEST(it_says_why_it_cannot),
		TEST(it_dies_of_a_packet_that_is_too_long),
	};

	if (argc < 2) {
		fprintf(stderr, "usage: test-netns-ipq_program PROGRAM\n");
		return 2;
	}
	program = argv[1];
	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Opening: every number, every option, and words for whatever is refused. */
#include <errno.h>
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

#include "queue_fixture.h"

#define FLOWS 64
#define PER_FLOW 4

/* --- numbers, balance, bypass ----------------------------------------------------- */

static uint32_t exchange(uint32_t count)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct netns_tally tally;

	netns_udp_exchange(client, server, count, QUIET_MS, &tally);
	close(server);
	close(client);
	return tally.received;
}

static void the_first_and_the_last_queue_numbers_work(void **state)
{
	static const uint16_t numbers[] = {0, 1, 65534, 65535};
	struct nfqueue_packet *packet;

	for (size_t i = 0; i < 4; i++) {
		struct nfqueue *queue =
			open_queue((struct nfqueue_options){.queue = numbers[i]});
		int client = netns_udp_client(NULL, "127.0.0.1", PORT);

		queue_output(numbers[i]);
		netns_udp_send(client, 0, 1);
		receive(queue, &packet, 1);
		assert_int_equal(nfqueue_packet_queue_number(packet), numbers[i]);
		assert_int_equal(nfqueue_number(queue), numbers[i]);
		close(client);
		close_queue(queue);
		rule("-F OUTPUT");
	}
}

static void balance_keeps_a_flow_on_one_queue(void **state)
{
	struct nfqueue *queues[4];
	struct nfqueue_packet *packets[64];
	unsigned int used = 0, came[FLOWS] = {0};
	char ip[32];

	for (uint32_t i = 0; i < 4; i++)
		queues[i] = open_queue((struct nfqueue_options){.queue = i});
	rule("-A OUTPUT -p udp --dport %d -j NFQUEUE --queue-balance 0:3", PORT);
	for (uint32_t flow = 0; flow < FLOWS; flow++) {
		int client;

		snprintf(ip, sizeof(ip), "127.0.1.%u", flow + 1);
		client = netns_udp_client(NULL, ip, PORT);
		netns_udp_send(client, flow * PER_FLOW, PER_FLOW);
		close(client);
	}
	for (int i = 0; i < 4; i++) {
		unsigned int here[FLOWS] = {0};
		int n;

		while ((n = nfqueue_recv(queues[i], packets, 64, 0)) > 0)
			for (int p = 0; p < n; p++)
				here[datagram_number(packets[p]) / PER_FLOW]++;
		for (int flow = 0; flow < FLOWS; flow++) {
			assert_true(here[flow] == 0 || here[flow] == PER_FLOW);
			came[flow] += here[flow];
		}
		used += stats_of(queues[i]).received > 0;
	}
	for (int flow = 0; flow < FLOWS; flow++)
		assert_int_equal(came[flow], PER_FLOW);
	assert_true(used >= 2);
}

static void nobody_listening_drops_and_with_bypass_accepts(void **state)
{
	queue_output(5);
	assert_int_equal(exchange(10), 0);
	rule("-F OUTPUT");
	rule("-A OUTPUT -p udp --dport %d -j NFQUEUE --queue-num 5 --queue-bypass", PORT);
	assert_int_equal(exchange(10), 10);
	close_queue(open_queue((struct nfqueue_options){.queue = 5}));
	assert_int_equal(exchange(10), 10);
}

/* --- refusals --------------------------------------------------------------------- */

/* Opens, closes, and returns the code; the text goes to `text`. */
static int try_open(const struct nfqueue_options *options, char text[512])
{
	struct nfqueue *queue;
	int err = nfqueue_open(&queue, options);

	assert_non_null(queue);
	snprintf(text, 512, "%s", nfqueue_error(queue));
	nfqueue_close(queue);
	return err;
}

static void an_option_out_of_its_range_is_refused_and_the_range_named(void **state)
{
	static const struct {
		struct nfqueue_options options;
		const char *text;
	} bad[] = {
		{{.queue = 65536}, "0 to 65535"},
		{{.queue = UINT32_MAX}, "0 to 65535"},
		{{.copy_range = 65536}, "0 (all) to 65535"},
		{{.copy_range = UINT32_MAX - 1}, "0 (all) to 65535"},
		{{.max_length = 65537}, "1 to 65536"},
		{{.batch_size = 1025}, "1 to 1024"},
		{{.flags = 1u << 5}, "0x20"},
		{{.required = 1u << 16}, "0x10000"},
		{{.default_verdict = {.code = 2}}, "default verdict 0x2"},
		{{.default_verdict = {.code = 77}}, "default verdict 0x4d"},
	};
	struct nfqueue_options no_size = {.size = 0};
	char text[512];

	netns_need_queue();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct nfqueue_options options = bad[i].options;

		options.size = sizeof(options);
		assert_int_equal(try_open(&options, text), -EINVAL);
		if (!strstr(text, bad[i].text))
			fail_msg("'%s' is not in: %s", bad[i].text, text);
	}
	assert_int_equal(try_open(&no_size, text), -EINVAL);
	assert_non_null(strstr(text, "size"));
}

static void the_greatest_options_are_taken(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){
		.queue = 65535,
		.copy_range = 65535,
		.max_length = 65536,
		.batch_size = 1024,
		.flags = NFQUEUE_FAIL_OPEN | NFQUEUE_CONNTRACK | NFQUEUE_GSO |
			 NFQUEUE_UID_GID | NFQUEUE_SECCTX,
	});

	assert_string_equal(nfqueue_error(queue), "");
}

/* The start of the struct, as a program built long ago has it: the rest is default. */
static void options_of_an_older_program_are_taken(void **state)
{
	struct nfqueue_options options = {
		.size = offsetof(struct nfqueue_options, flags),
		.queue = 3,
		.flags = UINT32_MAX,
		.batch_size = UINT32_MAX,
	};
	char text[512];

	netns_need_queue();
	assert_int_equal(try_open(&options, text), 0);
}

static void no_options_open_queue_0(void **state)
{
	struct nfqueue *queue;
	int err;

	netns_need_queue();
	err = nfqueue_open(&queue, NULL);
	assert_int_equal(err, 0);
	assert_int_equal(nfqueue_number(queue), 0);
	nfqueue_close(queue);
	nfqueue_close(NULL);
	assert_true(*nfqueue_error(NULL));
}

/* A child with the queue open and a name of its own; killed by stop_owner(). */
static pid_t start_owner(uint32_t number)
{
	struct nfqueue_options options = {.size = sizeof(options), .queue = number};
	struct nfqueue *queue;
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, "queue-owner");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (nfqueue_open(&queue, &options) == 0)
			(void)!write(ready[1], "", 1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void stop_owner(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_busy_queue_is_refused_and_its_owner_named(void **state)
{
	struct nfqueue_options options = {.size = sizeof(options), .queue = 12};
	struct nfqueue_kernel_queue row[2];
	char text[512], expected[64];
	pid_t pid;

	netns_need_queue();
	pid = start_owner(12);
	assert_int_equal(try_open(&options, text), -EBUSY);
	assert_int_equal(nfqueue_kernel_queues(row, 2), 1);
	stop_owner(pid);
	snprintf(expected, sizeof(expected), "process %d (queue-owner)", pid);
	if (!strstr(text, expected) || !strstr(text, "queue 12"))
		fail_msg("'%s' is not in: %s", expected, text);
	assert_int_equal(row->queue, 12);
	assert_int_equal(row->pid, pid);
	assert_string_equal(row->name, "queue-owner");
	open_queue(options); /* the kernel has taken it back */
}

static void a_queue_opened_twice_by_one_process_is_busy(void **state)
{
	struct nfqueue_options options = {.size = sizeof(options)};
	char text[512], expected[64];

	open_queue(options);
	assert_int_equal(try_open(&options, text), -EBUSY);
	snprintf(expected, sizeof(expected), "process %d", getpid());
	assert_non_null(strstr(text, expected));
}

/* Opens queue 1 in a child without capabilities; sends code and text through a pipe. */
static int open_without_rights(char text[512])
{
	struct nfqueue_options options = {.size = sizeof(options), .queue = 1};
	int result[2], status = 0, err = 0;
	pid_t pid;

	assert_int_equal(pipe(result), 0);
	pid = fork();
	if (pid == 0) {
		drop_capabilities();
		err = try_open(&options, text);
		(void)!write(result[1], &err, sizeof(err));
		(void)!write(result[1], text, 512);
		_exit(0);
	}
	close(result[1]);
	assert_int_equal(read(result[0], &err, sizeof(err)), sizeof(err));
	assert_int_equal(read(result[0], text, 512), 512);
	close(result[0]);
	waitpid(pid, &status, 0);
	return err;
}

static void without_the_privilege_the_refusal_names_the_capability(void **state)
{
	char text[512];

	netns_need_queue();
	assert_int_equal(open_without_rights(text), -EPERM);
	assert_non_null(strstr(text, "CAP_NET_ADMIN"));
	assert_non_null(strstr(text, "queue 1"));
}

/* ... also when the queue is busy: no privilege is what to mend first. */
static void without_the_privilege_a_busy_queue_is_no_different(void **state)
{
	char text[512];

	open_queue((struct nfqueue_options){.queue = 1});
	assert_int_equal(open_without_rights(text), -EPERM);
	assert_non_null(strstr(text, "CAP_NET_ADMIN"));
}

/* --- features --------------------------------------------------------------------- */

static uint32_t features(struct nfqueue_options options)
{
	struct nfqueue *queue = open_queue(options);
	uint32_t capabilities = nfqueue_capabilities(queue);

	close_queue(queue);
	return capabilities & 0xffff;
}

static void gso_is_on_by_default_and_the_rest_as_asked(void **state)
{
	assert_int_equal(features((struct nfqueue_options){0}), NFQUEUE_GSO);
	assert_int_equal(features((struct nfqueue_options){.flags = NFQUEUE_NO_GSO}), 0);
	assert_int_equal(features((struct nfqueue_options){.flags = NFQUEUE_FAIL_OPEN |
								    NFQUEUE_NO_GSO}),
			 NFQUEUE_FAIL_OPEN);
	assert_int_equal(features((struct nfqueue_options){
				 .required = NFQUEUE_UID_GID | NFQUEUE_FAIL_OPEN}),
			 NFQUEUE_GSO | NFQUEUE_UID_GID | NFQUEUE_FAIL_OPEN);
}

static void features_are_turned_on_and_off_while_open(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});

	assert_int_equal(
		nfqueue_set_flags(queue, NFQUEUE_FAIL_OPEN | NFQUEUE_UID_GID,
				  NFQUEUE_FAIL_OPEN | NFQUEUE_UID_GID | NFQUEUE_GSO),
		0);
	assert_int_equal(nfqueue_capabilities(queue) & 0xffff,
			 NFQUEUE_FAIL_OPEN | NFQUEUE_UID_GID);
	assert_int_equal(nfqueue_set_flags(queue, NFQUEUE_GSO, UINT32_MAX), -EINVAL);
	assert_int_equal(nfqueue_set_flags(queue, NFQUEUE_NO_GSO, 0), -EINVAL);
	assert_int_equal(nfqueue_set_flags(queue, UINT32_MAX, 0), -EINVAL);
	assert_true(*nfqueue_error(queue));
	assert_int_equal(nfqueue_set_flags(queue, 0, NFQUEUE_FAIL_OPEN), 0);
	assert_int_equal(nfqueue_capabilities(queue) & 0xffff, NFQUEUE_UID_GID);
}

static void a_feature_this_kernel_lacks_is_left_out_or_named_when_required(void **state)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} optional[] = {{NFQUEUE_CONNTRACK, "conntrack"},
			{NFQUEUE_SECCTX, "security context"}};
	struct nfqueue_options options = {.size = sizeof(options)};
	unsigned int missing = 0;
	char text[512];

	netns_need_queue();
	for (size_t i = 0; i < 2; i++) {
		options.flags = optional[i].flag;
		options.required = 0;
		if (features(options) & optional[i].flag)
			continue;
		missing++;
		options.required = optional[i].flag;
		assert_int_equal(try_open(&options, text), -EOPNOTSUPP);
		assert_non_null(strstr(text, optional[i].name));
		assert_int_equal(
			nfqueue_set_flags(open_queue((struct nfqueue_options){0}),
					  optional[i].flag, optional[i].flag),
			-EOPNOTSUPP);
		clean_up(NULL);
	}
	if (missing == 0)
		netns_skip("this kernel has all features");
}

static void the_kernel_tells_how_to_help_itself(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	uint32_t capabilities = nfqueue_capabilities(queue);

	assert_true(capabilities & NFQUEUE_CAP_NO_ENOBUFS);
	assert_true(capabilities & NFQUEUE_CAP_EXT_ACK);
}

static void the_socket_buffer_is_as_large_as_wanted(void **state)
{
	static const uint32_t wanted[] = {8192, 1 << 20, 64 << 20};
	struct nfqueue *queue;

	netns_need_real_root();
	for (size_t i = 0; i < 3; i++) {
		queue = open_queue((struct nfqueue_options){.socket_buffer = wanted[i]});
		assert_true(nfqueue_socket_buffer(queue) >= wanted[i] - 1);
		assert_true(nfqueue_capabilities(queue) & NFQUEUE_CAP_BUFFER);
		close_queue(queue);
	}
	queue = open_queue((struct nfqueue_options){0});
	assert_true(nfqueue_capabilities(queue) & NFQUEUE_CAP_BUFFER);
}

static void the_table_of_queues_is_the_kernels(void **state)
{
	struct nfqueue_kernel_queue rows[8];

	open_queue((struct nfqueue_options){.queue = 4, .copy_range = 99});
	open_queue((struct nfqueue_options){.queue = 2, .copy_range = NFQUEUE_COPY_META});
	assert_int_equal(nfqueue_kernel_queues(NULL, 0), 2);
	assert_int_equal(nfqueue_kernel_queues(rows, 1), 2);
	assert_int_equal(nfqueue_kernel_queues(rows, 8), 2);
	for (int i = 0; i < 2; i++) {
		bool meta = rows[i].queue == 2;

		assert_true(meta || rows[i].queue == 4);
		assert_int_equal(rows[i].copy_mode, meta ? 1 : 2);
		assert_int_equal(rows[i].copy_range, meta ? 0 : 99);
		assert_int_equal(rows[i].pid, getpid());
		assert_int_equal(rows[i].waiting, 0);
	}
}

/* --- in a user namespace ---------------------------------------------------------- */

static void a_user_namespaces_socket_buffer_is_clamped_and_this_is_reported(void **state)
{
	uint32_t wanted = 512 << 20;
	struct nfqueue *queue =
		open_queue((struct nfqueue_options){.socket_buffer = wanted});

	assert_true(nfqueue_socket_buffer(queue) > 0);
	assert_true(nfqueue_socket_buffer(queue) < wanted);
	assert_false(nfqueue_capabilities(queue) & NFQUEUE_CAP_BUFFER);
}

static void queues_work_in_a_user_namespace(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct netns_tally tally;

	queue_output(0);
	netns_udp_send(client, 0, 10);
	assert_int_equal(decide_next(queue, 10, NFQUEUE_ACCEPT), 10);
	netns_udp_collect(server, 0, 10, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 10);
	close(server);
	close(client);
}

#define TEST(name) cmocka_unit_test_teardown(name, clean_up)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_and_the_last_queue_numbers_work),
		TEST(balance_keeps_a_flow_on_one_queue),
		TEST(nobody_listening_drops_and_with_bypass_accepts),
		TEST(an_option_out_of_its_range_is_refused_and_the_range_named),
		TEST(the_greatest_options_are_taken),
		TEST(options_of_an_older_program_are_taken),
		TEST(no_options_open_queue_0),
		TEST(a_busy_queue_is_refused_and_its_owner_named),
		TEST(a_queue_opened_twice_by_one_process_is_busy),
		TEST(without_the_privilege_the_refusal_names_the_capability),
		TEST(without_the_privilege_a_busy_queue_is_no_different),
		TEST(gso_is_on_by_default_and_the_rest_as_asked),
		TEST(features_are_turned_on_and_off_while_open),
		TEST(a_feature_this_kernel_lacks_is_left_out_or_named_when_required),
		TEST(the_kernel_tells_how_to_help_itself),
		TEST(the_socket_buffer_is_as_large_as_wanted),
		TEST(the_table_of_queues_is_the_kernels),
	};
	const struct CMUnitTest user_tests[] = {
		TEST(a_user_namespaces_socket_buffer_is_clamped_and_this_is_reported),
		TEST(queues_work_in_a_user_namespace),
		TEST(a_busy_queue_is_refused_and_its_owner_named),
		TEST(without_the_privilege_the_refusal_names_the_capability),
	};

	if (argc > 1 && strcmp(argv[1], "--user") == 0) {
		netns_enter(NETNS_USER);
		return cmocka_run_group_tests(user_tests, NULL, NULL);
	}
	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

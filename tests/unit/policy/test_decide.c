/* SPDX-License-Identifier: MIT */
/* What each action decides, what is logged and counted, what is read. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/policy.h"

#define QUEUE(number) ((uint32_t)(number) << 16 | NFQUEUE_VERDICT_QUEUE)

/* 10.0.0.1:1234 -> 10.0.0.2:23, TCP. */
static const uint8_t telnet[60] = {0x45, 0,  0, 60, 0, 0,  0x40, 0, 64, 6,    0,
				   0,    10, 0, 0,  1, 10, 0,    0, 2,  0x04, 0xd2,
				   0,    23, 0, 0,  0, 0,  0,    0, 0,  0,    0x50};

static const struct {
	const char *line;
	uint32_t old_mark, code, set, mark;
} verdicts[] = {
	{"accept", 5, NFQUEUE_VERDICT_ACCEPT, 0, 0},
	{"drop", 5, NFQUEUE_VERDICT_DROP, 0, 0},
	{"flow-accept", 5, NFQUEUE_VERDICT_ACCEPT, NFQUEUE_SET_FLOW, 0},
	{"flow-drop if tcp", 5, NFQUEUE_VERDICT_DROP, NFQUEUE_SET_FLOW, 0},
	{"flow-accept after 1000000", 5, NFQUEUE_VERDICT_ACCEPT, 0, 0},
	{"flow-drop after 1000000", 5, NFQUEUE_VERDICT_ACCEPT, 0, 0},
	{"repeat", 5, NFQUEUE_VERDICT_REPEAT, 0, 0},
	{"repeat mark 0x10/0xf0", 0x1f5, NFQUEUE_VERDICT_REPEAT, NFQUEUE_SET_MARK, 0x115},
	{"repeat mark 3 if tcp", 5, NFQUEUE_VERDICT_REPEAT, NFQUEUE_SET_MARK, 3},
	{"mark 7", 0xffffffff, NFQUEUE_VERDICT_ACCEPT, NFQUEUE_SET_MARK, 7},
	{"mark 0", 9, NFQUEUE_VERDICT_ACCEPT, NFQUEUE_SET_MARK, 0},
	{"mark 010", 0, NFQUEUE_VERDICT_ACCEPT, NFQUEUE_SET_MARK, 10},
	{"mark 0XFFffFFff", 0, NFQUEUE_VERDICT_ACCEPT, NFQUEUE_SET_MARK, UINT32_MAX},
	{"mark 4294967295", 0, NFQUEUE_VERDICT_ACCEPT, NFQUEUE_SET_MARK, UINT32_MAX},
	{"mark 0xff/0x0f", 0xa0, NFQUEUE_VERDICT_ACCEPT, NFQUEUE_SET_MARK, 0xaf},
	{"mark 5/0", 0xa0, NFQUEUE_VERDICT_ACCEPT, NFQUEUE_SET_MARK, 0xa0},
	{"queue 0", 5, QUEUE(0), 0, 0},
	{"queue 65535", 5, QUEUE(65535), 0, 0},
	{"queue 0x10 if tcp", 5, QUEUE(16), 0, 0},
	{"drop if tcp dst port 23", 0, NFQUEUE_VERDICT_DROP, 0, 0},
	{"drop if tcp dst port 24", 0, NFQUEUE_VERDICT_ACCEPT, 0, 0},
	{"drop if len = 60", 0, NFQUEUE_VERDICT_DROP, 0, 0},
	{"log", 0, NFQUEUE_VERDICT_ACCEPT, 0, 0},
};

/* Decides the telnet packet, of which `captured` bytes are there. */
static struct policy_result decide(const struct policy *policy,
				   struct policy_scratch *scratch, uint32_t captured,
				   uint32_t mark)
{
	struct policy_packet packet = {telnet, captured, sizeof(telnet), mark};
	struct policy_result result;

	policy_decide(policy, &packet, scratch, &result);
	return result;
}

static struct policy *load(const char *const *lines, size_t count,
			   struct policy_scratch **scratch)
{
	struct policy *policy;

	assert_int_equal(policy_new_from_lines(&policy, lines, count), 0);
	assert_int_equal(policy_scratch_new(scratch, policy), 0);
	return policy;
}

static void each_action_gives_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		struct policy_scratch *scratch;
		struct policy *policy = load(&verdicts[i].line, 1, &scratch);
		struct policy_result result =
			decide(policy, scratch, sizeof(telnet), verdicts[i].old_mark);

		assert_int_equal(result.verdict.code, verdicts[i].code);
		assert_int_equal(result.verdict.set, verdicts[i].set);
		assert_int_equal(result.verdict.mark, verdicts[i].mark);
		policy_scratch_free(scratch);
		policy_free(policy);
	}
}

static void first_match_wins_and_logs_go_on(void **state)
{
	const char *const lines[] = {"log \"a \\\"#\\\\ b\" if tcp",
				     "drop if udp",
				     "queue input",
				     "log",
				     "log if udp",
				     "mark 1 if src host 10.0.0.1",
				     "log",
				     "drop"};
	struct policy_scratch *scratch;
	struct policy *policy = load(lines, 8, &scratch);
	struct policy_result result = decide(policy, scratch, sizeof(telnet), 0);

	(void)state;
	assert_int_equal(result.rule, 4);
	assert_int_equal(policy_rule_line(policy, 4), 6);
	assert_int_equal(result.log_count, 2);
	assert_int_equal(result.logs[0], 0);
	assert_int_equal(result.logs[1], 2);
	assert_string_equal(policy_rule_log_text(policy, 0), "a \"#\\ b");
	assert_string_equal(policy_rule_log_text(policy, 2), "");
	assert_null(policy_rule_log_text(policy, 1));
	policy_scratch_free(scratch);
	policy_free(policy);
}

static void rules_behind_a_bare_decision_are_unreachable(void **state)
{
	const char *const lines[] = {"log", "drop if tcp", "accept", "drop if ip6",
				     "log"};
	struct policy_scratch *scratch;
	struct policy *policy = load(lines, 5, &scratch);

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(policy_rule_unreachable(policy, i), i == 3 || i == 4);
	policy_scratch_free(scratch);
	policy_free(policy);
}

static void hits_are_counted_for_each_rule(void **state)
{
	const char *const lines[] = {"log if tcp", "drop if tcp port 23"};
	struct policy_scratch *scratch;
	struct policy *policy = load(lines, 2, &scratch);

	(void)state;
	decide(policy, scratch, sizeof(telnet), 0);
	decide(policy, scratch, sizeof(telnet), 0);
	decide(policy, scratch, 22, 0); /* no port there any more */
	decide(policy, scratch, 0, 0);
	assert_int_equal(policy_scratch_hits(scratch, 0), 3);
	assert_int_equal(policy_scratch_hits(scratch, 1), 2);
	assert_int_equal(policy_scratch_hits(scratch, POLICY_NO_RULE), 2);
	assert_int_equal(policy_scratch_hits(scratch, 2), 0);
	policy_scratch_free(scratch);
	policy_free(policy);
}

static const struct {
	const char *line;
	uint32_t bytes;
} ranges[] = {
	{"drop", 1},
	{"drop if len > 100", 1},
	{"drop if ip", 1},
	{"drop if icmp", 10},
	{"drop if src host 1.2.3.4", 16},
	{"drop if dst host 1.2.3.4", 20},
	{"drop if ip6 dst host ::1", 40},
	{"drop if ip and tcp src port 1", 62},
	{"drop if tcp dst port 1", 64},
	{"drop if ip and tcp[13] = 2", 74},
	{"drop if ip[1000] = 2", 1001},
	{"drop if ip[70000] = 2", 1}, /* behind every packet: nothing is read there */
	{"drop if ip[ip[0]] = 2", 256},
	{"drop if ip[ip[2:2]] = 2", 65535},
	{"drop if ip[ip[0] & 7:4] = 2", 11},
	{"drop if ip[(ip[0] & 7) << 2] = 2", 29},
	{"drop if ip[(ip[0] & 7) * 2 + 100] = 2", 115},
	{"drop if ip[ip[4:4]] = 2", 65535},
	{"log", 128},
	{"log if ip[200] = 1", 201},
};

static void copy_range_is_what_the_expressions_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct policy *policy;

		assert_int_equal(policy_new_from_lines(&policy, &ranges[i].line, 1), 0);
		if (policy_copy_range(policy) != ranges[i].bytes)
			fail_msg("%s: %u, not %u", ranges[i].line,
				 policy_copy_range(policy), ranges[i].bytes);
		policy_free(policy);
	}
}

static void copy_range_leaves_out_what_is_never_met(void **state)
{
	const char *const lines[] = {"queue input if tcp port 80", "drop if icmp",
				     "accept", "log"};
	struct policy_scratch *scratch;
	struct policy *policy = load(lines, 4, &scratch);

	(void)state;
	assert_int_equal(policy_copy_range(policy), 10);
	policy_scratch_free(scratch);
	policy_free(policy);
}

#define THREADS 4
#define DECISIONS 20000

struct worker {
	const struct policy *policy;
	struct policy_scratch *scratch;
	uint32_t wrong;
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (int i = 0; i < DECISIONS; i++) {
		struct policy_result result =
			decide(worker->policy, worker->scratch, sizeof(telnet), 0);

		worker->wrong += result.rule != 1 || result.log_count != 1;
	}
	return NULL;
}

static uint64_t sum(const struct worker *workers)
{
	uint64_t hits = 0;

	for (int i = 0; i < THREADS; i++)
		hits += policy_scratch_hits(workers[i].scratch, 1);
	return hits;
}

static void threads_share_a_policy_while_another_counts(void **state)
{
	const char *const lines[] = {"log if tcp", "drop if tcp dst port 23", "accept"};
	struct worker workers[THREADS] = {0};
	pthread_t threads[THREADS];
	struct policy *policy;
	uint64_t last = 0;

	(void)state;
	assert_int_equal(policy_new_from_lines(&policy, lines, 3), 0);
	for (int i = 0; i < THREADS; i++) {
		workers[i].policy = policy;
		assert_int_equal(policy_scratch_new(&workers[i].scratch, policy), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t hits = sum(workers);

		assert_true(hits >= last);
		last = hits;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].wrong, 0);
	}
	assert_int_equal(sum(workers), THREADS * DECISIONS);
	for (int i = 0; i < THREADS; i++)
		policy_scratch_free(workers[i].scratch);
	policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_action_gives_its_verdict),
		cmocka_unit_test(first_match_wins_and_logs_go_on),
		cmocka_unit_test(rules_behind_a_bare_decision_are_unreachable),
		cmocka_unit_test(hits_are_counted_for_each_rule),
		cmocka_unit_test(copy_range_is_what_the_expressions_read),
		cmocka_unit_test(copy_range_leaves_out_what_is_never_met),
		cmocka_unit_test(threads_share_a_policy_while_another_counts),
	};

	return cmocka_run_group_tests_name("policy decisions", tests, NULL, NULL);
}

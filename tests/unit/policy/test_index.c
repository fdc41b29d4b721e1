/* SPDX-License-Identifier: MIT */
/*
 * The index decides as a scan with pcap_offline_filter() would, and so does a short copy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/index.h"
#include "policy/policy.h"
#include "random_policy.h"

#define POOL 700
#define POLICIES 2000
#define PACKETS 60
#define RULES 30
#define TEXT 640

/* Expressions, compiled here and not by the policy. */
struct pool {
	char text[POOL][TEXT];
	struct bpf_program program[POOL];
};

/* A random policy, and what we know of it. */
struct sample {
	char text[RULES][TEXT + 32];
	const char *lines[RULES];
	int expression[RULES]; /* in the pool; -1 none */
	bool log[RULES];
	size_t count;
	struct policy *policy;
	struct policy_scratch *scratch;
};

static int make_pool(void **state)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	pcap_t *compiler = pcap_open_dead(DLT_RAW, 65535);
	struct random random = {2026};
	int i = 0;

	while (pool && compiler && i < POOL) {
		random_expression(&random, pool->text[i], TEXT);
		i += pcap_compile(compiler, &pool->program[i], pool->text[i], 1,
				  PCAP_NETMASK_UNKNOWN) == 0;
	}
	pcap_close(compiler);
	*state = pool;
	return i == POOL ? 0 : -1;
}

static int free_pool(void **state)
{
	struct pool *pool = *state;

	for (int i = 0; i < POOL; i++)
		pcap_freecode(&pool->program[i]);
	free(pool);
	return 0;
}

static void sample_make(struct sample *sample, const struct pool *pool,
			struct random *random)
{
	sample->count = 1 + random_below(random, RULES);
	for (size_t i = 0; i < sample->count; i++) {
		bool always = random_below(random, 40) == 0;

		sample->log[i] = random_below(random, 5) == 0;
		sample->expression[i] = always ? -1 : (int)random_below(random, POOL);
		snprintf(sample->text[i], sizeof(sample->text[i]), "%s%s%s",
			 sample->log[i] ? "log" : "drop", always ? "" : " if ",
			 always ? "" : pool->text[sample->expression[i]]);
		sample->lines[i] = sample->text[i];
	}
	assert_int_equal(
		policy_new_from_lines(&sample->policy, sample->lines, sample->count), 0);
	assert_int_equal(policy_scratch_new(&sample->scratch, sample->policy), 0);
}

static void sample_free(struct sample *sample)
{
	policy_scratch_free(sample->scratch);
	policy_free(sample->policy);
}

static bool expected_match(const struct pool *pool, int expression,
			   const struct policy_packet *packet)
{
	struct pcap_pkthdr header = {.caplen = packet->captured, .len = packet->length};

	return expression < 0 || pcap_offline_filter(&pool->program[expression], &header,
						     packet->data) != 0;
}

static void check_packet(const struct sample *sample, const struct pool *pool,
			 const struct policy_packet *packet)
{
	struct policy_result result;
	uint32_t logs = 0;
	int32_t decided = POLICY_NO_RULE;

	policy_decide(sample->policy, packet, sample->scratch, &result);
	for (size_t i = 0; i < sample->count && decided < 0; i++) {
		if (!expected_match(pool, sample->expression[i], packet))
			continue;
		if (!sample->log[i]) {
			decided = (int32_t)i;
			continue;
		}
		assert_true(logs < result.log_count);
		assert_int_equal(result.logs[logs++], i);
	}
	assert_int_equal(result.rule, decided);
	assert_int_equal(result.log_count, logs);
	assert_int_equal(result.verdict.code,
			 decided < 0 ? NFQUEUE_VERDICT_ACCEPT : NFQUEUE_VERDICT_DROP);
}

/* A copy of exactly `captured` bytes, so that a sanitizer sees a read behind them. */
static struct policy_packet exact(const uint8_t *bytes, uint32_t captured,
				  uint32_t length)
{
	uint8_t *data = malloc(captured ? captured : 1);

	assert_non_null(data);
	memcpy(data, bytes, captured);
	return (struct policy_packet){
		.data = data, .captured = captured, .length = length};
}

static void index_decides_as_a_scan_with_pcap_does(void **state)
{
	static struct sample sample;
	struct random random = {1};
	uint8_t bytes[RANDOM_PACKET_MAX];

	for (int i = 0; i < POLICIES; i++) {
		sample_make(&sample, *state, &random);
		for (int j = 0; j < PACKETS; j++) {
			uint32_t length = random_packet(&random, bytes);
			uint32_t captured = length;
			struct policy_packet packet;

			if (random_below(&random, 4) == 0)
				captured = random_below(&random, length + 1);
			packet = exact(bytes, captured, length);
			check_packet(&sample, *state, &packet);
			free((void *)(uintptr_t)packet.data);
		}
		sample_free(&sample);
	}
}

static void copy_range_changes_no_decision(void **state)
{
	static struct sample sample;
	struct random random = {2};
	uint8_t bytes[RANDOM_PACKET_MAX];
	unsigned cut_packets = 0;

	for (int i = 0; i < POLICIES; i++) {
		uint32_t range;

		sample_make(&sample, *state, &random);
		range = policy_copy_range(sample.policy);
		assert_in_range(range, 1, POLICY_COPY_RANGE_MAX);
		for (int j = 0; j < PACKETS; j++) {
			uint32_t length = random_packet(&random, bytes);
			uint32_t captured = length < range ? length : range;
			struct policy_packet cut = exact(bytes, captured, length);
			struct policy_packet whole = {bytes, length, length, 0};
			struct policy_result one, other;
			uint32_t logs;

			cut_packets += captured < length;
			policy_decide(sample.policy, &cut, sample.scratch, &one);
			logs = one.log_count;
			policy_decide(sample.policy, &whole, sample.scratch, &other);
			assert_int_equal(one.rule, other.rule);
			assert_int_equal(logs, other.log_count);
			free((void *)(uintptr_t)cut.data);
		}
		sample_free(&sample);
	}
	assert_true(cut_packets > POLICIES); /* else nothing was tried */
}

/* How many programs would run if none of them decided. */
static size_t candidates(const struct policy *policy, const struct policy_packet *packet)
{
	size_t room = policy_index_cursors(policy->index), count, found = 0;
	policy_cursor *cursors = calloc(room + 1, sizeof(*cursors));

	assert_non_null(cursors);
	count = policy_index_lookup(policy->index, packet->data, packet->captured,
				    cursors);
	assert_true(count <= room);
	while (policy_cursors_next(cursors, count) != POLICY_END)
		found++;
	free(cursors);
	return found;
}

static const struct {
	const char *format; /* takes a number 0..999, and it again */
	size_t most;        /* candidates for a packet */
} many[] = {
	{"drop if tcp dst port %u", 2},
	{"drop if port %u", 4},
	{"drop if host 10.0.%u.1 and tcp", 2},
	{"drop if tcp and src net 10.1.%u.0/24", 2},
	{"drop if ip6 host 2001:db8::%u", 2},
	{"drop if ip6 net 2001:db8:%u::/48", 2},
	{"drop if udp portrange %u-%u", 4},
	{"drop if ip proto 6 and ip[4:2] = %u", 1},
	{"drop if udp[8:4] & 0xffff = %u", 2},
	{"drop if tcp port %u or udp port %u", 4},
};

static void thousand_rules_of_a_kind_leave_few_candidates(void **state)
{
	char text[64];
	struct policy *policy;
	uint8_t bytes[RANDOM_PACKET_MAX];
	struct random random = {3};
	size_t size;
	char *all;
	FILE *out;

	(void)state;
	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
		bool octets = strstr(many[i].format, "10.") != NULL;

		out = open_memstream(&all, &size);
		assert_non_null(out);
		for (unsigned n = 0; n < (octets ? 256 : 1000); n++) {
			snprintf(text, sizeof(text), many[i].format, n, n);
			fprintf(out, "%s\n", text);
		}
		fclose(out);
		assert_int_equal(policy_new_from_text(&policy, "many", all, size), 0);
		for (int j = 0; j < 500; j++) {
			uint32_t length = random_packet(&random, bytes);
			struct policy_packet packet = {bytes, length, length, 0};

			if (candidates(policy, &packet) > many[i].most)
				fail_msg("%s: %zu candidates", many[i].format,
					 candidates(policy, &packet));
		}
		policy_free(policy);
		free(all);
	}
}

static void rules_behind_an_unconditional_decision_are_no_candidates(void **state)
{
	const char *const lines[] = {"log", "drop if tcp", "accept", "drop",
				     "log if udp"};
	struct policy_packet packet = {(const uint8_t *)"", 0, 0, 0};
	struct policy *policy;

	(void)state;
	assert_int_equal(policy_new_from_lines(&policy, lines, 5), 0);
	assert_int_equal(candidates(policy, &packet), 2);
	policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_decides_as_a_scan_with_pcap_does),
		cmocka_unit_test(copy_range_changes_no_decision),
		cmocka_unit_test(thousand_rules_of_a_kind_leave_few_candidates),
		cmocka_unit_test(
			rules_behind_an_unconditional_decision_are_no_candidates),
	};

	return cmocka_run_group_tests_name("policy index", tests, make_pool, free_pool);
}

/* SPDX-License-Identifier: MIT */
/* What the words of a rule are read as. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/effect.h"
#include "policy/model.h"

#define PERCENT(number) ((uint32_t)((number) * (UINT32_MAX / 100.0) + 0.5))
#define MS 1000000u

static struct policy *load(const char *line)
{
	struct policy *policy;

	if (policy_new_from_lines(&policy, &line, 1) < 0)
		fail_msg("%s", policy_error(policy, 0));
	return policy;
}

static const struct {
	const char *line;
	struct netem_options shape;
} shapes[] = {
	{"delay 10ms", {.delay_ns = 10 * MS}},
	{"delay 0.25ms", {.delay_ns = 250000}},
	{"delay 1.5S", {.delay_ns = 1500 * MS}},
	{"delay 7usecs if tcp", {.delay_ns = 7000}},
	{"delay 3nsec", {.delay_ns = 3}},
	{"delay 3600s", {.delay_ns = NETEM_TIME_MAX_NS}},
	{"delay 10ms 5ms", {.delay_ns = 10 * MS, .jitter_ns = 5 * MS}},
	{"delay 10ms 5ms 25% distribution paretonormal",
	 {.delay_ns = 10 * MS,
	  .jitter_ns = 5 * MS,
	  .delay_correlation = PERCENT(25),
	  .distribution = NETEM_PARETONORMAL}},
	{"distribution normal delay 1ms 1ms",
	 {.delay_ns = MS, .jitter_ns = MS, .distribution = NETEM_NORMAL}},
	{"loss 100%", {.loss = {.model = NETEM_LOSS_RANDOM, .random = NETEM_ALWAYS}}},
	{"loss .5% 2%",
	 {.loss = {.model = NETEM_LOSS_RANDOM,
		   .random = PERCENT(0.5),
		   .correlation = PERCENT(2)}}},
	{"loss random 1% ecn",
	 {.loss = {.model = NETEM_LOSS_RANDOM, .random = PERCENT(1)}, .ecn = true}},
	{"loss state 10%",
	 {.loss = {.model = NETEM_LOSS_STATE,
		   .p13 = PERCENT(10),
		   .p31 = NETEM_ALWAYS - PERCENT(10),
		   .p23 = NETEM_ALWAYS}}},
	{"loss state 1% 2% 3% 4% 5%",
	 {.loss = {.model = NETEM_LOSS_STATE,
		   .p13 = PERCENT(1),
		   .p31 = PERCENT(2),
		   .p32 = PERCENT(3),
		   .p23 = PERCENT(4),
		   .p14 = PERCENT(5)}}},
	{"loss gemodel 20%",
	 {.loss = {.model = NETEM_LOSS_GEMODEL,
		   .p = PERCENT(20),
		   .r = NETEM_ALWAYS - PERCENT(20),
		   .one_h = NETEM_ALWAYS}}},
	{"loss gemodel 1% 2% 3% 4%",
	 {.loss = {.model = NETEM_LOSS_GEMODEL,
		   .p = PERCENT(1),
		   .r = PERCENT(2),
		   .one_h = PERCENT(3),
		   .one_k = PERCENT(4)}}},
	{"duplicate 1% 2%",
	 {.duplicate = PERCENT(1), .duplicate_correlation = PERCENT(2)}},
	{"corrupt 1% 2%", {.corrupt = PERCENT(1), .corrupt_correlation = PERCENT(2)}},
	{"delay 1ms reorder 25% 50% gap 5",
	 {.delay_ns = MS,
	  .reorder = PERCENT(25),
	  .reorder_correlation = PERCENT(50),
	  .gap = 5}},
	{"gap 3 delay 1ms", {.delay_ns = MS, .gap = 3}},
	{"rate 1mbit", {.rate = 125000}},
	{"rate 100kbps", {.rate = 100000}},
	{"rate 8bit", {.rate = 1}},
	{"rate 1KiBit", {.rate = 128}},
	{"rate 1gibps", {.rate = 1u << 30}},
	{"rate 1mbit -14 48 5 limit 7",
	 {.rate = 125000,
	  .packet_overhead = -14,
	  .cell_size = 48,
	  .cell_overhead = 5,
	  .limit = 7}},
};

static void words_of_tc_become_its_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct policy *policy = load(shapes[i].line);
		const struct policy_rule *rule = &policy->rules[0];

		if (memcmp(&rule->effects->shape, &shapes[i].shape,
			   sizeof(shapes[i].shape)))
			fail_msg("%s", shapes[i].line);
		assert_true(rule->effects->shapes);
		assert_non_null(rule->effects->shaper);
		assert_int_equal(rule->verdict.code, NFQUEUE_VERDICT_ACCEPT);
		policy_free(policy);
	}
}

static const struct {
	const char *line;
	enum nfqueue_field field;
	uint32_t value;
	uint8_t address_length;
} sets[] = {
	{"set ttl 64", NFQUEUE_FIELD_TTL, 64, 0},
	{"set hop-limit 0xff if ip6", NFQUEUE_FIELD_TTL, 255, 0},
	{"set dscp ef", NFQUEUE_FIELD_DSCP, 46, 0},
	{"set dscp af43", NFQUEUE_FIELD_DSCP, 38, 0},
	{"set dscp cs7", NFQUEUE_FIELD_DSCP, 56, 0},
	{"set dscp le", NFQUEUE_FIELD_DSCP, 1, 0},
	{"set dscp 63", NFQUEUE_FIELD_DSCP, 63, 0},
	{"set ecn ect0", NFQUEUE_FIELD_ECN, 2, 0},
	{"set ecn ce", NFQUEUE_FIELD_ECN, 3, 0},
	{"set tcp-flags syn,ack", NFQUEUE_FIELD_TCP_FLAGS, 0x12, 0},
	{"set tcp-flags cwr,ece,urg,fin", NFQUEUE_FIELD_TCP_FLAGS, 0xe1, 0},
	{"set tcp-flags none", NFQUEUE_FIELD_TCP_FLAGS, 0, 0},
	{"set tcp-flags 0x18", NFQUEUE_FIELD_TCP_FLAGS, 0x18, 0},
	{"set seq 4294967295", NFQUEUE_FIELD_TCP_SEQUENCE, UINT32_MAX, 0},
	{"set mss 1400 if tcp", NFQUEUE_FIELD_TCP_MSS, 1400, 0},
	{"set src 192.0.2.1", NFQUEUE_FIELD_SOURCE, 0, 4},
	{"set dst 2001:db8::1", NFQUEUE_FIELD_DESTINATION, 0, 16},
};

static void fields_are_set_by_name_and_number(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct policy *policy = load(sets[i].line);
		const struct policy_changes *own = &policy->rules[0].effects->own;

		assert_int_equal(own->set_count, 1);
		assert_int_equal(own->sets[0].field, sets[i].field);
		if (own->sets[0].value != sets[i].value)
			fail_msg("%s: %u", sets[i].line, own->sets[0].value);
		assert_int_equal(own->sets[0].address_length, sets[i].address_length);
		assert_int_equal(policy_copy_range(policy), POLICY_COPY_RANGE_MAX);
		policy_free(policy);
	}
}

static void bytes_have_escapes(void **state)
{
	struct policy *policy =
		load("replace \"a\\x00\\xfF\\r\\n\\t\\\"\\\\ # \" \"\" if udp # x");
	const struct policy_changes *own = &policy->rules[0].effects->own;

	(void)state;
	assert_int_equal(own->pattern_count, 1);
	assert_int_equal(own->patterns[0].from_length, 11);
	assert_memory_equal(own->patterns[0].from, "a\0\xff\r\n\t\"\\ # ", 11);
	assert_int_equal(own->patterns[0].to_length, 0);
	assert_string_equal(policy_rule_text(policy, 0),
			    "replace \"a\\x00\\xfF\\r\\n\\t\\\"\\\\ # \" \"\" if udp");
	policy_free(policy);
}

static void inject_ends_with_then_or_another_word(void **state)
{
	struct policy *policy =
		load("inject set ttl 4 replace \"a\" \"b\" then set ttl 9 "
		     "inject set dscp 1 mark 7 set ecn 1");
	const struct policy_effects *effects = policy->rules[0].effects;

	(void)state;
	assert_int_equal(effects->copy_count, 2);
	assert_int_equal(effects->copies[0].set_count, 1);
	assert_int_equal(effects->copies[0].pattern_count, 1);
	assert_int_equal(effects->copies[1].set_count, 1);
	assert_int_equal(effects->copies[1].sets[0].field, NFQUEUE_FIELD_DSCP);
	assert_int_equal(effects->own.set_count, 2);
	assert_int_equal(effects->own.sets[0].value, 9);
	assert_int_equal(effects->own.sets[1].field, NFQUEUE_FIELD_ECN);
	assert_int_equal(policy->rules[0].verdict.mark, 7);
	policy_free(policy);
}

static const struct {
	const char *line;
	enum nfqueue_reject how;
} rejects[] = {
	{"reject", NFQUEUE_REJECT_DEFAULT},
	{"reject if tcp", NFQUEUE_REJECT_DEFAULT},
	{"reject log \"x\"", NFQUEUE_REJECT_DEFAULT},
	{"reject tcp-reset", NFQUEUE_REJECT_TCP_RESET},
	{"reject with host-unreachable if udp", NFQUEUE_REJECT_HOST_UNREACHABLE},
	{"log reject admin-prohibited", NFQUEUE_REJECT_ADMIN_PROHIBITED},
};

static void reject_has_the_types_of_the_library(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rejects) / sizeof(rejects[0]); i++) {
		struct policy *policy = load(rejects[i].line);

		assert_true(policy->rules[0].effects->rejects);
		assert_int_equal(policy->rules[0].effects->reject, rejects[i].how);
		assert_int_equal(policy->rules[0].verdict.code, NFQUEUE_VERDICT_DROP);
		policy_free(policy);
	}
}

static const struct {
	const char *line, *text;
	struct policy_capture capture;
	uint32_t range;
	int decides;
} captures[] = {
	{"log to x", NULL, {.path = "x"}, 65535, 0},
	{"log to \"a b\" snap 200 if ip", NULL, {.path = "a b", .snap = 200}, 200, 0},
	{"log \"t\" to x keep 3 every 1h size 10M snap 5",
	 "t",
	 {.path = "x", .snap = 5, .keep = 3, .size_max = 10 << 20, .every_s = 3600},
	 128,
	 0},
	{"log to x size 100 every 2days drop",
	 NULL,
	 {.path = "x", .size_max = 100, .every_s = 172800},
	 65535,
	 1},
	{"mark 7 log to x size 1.5k every 1m",
	 NULL,
	 {.path = "x", .size_max = 1536, .every_s = 60},
	 65535,
	 1},
};

static void captures_are_told_to_who_writes_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(captures) / sizeof(captures[0]); i++) {
		struct policy *policy = load(captures[i].line);
		const struct policy_capture *found = policy_rule_capture(policy, 0),
					    *wanted = &captures[i].capture;

		assert_non_null(found);
		assert_string_equal(found->path, wanted->path);
		assert_int_equal(found->snap, wanted->snap);
		assert_int_equal(found->keep, wanted->keep);
		assert_int_equal(found->size_max, wanted->size_max);
		assert_int_equal(found->every_s, wanted->every_s);
		assert_int_equal(policy_copy_range(policy), captures[i].range);
		assert_int_equal(policy_rule_decides(policy, 0), captures[i].decides);
		if (captures[i].text)
			assert_string_equal(policy_rule_log_text(policy, 0),
					    captures[i].text);
		else
			assert_null(policy_rule_log_text(policy, 0));
		assert_null(policy_rule_capture(policy, 1));
		policy_free(policy);
	}
}

static const struct {
	const char *line;
	int edit, injector, delay;
} needs[] = {
	{"drop", 0, 0, 0},
	{"log to x", 0, 0, 0},
	{"set ttl 4", 1, 0, 0},
	{"replace \"a\" \"b\"", 1, 1, 0},
	{"inject set ttl 4", 0, 1, 0},
	{"reject", 0, 1, 0},
	{"delay 1ms", 0, 0, 1},
	{"delay 0ms 1ms", 0, 0, 1}, /* later by the jitter alone */
	{"rate 1mbit", 0, 0, 1},
	{"loss 1%", 0, 0, 0},
	{"loss 1% ecn", 1, 0, 0},
	{"duplicate 1%", 0, 1, 0},
	{"corrupt 1%", 1, 1, 0},
	{"accept\nset ttl 4\nreject\ndelay 1ms", 0, 0, 0},
};

static void a_policy_tells_what_it_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		struct policy *policy = load(needs[i].line);

		assert_int_equal(policy_needs_edit(policy), needs[i].edit);
		assert_int_equal(policy_needs_injector(policy), needs[i].injector);
		assert_int_equal(policy_needs_delay(policy), needs[i].delay);
		policy_free(policy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_tc_become_its_options),
		cmocka_unit_test(fields_are_set_by_name_and_number),
		cmocka_unit_test(bytes_have_escapes),
		cmocka_unit_test(inject_ends_with_then_or_another_word),
		cmocka_unit_test(reject_has_the_types_of_the_library),
		cmocka_unit_test(captures_are_told_to_who_writes_files),
		cmocka_unit_test(a_policy_tells_what_it_needs),
	};

	return cmocka_run_group_tests_name("policy effects", tests, NULL, NULL);
}

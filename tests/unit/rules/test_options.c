/* SPDX-License-Identifier: MIT */
#include <nfqueue/rules.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct nfqueue_rules *rules;

static int close_rules(void **state)
{
	nfqueue_rules_close(rules);
	rules = NULL;
	return 0;
}

static struct nfqueue_redirect fine(void)
{
	return (struct nfqueue_redirect){.size = sizeof(struct nfqueue_redirect),
					 .hook = NFQUEUE_HOOK_INPUT};
}

static int open_named(const char *name)
{
	struct nfqueue_rules_options options = {.size = sizeof(options), .name = name};
	int status;

	nfqueue_rules_close(rules);
	status = nfqueue_rules_open(&rules, &options);
	assert_int_equal(status == 0, nfqueue_rules_error(rules)[0] == '\0');
	return status;
}

static void a_table_name_must_be_recognizable_as_ours(void **state)
{
	char name[128];

	assert_int_equal(open_named(NULL), 0);
	assert_int_equal(open_named("nfqueue-dns_2"), 0);
	assert_int_equal(open_named("nfqueue-"), -EINVAL);
	assert_int_equal(open_named("nfqueue"), -EINVAL);
	assert_int_equal(open_named("filter"), -EINVAL);
	assert_int_equal(open_named(""), -EINVAL);
	assert_int_equal(open_named("nfqueue-a b"), -EINVAL);
	assert_int_equal(open_named("nfqueue-\xc3\xa4"), -EINVAL);
	assert_int_equal(open_named("nfqueue-{"), -EINVAL);
	memset(name, 'a', sizeof(name));
	memcpy(name, "nfqueue-", 8);
	name[63] = '\0';
	assert_int_equal(open_named(name), 0);
	name[63] = 'a';
	name[64] = '\0';
	assert_int_equal(open_named(name), -EINVAL);
	assert_non_null(strstr(nfqueue_rules_error(rules), "at most 63"));
}

static void options_of_other_versions_are_taken_if_they_are_understood(void **state)
{
	struct {
		struct nfqueue_rules_options known;
		uint64_t future;
	} options = {.known = {.size = sizeof(size_t)}};

	/* an older program: what it does not know is not read */
	options.known.on_crash = 99;
	assert_int_equal(nfqueue_rules_open(&rules, &options.known), 0);
	close_rules(NULL);
	options.known.size = sizeof(options.known);
	assert_int_equal(nfqueue_rules_open(&rules, &options.known), -EINVAL);
	close_rules(NULL);
	/* a newer one: what we do not know must not be set */
	options.known = (struct nfqueue_rules_options){.size = sizeof(options)};
	assert_int_equal(nfqueue_rules_open(&rules, &options.known), 0);
	close_rules(NULL);
	options.future = 1;
	assert_int_equal(nfqueue_rules_open(&rules, &options.known), -EINVAL);
	close_rules(NULL);
	options.known.size = 0;
	assert_int_equal(nfqueue_rules_open(&rules, &options.known), -EINVAL);
}

static void add_refuses(struct nfqueue_redirect wanted, const char *words)
{
	assert_int_equal(nfqueue_rules_add(rules, &wanted), -EINVAL);
	assert_non_null(strstr(nfqueue_rules_error(rules), words));
}

static void a_redirection_out_of_range_is_refused_with_words(void **state)
{
	struct nfqueue_redirect wanted = fine();

	assert_int_equal(nfqueue_rules_open(&rules, NULL), 0);
	wanted.family = 3;
	add_refuses(wanted, "family 3");
	wanted = fine();
	wanted.hook = 5;
	add_refuses(wanted, "hook 5");
	wanted = fine();
	wanted.hook = -1;
	add_refuses(wanted, "hook -1");
	wanted = fine();
	wanted.flags = 4;
	add_refuses(wanted, "0x4");
	wanted = fine();
	wanted.size = 3;
	add_refuses(wanted, "size is 3");
	wanted = fine();
	wanted.match = "udp prot 1";
	add_refuses(wanted, "udp prot 1");
	assert_int_equal(nfqueue_rules_text(rules, NULL, 0), 0);
	wanted = fine();
	assert_int_equal(nfqueue_rules_add(rules, &wanted), 0);
	assert_string_equal(nfqueue_rules_error(rules), "");
}

static void the_last_queue_is_65535(void **state)
{
	struct nfqueue_redirect wanted = fine();

	assert_int_equal(nfqueue_rules_open(&rules, NULL), 0);
	wanted.first_queue = 65535;
	assert_int_equal(nfqueue_rules_add(rules, &wanted), 0);
	wanted.queue_count = 1;
	assert_int_equal(nfqueue_rules_add(rules, &wanted), 0);
	wanted.queue_count = 2;
	add_refuses(wanted, "65535");
	wanted.first_queue = 1;
	wanted.queue_count = 65535;
	assert_int_equal(nfqueue_rules_add(rules, &wanted), 0);
	wanted.first_queue = 2;
	add_refuses(wanted, "65535");
}

static void closed_and_bypass_exclude_each_other(void **state)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = NFQUEUE_ON_CRASH_CLOSED};
	struct nfqueue_redirect wanted = fine();

	assert_int_equal(nfqueue_rules_open(&rules, &options), 0);
	assert_int_equal(nfqueue_rules_add(rules, &wanted), 0);
	wanted.flags = NFQUEUE_REDIRECT_BYPASS;
	add_refuses(wanted, "bypass");
}

static void a_match_too_long_for_the_kernel_is_refused(void **state)
{
	struct nfqueue_redirect wanted = fine();

	wanted.match =
		"port 1 or port 3 or port 5 or port 7 or port 9 or port 11 or port 13 "
		"or port 15 or port 17 or port 19 or port 21 or port 23 or port 25 or "
		"port 27 or port 29 or port 31";
	assert_int_equal(nfqueue_rules_open(&rules, NULL), 0);
	assert_int_equal(nfqueue_rules_add(rules, &wanted), -E2BIG);
	assert_non_null(strstr(nfqueue_rules_error(rules), "64"));
}

static int open_with_mask(uint32_t mask)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.flow_mask = mask};

	nfqueue_rules_close(rules);
	return nfqueue_rules_open(&rules, &options);
}

static void a_flow_mask_has_two_bits_or_more(void **state)
{
	assert_int_equal(open_with_mask(1), -EINVAL);
	assert_non_null(strstr(nfqueue_rules_error(rules), "at least 2 bits"));
	assert_int_equal(open_with_mask(0x80000000), -EINVAL);
	assert_int_equal(open_with_mask(0x80000001), 0);
	assert_int_equal(open_with_mask(UINT32_MAX), 0);
	assert_int_equal(open_with_mask(0), 0);
}

static void a_guard_mark_and_a_flow_mask_share_no_bit(void **state)
{
	struct nfqueue_rules_options options = {
		.size = sizeof(options), .flow_mask = 0xff00, .guard_mark = 0x10100};

	assert_int_equal(nfqueue_rules_open(&rules, &options), -EINVAL);
	assert_non_null(strstr(nfqueue_rules_error(rules),
			       "guard mark 0x10100 has bits of the flow mask 0xff00"));
	nfqueue_rules_close(rules);
	options.guard_mark = 0x10000;
	assert_int_equal(nfqueue_rules_open(&rules, &options), 0);
}

static int add_at(enum nfqueue_hook hook, int32_t priority)
{
	struct nfqueue_redirect wanted = fine();

	wanted.hook = hook;
	wanted.priority = priority;
	return nfqueue_rules_add(rules, &wanted);
}

static void flow_verdicts_need_a_place_behind_conntrack(void **state)
{
	assert_int_equal(open_with_mask(3), 0);
	assert_int_equal(add_at(NFQUEUE_HOOK_PREROUTING, -200), -EINVAL);
	assert_non_null(strstr(nfqueue_rules_error(rules), "only after priority -200"));
	assert_int_equal(add_at(NFQUEUE_HOOK_OUTPUT, -300), -EINVAL);
	assert_int_equal(add_at(NFQUEUE_HOOK_PREROUTING, -199), 0);
	assert_int_equal(add_at(NFQUEUE_HOOK_INPUT, -300), 0);
	assert_int_equal(add_at(NFQUEUE_HOOK_INPUT, INT32_MAX), -EINVAL);
	assert_int_equal(open_with_mask(0), 0);
	assert_int_equal(add_at(NFQUEUE_HOOK_PREROUTING, -300), 0);
}

static void flow_verdicts_need_the_priority_behind_a_queue(void **state)
{
	assert_int_equal(open_with_mask(3), 0);
	assert_int_equal(add_at(NFQUEUE_HOOK_INPUT, 10), 0);
	assert_int_equal(add_at(NFQUEUE_HOOK_INPUT, 11), -EINVAL);
	assert_int_equal(add_at(NFQUEUE_HOOK_INPUT, 9), -EINVAL);
	assert_non_null(
		strstr(nfqueue_rules_error(rules), "priorities 10 and 9 at input"));
	assert_int_equal(add_at(NFQUEUE_HOOK_INPUT, 10), 0);
	assert_int_equal(add_at(NFQUEUE_HOOK_INPUT, 12), 0);
	assert_int_equal(add_at(NFQUEUE_HOOK_OUTPUT, 11), 0);
	assert_int_equal(add_at(NFQUEUE_HOOK_INPUT, INT32_MIN), 0);
}

static void no_handle_is_no_memory(void **state)
{
	assert_string_equal(nfqueue_rules_error(NULL), "no memory");
	nfqueue_rules_close(NULL);
}

#define TEST(name) cmocka_unit_test_teardown(name, close_rules)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_table_name_must_be_recognizable_as_ours),
		TEST(options_of_other_versions_are_taken_if_they_are_understood),
		TEST(a_redirection_out_of_range_is_refused_with_words),
		TEST(the_last_queue_is_65535),
		TEST(closed_and_bypass_exclude_each_other),
		TEST(a_match_too_long_for_the_kernel_is_refused),
		TEST(a_flow_mask_has_two_bits_or_more),
		TEST(a_guard_mark_and_a_flow_mask_share_no_bit),
		TEST(flow_verdicts_need_a_place_behind_conntrack),
		TEST(flow_verdicts_need_the_priority_behind_a_queue),
		TEST(no_handle_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

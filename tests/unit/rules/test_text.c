/* SPDX-License-Identifier: MIT */
#include <nfqueue/rules.h>

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

static const struct nfqueue_redirect redirects[] = {
	{.size = sizeof(struct nfqueue_redirect),
	 .family = NFQUEUE_FAMILY_IPV4,
	 .hook = NFQUEUE_HOOK_INPUT,
	 .match = "ip[0]\n= 0x45",
	 .first_queue = 7},
	{.size = sizeof(struct nfqueue_redirect),
	 .hook = NFQUEUE_HOOK_PREROUTING,
	 .first_queue = 8,
	 .queue_count = 4,
	 .flags = NFQUEUE_REDIRECT_FANOUT,
	 .priority = -150},
	{.size = sizeof(struct nfqueue_redirect),
	 .family = NFQUEUE_FAMILY_IPV6,
	 .hook = NFQUEUE_HOOK_INPUT},
};

static void add_all(enum nfqueue_on_crash on_crash)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = on_crash};

	assert_int_equal(nfqueue_rules_open(&rules, &options), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(nfqueue_rules_add(rules, &redirects[i]), 0);
}

static void the_text_shows_the_table_and_the_iptables_commands(void **state)
{
	static const char expected[] =
		"table inet nfqueue-7 {\n"
		"\tflags owner # on crash open: the kernel removes it\n"
		"\tcounter redirects { }\n"
		"\tcounter redirect-0 { }\n"
		"\tcounter redirect-1 { }\n"
		"\tcounter redirect-2 { }\n"
		"\tchain input {\n"
		"\t\ttype filter hook input priority 0; policy accept;\n"
		"\t\tmeta nfproto ipv4 xt match \"bpf\" counter name \"redirects\" "
		"counter name \"redirect-0\" "
		"queue flags bypass to 7 # ip[0] = 0x45\n"
		"\t\tmeta nfproto ipv6 counter name \"redirects\" "
		"counter name \"redirect-2\" queue flags bypass to "
		"0\n"
		"\t}\n"
		"\tchain prerouting--150 {\n"
		"\t\ttype filter hook prerouting priority -150; policy accept;\n"
		"\t\tcounter name \"redirects\" "
		"counter name \"redirect-1\" queue flags bypass,fanout to 8-11\n"
		"\t}\n"
		"}\n"
		"\n"
		"# The same with iptables, which leaves its rules behind:\n"
		"# iptables -A INPUT -m bpf --bytecode '7,48 0 0 0,84 0 0 240,21 0 3 64,"
		"48 0 0 0,21 0 1 69,6 0 0 65535,6 0 0 0' -j NFQUEUE --queue-num 7 "
		"--queue-bypass\n"
		"# iptables -t mangle -A PREROUTING -j NFQUEUE --queue-balance 8:11 "
		"--queue-cpu-fanout --queue-bypass\n"
		"# ip6tables -t mangle -A PREROUTING -j NFQUEUE --queue-balance 8:11 "
		"--queue-cpu-fanout --queue-bypass\n"
		"# ip6tables -A INPUT -j NFQUEUE --queue-num 0 --queue-bypass\n";
	char text[4096];

	add_all(NFQUEUE_ON_CRASH_OPEN);
	assert_int_equal(nfqueue_rules_text(rules, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

static void closed_text_has_neither_owner_nor_bypass(void **state)
{
	char text[4096];

	add_all(NFQUEUE_ON_CRASH_CLOSED);
	nfqueue_rules_text(rules, text, sizeof(text));
	assert_null(strstr(text, "flags owner"));
	assert_null(strstr(text, "bypass"));
	assert_non_null(strstr(text, "queue flags fanout to 8-11\n"));
	assert_non_null(strstr(text, "queue to 0\n"));
}

/* The buffers come from malloc, so that a byte too many is found. */
static void a_short_buffer_gets_the_beginning_and_the_whole_length(void **state)
{
	char whole[4096];
	int length;

	add_all(NFQUEUE_ON_CRASH_OPEN);
	length = nfqueue_rules_text(rules, whole, sizeof(whole));
	assert_int_equal(nfqueue_rules_text(rules, NULL, 0), length);
	for (size_t size = 1; size <= (size_t)length + 1; size++) {
		char *text = malloc(size);

		assert_non_null(text);
		assert_int_equal(nfqueue_rules_text(rules, text, size), length);
		assert_int_equal(strlen(text), size - 1);
		assert_memory_equal(text, whole, size - 1);
		free(text);
	}
}

static void without_redirections_there_is_no_text(void **state)
{
	char text[8] = "rubbish";

	assert_int_equal(nfqueue_rules_open(&rules, NULL), 0);
	assert_int_equal(nfqueue_rules_text(rules, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

#define TEST(name) cmocka_unit_test_teardown(name, close_rules)

static void the_text_shows_the_rules_of_flow_verdicts(void **state)
{
	static const char *const expected[] = {
		"\tcounter flow-accepted { }\n",
		"\tset flow-dropped-ipv4-1 {\n",
		"\tchain flows {\n"
		"\t\tct mark & 0xff00 == 0x200 counter name \"flow-accepted\" accept\n"
		"\t\tct mark & 0xff00 == 0x300 counter name \"flow-dropped\" drop\n"
		"\t\tct status confirmed return\n",
		"\tchain flows-save { # epoch 1 of 127\n"
		"\t\tmeta mark & 0xff00 == 0x200 ct mark set (ct mark & 0xffff00ff) | "
		"0x200 "
		"counter name \"flow-saved-accept\"\n",
		"\t\tmeta mark & 0x100 == 0x100 drop\n"
		"\t\tmeta mark set meta mark & 0xffff00ff\n\t}\n",
		"priority 0; policy accept;\n\t\tjump flows\n\t\tmeta nfproto ipv4",
		"\tchain prerouting--150-flows {\n"
		"\t\ttype filter hook prerouting priority -149; policy accept;\n"
		"\t\tmeta mark & 0xff00 != 0 jump flows-save\n\t}\n",
		", but for the flow verdicts:\n",
	};
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.flow_mask = 0xff00};
	char text[8192];

	assert_int_equal(nfqueue_rules_open(&rules, &options), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(nfqueue_rules_add(rules, &redirects[i]), 0);
	assert_true(nfqueue_rules_text(rules, text, sizeof(text)) < (int)sizeof(text));
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (!strstr(text, expected[i]))
			fail_msg("not in the text:\n%s", expected[i]);
}

static void the_text_shows_the_guard_mark(void **state)
{
	static const char *const expected[] = {
		"\tcounter guarded { }\n",
		"priority 0; policy accept;\n"
		"\t\tmeta mark & 0x8000000 == 0x8000000 counter name \"guarded\" accept "
		"# sent by the program itself\n\t\tjump flows\n\t\tmeta nfproto ipv4",
		"# ip6tables -t mangle -A PREROUTING -m mark ! --mark "
		"0x8000000/0x8000000 "
		"-j NFQUEUE",
	};
	struct nfqueue_rules_options options = {
		.size = sizeof(options), .flow_mask = 0xff00, .guard_mark = 0x8000000};
	char text[8192];

	assert_int_equal(nfqueue_rules_open(&rules, &options), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(nfqueue_rules_add(rules, &redirects[i]), 0);
	assert_true(nfqueue_rules_text(rules, text, sizeof(text)) < (int)sizeof(text));
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (!strstr(text, expected[i]))
			fail_msg("not in the text:\n%s\n%s", expected[i], text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_text_shows_the_table_and_the_iptables_commands),
		TEST(closed_text_has_neither_owner_nor_bypass),
		TEST(a_short_buffer_gets_the_beginning_and_the_whole_length),
		TEST(the_text_shows_the_rules_of_flow_verdicts),
		TEST(the_text_shows_the_guard_mark),
		TEST(without_redirections_there_is_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What is wrong is told, with its place; what is right loads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "policy/policy.h"

static const struct {
	const char *line;
	const char *error; /* how it begins, behind "rule 1:1:" */
} bad[] = {
	{"dorp if tcp", "1: 'dorp' is no action: did you mean 'drop'?"},
	{"  DROP", "3: 'DROP' is no action: did you mean 'drop'?"},
	{"acept", "1: 'acept' is no action: did you mean 'accept'?"},
	{"latency 50ms", "1: 'latency' is no action: there are accept, drop, reject,"},
	{"if tcp", "1: 'if' is no action: "},
	{"drop tcp", "6: 'tcp' is not expected here: write drop [if EXPR]"},
	{"accept 1 if tcp", "8: '1' is not expected here: "},
	{"drop if", "6: an expression is missing: "},
	{"drop \t if  # tcp", "8: an expression is missing: "},
	{"drop if tcp prot 5", "9: bad expression: "},
	{"drop if udp and host no.such.invalid", "22: bad expression: unknown host"},
	{"drop if ether host 1:2:3:4:5:6", "9: bad expression: ethernet addresses"},
	{"drop if vlan", "9: bad expression: no VLAN support"},
	{"drop if ip and ip6", "9: bad expression: expression rejects all packets"},
	{"drop if inbound", "9: inbound, outbound and ifindex are not in the packet"},
	{"drop if not inbound", "9: inbound, outbound and ifindex are not in the packet"},
	{"mark", "5: a mark is missing"},
	{"mark if tcp", "6: a mark is missing"},
	{"mark x", "6: 'x' is no number"},
	{"mark -1", "6: '-1' is no number"},
	{"mark 0x", "6: '0x' is no number"},
	{"mark 12ab", "6: '12ab' is no number"},
	{"mark 4294967296", "6: 4294967296 is too large: 0 to 4294967295"},
	{"mark 99999999999999999999999", "6: 99999999999999999999999 is too large"},
	{"mark 0x100000000", "6: 0x100000000 is too large"},
	{"mark /5", "6: a number is missing"},
	{"mark 1/", "8: a number is missing"},
	{"mark 1/0xg", "8: '0xg' is no number"},
	{"mark 1 / 2", "8: '/' is not expected here"},
	{"repeat 5", "8: '5' is not expected here"},
	{"repeat mark", "12: a mark is missing"},
	{"queue", "6: queue what?"},
	{"queue inptu", "7: 'inptu' is no hook: did you mean 'input'?"},
	{"queue everything", "7: 'everything' is no hook and no queue number"},
	{"queue 65536", "7: 65536 is too large: 0 to 65535"},
	{"queue 5x", "7: '5x' is no number"},
	{"queue 5 input", "9: 'input' is not expected here"},
	{"queue input ipv4", "13: 'ipv4' is not expected here: write queue HOOK"},
	{"queue input ip ip6", "16: 'ip6' is not expected here"},
	{"queue input if", "13: an expression is missing"},
	{"queue input if tcp prot", "16: bad expression"},
	{"queue input if ip6 protochain 6", "16: protochain loops"},
	{"drop if ip protochain 17", "9: protochain loops"},
	{"flow_accept", "1: 'flow_accept' is no action: did you mean 'flow-accept'?"},
	{"flowdrop after 3", "1: 'flowdrop' is no action: did you mean 'flow-drop'?"},
	{"flow-acept", "1: 'flow-acept' is no action: did you mean 'flow-accept'?"},
	{"flow-accept 3", "13: '3' is not expected here: write flow-accept [after N]"},
	{"flow-accept after", "18: how many packets? Write after N, 1 to 1000000"},
	{"flow-drop after if tcp", "17: how many packets? Write after N"},
	{"flow-accept after 0", "19: no flow has a packet 0: leave out 'after'"},
	{"flow-drop after 0x0 if tcp", "17: no flow has a packet 0: leave out 'after'"},
	{"flow-drop after 1000001", "17: 1000001 is too large: "},
	{"flow-drop after -3", "17: '-3' is no number"},
	{"flow-drop after 3 packets",
	 "19: 'packets' is not expected here: write flow-drop"},
	{"flow-drop after 3 after 4", "19: 'after' is not expected here"},
	{"accept after 3", "8: 'after' is not expected here: write accept [if EXPR]"},
	{"log text", "5: 'text' is not expected here"},
	{"log \"text", "5: the text has no end"},
	{"log \"text\\\"", "5: the text has no end"},
	{"log \"a\" \"b\"", "9: '\"b\"' is not expected here"},
	{"log \"\xc3\xa4\xe2\x82\xac\" x", "10: 'x' is not expected here"},
	{"accept drop", "8: 'drop' is a second verdict, behind 'accept'"},
	{"accept accept", "8: 'accept' stands here twice"},
	{"log log", "5: 'log' stands here twice"},
	{"set ttl 64 drpo if tcp", "12: 'drpo' is no action: did you mean 'drop'?"},
	{"set ttl 64 drop", "1: 'set' does nothing to a packet that 'drop' drops"},
	{"drop loss 2%", "6: 'loss' does nothing to a packet that 'drop' drops"},
	{"flow-drop set ttl 5", "11: 'set' does nothing to a packet that 'flow-drop'"},
	{"reject replace \"a\" \"b\"",
	 "8: 'replace' does nothing to a packet that 'reject'"},
	{"set ttl 5 queue input", "17: 'input' is no number"},
	{"set", "4: set what? Write set FIELD VALUE; there are src, dst, ttl,"},
	{"set if tcp", "5: set what? Write set FIELD VALUE"},
	{"set tll 5", "5: 'tll' is no field: did you mean 'ttl'?"},
	{"set fnord 5", "5: 'fnord' is no field: there are src, dst, ttl,"},
	{"set mark 7", "5: 'mark' is no field, but an action: write it without 'set'"},
	{"set ttl", "8: to what? Write set ttl VALUE"},
	{"set ttl if tcp", "9: to what? Write set ttl VALUE"},
	{"set ttl 256", "9: 256 is too large: 0 to 255"},
	{"set ttl x", "9: 'x' is no number"},
	{"set dscp EF", "10: 'EF' is no value: did you mean 'ef'?"},
	{"set dscp 64", "10: 64 is too large: 0 to 63"},
	{"set ecn maybe", "9: 'maybe' is no value: write a number, or a name like ect1"},
	{"set tcp-flags syn,akc", "15: 'syn,akc' is no value"},
	{"set tcp-flags syn,", "15: 'syn,' is no value"},
	{"set src 10.0.0", "9: '10.0.0' is no address: write one like 192.0.2.1"},
	{"set dst example.com", "9: 'example.com' is no address"},
	{"replace", "8: what to look for is missing: write replace"},
	{"replace a b", "9: what to look for is missing"},
	{"replace \"a\"", "12: what to put in its place is missing"},
	{"replace \"a\" if tcp", "13: what to put in its place is missing"},
	{"replace \"\" \"b\"", "9: nothing is everywhere"},
	{"replace \"a\" \"b", "13: the text has no end"},
	{"replace \"\\q\" \"b\"", "10: this escape does not exist: there are \\xNN"},
	{"replace \"a\" \"b\\x4\"", "15: this escape does not exist"},
	{"replace \"\\x4g\" \"b\"", "10: this escape does not exist"},
	{"replace \"a\" \"b\" \"c\"", "17: '\"c\"' is not expected here: write replace"},
	{"inject", "7: what is other in the copy? Write inject set"},
	{"inject then accept", "8: what is other in the copy?"},
	{"then accept", "1: 'then' is no action"},
	{"reject tcp-rset",
	 "8: 'tcp-rset' is no type of reject: did you mean 'tcp-reset'?"},
	{"reject nobody", "8: reject with what? There are tcp-reset,"},
	{"reject with", "12: reject with what?"},
	{"delay", "6: a time is missing: write one with ns, us, ms or s, like 10ms"},
	{"delay if tcp", "7: a time is missing"},
	{"delay 50", "7: '50' has no unit: write it with ns, us, ms or s, like 50ms"},
	{"delay 10mss", "7: '10mss' has a unit that does not exist: there are ns, us,"},
	{"delay ms", "7: 'ms' is not a time"},
	{"delay 1.2.3ms", "7: '1.2.3ms' has a unit that does not exist"},
	{"delay 2h", "7: '2h' has a unit that does not exist"},
	{"delay 3601s", "7: 3601s is too much: up to 3600s"},
	{"delay 10ms -3ms", "12: '-3ms' is not a time"},
	{"delay 10ms 5ms 3", "16: '3' has no unit: write it with %, like 3%"},
	{"delay 10ms delay 5ms", "12: 'delay' stands here twice"},
	{"delay 9ms 5ms distribution nromal",
	 "28: 'nromal' is no distribution: did you mean 'normal'?"},
	{"delay 10ms 5ms distribution", "28: which distribution? Write uniform,"},
	{"delay 10ms distribution normal",
	 "1: a distribution needs a delay with a jitter"},
	{"loss", "5: how much loss? Write loss 2%,"},
	{"loss 2", "6: '2' has no unit: write it with %, like 2%"},
	{"loss 2x", "6: '2x' is not a percentage"},
	{"loss 100.1%", "6: 100.1% is too much: up to 100% is possible"},
	{"loss gemodle 1%", "6: 'gemodle' is no model of loss: did you mean 'gemodel'?"},
	{"loss state", "11: a percentage is missing"},
	{"ecn", "1: ecn needs a loss"},
	{"reorder 25%", "1: reorder needs a delay"},
	{"delay 1ms gap 0", "15: 0 is too little: 1 to 4294967295"},
	{"rate 1", "6: '1' has no unit: write it with bit, kbit, mbit,"},
	{"rate 1mb", "6: '1mb' has a unit that does not exist"},
	{"rate 7bit", "6: 7bit is too little: 8bit or more"},
	{"rate 1mbit 20x", "12: '20x' is no number"},
	{"rate 1mbit -65536", "13: 65536 is too large: 0 to 65535"},
	{"limit 0", "7: 0 is too little: 1 to 1000000"},
	{"log to", "7: a file is missing: write log to FILE"},
	{"log to if tcp", "8: a file is missing"},
	{"log to \"\"", "8: a file has a name"},
	{"log to x snap 0", "15: 0 bytes tell nothing"},
	{"log to x snap 96 snap 96", "18: 'snap' stands here twice"},
	{"log to x size 1z",
	 "15: '1z' has a unit that does not exist: there are k, M or G"},
	{"log to x every 10",
	 "16: '10' has no unit: write it with s, m, h or d, like 10s"},
	{"log to x every 0s", "16: 0s is too little: 1s or more"},
	{"log to x keep 0", "15: 0 files hold nothing"},
	{"log to x sanp 96", "10: 'sanp' is not expected here: write log"},
	{"drop\x01", "5: control character 0x01"},
	{"drop \x7f", "6: control character 0x7f"},
	{"drop\rif tcp", "5: a carriage return inside the line"},
	{"drop \xff", "6: byte 0xff is not UTF-8"},
	{"log \"\xc3\"", "6: byte 0xc3 is not UTF-8"},
	{"log \"\xed\xa0\x80\"", "6: byte 0xed is not UTF-8"},
	{"log \"\xe0\x80\x80\"", "6: byte 0xe0 is not UTF-8"},
	{"log \"\xf0\x80\x80\x80\"", "6: byte 0xf0 is not UTF-8"},
	{"log \"\xf4\x90\x80\x80\"", "6: byte 0xf4 is not UTF-8"},
};

static void each_mistake_is_told_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct policy *policy;
		const char *error;

		assert_int_equal(policy_new_from_lines(&policy, &bad[i].line, 1),
				 -EINVAL);
		assert_int_equal(policy_error_count(policy), 1);
		error = policy_error(policy, 0);
		if (strncmp(error, "rule 1:1:", 9) ||
		    strncmp(error + 9, bad[i].error, strlen(bad[i].error)))
			fail_msg("'%s' gives\n%s\nnot %s", bad[i].line, error,
				 bad[i].error);
		policy_free(policy);
	}
}

static struct policy *load(const char *text, size_t size, int expected)
{
	struct policy *policy;

	assert_int_equal(policy_new_from_text(&policy, "f", text, size), expected);
	assert_non_null(policy);
	return policy;
}

#define LOAD(text, expected) load(text, sizeof(text) - 1, expected)

static void error_shows_the_line_and_a_caret(void **state)
{
	struct policy *policy =
		LOAD("accept\n\tmark\t7x\xc3\xa4 if tcp # \xff\n", -EINVAL);

	(void)state;
	assert_string_equal(policy_error(policy, 0),
			    "f:2:7: '7x\xc3\xa4' is no number: write it decimal, or "
			    "hexadecimal with 0x\n"
			    "     mark 7x\xc3\xa4 if tcp # ?\n"
			    "          ^");
	assert_null(policy_error(policy, 1));
	policy_free(policy);
}

static void error_shows_part_of_a_long_line(void **state)
{
	char text[4000];
	struct policy *policy;
	const char *error, *shown, *caret;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "drop", 4);
	memcpy(text + 2000, "junk", 4);
	memset(text + 3000, 'x', 1000);
	policy = load(text, sizeof(text), -EINVAL);
	error = policy_error(policy, 0);
	shown = strchr(error, '\n') + 1;
	caret = strchr(shown, '\n') + 1;
	assert_memory_equal(error, "f:1:2001: ", 10);
	assert_memory_equal(shown, " ...", 4);
	assert_true(caret - shown < 120);
	assert_memory_equal(shown + strspn(caret, " "), "junk", 4);
	policy_free(policy);
}

static void all_errors_are_reported_up_to_twenty(void **state)
{
	char text[256] = "", expected[16];
	struct policy *policy;

	(void)state;
	for (int i = 0; i < 25; i++)
		strcat(text, i % 2 ? "drop x\n" : "drpo\n");
	policy = load(text, strlen(text), -EINVAL);
	assert_int_equal(policy_error_count(policy), POLICY_ERRORS_MAX);
	for (unsigned i = 0; i < POLICY_ERRORS_MAX; i++) {
		snprintf(expected, sizeof(expected), "f:%u:%u: ", i + 1, i % 2 ? 6 : 1);
		assert_memory_equal(policy_error(policy, i), expected, strlen(expected));
	}
	policy_free(policy);
}

static void nul_byte_is_told_in_a_comment_too(void **state)
{
	struct policy *policy = LOAD("accept # a\0b\ndr\0op\n", -EINVAL);

	(void)state;
	assert_int_equal(policy_error_count(policy), 2);
	assert_memory_equal(policy_error(policy, 0), "f:1:11: a NUL byte", 18);
	assert_memory_equal(policy_error(policy, 1), "f:2:3: a NUL byte", 17);
	policy_free(policy);
}

static void line_may_have_64_kib_and_no_more(void **state)
{
	char *text = malloc(POLICY_LINE_MAX + 1);
	struct policy *policy;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', POLICY_LINE_MAX + 1);
	memcpy(text + POLICY_LINE_MAX - 4, "drop", 4);
	policy = load(text, POLICY_LINE_MAX, 0);
	assert_int_equal(policy_rule_count(policy), 1);
	policy_free(policy);
	policy = load(text, POLICY_LINE_MAX + 1, -EINVAL);
	assert_memory_equal(policy_error(policy, 0), "f:1:65537: the line is longer", 29);
	policy_free(policy);
	free(text);
}

static void match_too_long_for_the_kernel_is_told(void **state)
{
	char text[4096] = "queue input if port 1";
	struct policy *policy;

	(void)state;
	for (int i = 2; i < 40; i++)
		sprintf(text + strlen(text), " or port %d", i * 3);
	policy = load(text, strlen(text), -EINVAL);
	assert_memory_equal(policy_error(policy, 0), "f:1:16: this match has ", 23);
	policy_free(policy);
	policy = load(text + 15, strlen(text + 15), -EINVAL); /* no action */
	policy_free(policy);
	memcpy(text, "drop        if", 14);
	policy = load(text, strlen(text), 0); /* our own matching has no such limit */
	policy_free(policy);
}

static void files_are_shared_with_the_same_options(void **state)
{
	struct policy *policy = LOAD("log to f snap 5 if tcp\ndrop log to \"f\" snap 5\n"
				     "log to g\n",
				     0);

	(void)state;
	policy_free(policy);
	policy = LOAD("log to f snap 5\nlog to f snap 6\n", -EINVAL);
	assert_memory_equal(policy_error(policy, 0),
			    "f:2:8: line 1 records to this file with other options", 53);
	policy_free(policy);
}

static void argument_may_have_several_lines(void **state)
{
	const char *const lines[] = {"accept if tcp", "# x\ndrop\n\noops"};
	struct policy *policy;

	(void)state;
	assert_int_equal(policy_new_from_lines(&policy, lines, 2), -EINVAL);
	assert_memory_equal(policy_error(policy, 0), "rule 2:4:1: 'oops'", 18);
	policy_free(policy);
}

static void files_of_other_systems_load(void **state)
{
	struct policy *policy = LOAD(
		"\xef\xbb\xbf# caf\xe9 in a comment\r\n\r\n  drop if tcp \t# x\r\naccept",
		0);

	(void)state;
	assert_int_equal(policy_rule_count(policy), 2);
	assert_string_equal(policy_rule_text(policy, 0), "drop if tcp");
	assert_int_equal(policy_rule_line(policy, 0), 3);
	assert_string_equal(policy_rule_text(policy, 1), "accept");
	assert_int_equal(policy_rule_line(policy, 1), 4);
	assert_null(policy_rule_text(policy, 2));
	assert_int_equal(policy_rule_line(policy, 2), 0);
	policy_free(policy);
}

static void empty_text_is_a_policy_without_rules(void **state)
{
	struct policy *policy = LOAD("", 0);

	(void)state;
	assert_int_equal(policy_rule_count(policy), 0);
	assert_int_equal(policy_redirect_count(policy), 0);
	assert_int_equal(policy_copy_range(policy), 1);
	policy_free(policy);
}

static const struct {
	const char *line;
	enum nfqueue_hook hook;
	enum nfqueue_rules_family family;
	const char *match;
} redirects[] = {
	{"queue input", NFQUEUE_HOOK_INPUT, NFQUEUE_FAMILY_INET, ""},
	{"queue forward inet if tcp", NFQUEUE_HOOK_FORWARD, NFQUEUE_FAMILY_INET, "tcp"},
	{"queue output ip", NFQUEUE_HOOK_OUTPUT, NFQUEUE_FAMILY_IPV4, ""},
	{" queue  prerouting ip6 if  udp port 53 # dns", NFQUEUE_HOOK_PREROUTING,
	 NFQUEUE_FAMILY_IPV6, "udp port 53"},
	{"queue postrouting if ip6", NFQUEUE_HOOK_POSTROUTING, NFQUEUE_FAMILY_INET,
	 "ip6"},
	{"queue input if inbound", NFQUEUE_HOOK_INPUT, NFQUEUE_FAMILY_INET, "inbound"},
};

static void redirections_are_no_rules_and_keep_their_order(void **state)
{
	const size_t count = sizeof(redirects) / sizeof(redirects[0]);
	const char *lines[16];
	struct policy *policy;

	(void)state;
	for (size_t i = 0; i < count; i++)
		lines[i] = redirects[i].line;
	assert_int_equal(policy_new_from_lines(&policy, lines, count), 0);
	assert_int_equal(policy_rule_count(policy), 0);
	assert_int_equal(policy_redirect_count(policy), count);
	for (size_t i = 0; i < count; i++) {
		const struct policy_redirect *redirect = policy_redirect_get(policy, i);

		assert_int_equal(redirect->hook, redirects[i].hook);
		assert_int_equal(redirect->family, redirects[i].family);
		assert_string_equal(redirect->match, redirects[i].match);
		assert_int_equal(redirect->line, i + 1);
	}
	assert_string_equal(policy_redirect_get(policy, 3)->text,
			    "queue  prerouting ip6 if  udp port 53");
	assert_null(policy_redirect_get(policy, count));
	policy_free(policy);
}

static void file_is_read_whole(void **state)
{
	char path[] = "/tmp/policy-test-XXXXXX";
	int fd = mkstemp(path);
	struct policy *policy;
	FILE *out;

	(void)state;
	assert_true(fd >= 0);
	out = fdopen(fd, "w");
	assert_non_null(out);
	for (int i = 0; i < 20000; i++) /* more than one read */
		fprintf(out, "log \"%d\"\n", i);
	fprintf(out, "oops");
	fclose(out);
	assert_int_equal(policy_new_from_file(&policy, path), -EINVAL);
	assert_int_equal(policy_error_count(policy), 1);
	assert_non_null(strstr(policy_error(policy, 0), ":20001:1: 'oops'"));
	assert_int_equal(policy_rule_count(policy), 20000);
	policy_free(policy);
	unlink(path);
}

static void file_that_cannot_be_read_is_told(void **state)
{
	struct policy *policy;

	(void)state;
	assert_int_equal(policy_new_from_file(&policy, "/nonexistent/policy"), -ENOENT);
	assert_string_equal(policy_error(policy, 0),
			    "/nonexistent/policy: cannot read it: "
			    "No such file or directory");
	policy_free(policy);
	assert_int_equal(policy_new_from_file(&policy, "/"), -EISDIR);
	policy_free(policy);
	assert_int_equal(policy_new_from_file(&policy, "/dev/zero"), -EFBIG);
	policy_free(policy);
}

static void policy_with_errors_decides_nothing(void **state)
{
	struct policy *policy = LOAD("oops", -EINVAL);
	struct policy_scratch *scratch;

	(void)state;
	assert_int_equal(policy_scratch_new(&scratch, policy), -EINVAL);
	assert_null(scratch);
	policy_free(policy);
	policy_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_told_with_its_place),
		cmocka_unit_test(error_shows_the_line_and_a_caret),
		cmocka_unit_test(error_shows_part_of_a_long_line),
		cmocka_unit_test(all_errors_are_reported_up_to_twenty),
		cmocka_unit_test(nul_byte_is_told_in_a_comment_too),
		cmocka_unit_test(line_may_have_64_kib_and_no_more),
		cmocka_unit_test(match_too_long_for_the_kernel_is_told),
		cmocka_unit_test(files_are_shared_with_the_same_options),
		cmocka_unit_test(argument_may_have_several_lines),
		cmocka_unit_test(files_of_other_systems_load),
		cmocka_unit_test(empty_text_is_a_policy_without_rules),
		cmocka_unit_test(redirections_are_no_rules_and_keep_their_order),
		cmocka_unit_test(file_is_read_whole),
		cmocka_unit_test(file_that_cannot_be_read_is_told),
		cmocka_unit_test(policy_with_errors_decides_nothing),
	};

	return cmocka_run_group_tests_name("policy errors", tests, NULL, NULL);
}

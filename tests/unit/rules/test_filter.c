/* SPDX-License-Identifier: MIT */
#include "rules/filter.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char error[256];

static int compile(struct rules_filter *filter, const char *match)
{
	error[0] = '\0';
	return rules_filter_compile(filter, match, error, sizeof(error));
}

/* libpcap's interpreter: the same language as the kernel's. */
static int selects(const struct rules_filter *filter, const uint8_t *packet, u_int length)
{
	struct bpf_insn code[RULES_FILTER_MAX];

	for (int i = 0; i < filter->length; i++)
		code[i] = (struct bpf_insn){filter->code[i].code, filter->code[i].jt,
					    filter->code[i].jf, filter->code[i].k};
	return bpf_filter(code, packet, length, length) != 0;
}

/* UDP from 10.0.0.1 to 10.0.0.2, and fd00::1 to fd00::2; the ports follow the IP header.
 * */
static const uint8_t udp4[28] = {0x45, 0, 0,  28, 0, 0, 0,    0,    64, 17, 0, 0, 10, 0,
				 0,    1, 10, 0,  0, 2, 0x13, 0x88, 0,  53, 0, 8, 0,  0};
static const uint8_t udp6[48] = {0x60, 0, 0, 0, 0,    8,    17, 64, 0xfd, 0, 0, 0,
				 0,    0, 0, 0, 0,    0,    0,  0,  0,    0, 0, 1,
				 0xfd, 0, 0, 0, 0,    0,    0,  0,  0,    0, 0, 0,
				 0,    0, 0, 2, 0x13, 0x88, 0,  53, 0,    8, 0, 0};

static void a_filter_begins_at_the_ip_header_of_both_families(void **state)
{
	struct rules_filter filter;

	assert_int_equal(compile(&filter, "udp dst port 53"), 0);
	assert_true(filter.length > 0 && filter.length <= RULES_FILTER_MAX);
	assert_true(selects(&filter, udp4, sizeof(udp4)));
	assert_true(selects(&filter, udp6, sizeof(udp6)));
	assert_int_equal(compile(&filter, "udp dst port 54"), 0);
	assert_false(selects(&filter, udp4, sizeof(udp4)));
	assert_false(selects(&filter, udp6, sizeof(udp6)));
	assert_int_equal(compile(&filter, "src host 10.0.0.1 or ip6 dst host fd00::2"),
			 0);
	assert_true(selects(&filter, udp4, sizeof(udp4)));
	assert_true(selects(&filter, udp6, sizeof(udp6)));
	assert_int_equal(compile(&filter, "ip6"), 0);
	assert_false(selects(&filter, udp4, sizeof(udp4)));
	assert_true(selects(&filter, udp6, sizeof(udp6)));
}

static void nothing_but_blanks_selects_every_packet(void **state)
{
	static const char *const blanks[] = {"", " ", "\t\n\r "};
	struct rules_filter filter;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(compile(&filter, blanks[i]), 0);
		assert_int_equal(filter.length, 0);
	}
}

static void a_mistake_is_told_in_the_words_of_libpcap(void **state)
{
	static const char *const mistakes[] = {"udp prot 53", "port 70000",
					       "(",           "ether host",
					       "vlan 5",      "host 300.1.1.1.1"};
	struct rules_filter filter;

	for (int i = 0; i < 6; i++) {
		assert_int_equal(compile(&filter, mistakes[i]), -EINVAL);
		assert_int_equal(filter.length, 0);
		assert_non_null(strstr(error, mistakes[i]));
		assert_true(strlen(error) > strlen(mistakes[i]) + 10);
	}
}

/* "len = N" is a load, and a jump for each: a filter of any length. */
static int compile_chain(struct rules_filter *filter, int terms)
{
	char match[2048] = "len = 1000";
	size_t used = strlen(match);

	for (int i = 1; i < terms; i++)
		used += (size_t)snprintf(match + used, sizeof(match) - used,
					 " or len = %d", 1000 + i);
	return compile(filter, match);
}

static void sixty_four_instructions_are_taken_and_no_more(void **state)
{
	struct rules_filter filter;
	int terms = 1;

	while (compile_chain(&filter, terms) == 0) {
		assert_true(filter.length <= 64);
		terms++;
		assert_true(terms < 100);
	}
	assert_int_equal(compile_chain(&filter, terms), -E2BIG);
	assert_int_equal(filter.length, 0);
	assert_non_null(strstr(error, "65 instructions"));
	assert_int_equal(compile_chain(&filter, terms - 1), 0);
	assert_int_equal(filter.length, 64);
}

static void a_loop_which_the_kernel_refuses_is_refused_here(void **state)
{
	struct rules_filter filter;

	assert_int_equal(compile(&filter, "ip6 protochain 17"), -EINVAL);
	assert_non_null(strstr(error, "loop"));
	assert_int_equal(filter.length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_begins_at_the_ip_header_of_both_families),
		cmocka_unit_test(nothing_but_blanks_selects_every_packet),
		cmocka_unit_test(a_mistake_is_told_in_the_words_of_libpcap),
		cmocka_unit_test(sixty_four_instructions_are_taken_and_no_more),
		cmocka_unit_test(a_loop_which_the_kernel_refuses_is_refused_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

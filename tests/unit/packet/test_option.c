/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "packets.h"

typedef int (*iterator)(const struct nfqueue_view *, struct nfqueue_option *);

struct option_case {
	const char *name;
	const char *hex;
	iterator next;
	const char *found; /* "type@offset+length " each */
	int ret;           /* of the last call */
};

#define TCP(offset_and_flags, options)         \
	"4500002c 00000000 40060000" IPV4_ENDS \
	"04d20050 00000001 00000002 " offset_and_flags "0010 00000000" options

/* clang-format off */
static const struct option_case option_cases[] = {
	{"no IPv4 options", "45000014 00000000 40c80000" IPV4_ENDS,
	 nfqueue_view_ipv4_option, "", 0},
	{"no-operation, router alert, no-operation",
	 "4700001c 00000000 40c80000" IPV4_ENDS "0194040000010101",
	 nfqueue_view_ipv4_option, "1@20+1 148@21+4 1@25+1 1@26+1 1@27+1 ", 0},
	{"nothing stands behind end-of-list",
	 "47000020 00000000 40c80000" IPV4_ENDS "9404000000940400 00000000",
	 nfqueue_view_ipv4_option, "148@20+4 ", 0},
	{"an IPv4 option of length 1 lies",
	 "46000018 00000000 40c80000" IPV4_ENDS "01940100",
	 nfqueue_view_ipv4_option, "1@20+1 ", -EBADMSG},
	{"an IPv4 option beyond the header lies",
	 "46000020 00000000 40c80000" IPV4_ENDS "94050000 00000000",
	 nfqueue_view_ipv4_option, "", -EBADMSG},
	{"a kind without a length",
	 "46000020 00000000 40c80000" IPV4_ENDS "01010194 00000000",
	 nfqueue_view_ipv4_option, "1@20+1 1@21+1 1@22+1 ", -EBADMSG},
	{"IPv4 options of an IPv6 packet", "60000000 00003b40" IPV6_ENDS,
	 nfqueue_view_ipv4_option, "", -ENOENT},
	{"IPv4 options of half a header", "45000014", nfqueue_view_ipv4_option, "",
	 -EBADMSG},
	{"TCP options", TCP("6010", "03030701"), nfqueue_view_tcp_option,
	 "3@40+3 1@43+1 ", 0},
	{"what stands behind the TCP header is no option", TCP("5010", "03030701"),
	 nfqueue_view_tcp_option, "", 0},
	{"a TCP option beyond the header lies", TCP("6010", "01030401"),
	 nfqueue_view_tcp_option, "1@40+1 ", -EBADMSG},
	{"TCP options of a header that lies", TCP("4010", "03030701"),
	 nfqueue_view_tcp_option, "", -EBADMSG},
	{"TCP options of UDP",
	 "4500001c 00000000 40110000" IPV4_ENDS "13881770 00080000",
	 nfqueue_view_tcp_option, "", -ENOENT},
	{"every extension header",
	 "60000000 004c0040" IPV6_ENDS "2b00000000000000 2c01000000000000 "
	 "0000000000000000"
	 "33000001 00000000 3c010000 00000000 00000000 8700000000000000"
	 "8b00000000000000 8c00000000000000 3b00000000000000",
	 nfqueue_view_ipv6_extension,
	 "0@40+8 43@48+16 44@64+8 51@72+12 60@84+8 135@92+8 139@100+8 140@108+8 ",
	 0},
	{"nothing is known behind the header of a later fragment",
	 "60000000 00102c40" IPV6_ENDS "3c0005a8 00000007 1100000000000000",
	 nfqueue_view_ipv6_extension, "44@40+8 ", 0},
	{"ESP is none", "60000000 00083240" IPV6_ENDS "0000000100000002",
	 nfqueue_view_ipv6_extension, "", 0},
	{"an extension header beyond the packet lies",
	 "60000000 00103c40" IPV6_ENDS "3c00000000000000 1101000000000000",
	 nfqueue_view_ipv6_extension, "60@40+8 ", -EBADMSG},
	{"a next header without a byte",
	 "60000000 00083c40" IPV6_ENDS "3c00000000000000",
	 nfqueue_view_ipv6_extension, "60@40+8 ", -EBADMSG},
	{"extension headers of IPv4", "45000014 00000000 40c80000" IPV4_ENDS,
	 nfqueue_view_ipv6_extension, "", -ENOENT},
	{"extension headers of half a header", "60000000 00083c40",
	 nfqueue_view_ipv6_extension, "", -EBADMSG},
};
/* clang-format on */

static void check(const struct option_case *wanted)
{
	struct nfqueue_option option = {0};
	struct nfqueue_view view;
	char found[400] = "";
	uint32_t length;
	uint8_t *bytes = from_hex(wanted->hex, &length);
	int ret;

	nfqueue_view_parse(&view, bytes, length);
	while ((ret = wanted->next(&view, &option)) > 0) {
		size_t used = strlen(found);

		assert_ptr_equal(option.data, bytes + option.offset);
		snprintf(found + used, sizeof(found) - used, "%u@%u+%u ", option.type,
			 option.offset, option.length);
	}
	if (strcmp(found, wanted->found) || ret != wanted->ret)
		fail_msg("%s: %s%d", wanted->name, found, ret);
	assert_int_equal(wanted->next(&view, &option), ret);
	free(bytes);
}

static void options_are_walked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(option_cases) / sizeof(option_cases[0]); i++)
		check(&option_cases[i]);
}

static void an_option_from_elsewhere_ends_the_walk(void **state)
{
	uint32_t length;
	uint8_t *bytes = from_hex(TCP("6010", "03030701"), &length);
	struct nfqueue_option option = {.offset = UINT32_MAX, .length = UINT32_MAX};
	struct nfqueue_view view;

	(void)state;
	option.data = bytes;
	nfqueue_view_parse(&view, bytes, length);
	assert_int_equal(nfqueue_view_tcp_option(&view, &option), 0);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_walked),
		cmocka_unit_test(an_option_from_elsewhere_ends_the_walk),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}

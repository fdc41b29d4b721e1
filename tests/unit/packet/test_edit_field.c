/* SPDX-License-Identifier: MIT */
/* Each field, in each header that has it, and in those that have not. */
#include "edit_case.h"

struct field_case {
	const char *name;
	const char *hex;
	enum nfqueue_field field;
	uint32_t value;
	const char *wanted; /* the packet then; NULL: `ret` */
	int ret;
};

#define TCP4_IP(first, second, third) first second third IPV4_ENDS TCP_HEADER "68656c6c6f"
#define TCP4_WITH(header) "4500002d 1c464000 40060000" IPV4_ENDS header "68656c6c6f"
#define UDP4_WITH(ports) \
	"45000021 00010000 40110000" IPV4_ENDS ports "000d0000 68656c6c6f"
#define UDP6_WITH(ports) "60000000 000d1140" IPV6_ENDS ports "000d0000 68656c6c6f"
#define TCP6_WITH(first, second) first second IPV6_ENDS TCP_HEADER "68656c6c6f"
#define ECHO4_WITH(a, b) "45000021 00010000 40010000" IPV4_ENDS a b "68656c6c6f"
#define ECHO6_WITH(a, b) "60000000 000d3a40" IPV6_ENDS a b "68656c6c6f"
#define UNREACHABLE4 "4500001c 00010000 40010000" IPV4_ENDS "03010000 00000000"
#define EMPTY6 "60000000 00043a40" IPV6_ENDS "80000000"
#define LIES4                                  \
	"4500002d 1c464000 40060000" IPV4_ENDS \
	"04d20050 00000001 00000002 40180010 00000000 68656c6c6f"

/* clang-format off */
static const struct field_case field_cases[] = {
	{"TTL", TCP4, NFQUEUE_FIELD_TTL, 1,
	 TCP4_IP("4500002d", "1c464000", "01060000"), 0},
	{"hop limit", TCP6, NFQUEUE_FIELD_TTL, 255, TCP6_WITH("60012345", "001906ff"), 0},
	{"TTL behind options", OPTIONS4, NFQUEUE_FIELD_TTL, 7,
	 "46000025 00010000 07110000" IPV4_ENDS "94040000 13881770 000d0000 68656c6c6f",
	 0},
	{"TTL too large", TCP4, NFQUEUE_FIELD_TTL, 256, NULL, -ERANGE},
	{"DSCP of IPv4", TCP4, NFQUEUE_FIELD_DSCP, 46,
	 TCP4_IP("45b8002d", "1c464000", "40060000"), 0},
	{"DSCP of IPv6", TCP6, NFQUEUE_FIELD_DSCP, 63,
	 TCP6_WITH("6fc12345", "00190640"), 0},
	{"DSCP too large", TCP6, NFQUEUE_FIELD_DSCP, 64, NULL, -ERANGE},
	{"ECN of IPv4", TCP4, NFQUEUE_FIELD_ECN, 3,
	 TCP4_IP("4503002d", "1c464000", "40060000"), 0},
	{"ECN of IPv6", TCP6, NFQUEUE_FIELD_ECN, 2, TCP6_WITH("60212345", "00190640"), 0},
	{"ECN too large", TCP4, NFQUEUE_FIELD_ECN, 4, NULL, -ERANGE},
	{"id", TCP4, NFQUEUE_FIELD_IP_ID, 0xfffe,
	 TCP4_IP("4500002d", "fffe4000", "40060000"), 0},
	{"id of IPv6", TCP6, NFQUEUE_FIELD_IP_ID, 1, NULL, -ENOENT},
	{"may be fragmented", TCP4, NFQUEUE_FIELD_DONT_FRAGMENT, 0,
	 TCP4_IP("4500002d", "1c460000", "40060000"), 0},
	{"may not be fragmented", UDP4, NFQUEUE_FIELD_DONT_FRAGMENT, 1,
	 "45000021 00014000 40110000" IPV4_ENDS "13881770 000d0000 68656c6c6f", 0},
	{"don't fragment twice", UDP4, NFQUEUE_FIELD_DONT_FRAGMENT, 2, NULL, -ERANGE},
	{"don't fragment of IPv6", UDP6, NFQUEUE_FIELD_DONT_FRAGMENT, 1, NULL, -ENOENT},
	{"flow label", TCP6, NFQUEUE_FIELD_FLOW_LABEL, 0xfffff,
	 TCP6_WITH("600fffff", "00190640"), 0},
	{"flow label too large", TCP6, NFQUEUE_FIELD_FLOW_LABEL, 0x100000, NULL, -ERANGE},
	{"flow label of IPv4", TCP4, NFQUEUE_FIELD_FLOW_LABEL, 1, NULL, -ENOENT},
	{"TCP source port", TCP4, NFQUEUE_FIELD_SOURCE_PORT, 65535,
	 TCP4_WITH("ffff0050 00000001 00000002 50180010 00000000"), 0},
	{"TCP destination port", TCP4, NFQUEUE_FIELD_DESTINATION_PORT, 443,
	 TCP4_WITH("04d201bb 00000001 00000002 50180010 00000000"), 0},
	{"UDP source port", UDP4, NFQUEUE_FIELD_SOURCE_PORT, 53, UDP4_WITH("00351770"),
	 0},
	{"UDP destination port, IPv6", UDP6, NFQUEUE_FIELD_DESTINATION_PORT, 53,
	 UDP6_WITH("13880035"), 0},
	{"port too large", UDP6, NFQUEUE_FIELD_DESTINATION_PORT, 65536, NULL, -ERANGE},
	{"port of ICMP", ECHO4, NFQUEUE_FIELD_SOURCE_PORT, 1, NULL, -ENOENT},
	{"port of SCTP", SCTP4, NFQUEUE_FIELD_SOURCE_PORT, 1, NULL, -ENOENT},
	{"sequence", TCP4, NFQUEUE_FIELD_TCP_SEQUENCE, 0xfedcba98,
	 TCP4_WITH("04d20050 fedcba98 00000002 50180010 00000000"), 0},
	{"sequence of UDP", UDP4, NFQUEUE_FIELD_TCP_SEQUENCE, 1, NULL, -ENOENT},
	{"acknowledgement", TCP4, NFQUEUE_FIELD_TCP_ACKNOWLEDGEMENT, UINT32_MAX,
	 TCP4_WITH("04d20050 00000001 ffffffff 50180010 00000000"), 0},
	{"flags", TCP4, NFQUEUE_FIELD_TCP_FLAGS, NFQUEUE_TCP_RST | NFQUEUE_TCP_CWR,
	 TCP4_WITH("04d20050 00000001 00000002 50840010 00000000"), 0},
	{"flags too large", TCP4, NFQUEUE_FIELD_TCP_FLAGS, 256, NULL, -ERANGE},
	{"window", TCP4, NFQUEUE_FIELD_TCP_WINDOW, 0,
	 TCP4_WITH("04d20050 00000001 00000002 50180000 00000000"), 0},
	{"urgent pointer", TCP4, NFQUEUE_FIELD_TCP_URGENT, 5,
	 TCP4_WITH("04d20050 00000001 00000002 50180010 00000005"), 0},
	{"MSS", SYN4, NFQUEUE_FIELD_TCP_MSS, 536,
	 "4500003c 1c464000 40060000" IPV4_ENDS "04d20050 00000001 00000000 a002faf0 "
	 "00000000 02040218 0402080a 00000001 00000000 01030307", 0},
	{"MSS without the option", TCP4, NFQUEUE_FIELD_TCP_MSS, 536, NULL, -ENOENT},
	{"a TCP header that lies", LIES4, NFQUEUE_FIELD_TCP_FLAGS, 1, NULL, -EBADMSG},
	{"type", ECHO4, NFQUEUE_FIELD_ICMP_TYPE, 0, ECHO4_WITH("00000000", "12340001"),
	 0},
	{"code", ECHO4, NFQUEUE_FIELD_ICMP_CODE, 255,
	 ECHO4_WITH("08ff0000", "12340001"), 0},
	{"id of an echo", ECHO4, NFQUEUE_FIELD_ICMP_ID, 0xabcd,
	 ECHO4_WITH("08000000", "abcd0001"), 0},
	{"sequence of an echo", ECHO4, NFQUEUE_FIELD_ICMP_SEQUENCE, 2,
	 ECHO4_WITH("08000000", "12340002"), 0},
	{"id of an error", UNREACHABLE4, NFQUEUE_FIELD_ICMP_ID, 1, NULL, -ENOENT},
	{"type of an error", UNREACHABLE4, NFQUEUE_FIELD_ICMP_TYPE, 11,
	 "4500001c 00010000 40010000" IPV4_ENDS "0b010000 00000000", 0},
	{"type, ICMPv6", ECHO6, NFQUEUE_FIELD_ICMP_TYPE, 129,
	 ECHO6_WITH("81000000", "12340001"), 0},
	{"code, ICMPv6", ECHO6, NFQUEUE_FIELD_ICMP_CODE, 1,
	 ECHO6_WITH("80010000", "12340001"), 0},
	{"id, ICMPv6", ECHO6, NFQUEUE_FIELD_ICMP_ID, 1,
	 ECHO6_WITH("80000000", "00010001"), 0},
	{"sequence, ICMPv6", ECHO6, NFQUEUE_FIELD_ICMP_SEQUENCE, 65535,
	 ECHO6_WITH("80000000", "1234ffff"), 0},
	{"id of an ICMPv6 message without a body", EMPTY6, NFQUEUE_FIELD_ICMP_ID, 1, NULL,
	 -ENOENT},
	{"type of UDP", UDP6, NFQUEUE_FIELD_ICMP_TYPE, 1, NULL, -ENOENT},
	{"port behind every extension header", CHAIN6, NFQUEUE_FIELD_SOURCE_PORT, 53,
	 "60000000 003d0040" IPV6_ENDS "2b00000000000000 2c00000000000000 "
	 "3300000000000007 3c02000000000001 0000000200000003 1100000000000000 00351770 "
	 "000d0000 68656c6c6f", 0},
	{"port in a first fragment", FIRST4, NFQUEUE_FIELD_SOURCE_PORT, 5001,
	 "45000020 00012000 40110000" IPV4_ENDS "13891770 00200000 68656c6c", 0},
	{"port in a first fragment, IPv6", FIRST6, NFQUEUE_FIELD_DESTINATION_PORT, 6001,
	 "60000000 00142c40" IPV6_ENDS "11000001 00000007 13881771 00200000 68656c6c", 0},
	{"port in a later fragment", LATER4, NFQUEUE_FIELD_SOURCE_PORT, 1, NULL,
	 -EOPNOTSUPP},
	{"port in a later fragment, IPv6", LATER6, NFQUEUE_FIELD_SOURCE_PORT, 1, NULL,
	 -EOPNOTSUPP},
	{"hop limit of a later fragment", LATER6, NFQUEUE_FIELD_TTL, 9,
	 "60000000 00142c09" IPV6_ENDS "11000009 00000007 6f20776f 726c6421 68656c6c", 0},
	{"TTL of SCTP", SCTP4, NFQUEUE_FIELD_TTL, 9,
	 "45000024 00010000 09840000" IPV4_ENDS "13881770 00000001 00000000 01000004", 0},
	{"hop limit of ESP", ESP6, NFQUEUE_FIELD_TTL, 9,
	 "60000000 00083209" IPV6_ENDS "00000001 00000002", 0},
	{"an address is no number", TCP4, NFQUEUE_FIELD_SOURCE, 1, NULL, -EINVAL},
	{"there is no such field", TCP4, NFQUEUE_FIELD_COUNT, 1, NULL, -EINVAL},
};
/* clang-format on */

static void a_field_is_set(const struct field_case *wanted)
{
	struct edit_case test;
	int ret;

	begin(&test, wanted->hex);
	ret = nfqueue_edit_set(test.edit, wanted->field, wanted->value);
	if (ret != wanted->ret)
		fail_msg("%s: %d", wanted->name, ret);
	if (wanted->wanted) {
		commit(&test);
		assert_packet(&test, wanted->wanted);
	} else {
		assert_refused(&test, ret, wanted->ret);
	}
	end(&test);
}

static void each_field_is_set_where_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(field_cases) / sizeof(field_cases[0]); i++)
		a_field_is_set(&field_cases[i]);
}

static void every_field_is_in_the_table(void **state)
{
	uint32_t seen = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(field_cases) / sizeof(field_cases[0]); i++)
		if (field_cases[i].wanted)
			seen |= 1u << field_cases[i].field;
	assert_int_equal(seen, (1u << NFQUEUE_FIELD_COUNT) - 1 -
				       (1u << NFQUEUE_FIELD_SOURCE) -
				       (1u << NFQUEUE_FIELD_DESTINATION));
}

static void names_and_fields_find_each_other(void **state)
{
	(void)state;
	for (int field = 0; field < NFQUEUE_FIELD_COUNT; field++) {
		const char *name = nfqueue_field_name((enum nfqueue_field)field);

		assert_non_null(name);
		assert_int_equal(nfqueue_field_find(name), field);
	}
	assert_int_equal(nfqueue_field_find("hop-limit"), NFQUEUE_FIELD_TTL);
	assert_int_equal(nfqueue_field_find("length"), -ENOENT);
	assert_int_equal(nfqueue_field_find(""), -ENOENT);
	assert_null(nfqueue_field_name(NFQUEUE_FIELD_COUNT));
	assert_int_equal(nfqueue_field_max(NFQUEUE_FIELD_SOURCE), 0);
	assert_int_equal(nfqueue_field_max(NFQUEUE_FIELD_COUNT), 0);
	assert_int_equal(nfqueue_field_max(NFQUEUE_FIELD_TCP_SEQUENCE), UINT32_MAX);
}

/* --- addresses -------------------------------------------------------------------- */

struct address_case {
	const char *name;
	const char *hex;
	enum nfqueue_field field;
	const char *address;
	const char *wanted;
	int ret;
};

#define OTHER6 "20010db8000000000000000000000bad"
#define ONE6 "20010db8000000000000000000000001"
#define TWO6 "20010db8000000000000000000000002"

/* clang-format off */
static const struct address_case address_cases[] = {
	{"source of TCP", TCP4, NFQUEUE_FIELD_SOURCE, "c0a80001",
	 "4500002d 1c464000 40060000 c0a80001 0a000002" TCP_HEADER "68656c6c6f", 0},
	{"destination of UDP", UDP4, NFQUEUE_FIELD_DESTINATION, "c0a80001",
	 "45000021 00010000 40110000 0a000001 c0a80001 13881770 000d0000 68656c6c6f", 0},
	{"ICMP does not cover it", ECHO4, NFQUEUE_FIELD_SOURCE, "c0a80001",
	 "45000021 00010000 40010000 c0a80001 0a000002 08000000 12340001 68656c6c6f", 0},
	{"ICMPv6 does", ECHO6, NFQUEUE_FIELD_SOURCE, OTHER6,
	 "60000000 000d3a40" OTHER6 TWO6 "80000000 12340001 68656c6c6f", 0},
	{"destination of UDP, IPv6", UDP6, NFQUEUE_FIELD_DESTINATION, OTHER6,
	 "60000000 000d1140" ONE6 OTHER6 "13881770 000d0000 68656c6c6f", 0},
	{"the next hop of a way is not covered", ROUTED6, NFQUEUE_FIELD_DESTINATION,
	 OTHER6,
	 "60000000 00252b40" ONE6 OTHER6 "11020001 00000000 "
	 "20010db8000000000000000000000009 13881770 000d0000 68656c6c6f", 0},
	{"its source is", ROUTED6, NFQUEUE_FIELD_SOURCE, OTHER6,
	 "60000000 00252b40" OTHER6 TWO6 "11020001 00000000 "
	 "20010db8000000000000000000000009 13881770 000d0000 68656c6c6f", 0},
	{"SCTP does not cover it", SCTP4, NFQUEUE_FIELD_SOURCE, "c0a80001",
	 "45000024 00010000 40840000 c0a80001 0a000002 13881770 00000001 00000000 "
	 "01000004",
	 0},
	{"UDP-Lite does", "4500001e 00010000 40880000" IPV4_ENDS "13881770 00080000 6869",
	 NFQUEUE_FIELD_SOURCE, "c0a80001",
	 "4500001e 00010000 40880000 c0a80001 0a000002 13881770 00080000 6869", 0},
	{"a later fragment", LATER4, NFQUEUE_FIELD_SOURCE, "c0a80001",
	 "45000020 00010001 40110000 c0a80001 0a000002 6f20776f 726c6421 68656c6c", 0},
	{"IPv6 into IPv4", UDP4, NFQUEUE_FIELD_SOURCE, OTHER6, NULL, -ENOENT},
	{"IPv4 into IPv6", UDP6, NFQUEUE_FIELD_SOURCE, "c0a80001", NULL, -ENOENT},
	{"no address", UDP6, NFQUEUE_FIELD_SOURCE, "c0a8", NULL, -EINVAL},
	{"no field of one", UDP4, NFQUEUE_FIELD_TTL, "c0a80001", NULL, -EINVAL},
	{"a checksum that is in no fragment here",
	 "4500001c 00012000 40060000" IPV4_ENDS "04d20050 00000001", NFQUEUE_FIELD_SOURCE,
	 "c0a80001", NULL, -EBADMSG},
	{"extension headers that lie", "60000000 00083c40" IPV6_ENDS "1109000000000000",
	 NFQUEUE_FIELD_SOURCE, OTHER6, NULL, -EBADMSG},
};
/* clang-format on */

static void set_address(const struct address_case *wanted)
{
	struct edit_case test;
	uint32_t length;
	uint8_t *address = from_hex(wanted->address, &length);
	int ret;

	begin_wanted(&test, wanted->hex, wanted->wanted);
	ret = nfqueue_edit_set_address(test.edit, wanted->field, address, length);
	if (ret != wanted->ret)
		fail_msg("%s: %d", wanted->name, ret);
	assert_wanted(&test, wanted->wanted, ret, wanted->ret);
	free(address);
	end(&test);
}

static void addresses_take_their_checksum_along(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(address_cases) / sizeof(address_cases[0]); i++)
		set_address(&address_cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_is_set_where_it_is),
		cmocka_unit_test(every_field_is_in_the_table),
		cmocka_unit_test(names_and_fields_find_each_other),
		cmocka_unit_test(addresses_take_their_checksum_along),
	};

	return cmocka_run_group_tests_name("edit fields", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Where the IP packet stands, for each link type; and what is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/dlt.h>

#include "capture/link.h"

#define MACS "\2\0\0\0\0\1\2\0\0\0\0\2"
#define BYTES(text) text, sizeof(text) - 1

static const struct row {
	const char *what;
	int link_type;
	const char *bytes;
	size_t length;
	int64_t offset; /* -1: no IP packet */
	uint16_t protocol, vlan_protocol, vlan_tci;
	bool outgoing;
} rows[] = {
	{"Ethernet, IPv4", DLT_EN10MB, BYTES(MACS "\x08\0\x45"), 14, LINK_IPV4},
	{"Ethernet, IPv6", DLT_EN10MB, BYTES(MACS "\x86\xdd\x60"), 14, LINK_IPV6},
	{"Ethernet, a tag", DLT_EN10MB, BYTES(MACS "\x81\0\xa0\x05\x08\0\x45"), 18,
	 LINK_IPV4, LINK_VLAN, 0xa005},
	{"Ethernet, QinQ", DLT_EN10MB, BYTES(MACS "\x88\xa8\0\x07\x81\0\0\x05\x08\0\x45"),
	 22, LINK_IPV4, LINK_QINQ, 7},
	{"Ethernet, the older QinQ", DLT_EN10MB,
	 BYTES(MACS "\x91\0\0\x07\x81\0\0\x05\x86\xdd\x60"), 22, LINK_IPV6, LINK_QINQ_OLD,
	 7},
	{"Ethernet, PPPoE", DLT_EN10MB, BYTES(MACS "\x88\x64\x11\0\0\1\0\3\0\x21\x45"),
	 22, LINK_IPV4},
	{"Ethernet, ARP", DLT_EN10MB, BYTES(MACS "\x08\x06\0\1\x08\0"), -1},
	{"Ethernet, cut", DLT_EN10MB, BYTES(MACS "\x08"), -1},
	{"Ethernet, nothing behind", DLT_EN10MB, BYTES(MACS "\x08\0"), -1},
	{"Ethernet, a tag that is cut", DLT_EN10MB, BYTES(MACS "\x81\0\xa0\x05\x08"), -1},
	{"Ethernet, IPv4 that is IPv6", DLT_EN10MB, BYTES(MACS "\x08\0\x60"), -1},
	{"Ethernet, IPv6 that is IPv4", DLT_EN10MB, BYTES(MACS "\x86\xdd\x45"), -1},
	{"Ethernet, IPv4 that is no IP", DLT_EN10MB, BYTES(MACS "\x08\0\x15"), -1},
	{"raw IPv4", DLT_RAW, BYTES("\x45"), 0, LINK_IPV4},
	{"raw IPv6", DLT_RAW, BYTES("\x60"), 0, LINK_IPV6},
	{"raw, nothing", DLT_RAW, BYTES(""), -1},
	{"raw, neither", DLT_RAW, BYTES("\x50"), -1},
	{"IPV4", DLT_IPV4, BYTES("\x45"), 0, LINK_IPV4},
	{"IPV4 that is IPv6", DLT_IPV4, BYTES("\x60"), -1},
	{"IPV6", DLT_IPV6, BYTES("\x60"), 0, LINK_IPV6},
	{"SLL, sent", DLT_LINUX_SLL, BYTES("\0\4\0\1\0\6\2\0\0\0\0\1\0\0\x08\0\x45"), 16,
	 LINK_IPV4, 0, 0, true},
	{"SLL, received, a tag", DLT_LINUX_SLL,
	 BYTES("\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x81\0\0\5\x86\xdd\x60"), 20, LINK_IPV6,
	 LINK_VLAN, 5},
	{"SLL, an address longer than its field", DLT_LINUX_SLL,
	 BYTES("\0\0\0\1\xff\xff\2\0\0\0\0\1\0\0\x08\0\x45"), 16, LINK_IPV4},
	{"SLL, cut", DLT_LINUX_SLL, BYTES("\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08"), -1},
	{"SLL2, sent", DLT_LINUX_SLL2,
	 BYTES("\x08\0\0\0\0\0\0\3\0\1\4\6\2\0\0\0\0\1\0\0\x45"), 20, LINK_IPV4, 0, 0,
	 true},
	{"SLL2, received, a tag", DLT_LINUX_SLL2,
	 BYTES("\x81\0\0\0\0\0\0\3\0\1\0\6\2\0\0\0\0\1\0\0\0\5\x08\0\x45"), 24, LINK_IPV4,
	 LINK_VLAN, 5},
	{"SLL2, cut", DLT_LINUX_SLL2, BYTES("\x08\0\0\0\0\0\0\3\0\1\4\6\2\0\0\0\0\1\0"),
	 -1},
	{"NULL, of a little machine", DLT_NULL, BYTES("\2\0\0\0\x45"), 4, LINK_IPV4},
	{"NULL, of a big machine, IPv6", DLT_NULL, BYTES("\0\0\0\x1e\x60"), 4, LINK_IPV6},
	{"LOOP", DLT_LOOP, BYTES("\0\0\0\2\x45"), 4, LINK_IPV4},
	{"NULL, no family", DLT_NULL, BYTES("\1\2\3\4\x45"), -1},
	{"NULL, cut", DLT_NULL, BYTES("\2\0\0"), -1},
	{"PPP", DLT_PPP, BYTES("\0\x21\x45"), 2, LINK_IPV4},
	{"PPP, a short protocol", DLT_PPP, BYTES("\x57\x60"), 1, LINK_IPV6},
	{"PPP, like HDLC", DLT_PPP_SERIAL, BYTES("\xff\x03\0\x57\x60"), 4, LINK_IPV6},
	{"PPP, LCP", DLT_PPP, BYTES("\xc0\x21\1\1\0\4"), -1},
	{"PPP, cut", DLT_PPP, BYTES("\xff\x03\0"), -1},
	{"PPP, nothing", DLT_PPP, BYTES(""), -1},
	{"PPPoE alone", DLT_PPP_ETHER, BYTES("\x11\0\0\1\0\3\0\x21\x45"), 8, LINK_IPV4},
	{"PPPoE, discovery", DLT_PPP_ETHER, BYTES("\x11\x09\0\1\0\3\0\x21\x45"), -1},
	{"NFLOG, packet at once", DLT_NFLOG, BYTES("\2\0\0\5\x18\0\x09\0\x45"), 8,
	 LINK_IPV4},
	{"NFLOG, a mark first", DLT_NFLOG,
	 BYTES("\2\0\0\5\x08\0\2\0\0\0\0\7\x18\0\x09\0\x60"), 16, LINK_IPV6},
	{"NFLOG, a prefix that is padded", DLT_NFLOG,
	 BYTES("\2\0\0\5\x05\0\x0a\0x\0\0\0\x18\0\x09\0\x45"), 16, LINK_IPV4},
	{"NFLOG, an attribute without end", DLT_NFLOG,
	 BYTES("\2\0\0\5\x03\0\2\0\x18\0\x09\0\x45"), -1},
	{"NFLOG, an attribute that is cut", DLT_NFLOG, BYTES("\2\0\0\5\x80\0\2\0\0"), -1},
	{"a link type of none of these", DLT_IEEE802_11, BYTES("\x45"), -1},
};

static int find(const struct row *row, size_t length, struct link_found *found)
{
	uint8_t *exact = malloc(length ? length : 1); /* so that a sanitizer sees more */
	int err;

	assert_non_null(exact);
	memcpy(exact, row->bytes, length);
	err = link_find(row->link_type, exact, (uint32_t)length, found);
	free(exact);
	return err;
}

static void check(const struct row *row)
{
	struct link_found found;
	int err = find(row, row->length, &found);

	if (err != (row->offset < 0 ? -ENOENT : 0))
		fail_msg("%s: %d", row->what, err);
	if (err < 0)
		return;
	if (found.offset != row->offset || found.protocol != row->protocol ||
	    found.vlan_protocol != row->vlan_protocol ||
	    found.vlan_tci != row->vlan_tci || found.outgoing != row->outgoing ||
	    (found.incoming && found.outgoing))
		fail_msg("%s: offset %u, protocol %#x, tag %#x %#x, outgoing %d",
			 row->what, found.offset, found.protocol, found.vlan_protocol,
			 found.vlan_tci, found.outgoing);
	assert_true(found.hw_address_length <= sizeof(found.hw_address));
}

static void each_link_layer_ends_where_the_ip_packet_begins(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

/* Up to the first byte of the IP header. */
static size_t needed(const struct row *row)
{
	return row->offset < 0 ? row->length : (size_t)row->offset + 1;
}

static void a_cut_header_is_no_packet(void **state)
{
	struct link_found found;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t length = 0; length < needed(&rows[i]); length++)
			assert_int_equal(find(&rows[i], length, &found), -ENOENT);
}

static void interface_and_address_are_kept(void **state)
{
	static const uint8_t sll2[] = "\x08\0\0\0\0\0\1\3\0\1\4\6\2\0\0\0\0\1\0\0\x45";
	static const uint8_t ethernet[] = MACS "\x08\0\x45";
	struct link_found found;

	(void)state;
	assert_int_equal(link_find(DLT_LINUX_SLL2, sll2, sizeof(sll2) - 1, &found), 0);
	assert_int_equal(found.interface, 0x103);
	assert_true(found.outgoing && !found.incoming);
	assert_int_equal(found.hw_address_length, 6);
	assert_memory_equal(found.hw_address, "\2\0\0\0\0\1", 6);
	assert_int_equal(link_find(DLT_EN10MB, ethernet, sizeof(ethernet) - 1, &found),
			 0);
	assert_int_equal(found.hw_address_length, 6);
	assert_memory_equal(found.hw_address, "\2\0\0\0\0\2", 6);
}

static void nflog_tells_hook_mark_interface_and_address(void **state)
{
	static const uint8_t nflog[] =
		"\2\0\0\5\x08\0\1\0\x08\0\3\0\x08\0\2\0\0\0\1\7\x08\0\4\0\0\0\0\x0b"
		"\x10\0\x08\0\0\6\0\0\2\0\0\0\0\1\0\0\x18\0\x09\0\x45";
	struct link_found found;

	(void)state;
	assert_int_equal(link_find(DLT_NFLOG, nflog, sizeof(nflog) - 1, &found), 0);
	assert_int_equal(found.hook, 3);
	assert_int_equal(found.mark, 0x107);
	assert_int_equal(found.interface, 11);
	assert_int_equal(found.hw_address_length, 6);
	assert_memory_equal(found.hw_address, "\2\0\0\0\0\1", 6);
}

static void known_link_types_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i + 1 < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(link_is_known(rows[i].link_type));
	assert_false(link_is_known(DLT_IEEE802_11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_link_layer_ends_where_the_ip_packet_begins),
		cmocka_unit_test(a_cut_header_is_no_packet),
		cmocka_unit_test(interface_and_address_are_kept),
		cmocka_unit_test(nflog_tells_hook_mark_interface_and_address),
		cmocka_unit_test(known_link_types_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "packets.h"

struct parsed {
	struct nfqueue_view view;
	uint8_t *bytes;
	int ret;
};

static struct parsed parse(const char *hex)
{
	struct parsed parsed;
	uint32_t length;

	parsed.bytes = from_hex(hex, &length);
	parsed.ret = nfqueue_view_parse(&parsed.view, parsed.bytes, length);
	return parsed;
}

static struct parsed parse_case(const char *name)
{
	for (size_t i = 0; i < PACKET_CASES; i++)
		if (!strcmp(packet_cases[i].name, name))
			return parse(packet_cases[i].hex);
	fail_msg("no packet case \"%s\"", name);
	return (struct parsed){.ret = -1};
}

static int is_as_wanted(const struct packet_case *wanted, const struct parsed *parsed)
{
	const struct nfqueue_view *view = &parsed->view;

	return parsed->ret == wanted->ret && view->data == parsed->bytes &&
	       view->ip_version == wanted->ip_version &&
	       view->protocol == wanted->protocol && view->flags == wanted->flags &&
	       view->length == wanted->length &&
	       view->total_length == wanted->total_length &&
	       view->transport_offset == wanted->transport_offset &&
	       view->payload_offset == wanted->payload_offset;
}

static void layers_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKET_CASES; i++) {
		struct parsed parsed = parse(packet_cases[i].hex);

		if (!is_as_wanted(&packet_cases[i], &parsed))
			fail_msg("%s: ret %d version %u protocol %u flags %u length %u "
				 "total %u transport %u payload %u",
				 packet_cases[i].name, parsed.ret, parsed.view.ip_version,
				 parsed.view.protocol, parsed.view.flags,
				 parsed.view.length, parsed.view.total_length,
				 parsed.view.transport_offset,
				 parsed.view.payload_offset);
		free(parsed.bytes);
	}
}

static void no_bytes_are_no_packet(void **state)
{
	struct nfqueue_view view;
	struct nfqueue_flow flow;
	uint32_t length;

	(void)state;
	assert_int_equal(nfqueue_view_parse(&view, NULL, 0), -EBADMSG);
	assert_int_equal(nfqueue_view_flow(&view, &flow), -EBADMSG);
	assert_null(nfqueue_view_payload(&view, &length));
	assert_int_equal(length, 0);
}

static void the_ipv4_header_is_read(void **state)
{
	struct parsed parsed =
		parse("46b9001c 1234a00f 05c8abcd 01020304 05060708 01010101"
		      "00000000");
	struct nfqueue_ipv4 ipv4;

	(void)state;
	assert_int_equal(nfqueue_view_ipv4(&parsed.view, &ipv4), 0);
	assert_int_equal(ipv4.header_length, 24);
	assert_int_equal(ipv4.dscp, 46);
	assert_int_equal(ipv4.ecn, 1);
	assert_int_equal(ipv4.total_length, 28);
	assert_int_equal(ipv4.id, 0x1234);
	assert_int_equal(ipv4.dont_fragment, 0);
	assert_int_equal(ipv4.more_fragments, 1);
	assert_int_equal(ipv4.fragment_offset, 120);
	assert_int_equal(ipv4.ttl, 5);
	assert_int_equal(ipv4.protocol, 200);
	assert_int_equal(ipv4.checksum, 0xabcd);
	assert_memory_equal(ipv4.source, "\1\2\3\4", 4);
	assert_memory_equal(ipv4.destination, "\5\6\7\10", 4);
	free(parsed.bytes);
}

static void the_ipv6_header_is_read(void **state)
{
	struct parsed parsed = parse("6b912345 00043bff" IPV6_ENDS "00000000");
	struct nfqueue_ipv6 ipv6;

	(void)state;
	assert_int_equal(nfqueue_view_ipv6(&parsed.view, &ipv6), 0);
	assert_int_equal(ipv6.traffic_class, 0xb9);
	assert_int_equal(ipv6.flow_label, 0x12345);
	assert_int_equal(ipv6.payload_length, 4);
	assert_int_equal(ipv6.next_header, 59);
	assert_int_equal(ipv6.hop_limit, 255);
	assert_memory_equal(ipv6.source, parsed.bytes + 8, 16);
	assert_memory_equal(ipv6.destination, parsed.bytes + 24, 16);
	free(parsed.bytes);
}

static void the_tcp_header_is_read(void **state)
{
	struct parsed parsed =
		parse("4500002c 00000000 40060000" IPV4_ENDS
		      "04d20050 01020304 05060708 60d2fedc abcd1234 01010101");
	struct nfqueue_tcp tcp;

	(void)state;
	assert_int_equal(nfqueue_view_tcp(&parsed.view, &tcp), 0);
	assert_int_equal(tcp.source_port, 1234);
	assert_int_equal(tcp.destination_port, 80);
	assert_int_equal(tcp.sequence, 0x01020304);
	assert_int_equal(tcp.acknowledgement, 0x05060708);
	assert_int_equal(tcp.header_length, 24);
	assert_int_equal(tcp.flags, NFQUEUE_TCP_CWR | NFQUEUE_TCP_ECE | NFQUEUE_TCP_ACK |
					    NFQUEUE_TCP_SYN);
	assert_int_equal(tcp.window, 0xfedc);
	assert_int_equal(tcp.checksum, 0xabcd);
	assert_int_equal(tcp.urgent, 0x1234);
	free(parsed.bytes);
}

static void the_udp_header_is_read(void **state)
{
	struct parsed parsed =
		parse("4500001e 00000000 40110000" IPV4_ENDS "13881770 000aabcd 6162");
	struct nfqueue_udp udp;

	(void)state;
	assert_int_equal(nfqueue_view_udp(&parsed.view, &udp), 0);
	assert_int_equal(udp.source_port, 5000);
	assert_int_equal(udp.destination_port, 6000);
	assert_int_equal(udp.length, 10);
	assert_int_equal(udp.checksum, 0xabcd);
	free(parsed.bytes);
}

static void the_icmp_headers_are_read(void **state)
{
	struct parsed four = parse_case("ICMP echo"), six = parse_case("ICMPv6 echo");
	struct nfqueue_icmp icmp;

	(void)state;
	assert_int_equal(nfqueue_view_icmp(&four.view, &icmp), 0);
	assert_int_equal(icmp.type, 8);
	assert_int_equal(icmp.code, 0);
	assert_int_equal(icmp.id, 1);
	assert_int_equal(icmp.sequence, 2);
	assert_int_equal(nfqueue_view_icmpv6(&four.view, &icmp), -ENOENT);
	assert_int_equal(nfqueue_view_icmpv6(&six.view, &icmp), 0);
	assert_int_equal(icmp.type, 128);
	assert_int_equal(icmp.id, 1);
	assert_int_equal(icmp.sequence, 2);
	assert_int_equal(nfqueue_view_icmp(&six.view, &icmp), -ENOENT);
	free(four.bytes);
	free(six.bytes);
}

static void an_icmpv6_message_without_a_body_has_no_id(void **state)
{
	struct parsed parsed = parse_case("ICMPv6 without a body");
	struct nfqueue_icmp icmp = {.id = 9, .sequence = 9};

	(void)state;
	assert_int_equal(nfqueue_view_icmpv6(&parsed.view, &icmp), 0);
	assert_int_equal(icmp.id, 0);
	assert_int_equal(icmp.sequence, 0);
	free(parsed.bytes);
}

struct getter_case {
	const char *packet;
	int ipv4, ipv6, tcp, udp, icmp, icmpv6;
};

/* clang-format off */
static const struct getter_case getter_cases[] = {
	{"TCP with payload", 0, -ENOENT, 0, -ENOENT, -ENOENT, -ENOENT},
	{"IPv6 UDP", -ENOENT, 0, -ENOENT, 0, -ENOENT, -ENOENT},
	{"ICMP cut short", 0, -ENOENT, -ENOENT, -ENOENT, -EBADMSG, -ENOENT},
	{"ICMPv6 cut short", -ENOENT, 0, -ENOENT, -ENOENT, -ENOENT, -EBADMSG},
	{"later IPv4 fragment", 0, -ENOENT, -ENOENT, -ENOENT, -ENOENT, -ENOENT},
	{"first IPv4 fragment", 0, -ENOENT, -ENOENT, 0, -ENOENT, -ENOENT},
	{"TCP offset 4 lies", 0, -ENOENT, -EBADMSG, -ENOENT, -ENOENT, -ENOENT},
	{"TCP offset beyond the packet lies",
	 0, -ENOENT, -EBADMSG, -ENOENT, -ENOENT, -ENOENT},
	{"captured no transport header", 0, -ENOENT, -EBADMSG, -ENOENT, -ENOENT, -ENOENT},
	{"UDP length 7 lies", 0, -ENOENT, -ENOENT, -EBADMSG, -ENOENT, -ENOENT},
	{"UDP length beyond the packet lies",
	 0, -ENOENT, -ENOENT, -EBADMSG, -ENOENT, -ENOENT},
	{"captured less than the packet", 0, -ENOENT, -ENOENT, 0, -ENOENT, -ENOENT},
	{"IPv4 header length 4", -EBADMSG, -ENOENT, -ENOENT, -ENOENT, -ENOENT, -ENOENT},
	{"IPv4 total length within the header",
	 -EBADMSG, -ENOENT, -ENOENT, -ENOENT, -ENOENT, -ENOENT},
	{"half an IPv6 header", -ENOENT, -EBADMSG, -ENOENT, -ENOENT, -ENOENT, -ENOENT},
	{"not IP", -ENOENT, -ENOENT, -ENOENT, -ENOENT, -ENOENT, -ENOENT},
};
/* clang-format on */

static void getters_tell_a_missing_header_from_a_broken_one(void **state)
{
	struct nfqueue_ipv4 ipv4;
	struct nfqueue_ipv6 ipv6;
	struct nfqueue_tcp tcp;
	struct nfqueue_udp udp;
	struct nfqueue_icmp icmp;

	(void)state;
	for (size_t i = 0; i < sizeof(getter_cases) / sizeof(getter_cases[0]); i++) {
		const struct getter_case *wanted = &getter_cases[i];
		struct parsed parsed = parse_case(wanted->packet);

		assert_int_equal(nfqueue_view_ipv4(&parsed.view, &ipv4), wanted->ipv4);
		assert_int_equal(nfqueue_view_ipv6(&parsed.view, &ipv6), wanted->ipv6);
		assert_int_equal(nfqueue_view_tcp(&parsed.view, &tcp), wanted->tcp);
		assert_int_equal(nfqueue_view_udp(&parsed.view, &udp), wanted->udp);
		assert_int_equal(nfqueue_view_icmp(&parsed.view, &icmp), wanted->icmp);
		assert_int_equal(nfqueue_view_icmpv6(&parsed.view, &icmp),
				 wanted->icmpv6);
		free(parsed.bytes);
	}
}

struct payload_case {
	const char *packet;
	int offset; /* -1: no transport header */
	uint32_t length;
};

static const struct payload_case payload_cases[] = {
	{"TCP SYN with options", 60, 0},
	{"TCP with payload", 40, 3},
	{"padding behind the packet is not part of it", 28, 2},
	{"captured less than the packet", 28, 2},
	{"captured less than the transport header", -1, 0},
	{"UDP length beyond the packet lies", 28, 2},
	{"UDP length 7 lies", -1, 0},
	{"later IPv4 fragment", -1, 0},
	{"a protocol without a view", -1, 0},
	{"ICMPv6 echo", 44, 6},
	{"no next header, whatever stands there", -1, 0},
	{"not IP", -1, 0},
};

static void the_payload_is_behind_the_transport_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(payload_cases) / sizeof(payload_cases[0]); i++) {
		const struct payload_case *wanted = &payload_cases[i];
		struct parsed parsed = parse_case(wanted->packet);
		uint32_t length = 99;
		const uint8_t *payload = nfqueue_view_payload(&parsed.view, &length);

		if (wanted->offset < 0)
			assert_null(payload);
		else
			assert_ptr_equal(payload, parsed.bytes + wanted->offset);
		assert_int_equal(length, wanted->length);
		free(parsed.bytes);
	}
}

static void a_udp_payload_ends_where_its_length_says(void **state)
{
	struct parsed parsed = parse("45000020 00000000 40110000" IPV4_ENDS
				     "13881770 000a0000 61626364");
	uint32_t length;

	(void)state;
	assert_non_null(nfqueue_view_payload(&parsed.view, &length));
	assert_int_equal(length, 2);
	free(parsed.bytes);
}

static void a_udp_length_of_0_is_a_jumbogram(void **state)
{
	uint32_t length = 40 + 70000, payload;
	uint8_t *bytes = calloc(1, length);
	struct nfqueue_view view;
	struct nfqueue_udp udp;
	char text[100];

	(void)state;
	assert_non_null(bytes);
	bytes[0] = 0x60;
	bytes[6] = IPPROTO_UDP;
	assert_int_equal(nfqueue_view_parse(&view, bytes, length), 0);
	assert_int_equal(view.flags, 0);
	assert_int_equal(nfqueue_view_udp(&view, &udp), 0);
	assert_ptr_equal(nfqueue_view_payload(&view, &payload), bytes + 48);
	assert_int_equal(payload, 70000 - 8);
	nfqueue_view_text(&view, text, sizeof(text));
	assert_string_equal(text, "IP6 ::.0 > ::.0: UDP, length 69992");
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_are_found),
		cmocka_unit_test(no_bytes_are_no_packet),
		cmocka_unit_test(the_ipv4_header_is_read),
		cmocka_unit_test(the_ipv6_header_is_read),
		cmocka_unit_test(the_tcp_header_is_read),
		cmocka_unit_test(the_udp_header_is_read),
		cmocka_unit_test(the_icmp_headers_are_read),
		cmocka_unit_test(an_icmpv6_message_without_a_body_has_no_id),
		cmocka_unit_test(getters_tell_a_missing_header_from_a_broken_one),
		cmocka_unit_test(the_payload_is_behind_the_transport_header),
		cmocka_unit_test(a_udp_payload_ends_where_its_length_says),
		cmocka_unit_test(a_udp_length_of_0_is_a_jumbogram),
	};

	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}

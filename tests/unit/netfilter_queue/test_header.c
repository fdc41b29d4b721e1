/* SPDX-License-Identifier: MIT */
/* Headers of packet buffers, where upstream was wrong: lengths, checksums, text. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <libnetfilter_queue/libnetfilter_queue_ipv4.h>
#include <libnetfilter_queue/libnetfilter_queue_ipv6.h>
#include <libnetfilter_queue/libnetfilter_queue_tcp.h>
#include <libnetfilter_queue/libnetfilter_queue_udp.h>
#include <libnetfilter_queue/pktbuff.h>

#include "../packet/hex.h"

#define IPV4_ENDS "0a000001 0a000002"
#define IPV6_ENDS "20010db8000000000000000000000001 20010db8000000000000000000000002"
#define UDP4 "45000020 00010000 40110000" IPV4_ENDS "01020304 000c0909 61626364"
#define TCP4                                   \
	"4500002c 00010000 40060000" IPV4_ENDS \
	"04d20050 00000001 00000002 5018 0010 0000 0000 61626364"

static struct pkt_buff *packet(int family, const char *hex, size_t extra)
{
	uint32_t length;
	uint8_t *bytes = from_hex(hex, &length);
	struct pkt_buff *pktb = pktb_alloc(family, bytes, length, extra);

	free(bytes);
	assert_non_null(pktb);
	return pktb;
}

/* The packet with its transport header set. */
static struct pkt_buff *packet4(const char *hex, size_t extra)
{
	struct pkt_buff *pktb = packet(AF_INET, hex, extra);
	struct iphdr *iph = nfq_ip_get_hdr(pktb);

	assert_non_null(iph);
	assert_int_equal(nfq_ip_set_transport_header(pktb, iph), 0);
	return pktb;
}

static void assert_is(struct pkt_buff *pktb, const char *hex)
{
	uint32_t length;
	uint8_t *bytes = from_hex(hex, &length);

	assert_int_equal(pktb_len(pktb), length);
	assert_memory_equal(pktb_data(pktb), bytes, length);
	free(bytes);
}

/* --- which headers there are ------------------------------------------------------- */

static void an_ipv4_header_has_at_least_five_words(void **state)
{
	struct pkt_buff *pktb = packet(AF_INET, UDP4, 0);

	for (uint8_t words = 0; words < 16; words++) {
		pktb_data(pktb)[0] = 0x40 | words;
		assert_int_equal(!!nfq_ip_get_hdr(pktb), words >= 5);
	}
	pktb_free(pktb);
}

static void a_later_fragment_has_no_transport_header(void **state)
{
	static const struct {
		uint16_t fragment;
		int result;
	} cases[] = {{0, 0},  {0x4000, 0},  {0x2000, 0},
		     {1, -1}, {0x2001, -1}, {0x1fff, -1}};
	struct pkt_buff *pktb;
	struct iphdr *iph;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		pktb = packet(AF_INET, UDP4, 8);
		iph = nfq_ip_get_hdr(pktb);
		iph->frag_off = htons(cases[i].fragment);
		assert_int_equal(nfq_ip_set_transport_header(pktb, iph), cases[i].result);
		assert_int_equal(!!nfq_udp_get_hdr(pktb), cases[i].result == 0);
		assert_int_equal(nfq_udp_mangle_ipv4(pktb, 0, 1, "x", 1),
				 cases[i].result == 0);
		pktb_free(pktb);
	}
}

#define IPV6(next, length) "60000000" length next "40" IPV6_ENDS
#define UDP_HEADER "01020304 000c0000 61626364"

/* Where the transport header must be; 0: there is none. */
static const struct {
	const char *name, *hex;
	uint8_t target;
	long offset;
} ipv6_cases[] = {
	{"none before it", IPV6("11", "000c") UDP_HEADER, 17, 40},
	{"hop by hop", IPV6("00", "0014") "1100010400000000" UDP_HEADER, 17, 48},
	{"two extension headers",
	 IPV6("00", "002c") "3c00010400000000 1102010400000000 0000000000000000"
			    "0000000000000000" UDP_HEADER,
	 17, 72},
	{"a first fragment", IPV6("2c", "0014") "1100000100000001" UDP_HEADER, 17, 48},
	{"a later fragment", IPV6("2c", "0014") "1100000900000001" UDP_HEADER, 17, 0},
	{"another protocol", IPV6("11", "000c") UDP_HEADER, 6, 0},
	{"an unknown one", IPV6("fd", "000c") UDP_HEADER, 17, 0},
	{"none at all", IPV6("3b", "0000"), 17, 0},
	{"an extension header that is cut", IPV6("00", "0004") "11000000", 17, 0},
	{"an extension header that lies", IPV6("00", "0008") "11ff010400000000", 17, 0},
};

static void ipv6_extension_headers_are_walked_to_the_end(void **state)
{
	for (size_t i = 0; i < sizeof(ipv6_cases) / sizeof(*ipv6_cases); i++) {
		struct pkt_buff *pktb = packet(AF_INET6, ipv6_cases[i].hex, 0);
		struct ip6_hdr *ip6h = nfq_ip6_get_hdr(pktb);
		long offset = 0;

		print_message("# %s\n", ipv6_cases[i].name);
		assert_non_null(ip6h);
		assert_int_equal(
			nfq_ip6_set_transport_header(pktb, ip6h, ipv6_cases[i].target),
			ipv6_cases[i].offset != 0);
		if (pktb_transport_header(pktb))
			offset = pktb_transport_header(pktb) - pktb_data(pktb);
		assert_int_equal(offset, ipv6_cases[i].offset);
		pktb_free(pktb);
	}
}

/* --- lengths ----------------------------------------------------------------------- */

static void a_datagram_is_as_long_as_it_says(void **state)
{
	struct pkt_buff *pktb = packet4(UDP4, 0);
	struct udphdr *udph = nfq_udp_get_hdr(pktb);

	for (uint16_t length = 0; length < 40; length++) {
		bool is_true = length >= 8 && length <= 12;

		udph->len = htons(length);
		assert_int_equal(nfq_udp_get_payload_len(udph, pktb),
				 is_true ? length - 8 : 0);
		assert_int_equal(!!nfq_udp_get_payload(udph, pktb), is_true);
	}
	pktb_free(pktb);
}

static void a_tcp_payload_is_never_longer_than_the_packet(void **state)
{
	struct pkt_buff *pktb = packet4(TCP4, 0);
	struct tcphdr *tcph = nfq_tcp_get_hdr(pktb);

	for (uint8_t words = 0; words < 16; words++) {
		bool is_true = words == 5 || words == 6;

		tcph->doff = words & 15;
		assert_int_equal(nfq_tcp_get_payload_len(tcph, pktb),
				 is_true ? 24 - 4 * words : 0);
		assert_int_equal(!!nfq_tcp_get_payload(tcph, pktb), is_true);
	}
	pktb_free(pktb);
}

static void a_change_that_fails_changes_nothing(void **state)
{
	struct pkt_buff *udp = packet4(UDP4, 8), *tcp = packet4(TCP4, 8);

	for (unsigned int i = 0; i < 3; i++) {
		static const unsigned int offset[] = {0, 5, 4}, length[] = {0, 0, 1};

		assert_int_equal(
			nfq_udp_mangle_ipv4(udp, offset[i], length[i], "123456789", 9),
			0);
		assert_int_equal(
			nfq_tcp_mangle_ipv4(tcp, offset[i], length[i], "123456789", 9),
			0);
		assert_is(udp, UDP4);
		assert_is(tcp, TCP4);
	}
	pktb_free(udp);
	pktb_free(tcp);
}

static void lengths_that_no_header_can_tell_are_refused(void **state)
{
	enum { ROOM = 70000 };
	char *bytes = calloc(1, ROOM);
	struct pkt_buff *udp = packet4(UDP4, ROOM), *tcp = packet4(TCP4, ROOM);
	struct pkt_buff *six = packet(AF_INET6, IPV6("11", "000c") UDP_HEADER, ROOM);
	unsigned int max = 65535 - 32;

	assert_int_equal(nfq_udp_mangle_ipv4(udp, 4, 0, bytes, max + 1), 0);
	assert_int_equal(nfq_udp_mangle_ipv4(udp, 4, 0, bytes, max), 1);
	assert_int_equal(nfq_tcp_mangle_ipv4(tcp, 4, 0, bytes, 65535 - 44 + 1), 0);
	assert_int_equal(nfq_tcp_mangle_ipv4(tcp, 4, 0, bytes, 65535 - 44), 1);
	assert_int_equal(nfq_ip6_set_transport_header(six, nfq_ip6_get_hdr(six), 17), 1);
	assert_int_equal(nfq_udp_mangle_ipv6(six, 4, 0, bytes, 65535 - 12 + 1), 0);
	assert_int_equal(nfq_udp_mangle_ipv6(six, 4, 0, bytes, 65535 - 12), 1);
	pktb_free(six);
	pktb_free(udp);
	pktb_free(tcp);
	free(bytes);
}

/* Its checksum would be made of what is not there. */
static void a_packet_that_was_cut_short_is_not_changed(void **state)
{
	struct pkt_buff *udp = packet4(UDP4, 8), *tcp = packet4(TCP4, 8);
	struct pkt_buff *six = packet(AF_INET6, IPV6("11", "000c") UDP_HEADER, 0);

	pktb_trim(udp, pktb_len(udp) - 1);
	pktb_trim(tcp, pktb_len(tcp) - 1);
	assert_int_equal(nfq_udp_mangle_ipv4(udp, 0, 1, "x", 1), 0);
	assert_int_equal(nfq_tcp_mangle_ipv4(tcp, 0, 1, "x", 1), 0);
	assert_int_equal(nfq_ip6_set_transport_header(six, nfq_ip6_get_hdr(six), 17), 1);
	pktb_trim(six, pktb_len(six) - 1);
	assert_int_equal(nfq_udp_mangle_ipv6(six, 0, 1, "x", 1), 0);
	pktb_free(six);
	pktb_free(tcp);
	pktb_free(udp);
}

/* --- checksums --------------------------------------------------------------------- */

static void a_datagram_without_a_checksum_gets_none(void **state)
{
	struct pkt_buff *pktb = packet4(UDP4, 8);
	struct udphdr *udph = nfq_udp_get_hdr(pktb);

	udph->check = 0;
	assert_int_equal(nfq_udp_mangle_ipv4(pktb, 0, 4, "wxyz", 4), 1);
	assert_int_equal(udph->check, 0);
	udph->check = htons(1);
	assert_int_equal(nfq_udp_mangle_ipv4(pktb, 0, 4, "wxyz", 4), 1);
	assert_int_not_equal(udph->check, 0);
	assert_int_not_equal(udph->check, htons(1));
	pktb_free(pktb);
}

/* Finds a payload whose sum is 0: then the field must be all ones. */
static void a_checksum_of_zero_is_sent_as_all_ones(void **state)
{
	struct pkt_buff *four = packet4(UDP4, 0);
	struct pkt_buff *six = packet(AF_INET6, IPV6("11", "000c") UDP_HEADER, 0);
	struct udphdr *udph = nfq_udp_get_hdr(four), *udph6;
	struct iphdr *iph = nfq_ip_get_hdr(four);
	struct ip6_hdr *ip6h = nfq_ip6_get_hdr(six);
	uint16_t checksum, zeros = 0;

	assert_int_equal(nfq_ip6_set_transport_header(six, ip6h, IPPROTO_UDP), 1);
	udph6 = nfq_udp_get_hdr(six);
	memcpy(udph + 1, &zeros, 2);
	nfq_udp_compute_checksum_ipv4(udph, iph);
	checksum = udph->check;
	memcpy(udph + 1, &checksum, 2);
	nfq_udp_compute_checksum_ipv4(udph, iph);
	assert_int_equal(udph->check, 0xffff);

	memcpy(udph6 + 1, &zeros, 2);
	nfq_udp_compute_checksum_ipv6(udph6, ip6h);
	checksum = udph6->check;
	memcpy(udph6 + 1, &checksum, 2);
	nfq_udp_compute_checksum_ipv6(udph6, ip6h);
	assert_int_equal(udph6->check, 0xffff);
	pktb_free(four);
	pktb_free(six);
}

/* Upstream's checksum of a length that lies read 4 GiB. */
static void a_checksum_is_not_made_where_lengths_lie(void **state)
{
	struct pkt_buff *pktb = packet4(TCP4, 0);
	struct tcphdr *tcph = nfq_tcp_get_hdr(pktb);
	struct iphdr *iph = nfq_ip_get_hdr(pktb);

	tcph->check = 0x1234;
	for (uint16_t total = 0; total <= 20; total++) {
		iph->tot_len = htons(total);
		nfq_tcp_compute_checksum_ipv4(tcph, iph);
		assert_int_equal(tcph->check, 0x1234);
	}
	pktb_free(pktb);
}

/* --- text -------------------------------------------------------------------------- */

static void text_tells_its_whole_length(void **state)
{
	static const char whole[] =
		"SPT=1234 DPT=80 SEQ=1 ACK=2 WINDOW=16 RES=0x00 ACK PSH ";
	struct pkt_buff *pktb = packet4(TCP4, 0);
	struct tcphdr *tcph = nfq_tcp_get_hdr(pktb);

	for (size_t size = 0; size <= sizeof(whole) + 1; size++) {
		char *text = malloc(size);

		assert_int_equal(nfq_tcp_snprintf(text, size, tcph), sizeof(whole) - 1);
		if (size > 0) {
			size_t fits =
				size <= sizeof(whole) ? size - 1 : sizeof(whole) - 1;

			assert_int_equal(strlen(text), fits);
			assert_memory_equal(text, whole, fits);
		}
		free(text);
	}
	pktb_free(pktb);
}

static void traffic_class_and_flow_label_are_in_network_order(void **state)
{
	static const char whole[] =
		"SRC=:: DST=:: LEN=48 TC=0x52 HOPLIMIT=64 FLOWLBL=74565 ";
	struct ip6_hdr header = {.ip6_flow = htonl(0x6 << 28 | 0x52 << 20 | 74565),
				 .ip6_plen = htons(8),
				 .ip6_hlim = 64};
	char text[200];

	assert_int_equal(nfq_ip6_snprintf(text, sizeof(text), &header), strlen(whole));
	assert_string_equal(text, whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_header_has_at_least_five_words),
		cmocka_unit_test(a_later_fragment_has_no_transport_header),
		cmocka_unit_test(a_datagram_is_as_long_as_it_says),
		cmocka_unit_test(a_tcp_payload_is_never_longer_than_the_packet),
		cmocka_unit_test(a_change_that_fails_changes_nothing),
		cmocka_unit_test(lengths_that_no_header_can_tell_are_refused),
		cmocka_unit_test(a_packet_that_was_cut_short_is_not_changed),
		cmocka_unit_test(a_datagram_without_a_checksum_gets_none),
		cmocka_unit_test(a_checksum_of_zero_is_sent_as_all_ones),
		cmocka_unit_test(text_tells_its_whole_length),
		cmocka_unit_test(traffic_class_and_flow_label_are_in_network_order),
		cmocka_unit_test(a_checksum_is_not_made_where_lengths_lie),
		cmocka_unit_test(ipv6_extension_headers_are_walked_to_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

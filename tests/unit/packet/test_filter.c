/* SPDX-License-Identifier: MIT */
/* The getters against pcap filters: a filter matches a packet iff the view says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pcap/pcap.h>

#include <nfqueue/view.h>

#include "random_packet.h"

typedef int (*predicate)(const struct nfqueue_view *view, uint16_t number);

struct filter_case {
	const char *expression; /* %u is the number */
	predicate holds;
};

static int tcp_goes_to(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_tcp tcp;

	return nfqueue_view_tcp(view, &tcp) == 0 && tcp.destination_port == number;
}

static int tcp_comes_from(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_tcp tcp;

	return nfqueue_view_tcp(view, &tcp) == 0 && tcp.source_port == number;
}

static int udp_goes_to(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_udp udp;

	return nfqueue_view_udp(view, &udp) == 0 && udp.destination_port == number;
}

static int either_port_is(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_tcp tcp;
	struct nfqueue_udp udp;

	if (nfqueue_view_tcp(view, &tcp) == 0)
		return tcp.source_port == number || tcp.destination_port == number;
	return nfqueue_view_udp(view, &udp) == 0 &&
	       (udp.source_port == number || udp.destination_port == number);
}

static int is_syn(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_tcp tcp;

	(void)number;
	return view->ip_version == 4 && nfqueue_view_tcp(view, &tcp) == 0 &&
	       (tcp.flags & (NFQUEUE_TCP_SYN | NFQUEUE_TCP_ACK)) == NFQUEUE_TCP_SYN;
}

static int has_tcp_options(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_tcp tcp;

	(void)number;
	return view->ip_version == 4 && nfqueue_view_tcp(view, &tcp) == 0 &&
	       tcp.header_length > 20;
}

static int is_icmp_above(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_icmp icmp;

	return nfqueue_view_icmp(view, &icmp) == 0 && icmp.type > number % 5;
}

static int is_icmpv6_information(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_icmp icmp;

	(void)number;
	return nfqueue_view_icmpv6(view, &icmp) == 0 && icmp.type >= 128;
}

static int is_later_ipv4_fragment(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_ipv4 ipv4;

	(void)number;
	return nfqueue_view_ipv4(view, &ipv4) == 0 && ipv4.fragment_offset > 0;
}

static int is_ipv4_of_length(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_ipv4 ipv4;

	return nfqueue_view_ipv4(view, &ipv4) == 0 && ipv4.total_length > number % 50;
}

static int has_flow_label(const struct nfqueue_view *view, uint16_t number)
{
	struct nfqueue_ipv6 ipv6;

	return nfqueue_view_ipv6(view, &ipv6) == 0 && ipv6.flow_label % 2 == number % 2;
}

static const struct filter_case filter_cases[] = {
	{"tcp dst port %u", tcp_goes_to},
	{"tcp src port %u", tcp_comes_from},
	{"udp dst port %u", udp_goes_to},
	{"(tcp or udp) and port %u", either_port_is},
	{"tcp[tcpflags] & (tcp-syn | tcp-ack) = tcp-syn", is_syn},
	{"tcp[12] >> 4 > 5", has_tcp_options},
	{"icmp and icmp[icmptype] > %u %% 5", is_icmp_above},
	{"icmp6 and icmp6[icmp6type] >= 128", is_icmpv6_information},
	{"ip[6:2] & 0x1fff != 0", is_later_ipv4_fragment},
	{"ip[2:2] > %u %% 50", is_ipv4_of_length},
	{"ip6[3] & 1 = %u & 1", has_flow_label},
};

static int matches(pcap_t *pcap, const char *format, uint16_t number,
		   const struct random_packet *packet)
{
	struct pcap_pkthdr header = {.caplen = packet->length, .len = packet->length};
	struct bpf_program program;
	char expression[100];
	int ret;

	snprintf(expression, sizeof(expression), format, number);
	if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN) < 0)
		fail_msg("%s: %s", expression, pcap_geterr(pcap));
	ret = pcap_offline_filter(&program, &header, packet->data) != 0;
	pcap_freecode(&program);
	return ret;
}

/* A port of the packet, so that a filter has something to match. */
static uint16_t pick_number(const struct nfqueue_view *view, uint32_t random)
{
	struct nfqueue_flow flow;
	struct nfqueue_tcp tcp;

	if (random % 8 == 0)
		return (uint16_t)random;
	if (nfqueue_view_tcp(view, &tcp) == 0) /* of a first fragment, too */
		return random % 2 ? tcp.source_port : tcp.destination_port;
	if (nfqueue_view_flow(view, &flow) < 0 || !flow.source_port)
		return (uint16_t)random;
	return random % 2 ? flow.source_port : flow.destination_port;
}

/* libpcap looks for ports right behind the fixed IPv6 header alone. */
static int has_extensions(const struct nfqueue_view *view)
{
	struct nfqueue_option option = {0};

	return nfqueue_view_ipv6_extension(view, &option) > 0;
}

static void check(const struct filter_case *filter)
{
	pcap_t *pcap = pcap_open_dead(DLT_RAW, 65535);
	struct random_packet packet = {.state = 4};
	int matched = 0;

	for (int i = 0; i < 2000; i++) {
		struct nfqueue_view view;
		uint16_t number;
		int wanted;

		random_packet_next(&packet);
		nfqueue_view_parse(&view, packet.data, packet.length);
		number = pick_number(&view, random_below(&packet, 65536));
		if (has_extensions(&view))
			continue;
		wanted = matches(pcap, filter->expression, number, &packet);
		if (wanted != filter->holds(&view, number))
			fail_msg("packet %d, \"%s\" of %u: %d", i, filter->expression,
				 number, wanted);
		matched += wanted;
	}
	pcap_close(pcap);
	if (matched < 5 || matched > 1995)
		fail_msg("\"%s\" tells nothing: %d", filter->expression, matched);
}

static void a_filter_matches_iff_the_view_says_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(filter_cases) / sizeof(filter_cases[0]); i++)
		check(&filter_cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_matches_iff_the_view_says_so),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What came after 1.0.5: it is in our library, and in no upstream library that is older.
 */
#include "buffer.h"
#include "cases.h"
#include "packet.h"

#include <libnetfilter_queue/libnetfilter_queue_icmp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

static void put2(void)
{
	static const uint16_t flags[] = {0, NLM_F_ACK, NLM_F_DUMP, 0xffff};
	char bytes[64] __attribute__((aligned(8)));

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		memset(bytes, 0xee, sizeof(bytes));
		POINTER(nfq_nlmsg_put2(bytes, NFQNL_MSG_CONFIG, 0x1234, flags[i]),
			"flags %#x", flags[i]);
		tell_bytes("nfq_nlmsg_put2", bytes, 24, "flags %#x: bytes", flags[i]);
	}
}

static void head_size(void)
{
	const size_t size = pktb_head_size();

	tell_int("pktb_head_size", size >= 8 && size <= 256, "is of some words");
	tell_int("pktb_head_size", pktb_head_size() == size, "is the same twice");
}

/* The packet stays where it is, and grows there, and nowhere else. */
static void setup_raw(int family, const char *label)
{
	uint8_t packet[200], *memory;
	struct pkt_buff *buffer, *head = malloc(pktb_head_size());
	const size_t length = packet_udp(packet, family, 53, DIGITS, 10);

	memory = malloc(length + 4); /* and no byte more */
	memcpy(memory, packet, length);
	memset(memory + length, 0xee, 4);
	buffer = POINTER(pktb_setup_raw(head, family, memory, length, 4), "%s", label);
	tell_int("pktb_setup_raw", buffer == head, "%s: is in the caller's head", label);
	tell_int("pktb_setup_raw", pktb_data(buffer) == memory, "%s: where it is", label);
	buffer_tell(buffer, "pktb_setup_raw", label);
	buffer_find_transport(buffer, family, IPPROTO_UDP);
	if (family == AF_INET) {
		INT(nfq_udp_mangle_ipv4(buffer, 0, 1, "12345", 5), "%s raw", label);
		INT(nfq_udp_mangle_ipv4(buffer, 0, 1, "12", 2), "%s raw, full", label);
	} else {
		INT(nfq_udp_mangle_ipv6(buffer, 0, 1, "12345", 5), "%s raw", label);
		INT(nfq_udp_mangle_ipv6(buffer, 0, 1, "12", 2), "%s raw, full", label);
	}
	buffer_tell(buffer, "pktb_setup_raw",
		    family == AF_INET ? "IPv4 changed" : "IPv6 changed");
	free(memory);
	free(head);
}

static void raw(void)
{
	setup_raw(AF_INET, "IPv4");
	setup_raw(AF_INET6, "IPv6");
}

/* What pktb_alloc() makes of the same bytes. */
static void same_as_alloc(void)
{
	uint8_t packet[200], copy[220];
	const size_t length = packet_tcp(packet, AF_INET, 80, DIGITS, 10);
	struct pkt_buff *one = buffer_of(AF_INET, packet, length, 20);
	struct pkt_buff *head = malloc(pktb_head_size()), *two;

	memcpy(copy, packet, length);
	two = pktb_setup_raw(head, AF_INET, copy, length, 20);
	buffer_find_transport(one, AF_INET, IPPROTO_TCP);
	buffer_find_transport(two, AF_INET, IPPROTO_TCP);
	nfq_tcp_mangle_ipv4(one, 3, 2, "a longer text", 13);
	nfq_tcp_mangle_ipv4(two, 3, 2, "a longer text", 13);
	tell_int("pktb_setup_raw",
		 pktb_len(one) == pktb_len(two) &&
			 memcmp(pktb_data(one), pktb_data(two), pktb_len(one)) == 0,
		 "changes as pktb_alloc()'s");
	pktb_free(one);
	free(head);
}

static void icmp(void)
{
	uint8_t packet[200];
	struct icmphdr *header;

	for (size_t length = 0; length <= 12; length++) {
		struct pkt_buff *buffer;

		packet_udp(packet, AF_INET, 53, DIGITS, 10);
		packet[3] = (uint8_t)(20 + length);
		packet[9] = IPPROTO_ICMP;
		packet[20] = ICMP_ECHO;
		buffer = buffer_of(AF_INET, packet, 20 + length, 0);
		nfq_ip_set_transport_header(buffer, nfq_ip_get_hdr(buffer));
		header = POINTER(nfq_icmp_get_hdr(buffer), "%zu bytes", length);
		if (header) {
			tell_int("nfq_icmp_get_hdr",
				 (uint8_t *)header - pktb_data(buffer),
				 "%zu bytes: place", length);
			tell_int("nfq_icmp_get_hdr", header->type, "%zu bytes: type",
				 length);
		}
		pktb_free(buffer);
	}
}

static void icmp_not_found(void)
{
	struct pkt_buff *buffer = buffer_new(AF_INET, IPPROTO_UDP, 0);

	POINTER(nfq_icmp_get_hdr(buffer), "before the transport header is found");
	pktb_free(buffer);
}

const struct compat_case newer_cases[] = {
	{"newer-put2", put2},
	{"newer-head-size", head_size},
	{"newer-raw", raw},
	{"newer-same-as-alloc", same_as_alloc},
	{"newer-icmp", icmp},
	{"newer-icmp-not-found", icmp_not_found},
	{0},
};

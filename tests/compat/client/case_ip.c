/* SPDX-License-Identifier: MIT */
/* IPv4 and IPv6 headers: found, followed, summed, printed. */
#include "buffer.h"
#include "cases.h"
#include "packet.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A byte of a good packet that is another. */
struct change {
	const char *label;
	size_t at;
	uint8_t value;
	size_t length; /* of what the buffer has; 0: all */
};

/* In memory of exactly the length. */
static struct pkt_buff *changed(int family, int protocol, const struct change *change)
{
	uint8_t packet[200];
	size_t length = protocol == IPPROTO_TCP
				? packet_tcp(packet, family, 80, DIGITS, 10)
				: packet_udp(packet, family, 53, DIGITS, 10);

	packet[change->at] = change->value;
	return buffer_of(family, packet, change->length ? change->length : length, 0);
}

static const struct change ipv4_changes[] = {
	{"as it is", 0, 0x45, 0},
	{"20 bytes", 0, 0x45, 20},
	{"19 bytes", 0, 0x45, 19},
	{"one byte", 0, 0x45, 1},
	{"version 6", 0, 0x65, 0},
	{"version 0", 0, 0x05, 0},
	{"header of 60 bytes", 0, 0x4f, 0},
	{"header of 24 bytes", 0, 0x46, 0},
	{"header of 16 bytes", 0, 0x44, 0},
	{"header of 0 bytes", 0, 0x40, 0},
	{"header of 36 bytes", 0, 0x49, 0},
	{"header of 40 bytes", 0, 0x4a, 0},
	{"total length beyond", 2, 1, 0},
	{"total length of less", 3, 30, 0},
	{"total length within the header", 3, 10, 0},
	{"total length 0", 3, 0, 0},
	{"first fragment", 6, 0x20, 0},
	{"later fragment", 7, 1, 0},
};

static void ipv4_headers(void)
{
	for (size_t i = 0; i < sizeof(ipv4_changes) / sizeof(*ipv4_changes); i++) {
		const struct change *change = &ipv4_changes[i];
		struct pkt_buff *buffer = changed(AF_INET, IPPROTO_UDP, change);
		struct iphdr *header =
			POINTER(nfq_ip_get_hdr(buffer), "%s", change->label);

		if (header) {
			tell_int("nfq_ip_get_hdr", (uint8_t *)header - pktb_data(buffer),
				 "%s: place", change->label);
			INT(nfq_ip_set_transport_header(buffer, header), "%s",
			    change->label);
			buffer_tell(buffer, "nfq_ip_set_transport_header", change->label);
		}
		pktb_free(buffer);
	}
}

static void ipv4_checksum(void)
{
	static const uint8_t bytes[60] = {0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40,
					  0x00, 0x40, 0x06, 0xff, 0xff, 0xac, 0x10,
					  0x0a, 0x63, 0xac, 0x10, 0x0a, 0x0c, 0x94,
					  0x04, 0x12, 0x34, 0x01, 0xff, 0xee, 0x01};
	union {
		uint8_t bytes[60];
		struct iphdr header;
	} ip;

	for (uint8_t words = 5; words <= 15; words++) {
		memcpy(ip.bytes, bytes, sizeof(bytes));
		ip.header.ihl = words & 15;
		DO(nfq_ip_set_checksum(&ip.header), "%u words", words);
		tell_bytes("nfq_ip_set_checksum", ip.bytes, words * 4u, "%u words: bytes",
			   words);
	}
	memset(&ip, 0, sizeof(ip));
	ip.header.ihl = 5;
	DO(nfq_ip_set_checksum(&ip.header), "zeros");
	tell_bytes("nfq_ip_set_checksum", ip.bytes, 20, "zeros: bytes");
}

/* --- IPv6 -------------------------------------------------------------------------- */

static const struct change ipv6_changes[] = {
	{"as it is", 0, 0x60, 0},      {"40 bytes", 0, 0x60, 40},
	{"39 bytes", 0, 0x60, 39},     {"one byte", 0, 0x60, 1},
	{"version 4", 0, 0x40, 0},     {"payload length beyond", 4, 1, 0},
	{"payload length 0", 5, 0, 0}, {"payload length of less", 5, 9, 0},
};

static void ipv6_headers(void)
{
	for (size_t i = 0; i < sizeof(ipv6_changes) / sizeof(*ipv6_changes); i++) {
		const struct change *change = &ipv6_changes[i];
		struct pkt_buff *buffer = changed(AF_INET6, IPPROTO_UDP, change);
		struct ip6_hdr *header =
			POINTER(nfq_ip6_get_hdr(buffer), "%s", change->label);

		if (header) {
			INT(nfq_ip6_set_transport_header(buffer, header, IPPROTO_UDP),
			    "%s", change->label);
			buffer_tell(buffer, "nfq_ip6_set_transport_header",
				    change->label);
		}
		pktb_free(buffer);
	}
}

/* Extension headers in front of UDP, and what is looked for behind them. */
struct chain {
	const char *label;
	uint8_t first; /* next header of the IPv6 header */
	uint8_t target;
	size_t length; /* of the extension headers */
	uint8_t bytes[40];
};

static const struct chain chains[] = {
	{"hop by hop", 0, 17, 8, {17, 0, 1, 4}},
	{"hop by hop of 16 bytes", 0, 17, 16, {17, 1, 1, 12}},
	{"destination options", 60, 17, 8, {17, 0, 1, 4}},
	{"routing", 43, 17, 8, {17, 0, 4, 0}},
	{"first fragment", 44, 17, 8, {17, 0, 0, 1, 0, 0, 0, 9}},
	{"later fragment", 44, 17, 8, {17, 0, 1, 0x69, 0, 0, 0, 9}},
	{"authentication", 51, 17, 16, {17, 2}},
	{"no next header", 59, 17, 0, {0}},
	{"ESP", 50, 17, 0, {0}},
	{"three",
	 0,
	 17,
	 24,
	 {60, 0, 1, 4, 0, 0, 0, 0, 43, 0, 1, 4, 0, 0, 0, 0, 17, 0, 4}},
	{"the target is first", 17, 17, 0, {0}},
	{"the target is an extension header", 0, 60, 16, {60, 0, 0, 0, 0, 0, 0, 0, 17}},
	{"another transport", 6, 17, 0, {0}},
	{"another behind one", 0, 17, 8, {6, 0, 1, 4}},
	{"hop by hop beyond the end", 0, 17, 8, {17, 200, 1, 4}},
	{"ICMPv6 wanted", 0, 58, 8, {17, 0, 1, 4}},
};

static void walk_chain(const void *ctx)
{
	const struct chain *chain = ctx;
	uint8_t plain[200], packet[240];
	size_t length = packet_udp(plain, AF_INET6, 53, DIGITS, 10);
	struct pkt_buff *buffer;

	memcpy(packet, plain, 40);
	memcpy(packet + 40, chain->bytes, chain->length);
	memcpy(packet + 40 + chain->length, plain + 40, length - 40);
	length += chain->length;
	packet[5] = (uint8_t)(length - 40);
	packet[6] = chain->first;
	buffer = buffer_of(AF_INET6, packet, length, 0);
	INT(nfq_ip6_set_transport_header(buffer, nfq_ip6_get_hdr(buffer), chain->target),
	    "%s", chain->label);
	buffer_tell(buffer, "nfq_ip6_set_transport_header", chain->label);
	pktb_free(buffer);
}

static void ipv6_chains(void)
{
	for (size_t i = 0; i < sizeof(chains) / sizeof(*chains); i++)
		tell_child("nfq_ip6_set_transport_header", walk_chain, &chains[i],
			   chains[i].label);
}

/* --- text -------------------------------------------------------------------------- */

static void tell_text(const char *function, int length, const char *text, size_t size,
		      const char *label)
{
	if (size)
		tell(function, text, "%s, size %zu: text", label, size);
	tell_int(function, length < 0 ? length : (int)strnlen(text, size),
		 "%s, size %zu: length of the text", label, size);
}

static void print_ipv4(void)
{
	uint8_t packet[200];
	struct pkt_buff *buffer;
	struct iphdr *header;
	char text[200];

	packet_udp(packet, AF_INET, 53, DIGITS, 10);
	for (size_t size = 1; size <= 100; size += size < 85 ? 3 : 1) {
		buffer = buffer_of(AF_INET, packet, 38, 0);
		header = nfq_ip_get_hdr(buffer);
		memset(text, '#', sizeof(text));
		tell_text("nfq_ip_snprintf",
			  (int)INT(nfq_ip_snprintf(text, size, header), "size %zu", size),
			  text, size, "UDP");
		pktb_free(buffer);
	}
}

static void print_ipv4_fields(void)
{
	static const struct change changes[] = {
		{"TOS 0xff", 1, 0xff, 0},    {"TOS 0xe0", 1, 0xe0, 0},
		{"TTL 0", 8, 0, 0},          {"TTL 255", 8, 255, 0},
		{"protocol 6", 9, 6, 0},     {"protocol 255", 9, 255, 0},
		{"fragment", 6, 0x20, 0},    {"reserved bit", 6, 0x80, 0},
		{"offset", 7, 9, 0},         {"source", 12, 255, 0},
		{"destination", 19, 254, 0}, {"length", 2, 0xff, 0},
		{"id", 4, 0xff, 0},
	};
	char text[300];

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct pkt_buff *buffer = changed(AF_INET, IPPROTO_UDP, &changes[i]);

		INT(nfq_ip_snprintf(text, sizeof(text),
				    (struct iphdr *)(void *)pktb_data(buffer)),
		    "%s", changes[i].label);
		tell("nfq_ip_snprintf", text, "%s: text", changes[i].label);
		pktb_free(buffer);
	}
}

static void print_ipv6_fields(void)
{
	static const struct change changes[] = {
		{"as it is", 0, 0x65, 0},     {"class 0, flow 0", 0, 0x60, 0},
		{"class 0xf2", 0, 0x6f, 0},   {"flow byte", 1, 0xff, 0},
		{"hop limit 255", 7, 255, 0}, {"length", 4, 0xff, 0},
		{"source", 8, 0xfe, 0},       {"destination", 39, 0xff, 0},
	};
	char text[300];
	long long length;

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct pkt_buff *buffer = changed(AF_INET6, IPPROTO_UDP, &changes[i]);

		length =
			INT(nfq_ip6_snprintf(text, sizeof(text),
					     (struct ip6_hdr *)(void *)pktb_data(buffer)),
			    "%s", changes[i].label);
		tell("nfq_ip6_snprintf", text, "%s: text", changes[i].label);
		tell_int("nfq_ip6_snprintf", length == (long long)strlen(text),
			 "%s: it is the length of the text", changes[i].label);
		pktb_free(buffer);
	}
}

static void print_ipv6_sizes(void)
{
	struct change change = {"zero class and flow", 0, 0x60, 0};
	struct pkt_buff *buffer = changed(AF_INET6, IPPROTO_UDP, &change);
	uint8_t *bytes = pktb_data(buffer);
	char text[200];

	memset(bytes + 1, 0, 3);
	for (size_t size = 1; size <= 100; size += 3) {
		memset(text, '#', sizeof(text));
		tell_text("nfq_ip6_snprintf",
			  (int)INT(nfq_ip6_snprintf(text, size,
						    (struct ip6_hdr *)(void *)bytes),
				   "size %zu", size),
			  text, size, "UDP");
	}
	pktb_free(buffer);
}

const struct compat_case ip_cases[] = {
	{"ip-headers", ipv4_headers},
	{"ip-checksum", ipv4_checksum},
	{"ip-print-sizes", print_ipv4},
	{"ip-print-fields", print_ipv4_fields},
	{"ip6-headers", ipv6_headers},
	{"ip6-chains", ipv6_chains},
	{"ip6-print-sizes", print_ipv6_sizes},
	{"ip6-print-fields", print_ipv6_fields},
	{0},
};

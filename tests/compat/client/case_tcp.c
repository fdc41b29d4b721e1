/* SPDX-License-Identifier: MIT */
/* TCP headers, payloads, checksums, text. */
#include "buffer.h"
#include "cases.h"
#include "packet.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int families[] = {AF_INET, AF_INET6};

static const char *family_name(int family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

/* A header with a data offset of `words`, and `extra` bytes less or more behind it. */
static struct pkt_buff *packet_with(int family, uint8_t words, int cut)
{
	uint8_t packet[200];
	size_t length = packet_tcp(packet, family, 80, DIGITS, 10);

	packet[packet_ip_header(family) + 12] = (uint8_t)(words << 4);
	return buffer_of(family, packet, length - (size_t)cut, 0);
}

static void tell_payload(struct pkt_buff *buffer, struct tcphdr *header,
			 const char *label)
{
	uint8_t *payload = POINTER(nfq_tcp_get_payload(header, buffer), "%s", label);

	tell_int("nfq_tcp_get_payload", payload ? payload - pktb_data(buffer) : -1,
		 "%s: place", label);
	INT(nfq_tcp_get_payload_len(header, buffer), "%s", label);
}

static void offsets(void)
{
	struct pkt_buff *buffer;
	struct tcphdr *header;
	char label[60];

	for (int i = 0; i < 2; i++)
		for (uint8_t words = 0; words < 16; words++) {
			snprintf(label, sizeof(label), "%s, %u words",
				 family_name(families[i]), words);
			buffer = packet_with(families[i], words, 0);
			buffer_find_transport(buffer, families[i], IPPROTO_TCP);
			header = POINTER(nfq_tcp_get_hdr(buffer), "%s", label);
			if (header)
				tell_payload(buffer, header, label);
			pktb_free(buffer);
		}
}

/* A packet that was cut: in its payload, in its header. The IP header says so, too, or
 * it would be refused before. */
static void cut(void)
{
	for (size_t length = 0; length <= 30; length++) {
		uint8_t packet[200];
		struct pkt_buff *buffer;
		struct tcphdr *header;
		char label[40];

		packet_tcp(packet, AF_INET, 80, DIGITS, 10);
		packet[3] = (uint8_t)(20 + length);
		buffer = buffer_of(AF_INET, packet, 20 + length, 0);
		snprintf(label, sizeof(label), "%zu bytes", length);
		if (nfq_ip_set_transport_header(buffer, nfq_ip_get_hdr(buffer)) == 0) {
			header = POINTER(nfq_tcp_get_hdr(buffer), "%s", label);
			if (header)
				tell_payload(buffer, header, label);
		}
		pktb_free(buffer);
	}
}

static void no_transport(void)
{
	struct pkt_buff *buffer = buffer_new(AF_INET, IPPROTO_TCP, 0);

	POINTER(nfq_tcp_get_hdr(buffer), "before the transport header is found");
	pktb_free(buffer);
}

/* Every length, odd ones too; bytes that overflow the sum. */
static void checksums(void)
{
	uint8_t payload[64], packet[200];
	struct pkt_buff *buffer;
	struct tcphdr *header;

	memset(payload, 0xff, sizeof(payload));
	for (size_t length = 0; length <= sizeof(payload); length++) {
		buffer = buffer_of(AF_INET, packet,
				   packet_tcp(packet, AF_INET, 80, payload, length), 0);
		buffer_find_transport(buffer, AF_INET, IPPROTO_TCP);
		header = nfq_tcp_get_hdr(buffer);
		header->check = 0x1234;
		DO(nfq_tcp_compute_checksum_ipv4(header, nfq_ip_get_hdr(buffer)),
		   "%zu bytes", length);
		tell_int("nfq_tcp_compute_checksum_ipv4", header->check,
			 "%zu bytes: checksum", length);
		pktb_free(buffer);

		buffer = buffer_of(AF_INET6, packet,
				   packet_tcp(packet, AF_INET6, 80, payload, length), 0);
		buffer_find_transport(buffer, AF_INET6, IPPROTO_TCP);
		header = nfq_tcp_get_hdr(buffer);
		header->check = 0x1234;
		DO(nfq_tcp_compute_checksum_ipv6(header, nfq_ip6_get_hdr(buffer)),
		   "%zu bytes", length);
		tell_int("nfq_tcp_compute_checksum_ipv6", header->check,
			 "%zu bytes: checksum", length);
		pktb_free(buffer);
	}
}

/* --- text --------------------------------------------------------------------------- */

static void print_flags(void)
{
	uint8_t packet[200];
	char text[200], label[40];
	long long length;

	for (unsigned int flags = 0; flags < 0x200; flags += 7) {
		packet_tcp(packet, AF_INET, 65535, "", 0);
		packet[32] = (uint8_t)(packet[32] | flags >> 8 << 1);
		packet[33] = (uint8_t)flags;
		snprintf(label, sizeof(label), "flags %#x", flags);
		length = INT(nfq_tcp_snprintf(text, sizeof(text),
					      (struct tcphdr *)(void *)(packet + 20)),
			     "%s", label);
		tell("nfq_tcp_snprintf", text, "%s: text", label);
		tell_int("nfq_tcp_snprintf", length == (long long)strlen(text),
			 "%s: it is the length of the text", label);
	}
}

static void one_size(const void *ctx)
{
	const size_t size = *(const size_t *)ctx;
	uint8_t packet[200];
	char *text = malloc(size ? size : 1);

	packet_tcp(packet, AF_INET, 80, "", 0);
	packet[33] = 0x3f;
	INT(nfq_tcp_snprintf(text, size, (struct tcphdr *)(void *)(packet + 20)),
	    "size %zu", size);
	if (size)
		tell("nfq_tcp_snprintf", text, "size %zu: text", size);
	free(text);
}

/* Upstream goes on behind the end of the buffer. */
static void print_sizes(void)
{
	static const size_t sizes[] = {0,  1,  7,  10, 20, 40, 50, 60, 65,
				       69, 70, 73, 80, 85, 90, 95, 100};
	char label[40];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(label, sizeof(label), "size %zu", sizes[i]);
		tell_child("nfq_tcp_snprintf", one_size, &sizes[i], label);
	}
}

const struct compat_case tcp_cases[] = {
	{"tcp-offsets", offsets},
	{"tcp-cut", cut},
	{"tcp-no-transport", no_transport},
	{"tcp-checksums", checksums},
	{"tcp-print-flags", print_flags},
	{"tcp-print-sizes", print_sizes},
	{0},
};

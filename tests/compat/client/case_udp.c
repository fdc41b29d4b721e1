/* SPDX-License-Identifier: MIT */
/* UDP headers, payloads, checksums, text. */
#include "buffer.h"
#include "cases.h"
#include "packet.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell_payload(struct pkt_buff *buffer, struct udphdr *header,
			 const char *label)
{
	uint8_t *payload = POINTER(nfq_udp_get_payload(header, buffer), "%s", label);

	tell_int("nfq_udp_get_payload", payload ? payload - pktb_data(buffer) : -1,
		 "%s: place", label);
	INT(nfq_udp_get_payload_len(header, buffer), "%s", label);
}

/* The length of the UDP header: right, less, more, none. */
static void lengths(void)
{
	static const int families[] = {AF_INET, AF_INET6};
	static const uint16_t rows[] = {18, 0, 7, 8, 9, 17, 19, 100, 65535};
	struct pkt_buff *buffer;
	struct udphdr *header;
	char label[60];

	for (int i = 0; i < 2; i++)
		for (size_t j = 0; j < sizeof(rows) / sizeof(*rows); j++) {
			snprintf(label, sizeof(label), "IPv%d, UDP length %u", i ? 6 : 4,
				 rows[j]);
			buffer = buffer_new(families[i], IPPROTO_UDP, 0);
			buffer_find_transport(buffer, families[i], IPPROTO_UDP);
			header = POINTER(nfq_udp_get_hdr(buffer), "%s", label);
			if (header) {
				header->len = htons(rows[j]);
				tell_payload(buffer, header, label);
			}
			pktb_free(buffer);
		}
}

static void cut(void)
{
	for (size_t length = 0; length <= 18; length++) {
		uint8_t packet[200];
		struct pkt_buff *buffer;
		struct udphdr *header;
		char label[40];

		packet_udp(packet, AF_INET, 53, DIGITS, 10);
		packet[3] = (uint8_t)(20 + length);
		buffer = buffer_of(AF_INET, packet, 20 + length, 0);
		snprintf(label, sizeof(label), "%zu bytes", length);
		if (nfq_ip_set_transport_header(buffer, nfq_ip_get_hdr(buffer)) == 0) {
			header = POINTER(nfq_udp_get_hdr(buffer), "%s", label);
			if (header)
				tell_payload(buffer, header, label);
		}
		pktb_free(buffer);
	}
}

static void no_transport(void)
{
	struct pkt_buff *buffer = buffer_new(AF_INET, IPPROTO_UDP, 0);

	POINTER(nfq_udp_get_hdr(buffer), "before the transport header is found");
	pktb_free(buffer);
}

static void one_checksum(int family, const uint8_t *payload, size_t length,
			 const char *label)
{
	uint8_t packet[200];
	struct pkt_buff *buffer = buffer_of(
		family, packet, packet_udp(packet, family, 53, payload, length), 0);
	struct udphdr *header;

	buffer_find_transport(buffer, family, IPPROTO_UDP);
	header = nfq_udp_get_hdr(buffer);
	header->check = 0x1234;
	if (family == AF_INET) {
		DO(nfq_udp_compute_checksum_ipv4(header, nfq_ip_get_hdr(buffer)), "%s",
		   label);
		tell_int("nfq_udp_compute_checksum_ipv4", header->check, "%s: checksum",
			 label);
	} else {
		DO(nfq_udp_compute_checksum_ipv6(header, nfq_ip6_get_hdr(buffer)), "%s",
		   label);
		tell_int("nfq_udp_compute_checksum_ipv6", header->check, "%s: checksum",
			 label);
	}
	pktb_free(buffer);
}

static void checksums(void)
{
	uint8_t payload[64];
	char label[40];

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(255 - i * 3);
	for (size_t length = 0; length <= sizeof(payload); length++) {
		snprintf(label, sizeof(label), "%zu bytes", length);
		one_checksum(AF_INET, payload, length, label);
		one_checksum(AF_INET6, payload, length, label);
	}
}

/* Two bytes that make the sum come out as 0, which means "none". */
static void zero_checksum(void)
{
	static const int families[] = {AF_INET, AF_INET6};
	uint8_t packet[200], payload[2] = {0};

	for (int i = 0; i < 2; i++) {
		const size_t ip = packet_ip_header(families[i]);

		memset(payload, 0, sizeof(payload));
		packet_udp(packet, families[i], 53, payload, 2);
		memcpy(payload, packet + ip + 6, 2);
		one_checksum(families[i], payload, 2, i ? "IPv6 zero" : "IPv4 zero");
	}
}

static void print(void)
{
	static const uint16_t ports[] = {0, 1, 53, 65535};
	uint8_t packet[200];
	char text[100];

	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		packet_udp(packet, AF_INET, ports[i], "", 0);
		INT(nfq_udp_snprintf(text, sizeof(text),
				     (struct udphdr *)(void *)(packet + 20)),
		    "port %u", ports[i]);
		tell("nfq_udp_snprintf", text, "port %u: text", ports[i]);
	}
}

static void one_size(const void *ctx)
{
	const size_t size = *(const size_t *)ctx;
	uint8_t packet[200];
	char *text = malloc(size ? size : 1);

	packet_udp(packet, AF_INET, 53, "", 0);
	INT(nfq_udp_snprintf(text, size, (struct udphdr *)(void *)(packet + 20)),
	    "size %zu", size);
	if (size)
		tell("nfq_udp_snprintf", text, "size %zu: text", size);
	free(text);
}

static void print_sizes(void)
{
	char label[40];

	for (size_t size = 0; size < 24; size++) {
		snprintf(label, sizeof(label), "size %zu", size);
		tell_child("nfq_udp_snprintf", one_size, &size, label);
	}
}

const struct compat_case udp_cases[] = {
	{"udp-lengths", lengths},
	{"udp-cut", cut},
	{"udp-no-transport", no_transport},
	{"udp-checksums", checksums},
	{"udp-zero-checksum", zero_checksum},
	{"udp-print", print},
	{"udp-print-sizes", print_sizes},
	{0},
};

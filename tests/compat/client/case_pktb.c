/* SPDX-License-Identifier: MIT */
/* Packet buffers, apart from pktb_mangle(): see case_mangle.c. */
#include "buffer.h"
#include "cases.h"
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void alloc(void)
{
	static const int families[] = {AF_INET, AF_INET6, AF_UNSPEC, AF_UNIX, 4711, -1};
	static const size_t extras[] = {0, 1, 100, 70000};
	uint8_t packet[200];
	char label[60];

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		for (size_t j = 0; j < sizeof(extras) / sizeof(*extras); j++) {
			size_t length = packet_udp(packet, AF_INET, 53, DIGITS, 10);
			struct pkt_buff *buffer;

			snprintf(label, sizeof(label), "family %d extra %zu", families[i],
				 extras[j]);
			buffer = POINTER(
				pktb_alloc(families[i], packet, length, extras[j]), "%s",
				label);
			if (!buffer)
				continue;
			memset(packet, 0, sizeof(packet)); /* it has a copy */
			buffer_tell(buffer, "pktb_alloc", label);
			DO(pktb_free(buffer), "%s", label);
		}
}

static void alloc_empty(void)
{
	uint8_t byte = 0;
	struct pkt_buff *buffer = POINTER(pktb_alloc(AF_INET, &byte, 0, 0), "empty");

	buffer_tell(buffer, "pktb_alloc", "empty");
	pktb_free(buffer);
	buffer = POINTER(pktb_alloc(AF_INET, &byte, 1, 3), "one byte");
	buffer_tell(buffer, "pktb_alloc", "one byte");
	pktb_free(buffer);
}

/* Each accessor by its own name. */
static void accessors(void)
{
	struct pkt_buff *buffer = buffer_new(AF_INET6, IPPROTO_TCP, 9);
	uint8_t *data = POINTER(pktb_data(buffer), "of TCP");

	INT(pktb_len(buffer), "of TCP");
	tell_bytes("pktb_data", data, pktb_len(buffer), "of TCP: bytes");
	INT(pktb_tailroom(buffer), "of TCP");
	POINTER(pktb_mac_header(buffer), "of TCP");
	INT(pktb_network_header(buffer) - data, "of TCP");
	POINTER(pktb_transport_header(buffer), "before it is found");
	buffer_find_transport(buffer, AF_INET6, IPPROTO_TCP);
	INT(pktb_transport_header(buffer) - data, "found");
	INT(pktb_mangled(buffer), "unchanged");
	pktb_mangle(buffer, 60, 0, 1, "x", 1);
	INT(pktb_mangled(buffer), "changed");
	pktb_free(buffer);
}

/* Bytes of the buffer that are free may be taken and given back. */
static void edges(void)
{
	struct pkt_buff *buffer = buffer_new(AF_INET, IPPROTO_UDP, 16);

	DO(pktb_pull(buffer, 20), "20 bytes");
	buffer_tell(buffer, "pktb_pull", "20 bytes");
	DO(pktb_push(buffer, 8), "8 bytes");
	buffer_tell(buffer, "pktb_push", "8 bytes");
	DO(pktb_push(buffer, 12), "12 bytes");
	buffer_tell(buffer, "pktb_push", "12 bytes");
	DO(pktb_trim(buffer, 30), "to 30 bytes");
	buffer_tell(buffer, "pktb_trim", "to 30 bytes");
	DO(pktb_put(buffer, 8), "8 bytes");
	buffer_tell(buffer, "pktb_put", "8 bytes");
	DO(pktb_put(buffer, 0), "nothing");
	DO(pktb_pull(buffer, 0), "nothing");
	DO(pktb_push(buffer, 0), "nothing");
	buffer_tell(buffer, "pktb_put", "nothing");
	DO(pktb_trim(buffer, 0), "to nothing");
	buffer_tell(buffer, "pktb_trim", "to nothing");
	pktb_free(buffer);
}

/* --- beyond what is there: nobody may ask for it ----------------------------------- */

static void put_beyond(const void *ctx)
{
	struct pkt_buff *buffer = buffer_new(AF_INET, IPPROTO_UDP, 4);

	DO(pktb_put(buffer, 4), "all that is free");
	buffer_tell(buffer, "pktb_put", "all that is free");
	DO(pktb_put(buffer, 5), "beyond");
	INT(pktb_len(buffer), "after pktb_put beyond");
	INT(pktb_tailroom(buffer), "after pktb_put beyond");
	pktb_free(buffer);
}

static void pull_beyond(const void *ctx)
{
	struct pkt_buff *buffer = buffer_new(AF_INET, IPPROTO_UDP, 4);

	DO(pktb_pull(buffer, 39), "beyond");
	INT(pktb_len(buffer), "after pktb_pull beyond");
	pktb_free(buffer);
}

static void push_beyond(const void *ctx)
{
	struct pkt_buff *buffer = buffer_new(AF_INET, IPPROTO_UDP, 4);

	DO(pktb_push(buffer, 14), "beyond");
	INT(pktb_len(buffer), "after pktb_push beyond");
	pktb_free(buffer);
}

static void trim_beyond(const void *ctx)
{
	struct pkt_buff *buffer = buffer_new(AF_INET, IPPROTO_UDP, 4);

	DO(pktb_trim(buffer, 100), "beyond");
	INT(pktb_len(buffer), "after pktb_trim beyond");
	INT(pktb_tailroom(buffer), "after pktb_trim beyond");
	pktb_free(buffer);
}

static void free_null(const void *ctx)
{
	DO(pktb_free(NULL), "NULL");
}

static void beyond(void)
{
	tell_child("pktb_put", put_beyond, NULL, "beyond");
	tell_child("pktb_pull", pull_beyond, NULL, "beyond");
	tell_child("pktb_push", push_beyond, NULL, "beyond");
	tell_child("pktb_trim", trim_beyond, NULL, "beyond");
	tell_child("pktb_free", free_null, NULL, "NULL");
}

/* --- Ethernet ---------------------------------------------------------------------- */

static void bridge(void)
{
	static const uint16_t types[] = {ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_ARP,
					 0x0008,       0xdd86,         0};
	uint8_t frame[200] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	size_t length = 14 + packet_udp(frame + 14, AF_INET, 53, DIGITS, 10);

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct pkt_buff *buffer;
		char label[40];

		snprintf(label, sizeof(label), "Ethernet type %#x", types[i]);
		frame[12] = (uint8_t)(types[i] >> 8);
		frame[13] = (uint8_t)types[i];
		buffer = POINTER(pktb_alloc(AF_BRIDGE, frame, length, 4), "%s", label);
		if (!buffer)
			continue;
		buffer_tell(buffer, "pktb_alloc", label);
		INT(pktb_mac_header(buffer) - pktb_data(buffer), "%s", label);
		INT(pktb_network_header(buffer) - pktb_data(buffer), "%s", label);
		pktb_free(buffer);
	}
}

static void short_frame(const void *ctx)
{
	uint8_t *frame = calloc(1, 5);
	struct pkt_buff *buffer = POINTER(pktb_alloc(AF_BRIDGE, frame, 5, 0), "5 bytes");

	if (buffer)
		pktb_free(buffer);
	free(frame);
}

static void bridge_short(void)
{
	tell_child("pktb_alloc", short_frame, NULL, "Ethernet frame of 5 bytes");
}

static void too_large(void)
{
	uint8_t byte = 0;

	POINTER(pktb_alloc(AF_INET, &byte, 1, SIZE_MAX / 4), "no memory for it");
}

const struct compat_case pktb_cases[] = {
	{"pktb-alloc", alloc},
	{"pktb-alloc-empty", alloc_empty},
	{"pktb-accessors", accessors},
	{"pktb-edges", edges},
	{"pktb-beyond", beyond},
	{"pktb-bridge", bridge},
	{"pktb-bridge-short", bridge_short},
	{"pktb-too-large", too_large},
	{0},
};

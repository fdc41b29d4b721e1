/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include "packet.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct pkt_buff *buffer_of(int family, const void *bytes, size_t length, size_t extra)
{
	struct pkt_buff *buffer =
		pktb_alloc(family, (void *)(uintptr_t)bytes, length, extra);

	if (!buffer)
		give_up("pktb_alloc");
	return buffer;
}

struct pkt_buff *buffer_new(int family, int protocol, size_t extra)
{
	uint8_t packet[200];
	size_t length = protocol == IPPROTO_TCP
				? packet_tcp(packet, family, 80, DIGITS, strlen(DIGITS))
				: packet_udp(packet, family, 53, DIGITS, strlen(DIGITS));

	return buffer_of(family, packet, length, extra);
}

static long long place(struct pkt_buff *buffer, const uint8_t *header)
{
	return header ? header - pktb_data(buffer) : -1;
}

void buffer_tell(struct pkt_buff *buffer, const char *function, const char *label)
{
	char fields[160];

	snprintf(fields, sizeof(fields),
		 "length %u room %u mangled %d mac %lld network %lld transport %lld",
		 pktb_len(buffer), pktb_tailroom(buffer), pktb_mangled(buffer),
		 place(buffer, pktb_mac_header(buffer)),
		 place(buffer, pktb_network_header(buffer)),
		 place(buffer, pktb_transport_header(buffer)));
	tell_bytes(function, pktb_data(buffer), pktb_len(buffer), "%s: bytes", label);
	tell(function, fields, "%s: buffer", label);
}

void buffer_find_transport(struct pkt_buff *buffer, int family, int protocol)
{
	if (family == AF_INET6)
		nfq_ip6_set_transport_header(buffer, nfq_ip6_get_hdr(buffer),
					     (uint8_t)protocol);
	else
		nfq_ip_set_transport_header(buffer, nfq_ip_get_hdr(buffer));
	if (!pktb_transport_header(buffer))
		give_up("no transport header");
}

/* SPDX-License-Identifier: MIT */
/* The fixed part of each header, in host byte order. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/layers.h"

int nfqueue_view_ipv4(const struct nfqueue_view *view, struct nfqueue_ipv4 *out)
{
	const uint8_t *header = view->data;
	uint32_t length = packet_ipv4_header(view);
	uint16_t fragment;

	if (view->ip_version != 4)
		return -ENOENT;
	if (!length)
		return -EBADMSG;
	fragment = load16(header + 6);
	*out = (struct nfqueue_ipv4){
		.header_length = (uint8_t)length,
		.dscp = header[1] >> 2,
		.ecn = header[1] & 3,
		.ttl = header[8],
		.protocol = header[9],
		.dont_fragment = fragment >> 14 & 1,
		.more_fragments = fragment >> 13 & 1,
		.total_length = load16(header + 2),
		.id = load16(header + 4),
		.fragment_offset = (uint16_t)((fragment & 0x1fff) * 8),
		.checksum = load16(header + 10),
	};
	memcpy(out->source, header + 12, 4);
	memcpy(out->destination, header + 16, 4);
	return 0;
}

int nfqueue_view_ipv6(const struct nfqueue_view *view, struct nfqueue_ipv6 *out)
{
	const uint8_t *header = view->data;
	uint32_t first;

	if (view->ip_version != 6)
		return -ENOENT;
	if (view->length < IPV6_HEADER)
		return -EBADMSG;
	first = load32(header);
	*out = (struct nfqueue_ipv6){
		.traffic_class = first >> 20 & 0xff,
		.next_header = header[6],
		.hop_limit = header[7],
		.flow_label = first & 0xfffff,
		.payload_length = load16(header + 4),
	};
	memcpy(out->source, header + 8, 16);
	memcpy(out->destination, header + 24, 16);
	return 0;
}

/* Where the header of `protocol` is: 0 if it is there whole, or the error to return. */
static int find_transport(const struct nfqueue_view *view, uint8_t ip_version,
			  uint8_t protocol, const uint8_t **header)
{
	if (!packet_carries(view, ip_version, protocol))
		return -ENOENT;
	if (!packet_transport_header(view))
		return -EBADMSG;
	*header = view->data + view->transport_offset;
	return 0;
}

int nfqueue_view_tcp(const struct nfqueue_view *view, struct nfqueue_tcp *out)
{
	const uint8_t *header;
	int ret = find_transport(view, 0, IPPROTO_TCP, &header);

	if (ret < 0)
		return ret;
	*out = (struct nfqueue_tcp){
		.source_port = load16(header),
		.destination_port = load16(header + 2),
		.sequence = load32(header + 4),
		.acknowledgement = load32(header + 8),
		.header_length = (uint8_t)((header[12] >> 4) * 4),
		.flags = header[13],
		.window = load16(header + 14),
		.checksum = load16(header + 16),
		.urgent = load16(header + 18),
	};
	return 0;
}

int nfqueue_view_udp(const struct nfqueue_view *view, struct nfqueue_udp *out)
{
	const uint8_t *header;
	int ret = find_transport(view, 0, IPPROTO_UDP, &header);

	if (ret < 0)
		return ret;
	if (view->flags & NFQUEUE_VIEW_BAD)
		return -EBADMSG; /* longer than the packet */
	*out = (struct nfqueue_udp){
		.source_port = load16(header),
		.destination_port = load16(header + 2),
		.length = load16(header + 4),
		.checksum = load16(header + 6),
	};
	return 0;
}

/* The id and sequence of an ICMPv6 message without a body are 0. */
static int read_icmp(const struct nfqueue_view *view, uint8_t ip_version,
		     uint8_t protocol, struct nfqueue_icmp *out)
{
	const uint8_t *header;
	uint32_t left = view->length - view->transport_offset;
	int ret = find_transport(view, ip_version, protocol, &header);

	if (ret < 0)
		return ret;
	*out = (struct nfqueue_icmp){
		.type = header[0],
		.code = header[1],
		.checksum = load16(header + 2),
		.id = left < 6 ? 0 : load16(header + 4),
		.sequence = left < 8 ? 0 : load16(header + 6),
	};
	return 0;
}

int nfqueue_view_icmp(const struct nfqueue_view *view, struct nfqueue_icmp *out)
{
	return read_icmp(view, 4, IPPROTO_ICMP, out);
}

int nfqueue_view_icmpv6(const struct nfqueue_view *view, struct nfqueue_icmp *out)
{
	return read_icmp(view, 6, IPPROTO_ICMPV6, out);
}

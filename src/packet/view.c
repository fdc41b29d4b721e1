/* SPDX-License-Identifier: MIT */
/* Finds the layers of a packet. */
#include <errno.h>
#include <netinet/in.h>

#include "packet/bytes.h"
#include "packet/layers.h"

uint32_t packet_ipv4_header(const struct nfqueue_view *view)
{
	uint32_t length, total;

	if (view->ip_version != 4 || view->length < IPV4_HEADER_MIN)
		return 0;
	length = (view->data[0] & 15u) * 4;
	total = load16(view->data + 2);
	if (length < IPV4_HEADER_MIN || length > view->length)
		return 0;
	/* a total length of 0 is a packet longer than 16 bits tell: big TCP */
	return total && total < length ? 0 : length;
}

/* The header is longer than the packet itself, so it lies; one that is merely longer than
 * what was captured does not. */
static void mark_if_bad(struct nfqueue_view *view, uint64_t end)
{
	if (end > view->total_length)
		view->flags |= NFQUEUE_VIEW_BAD;
}

static uint32_t tcp_header(const struct nfqueue_view *view)
{
	uint32_t left = view->length - view->transport_offset, length;

	if (left < TCP_HEADER_MIN)
		return 0;
	length = (view->data[view->transport_offset + 12] >> 4) * 4u;
	return length < TCP_HEADER_MIN || length > left ? 0 : length;
}

/* A UDP length of 0 is that of a jumbogram: RFC 2675 section 4. */
static uint32_t udp_header(const struct nfqueue_view *view)
{
	uint32_t left = view->length - view->transport_offset, length;

	if (left < UDP_HEADER)
		return 0;
	length = load16(view->data + view->transport_offset + 4);
	if (!length && view->total_length > UINT16_MAX)
		return UDP_HEADER;
	return length < UDP_HEADER ? 0 : UDP_HEADER;
}

static uint32_t fixed_header(const struct nfqueue_view *view, uint32_t length)
{
	return view->length - view->transport_offset < length ? 0 : length;
}

uint32_t packet_transport_header(const struct nfqueue_view *view)
{
	if (packet_carries(view, 0, IPPROTO_TCP))
		return tcp_header(view);
	if (packet_carries(view, 0, IPPROTO_UDP))
		return udp_header(view);
	if (packet_carries(view, 4, IPPROTO_ICMP))
		return fixed_header(view, ICMP_HEADER);
	if (packet_carries(view, 6, IPPROTO_ICMPV6))
		return fixed_header(view, ICMPV6_HEADER);
	return 0;
}

/* How many bytes the transport header says it has, as far as its bytes are here. */
static uint32_t transport_claim(const struct nfqueue_view *view)
{
	const uint8_t *header = view->data + view->transport_offset;
	uint32_t left = view->length - view->transport_offset, length;

	if (packet_carries(view, 0, IPPROTO_TCP)) {
		length = left > 12 ? (header[12] >> 4) * 4u : TCP_HEADER_MIN;
		return length < TCP_HEADER_MIN ? UINT32_MAX : length;
	}
	if (packet_carries(view, 0, IPPROTO_UDP)) {
		if (left < UDP_HEADER)
			return UDP_HEADER;
		length = load16(header + 4);
		if (!udp_header(view))
			return UINT32_MAX;
		/* the rest of a fragmented datagram is in other packets */
		return view->flags & NFQUEUE_VIEW_FRAGMENT ? UDP_HEADER : length;
	}
	if (packet_carries(view, 4, IPPROTO_ICMP))
		return ICMP_HEADER;
	return packet_carries(view, 6, IPPROTO_ICMPV6) ? ICMPV6_HEADER : 0;
}

static void find_payload(struct nfqueue_view *view)
{
	uint32_t length = packet_transport_header(view);

	mark_if_bad(view, (uint64_t)view->transport_offset + transport_claim(view));
	if (length)
		view->payload_offset = view->transport_offset + length;
}

/* Sets the lengths from what the IP header tells; 0 is told by longer packets only. */
static void set_lengths(struct nfqueue_view *view, uint32_t told)
{
	view->total_length = told ? told : view->length;
	if (view->total_length > view->length)
		view->flags |= NFQUEUE_VIEW_TRUNCATED;
	else
		view->length = view->total_length;
	view->transport_offset = view->payload_offset = view->length;
}

static int parse_ipv4(struct nfqueue_view *view)
{
	uint32_t header = packet_ipv4_header(view);
	uint16_t fragment;

	if (!header)
		return -EBADMSG;
	set_lengths(view, load16(view->data + 2));
	view->protocol = view->data[9];
	fragment = load16(view->data + 6);
	if (fragment & 0x3fff)
		view->flags |= NFQUEUE_VIEW_FRAGMENT;
	if (fragment & 0x1fff) {
		view->flags |= NFQUEUE_VIEW_LATER_FRAGMENT;
		return 0;
	}
	view->transport_offset = header;
	find_payload(view);
	return 0;
}

/* A fragment header with offset 0 and nothing to follow is a whole packet: RFC 6946. */
static void note_fragment(struct nfqueue_view *view, const uint8_t *header)
{
	uint16_t fragment = load16(header + 2);

	if (fragment & 0xfff9)
		view->flags |= NFQUEUE_VIEW_FRAGMENT;
	if (fragment & 0xfff8)
		view->flags |= NFQUEUE_VIEW_LATER_FRAGMENT;
}

static int walk_extensions(struct nfqueue_view *view)
{
	struct nfqueue_option header = {0};
	uint32_t end = IPV6_HEADER;
	int ret;

	while ((ret = nfqueue_view_ipv6_extension(view, &header)) > 0) {
		if (header.type == IPPROTO_FRAGMENT)
			note_fragment(view, header.data);
		view->protocol = header.data[0];
		end = header.offset + header.length;
	}
	if (ret < 0)
		mark_if_bad(view, view->length + 1ull);
	return ret < 0 ? ret : (int)end;
}

static int parse_ipv6(struct nfqueue_view *view)
{
	uint16_t payload;
	int end;

	if (view->length < IPV6_HEADER)
		return -EBADMSG;
	payload = load16(view->data + 4);
	set_lengths(view, payload ? IPV6_HEADER + payload : 0);
	view->protocol = view->data[6];
	end = walk_extensions(view);
	if (end < 0 || view->protocol == IPPROTO_NONE ||
	    view->flags & NFQUEUE_VIEW_LATER_FRAGMENT)
		return 0;
	view->transport_offset = (uint32_t)end;
	find_payload(view);
	return 0;
}

int nfqueue_view_parse(struct nfqueue_view *view, const void *data, size_t length)
{
	uint8_t version;
	int ret = -EBADMSG;

	*view = (struct nfqueue_view){.data = data};
	view->length = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
	view->total_length = view->transport_offset = view->payload_offset = view->length;
	version = view->length ? view->data[0] >> 4 : 0;
	if (version == 4 || version == 6)
		view->ip_version = version;
	if (version == 4)
		ret = parse_ipv4(view);
	else if (version == 6)
		ret = parse_ipv6(view);
	if (ret < 0)
		view->flags |= NFQUEUE_VIEW_BAD;
	return ret;
}

const uint8_t *nfqueue_view_payload(const struct nfqueue_view *view, uint32_t *length)
{
	uint32_t told = 0;

	*length = 0;
	if (!packet_transport_header(view))
		return NULL;
	*length = view->length - view->payload_offset;
	if (view->protocol == IPPROTO_UDP)
		told = load16(view->data + view->transport_offset + 4);
	if (told && *length > told - UDP_HEADER)
		*length = told - UDP_HEADER;
	return view->data + view->payload_offset;
}

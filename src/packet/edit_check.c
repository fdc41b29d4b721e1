/* SPDX-License-Identifier: MIT */
/* What may be changed: packets that can be sent back at all, headers that are there, and
 * bytes whose change kernels accept. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/editor.h"
#include "packet/layers.h"

/* A length of 0 is told by longer packets only (jumbo, big TCP), and by an IPv6 header
 * that is alone. */
static int tells_length(const struct nfqueue_view *view)
{
	if (view->ip_version == 4)
		return load16(view->data + 2) != 0;
	return view->length == IPV6_HEADER || load16(view->data + 4) != 0;
}

int edit_check_packet(struct nfqueue_edit *edit, int parsed, size_t packet_length)
{
	const struct nfqueue_view *view = &edit->view;

	if (packet_length > edit->original_length)
		return edit_fail(edit, -EMSGSIZE,
				 "the copy range has cut the packet: what is not here "
				 "cannot be sent back; raise it");
	if (parsed < 0)
		return edit_fail(edit, -EBADMSG, "this is no IP packet");
	if (view->flags & NFQUEUE_VIEW_TRUNCATED)
		return edit_fail(edit, -EBADMSG,
				 "the packet is shorter than its IP header tells");
	if (view->length > EDIT_LENGTH_MAX)
		return edit_fail(edit, -EMSGSIZE,
				 "the packet is longer than 65,535 bytes");
	if (!tells_length(view))
		return edit_fail(edit, -EBADMSG, "the IP header tells no length");
	/* What is right for __udp_gso_segment(), which cuts it, is wrong for a socket,
	 * and some kernels take neither for either. */
	if (edit->is_gso && view->protocol == IPPROTO_UDP)
		return edit_fail(edit, -EOPNOTSUPP,
				 "a UDP GSO packet cannot be changed: open the queue "
				 "without GSO (NFQUEUE_NO_GSO), and each of its "
				 "datagrams comes by itself");
	if (edit->is_unready && !edit_can_make_checksum(view))
		return edit_fail(edit, -EOPNOTSUPP,
				 "the checksum is not ready, and of a kind that is not "
				 "known here: without GSO (NFQUEUE_NO_GSO) the kernel "
				 "makes it");
	return 0;
}

int edit_check_transport(struct nfqueue_edit *edit, uint8_t protocol)
{
	const struct nfqueue_view *view = &edit->view;

	if (view->protocol == protocol && view->flags & NFQUEUE_VIEW_LATER_FRAGMENT)
		return edit_fail(edit, -EOPNOTSUPP,
				 "a later fragment has no transport header");
	if (!packet_carries(view, 0, protocol))
		return edit_fail(edit, -ENOENT, "the packet has no such header");
	if (!packet_transport_header(view) || view->flags & NFQUEUE_VIEW_BAD)
		return edit_fail(edit, -EBADMSG,
				 "the transport header is cut short, or its length lies");
	return 0;
}

/* TCP, UDP, ICMP, ICMPv6: what they carry is covered by a checksum that can be mended. */
static int is_known(const struct nfqueue_view *view)
{
	return packet_carries(view, 0, IPPROTO_TCP) ||
	       packet_carries(view, 0, IPPROTO_UDP) ||
	       packet_carries(view, 4, IPPROTO_ICMP) ||
	       packet_carries(view, 6, IPPROTO_ICMPV6);
}

int edit_check_payload(struct nfqueue_edit *edit)
{
	const struct nfqueue_view *view = &edit->view;

	if (view->flags & NFQUEUE_VIEW_LATER_FRAGMENT)
		return edit_fail(edit, -EOPNOTSUPP,
				 "of a later fragment only the IP header can be changed");
	if (is_known(view))
		return edit_check_transport(edit, view->protocol);
	if (view->flags & NFQUEUE_VIEW_BAD)
		return edit_fail(edit, -EBADMSG, "the IPv6 extension headers lie");
	return edit_fail(edit, -EOPNOTSUPP,
			 "only TCP, UDP, ICMP and ICMPv6 can be changed behind the IP "
			 "header");
}

/* The header behind a broken chain of extension headers is not known, so neither is the
 * checksum that covers the addresses. */
int edit_check_address(struct nfqueue_edit *edit)
{
	const struct nfqueue_view *view = &edit->view;
	int is_lost = view->flags & NFQUEUE_VIEW_BAD && view->ip_version == 6 &&
		      view->transport_offset == view->length;

	if ((edit_covers_addresses(view) || is_lost) && !edit_checksum_offset(view))
		return edit_fail(edit, -EBADMSG,
				 "the checksum that covers the address is not there");
	return 0;
}

/* Bytes of the IP header with options or extension headers. */
static uint32_t ip_headers(const struct nfqueue_view *view)
{
	struct nfqueue_option header = {0};
	uint32_t end = IPV6_HEADER;
	int ret;

	if (view->ip_version == 4)
		return packet_ipv4_header(view);
	while ((ret = nfqueue_view_ipv6_extension(view, &header)) > 0)
		end = header.offset + header.length;
	return ret < 0 ? view->length : end;
}

/* nfqnl_validate_ip4() and nfqnl_validate_ip6(), and the protocol: what stands behind is
 * read and summed up by it. */
static uint8_t fixed_bits(const struct nfqueue_view *view, uint32_t offset)
{
	if (view->ip_version == 6)
		switch (offset) {
		case 0: /* version */
			return 0xf0;
		case 4: /* payload length */
		case 5:
		case 6: /* next header */
			return 0xff;
		default:
			return offset < IPV6_HEADER ? 0 : 0xff;
		}
	switch (offset) {
	case 0: /* version, header length */
	case 2: /* total length */
	case 3:
	case 7: /* fragment offset */
	case 9: /* protocol */
		return 0xff;
	case 6: /* flags and offset: all but don't fragment */
		return 0xbf;
	default:
		return offset < IPV4_HEADER_MIN ? 0 : 0xff;
	}
}

static int refuse(struct nfqueue_edit *edit)
{
	return edit_fail(
		edit, -EPERM,
		"kernels drop a packet with other IP lengths, options, extension "
		"headers or fragment bits; payload is changed by a replace");
}

static int check_behind_ip(struct nfqueue_edit *edit)
{
	const struct nfqueue_view *view = &edit->view;

	if (is_known(view) && !edit_checksum_offset(view))
		return edit_fail(edit, -EBADMSG, "the checksum is not in this packet");
	return is_known(view) ? 0 : edit_check_payload(edit);
}

/* 1 if the bytes to write at `offset` are others than those in [first, last). */
static int changes(const struct nfqueue_view *view, uint32_t offset, const uint8_t *bytes,
		   uint32_t count, uint32_t first, uint32_t last)
{
	uint32_t from = offset > first ? offset : first;
	uint32_t to = offset + count < last ? offset + count : last;

	return from < to && memcmp(bytes + (from - offset), view->data + from, to - from);
}

int edit_check_write(struct nfqueue_edit *edit, uint32_t offset, const uint8_t *bytes,
		     uint32_t count)
{
	const struct nfqueue_view *view = &edit->view;
	uint32_t end = offset + count, headers = ip_headers(view);
	uint32_t addresses = view->ip_version == 4 ? 12 : 8;
	uint32_t udp_length = view->transport_offset + 4;

	for (uint32_t at = offset; at < end && at < headers; at++)
		if ((bytes[at - offset] ^ view->data[at]) & fixed_bits(view, at))
			return refuse(edit);
	/* told twice, lengths must agree: nfqueue_edit_replace() changes both */
	if (packet_carries(view, 0, IPPROTO_UDP) &&
	    changes(view, offset, bytes, count, udp_length, udp_length + 2))
		return refuse(edit);
	if (changes(view, offset, bytes, count, headers, view->length))
		return check_behind_ip(edit);
	if (changes(view, offset, bytes, count, addresses,
		    view->ip_version == 4 ? IPV4_HEADER_MIN : IPV6_HEADER))
		return edit_check_address(edit);
	return 0;
}

int edit_check_flip(struct nfqueue_edit *edit, uint32_t offset, uint8_t bit)
{
	const struct nfqueue_view *view = &edit->view;

	if (offset < ip_headers(view) && fixed_bits(view, offset) & bit)
		return refuse(edit);
	return 0;
}

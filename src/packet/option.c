/* SPDX-License-Identifier: MIT */
/* Iterators over options (kind, length, value) and over IPv6 extension headers. */
#include <errno.h>
#include <netinet/in.h>

#include "packet/bytes.h"
#include "packet/layers.h"

#define OPTION_END 0
#define OPTION_NOP 1

/* Where the element behind `option` starts, within [start, end]. */
static uint32_t next_offset(const struct nfqueue_option *option, uint32_t start,
			    uint32_t end)
{
	uint64_t next = (uint64_t)option->offset + option->length;

	if (!option->data)
		return start;
	return next < start || next > end ? end : (uint32_t)next;
}

static void set_option(const struct nfqueue_view *view, struct nfqueue_option *option,
		       uint8_t type, uint32_t offset, uint32_t length)
{
	*option = (struct nfqueue_option){
		.type = type,
		.offset = offset,
		.length = length,
		.data = view->data + offset,
	};
}

/* IPv4 and TCP options have one format: RFC 791 section 3.1, RFC 9293 section 3.1. */
static int next_option(const struct nfqueue_view *view, struct nfqueue_option *option,
		       uint32_t start, uint32_t end)
{
	uint32_t offset = next_offset(option, start, end), length = 1;

	if (offset == end || view->data[offset] == OPTION_END)
		return 0;
	if (view->data[offset] != OPTION_NOP) {
		if (end - offset < 2)
			return -EBADMSG;
		length = view->data[offset + 1];
		if (length < 2 || length > end - offset)
			return -EBADMSG;
	}
	set_option(view, option, view->data[offset], offset, length);
	return 1;
}

int nfqueue_view_ipv4_option(const struct nfqueue_view *view,
			     struct nfqueue_option *option)
{
	uint32_t length = packet_ipv4_header(view);

	if (view->ip_version != 4)
		return -ENOENT;
	if (!length)
		return -EBADMSG;
	return next_option(view, option, IPV4_HEADER_MIN, length);
}

int nfqueue_view_tcp_option(const struct nfqueue_view *view,
			    struct nfqueue_option *option)
{
	uint32_t start = view->transport_offset + TCP_HEADER_MIN;
	uint32_t length = packet_transport_header(view);

	if (!packet_carries(view, 0, IPPROTO_TCP))
		return -ENOENT;
	if (!length)
		return -EBADMSG;
	return next_option(view, option, start, view->transport_offset + length);
}

static int is_extension(uint8_t type)
{
	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case 139: /* HIP: RFC 7401 */
	case 140: /* shim6: RFC 5533 */
		return 1;
	}
	return 0;
}

static uint32_t extension_length(uint8_t type, const uint8_t *header)
{
	if (type == IPPROTO_FRAGMENT)
		return 8;
	if (type == IPPROTO_AH) /* RFC 4302 section 2.2 */
		return (header[1] + 2u) * 4;
	return (header[1] + 1u) * 8;
}

static int is_later_fragment(const struct nfqueue_option *header)
{
	return header->data && header->type == IPPROTO_FRAGMENT &&
	       load16(header->data + 2) & 0xfff8;
}

int nfqueue_view_ipv6_extension(const struct nfqueue_view *view,
				struct nfqueue_option *option)
{
	uint32_t offset, length;
	uint8_t type;

	if (view->ip_version != 6)
		return -ENOENT;
	if (view->length < IPV6_HEADER)
		return -EBADMSG;
	offset = next_offset(option, IPV6_HEADER, view->length);
	type = option->data ? option->data[0] : view->data[6];
	if (!is_extension(type) || is_later_fragment(option))
		return 0;
	if (view->length - offset < 2)
		return -EBADMSG;
	length = extension_length(type, view->data + offset);
	if (length > view->length - offset)
		return -EBADMSG;
	set_option(view, option, type, offset, length);
	return 1;
}

uint8_t packet_fragment_protocol(const struct nfqueue_view *view)
{
	struct nfqueue_option header = {0};

	if (view->ip_version != 6 || !(view->flags & NFQUEUE_VIEW_FRAGMENT))
		return view->protocol;
	while (nfqueue_view_ipv6_extension(view, &header) > 0)
		if (header.type == IPPROTO_FRAGMENT)
			return header.data[0];
	return view->protocol;
}

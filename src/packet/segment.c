/* SPDX-License-Identifier: MIT */
/* Cuts a TCP packet into packets that fit an MTU, as tcp_gso_segment() does. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <nfqueue/build.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/layers.h"

#define OPTION_MD5 19 /* RFC 2385 */
#define OPTION_AO 29  /* RFC 5925 */
#define FLAGS 13      /* where they stand in the TCP header */
#define URGENT 18

/* What all segments of one packet have in common. */
struct cut {
	struct nfqueue_view view;
	struct nfqueue_tcp tcp;
	uint32_t payload; /* bytes of it in the whole packet */
	uint32_t mss;     /* bytes of it in a segment */
};

/* A signature covers the payload, so that no part of it can be signed. */
static int is_signed(const struct nfqueue_view *view)
{
	struct nfqueue_option option = {0};

	while (nfqueue_view_tcp_option(view, &option) > 0)
		if (option.type == OPTION_MD5 || option.type == OPTION_AO)
			return 1;
	option = (struct nfqueue_option){0};
	while (nfqueue_view_ipv6_extension(view, &option) > 0)
		if (option.type == IPPROTO_AH)
			return 1;
	return 0;
}

/* Its length stands in an option of the hop-by-hop header: RFC 2675. */
static int is_jumbogram(const struct nfqueue_view *view)
{
	return view->ip_version == 6 && !load16(view->data + 4) &&
	       view->data[6] == IPPROTO_HOPOPTS;
}

static int check(struct cut *cut)
{
	const struct nfqueue_view *view = &cut->view;
	int ret;

	if (view->flags & NFQUEUE_VIEW_TRUNCATED)
		return -EMSGSIZE;
	if (view->flags & NFQUEUE_VIEW_FRAGMENT || is_jumbogram(view))
		return -EOPNOTSUPP;
	ret = nfqueue_view_tcp(view, &cut->tcp);
	if (ret < 0)
		return ret == -ENOENT ? -EOPNOTSUPP : ret;
	if (cut->tcp.flags & (NFQUEUE_TCP_SYN | NFQUEUE_TCP_RST) || is_signed(view))
		return -EOPNOTSUPP;
	return 0;
}

static void set_ip(const struct cut *cut, uint8_t *data, uint32_t length, uint32_t index)
{
	uint32_t header = packet_ipv4_header(&cut->view);

	if (cut->view.ip_version == 6) {
		store16(data + 4, length - IPV6_HEADER);
		return;
	}
	store16(data + 2, length);
	store16(data + 4, load16(cut->view.data + 4) + index);
	store16(data + 10, 0);
	store16(data + 10, nfqueue_checksum(data, header));
}

/* The urgent pointer counts from the segment's first byte: RFC 9293 section 3.1. */
static void set_urgent(const struct cut *cut, uint8_t *tcp, uint32_t offset)
{
	if (!(cut->tcp.flags & NFQUEUE_TCP_URG))
		return;
	if (cut->tcp.urgent > offset) {
		store16(tcp + URGENT, cut->tcp.urgent - offset);
		return;
	}
	store16(tcp + URGENT, 0);
	tcp[FLAGS] &= (uint8_t)~NFQUEUE_TCP_URG;
}

static void set_tcp(const struct cut *cut, uint8_t *tcp, uint32_t offset, uint32_t count)
{
	uint32_t length = cut->tcp.header_length + count, sum;

	store32(tcp + 4, cut->tcp.sequence + offset);
	if (offset + count < cut->payload)
		tcp[FLAGS] &= (uint8_t) ~(NFQUEUE_TCP_FIN | NFQUEUE_TCP_PSH);
	if (offset)
		tcp[FLAGS] &= (uint8_t)~NFQUEUE_TCP_CWR;
	set_urgent(cut, tcp, offset);
	store16(tcp + 16, 0);
	sum = checksum_pseudo(&cut->view, IPPROTO_TCP, length);
	store16(tcp + 16, checksum_finish(checksum_add(sum, tcp, length)));
}

static int put_segments(const struct cut *cut, nfqueue_put_fn put, void *ctx)
{
	uint32_t headers = cut->view.payload_offset, index = 0, count;
	uint8_t segment[UINT16_MAX];
	int ret;

	for (uint32_t offset = 0; offset < cut->payload; offset += count, index++) {
		count = cut->payload - offset;
		if (count > cut->mss)
			count = cut->mss;
		memcpy(segment, cut->view.data, headers);
		memcpy(segment + headers, cut->view.data + headers + offset, count);
		set_ip(cut, segment, headers + count, index);
		set_tcp(cut, segment + cut->view.transport_offset, offset, count);
		ret = put(segment, headers + count, ctx);
		if (ret < 0)
			return ret;
	}
	return (int)index;
}

int nfqueue_segment(const void *data, size_t length, size_t mtu, nfqueue_put_fn put,
		    void *ctx)
{
	struct cut cut;
	uint32_t headers;
	int ret = nfqueue_view_parse(&cut.view, data, length);

	if (ret < 0)
		return ret;
	if (cut.view.total_length <= mtu && !(cut.view.flags & NFQUEUE_VIEW_TRUNCATED)) {
		ret = put(cut.view.data, cut.view.length, ctx);
		return ret < 0 ? ret : 1;
	}
	ret = check(&cut);
	if (ret < 0)
		return ret;
	headers = cut.view.payload_offset;
	if (mtu > UINT16_MAX)
		mtu = UINT16_MAX;
	if (mtu <= headers)
		return -EMSGSIZE;
	cut.payload = cut.view.length - headers;
	cut.mss = (uint32_t)mtu - headers;
	return put_segments(&cut, put, ctx);
}

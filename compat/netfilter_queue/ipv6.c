/* SPDX-License-Identifier: MIT */
/* nfq_ip6_*(): the IPv6 header of a packet buffer. */
#include <arpa/inet.h>
#include <limits.h>
#include <netinet/ip6.h>
#include <stddef.h>

#include <libnetfilter_queue/libnetfilter_queue_ipv6.h>

#include <nfqueue/view.h>

#include "pktbuff.h"
#include "text.h"

#define HEADER sizeof(struct ip6_hdr)

struct ip6_hdr *nfq_ip6_get_hdr(struct pkt_buff *pktb)
{
	struct ip6_hdr *ip6h = (struct ip6_hdr *)pktb->network;

	if (pktb_left(pktb, pktb->network) < HEADER)
		return NULL;
	return pktb->network[0] >> 4 == 6 ? ip6h : NULL;
}

/* `target` may be an extension header as well. */
static uint8_t *find_header(const struct nfqueue_view *view, uint8_t target)
{
	struct nfqueue_option header = {0};

	while (nfqueue_view_ipv6_extension(view, &header) > 0)
		if (header.type == target)
			return (uint8_t *)(uintptr_t)header.data;
	if (view->protocol != target || view->flags & NFQUEUE_VIEW_LATER_FRAGMENT)
		return NULL;
	return (uint8_t *)(uintptr_t)view->data + view->transport_offset;
}

int nfq_ip6_set_transport_header(struct pkt_buff *pktb, struct ip6_hdr *ip6h,
				 uint8_t target)
{
	const uint8_t *start = (const uint8_t *)ip6h;
	struct nfqueue_view view;
	uint8_t *found;

	if (nfqueue_view_parse(&view, start, pktb_left(pktb, start)) < 0 ||
	    view.ip_version != 6)
		return 0;
	found = find_header(&view, target);
	if (!found)
		return 0;
	pktb->transport = found;
	return 1;
}

int nfq_ip6_mangle(struct pkt_buff *pktb, unsigned int header, unsigned int offset,
		   unsigned int length, const char *bytes, unsigned int count)
{
	struct ip6_hdr *ip6h = (struct ip6_hdr *)pktb->network;
	int64_t payload;

	if (pktb_left(pktb, pktb->network) < HEADER || header > INT_MAX)
		return 0;
	payload = (int64_t)ntohs(ip6h->ip6_plen) + count - length;
	if (payload < 0 || payload > UINT16_MAX)
		return 0;
	if (!pktb_mangle(pktb, (int)header, offset, length, bytes, count))
		return 0;
	ip6h->ip6_plen = htons((uint16_t)payload);
	return 1;
}

/* A packet that was cut short is refused: its checksum could not be made. */
int mangle_ipv6(struct pkt_buff *pktb, const uint8_t *payload,
		const struct mangle *mangle)
{
	const struct ip6_hdr *ip6h = (const struct ip6_hdr *)pktb->network;
	uint32_t left = pktb_left(pktb, pktb->network);

	if (left < HEADER || ntohs(ip6h->ip6_plen) > left - HEADER)
		return 0;
	return nfq_ip6_mangle(pktb, (unsigned int)(payload - pktb->network),
			      mangle->offset, mangle->length, mangle->bytes,
			      mangle->count);
}

int nfq_ip6_snprintf(char *buffer, size_t size, const struct ip6_hdr *ip6h)
{
	struct text text = {.buffer = buffer, .size = size};
	char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
	uint32_t flow = ntohl(ip6h->ip6_flow);

	inet_ntop(AF_INET6, &ip6h->ip6_src, source, sizeof(source));
	inet_ntop(AF_INET6, &ip6h->ip6_dst, destination, sizeof(destination));
	text_put(&text, "SRC=%s DST=%s LEN=%zu ", source, destination,
		 ntohs(ip6h->ip6_plen) + HEADER);
	text_put(&text, "TC=0x%X HOPLIMIT=%u FLOWLBL=%u ", flow >> 20 & 0xff,
		 ip6h->ip6_hlim, flow & 0xfffff);
	return (int)text.used;
}

/* SPDX-License-Identifier: MIT */
/* nfq_ip_*(): the IPv4 header of a packet buffer. */
#include <arpa/inet.h>
#include <limits.h>
#include <netinet/ip.h>
#include <stddef.h>

#include <libnetfilter_queue/libnetfilter_queue_ipv4.h>

#include "packet/checksum.h"
#include "pktbuff.h"
#include "text.h"

#define HEADER_MIN 20
#define PREC_MASK 0xe0
#define FRAGMENT_OFFSET 0x1fff

static unsigned int header_length(const struct iphdr *iph)
{
	return iph->ihl * 4u;
}

struct iphdr *nfq_ip_get_hdr(struct pkt_buff *pktb)
{
	uint32_t left = pktb_left(pktb, pktb->network);
	struct iphdr *iph = (struct iphdr *)pktb->network;

	if (left < HEADER_MIN || iph->version != 4 || header_length(iph) < HEADER_MIN)
		return NULL;
	return ntohs(iph->tot_len) > left ? NULL : iph;
}

static uint8_t *find_transport(const struct pkt_buff *pktb, const struct iphdr *iph)
{
	uint32_t left = pktb_left(pktb, pktb->network);

	if (header_length(iph) < HEADER_MIN || header_length(iph) >= left)
		return NULL;
	if (ntohs(iph->frag_off) & FRAGMENT_OFFSET)
		return NULL;
	return pktb->network + header_length(iph);
}

uint8_t *ipv4_transport(const struct pkt_buff *pktb)
{
	if (pktb_left(pktb, pktb->network) < HEADER_MIN)
		return NULL;
	return find_transport(pktb, (const struct iphdr *)pktb->network);
}

int nfq_ip_set_transport_header(struct pkt_buff *pktb, struct iphdr *iph)
{
	uint8_t *transport = find_transport(pktb, iph);

	if (!transport)
		return -1;
	pktb->transport = transport;
	return 0;
}

void nfq_ip_set_checksum(struct iphdr *iph)
{
	iph->check = 0;
	iph->check = htons(checksum_finish(
		checksum_add(0, (const uint8_t *)iph, header_length(iph))));
}

int nfq_ip_mangle(struct pkt_buff *pktb, unsigned int header, unsigned int offset,
		  unsigned int length, const char *bytes, unsigned int count)
{
	struct iphdr *iph = (struct iphdr *)pktb->network;
	int64_t total;

	if (pktb_left(pktb, pktb->network) < HEADER_MIN ||
	    header_length(iph) < HEADER_MIN || header > INT_MAX)
		return 0;
	total = (int64_t)ntohs(iph->tot_len) + count - length;
	if (total < header_length(iph) || total > UINT16_MAX)
		return 0;
	if (!pktb_mangle(pktb, (int)header, offset, length, bytes, count))
		return 0;
	iph->tot_len = htons((uint16_t)total);
	nfq_ip_set_checksum(iph);
	return 1;
}

/* A packet that was cut short is refused: its checksum could not be made. */
int mangle_ipv4(struct pkt_buff *pktb, const uint8_t *payload,
		const struct mangle *mangle)
{
	const struct iphdr *iph = (const struct iphdr *)pktb->network;

	if (ntohs(iph->tot_len) > pktb_left(pktb, pktb->network))
		return 0;
	return nfq_ip_mangle(pktb, (unsigned int)(payload - pktb->network),
			     mangle->offset, mangle->length, mangle->bytes,
			     mangle->count);
}

int nfq_ip_snprintf(char *buffer, size_t size, const struct iphdr *iph)
{
	struct text text = {.buffer = buffer, .size = size};
	char source[INET_ADDRSTRLEN], destination[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &iph->saddr, source, sizeof(source));
	inet_ntop(AF_INET, &iph->daddr, destination, sizeof(destination));
	text_put(&text, "SRC=%s DST=%s LEN=%u TOS=0x%X PREC=0x%X ", source, destination,
		 ntohs(iph->tot_len), iph->tos & IPTOS_TOS_MASK, iph->tos & PREC_MASK);
	text_put(&text, "TTL=%u ID=%u PROTO=%u ", iph->ttl, ntohs(iph->id),
		 iph->protocol);
	return (int)text.used;
}

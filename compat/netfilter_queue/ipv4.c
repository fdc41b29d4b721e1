/* SPDX-License-Identifier: MIT */
/* nfq_ip_*(): the IPv4 header of a packet buffer. */
#include <arpa/inet.h>
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

/* A later fragment has none. */
int nfq_ip_set_transport_header(struct pkt_buff *pktb, struct iphdr *iph)
{
	if (header_length(iph) < HEADER_MIN ||
	    header_length(iph) >= pktb_left(pktb, pktb->network))
		return -1;
	if (ntohs(iph->frag_off) & FRAGMENT_OFFSET)
		return -1;
	pktb->transport = pktb->network + header_length(iph);
	return 0;
}

void nfq_ip_set_checksum(struct iphdr *iph)
{
	iph->check = 0;
	iph->check = htons(checksum_finish(
		checksum_add(0, (const uint8_t *)iph, header_length(iph))));
}

int ipv4_mangle(struct pkt_buff *pktb, unsigned int header, const struct mangle *mangle)
{
	struct iphdr *iph = (struct iphdr *)pktb->network;
	int64_t total;

	if (pktb_left(pktb, pktb->network) < HEADER_MIN ||
	    header_length(iph) < HEADER_MIN || header < header_length(iph))
		return 0;
	total = ntohs(iph->tot_len) + mangle_growth(mangle);
	if (total < header_length(iph) || total > UINT16_MAX || header > UINT16_MAX)
		return 0;
	if (!pktb_mangle(pktb, (int)header, mangle->offset, mangle->length, mangle->bytes,
			 mangle->count))
		return 0;
	iph->tot_len = htons((uint16_t)total);
	nfq_ip_set_checksum(iph);
	return 1;
}

int nfq_ip_mangle(struct pkt_buff *pktb, unsigned int header, unsigned int offset,
		  unsigned int length, const char *bytes, unsigned int count)
{
	return ipv4_mangle(pktb, header, &(struct mangle){offset, length, bytes, count});
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

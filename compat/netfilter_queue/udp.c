/* SPDX-License-Identifier: MIT */
/* nfq_udp_*(): the UDP header of a packet buffer. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stddef.h>

#include <libnetfilter_queue/libnetfilter_queue_udp.h>

#include "pktbuff.h"
#include "text.h"
#include "transport.h"

#define HEADER sizeof(struct udphdr)

struct udphdr *nfq_udp_get_hdr(struct pkt_buff *pktb)
{
	return pktb_transport(pktb, HEADER);
}

/* Bytes behind the header as it tells, not what else the packet ends with. */
unsigned int nfq_udp_get_payload_len(struct udphdr *udph, struct pkt_buff *pktb)
{
	unsigned int length = ntohs(udph->len);

	if (length < HEADER || length > pktb_left(pktb, (uint8_t *)udph))
		return 0;
	return length - (unsigned int)HEADER;
}

void *nfq_udp_get_payload(struct udphdr *udph, struct pkt_buff *pktb)
{
	unsigned int length = ntohs(udph->len);

	if (length < HEADER || length > pktb_left(pktb, (uint8_t *)udph))
		return NULL;
	return udph + 1;
}

/* A sum of 0 is sent as all ones: 0 says that there is none. Source: RFC 768. */
static uint16_t on_wire(uint16_t checksum)
{
	return checksum ? checksum : 0xffff;
}

void nfq_udp_compute_checksum_ipv4(struct udphdr *udph, struct iphdr *iph)
{
	uint16_t checksum, before = udph->check;

	udph->check = 0;
	udph->check = transport_checksum_ipv4(iph, udph, IPPROTO_UDP, &checksum)
			      ? on_wire(checksum)
			      : before;
}

void nfq_udp_compute_checksum_ipv6(struct udphdr *udph, struct ip6_hdr *ip6h)
{
	uint16_t checksum, before = udph->check;

	udph->check = 0;
	udph->check = transport_checksum_ipv6(ip6h, udph, IPPROTO_UDP, &checksum)
			      ? on_wire(checksum)
			      : before;
}

/* Returns the header when payload and lengths have changed, or NULL when nothing has. */
static struct udphdr *mangle_payload(struct pkt_buff *pktb, uint8_t *header,
				     mangle_ip *change, const struct mangle *mangle)
{
	struct udphdr *udph = (struct udphdr *)header;
	int64_t length;

	if (pktb_left(pktb, header) < HEADER)
		return NULL;
	length = ntohs(udph->len) + mangle_growth(mangle);
	if (length < (int64_t)HEADER || length > UINT16_MAX)
		return NULL;
	if (!change(pktb, header + HEADER, mangle))
		return NULL;
	udph->len = htons((uint16_t)length);
	return udph;
}

int nfq_udp_mangle_ipv4(struct pkt_buff *pktb, unsigned int offset, unsigned int length,
			const char *bytes, unsigned int count)
{
	struct mangle mangle = {offset, length, bytes, count};
	struct udphdr *udph;

	udph = mangle_payload(pktb, ipv4_transport(pktb), mangle_ipv4, &mangle);
	if (!udph)
		return 0;
	if (udph->check) /* 0: the sender has made none, and it need not be made */
		nfq_udp_compute_checksum_ipv4(udph, (struct iphdr *)pktb->network);
	return 1;
}

int nfq_udp_mangle_ipv6(struct pkt_buff *pktb, unsigned int offset, unsigned int length,
			const char *bytes, unsigned int count)
{
	struct mangle mangle = {offset, length, bytes, count};
	struct udphdr *udph;

	udph = mangle_payload(pktb, pktb->transport, mangle_ipv6, &mangle);
	if (!udph)
		return 0;
	nfq_udp_compute_checksum_ipv6(udph, (struct ip6_hdr *)pktb->network);
	return 1;
}

int nfq_udp_snprintf(char *buffer, size_t size, const struct udphdr *udph)
{
	struct text text = {.buffer = buffer, .size = size};

	text_put(&text, "SPT=%u DPT=%u ", ntohs(udph->source), ntohs(udph->dest));
	return (int)text.used;
}

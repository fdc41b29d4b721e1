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

	if (length < HEADER || length > pktb_left(pktb, pktb->transport))
		return 0;
	return length - (unsigned int)HEADER;
}

void *nfq_udp_get_payload(struct udphdr *udph, struct pkt_buff *pktb)
{
	unsigned int length = ntohs(udph->len);

	if (length < HEADER || length > pktb_left(pktb, pktb->transport))
		return NULL;
	return pktb->transport + HEADER;
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

/* The header's end, from the network header on; 0: there is no whole one. */
static unsigned int payload_start(struct pkt_buff *pktb)
{
	if (!nfq_udp_get_hdr(pktb))
		return 0;
	return (unsigned int)(pktb->transport - pktb->network) + (unsigned int)HEADER;
}

/* Whether the datagram's length can tell of the change. */
static bool length_fits(const struct pkt_buff *pktb, const struct mangle *mangle)
{
	const struct udphdr *udph = (const struct udphdr *)pktb->transport;
	int64_t length = ntohs(udph->len) + mangle_growth(mangle);

	return length >= (int64_t)HEADER && length <= UINT16_MAX;
}

static struct udphdr *set_length(struct pkt_buff *pktb, const struct mangle *mangle)
{
	struct udphdr *udph = (struct udphdr *)pktb->transport;

	udph->len = htons((uint16_t)(ntohs(udph->len) + mangle_growth(mangle)));
	return udph;
}

int nfq_udp_mangle_ipv4(struct pkt_buff *pktb, unsigned int offset, unsigned int length,
			const char *bytes, unsigned int count)
{
	struct mangle mangle = {offset, length, bytes, count};
	unsigned int start = payload_start(pktb);
	struct udphdr *udph;

	if (!start || !length_fits(pktb, &mangle) || !ipv4_mangle(pktb, start, &mangle))
		return 0;
	udph = set_length(pktb, &mangle);
	if (udph->check) /* 0: the sender has made none, and it need not be made */
		nfq_udp_compute_checksum_ipv4(udph, (struct iphdr *)pktb->network);
	return 1;
}

int nfq_udp_mangle_ipv6(struct pkt_buff *pktb, unsigned int offset, unsigned int length,
			const char *bytes, unsigned int count)
{
	struct mangle mangle = {offset, length, bytes, count};
	unsigned int start = payload_start(pktb);

	if (!start || !length_fits(pktb, &mangle) || !ipv6_mangle(pktb, start, &mangle))
		return 0;
	nfq_udp_compute_checksum_ipv6(set_length(pktb, &mangle),
				      (struct ip6_hdr *)pktb->network);
	return 1;
}

int nfq_udp_snprintf(char *buffer, size_t size, const struct udphdr *udph)
{
	struct text text = {.buffer = buffer, .size = size};

	text_put(&text, "SPT=%u DPT=%u ", ntohs(udph->source), ntohs(udph->dest));
	return (int)text.used;
}

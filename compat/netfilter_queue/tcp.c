/* SPDX-License-Identifier: MIT */
/* nfq_tcp_*(): the TCP header of a packet buffer. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>

#include <libnetfilter_queue/libnetfilter_queue_tcp.h>

#include "pktbuff.h"
#include "text.h"
#include "transport.h"

#define HEADER_MIN 20

struct tcphdr *nfq_tcp_get_hdr(struct pkt_buff *pktb)
{
	return pktb_transport(pktb, HEADER_MIN);
}

/* Bytes of the header with its options; 0 if it is not there or that lies. */
static unsigned int header_length(const struct pkt_buff *pktb, const uint8_t *header)
{
	const struct tcphdr *tcph = (const struct tcphdr *)header;
	unsigned int left = pktb_left(pktb, header), length;

	if (left < HEADER_MIN)
		return 0;
	length = tcph->doff * 4u;
	return length < HEADER_MIN || length > left ? 0 : length;
}

void *nfq_tcp_get_payload(struct tcphdr *tcph, struct pkt_buff *pktb)
{
	unsigned int header = header_length(pktb, (uint8_t *)tcph);

	return header ? (uint8_t *)tcph + header : NULL;
}

unsigned int nfq_tcp_get_payload_len(struct tcphdr *tcph, struct pkt_buff *pktb)
{
	unsigned int header = header_length(pktb, (uint8_t *)tcph);

	return header ? pktb_left(pktb, (uint8_t *)tcph) - header : 0;
}

void nfq_tcp_compute_checksum_ipv4(struct tcphdr *tcph, struct iphdr *iph)
{
	uint16_t checksum, before = tcph->check;

	tcph->check = 0;
	tcph->check = transport_checksum_ipv4(iph, tcph, IPPROTO_TCP, &checksum)
			      ? checksum
			      : before;
}

void nfq_tcp_compute_checksum_ipv6(struct tcphdr *tcph, struct ip6_hdr *ip6h)
{
	uint16_t checksum, before = tcph->check;

	tcph->check = 0;
	tcph->check = transport_checksum_ipv6(ip6h, tcph, IPPROTO_TCP, &checksum)
			      ? checksum
			      : before;
}

/* Returns the header when the payload and IP's lengths have changed, or NULL when nothing
 * has. */
static struct tcphdr *mangle_payload(struct pkt_buff *pktb, uint8_t *header,
				     mangle_ip *change, const struct mangle *mangle)
{
	unsigned int length = header_length(pktb, header);

	if (!length || !change(pktb, header + length, mangle))
		return NULL;
	return (struct tcphdr *)header;
}

int nfq_tcp_mangle_ipv4(struct pkt_buff *pktb, unsigned int offset, unsigned int length,
			const char *bytes, unsigned int count)
{
	struct mangle mangle = {offset, length, bytes, count};
	struct tcphdr *tcph;

	tcph = mangle_payload(pktb, ipv4_transport(pktb), mangle_ipv4, &mangle);
	if (!tcph)
		return 0;
	nfq_tcp_compute_checksum_ipv4(tcph, (struct iphdr *)pktb->network);
	return 1;
}

int nfq_tcp_mangle_ipv6(struct pkt_buff *pktb, unsigned int offset, unsigned int length,
			const char *bytes, unsigned int count)
{
	struct mangle mangle = {offset, length, bytes, count};
	struct tcphdr *tcph;

	tcph = mangle_payload(pktb, pktb->transport, mangle_ipv6, &mangle);
	if (!tcph)
		return 0;
	nfq_tcp_compute_checksum_ipv6(tcph, (struct ip6_hdr *)pktb->network);
	return 1;
}

static void put_flag(struct text *text, unsigned int is_set, const char *name)
{
	if (is_set)
		text_put(text, "%s ", name);
}

int nfq_tcp_snprintf(char *buffer, size_t size, const struct tcphdr *tcph)
{
	struct text text = {.buffer = buffer, .size = size};

	text_put(&text, "SPT=%u DPT=%u SEQ=%u ACK=%u WINDOW=%u RES=0x%02x ",
		 ntohs(tcph->source), ntohs(tcph->dest), ntohl(tcph->seq),
		 ntohl(tcph->ack_seq), ntohs(tcph->window), tcph->res1 << 2u);
	put_flag(&text, tcph->urg, "URG");
	put_flag(&text, tcph->ack, "ACK");
	put_flag(&text, tcph->psh, "PSH");
	put_flag(&text, tcph->rst, "RST");
	put_flag(&text, tcph->syn, "SYN");
	put_flag(&text, tcph->fin, "FIN");
	return (int)text.used;
}

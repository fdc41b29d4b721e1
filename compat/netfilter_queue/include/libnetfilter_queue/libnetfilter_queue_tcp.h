/* SPDX-License-Identifier: MIT */
/* The TCP header of a packet buffer. */
#ifndef _LIBNFQUEUE_TCP_H_
#define _LIBNFQUEUE_TCP_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pkt_buff;
struct tcphdr;
struct iphdr;
struct ip6_hdr;

/* NULL: there is none. */
struct tcphdr *nfq_tcp_get_hdr(struct pkt_buff *pktb);
void *nfq_tcp_get_payload(struct tcphdr *tcph, struct pkt_buff *pktb);
unsigned int nfq_tcp_get_payload_len(struct tcphdr *tcph, struct pkt_buff *pktb);

void nfq_tcp_compute_checksum_ipv4(struct tcphdr *tcph, struct iphdr *iph);
void nfq_tcp_compute_checksum_ipv6(struct tcphdr *tcph, struct ip6_hdr *ip6h);

/* Replaces bytes of the payload. 1, or 0 and nothing has changed. */
int nfq_tcp_mangle_ipv4(struct pkt_buff *pktb, unsigned int match_offset,
			unsigned int match_len, const char *rep_buffer,
			unsigned int rep_len);
int nfq_tcp_mangle_ipv6(struct pkt_buff *pktb, unsigned int match_offset,
			unsigned int match_len, const char *rep_buffer,
			unsigned int rep_len);
int nfq_tcp_snprintf(char *buf, size_t size, const struct tcphdr *tcp);

#ifdef __cplusplus
}
#endif

#endif

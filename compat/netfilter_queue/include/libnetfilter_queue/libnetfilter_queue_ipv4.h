/* SPDX-License-Identifier: MIT */
/* The IPv4 header of a packet buffer. */
#ifndef _LIBNFQUEUE_IPV4_
#define _LIBNFQUEUE_IPV4_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pkt_buff;
struct iphdr;

/* NULL: it is none. */
struct iphdr *nfq_ip_get_hdr(struct pkt_buff *pktb);

/* 0, or -1: there is none. */
int nfq_ip_set_transport_header(struct pkt_buff *pktb, struct iphdr *iph);
void nfq_ip_set_checksum(struct iphdr *iph);

/* 1, or 0 and nothing has changed. */
int nfq_ip_mangle(struct pkt_buff *pktb, unsigned int dataoff, unsigned int match_offset,
		  unsigned int match_len, const char *rep_buffer, unsigned int rep_len);
int nfq_ip_snprintf(char *buf, size_t size, const struct iphdr *iph);

#ifdef __cplusplus
}
#endif

#endif

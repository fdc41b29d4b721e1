/* SPDX-License-Identifier: MIT */
/* The ICMP header of a packet buffer. */
#ifndef _LIBNFQUEUE_ICMP_H_
#define _LIBNFQUEUE_ICMP_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pkt_buff;
struct icmphdr;

/* NULL: there is none. */
struct icmphdr *nfq_icmp_get_hdr(struct pkt_buff *pktb);

#ifdef __cplusplus
}
#endif

#endif

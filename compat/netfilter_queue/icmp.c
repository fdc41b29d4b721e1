/* SPDX-License-Identifier: MIT */
/* nfq_icmp_get_hdr(): the ICMP header of a packet buffer. */
#include <netinet/ip_icmp.h>

#include <libnetfilter_queue/libnetfilter_queue_icmp.h>

#include "pktbuff.h"

struct icmphdr *nfq_icmp_get_hdr(struct pkt_buff *pktb)
{
	return pktb_transport(pktb, sizeof(struct icmphdr));
}

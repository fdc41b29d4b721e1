/* SPDX-License-Identifier: MIT */
/* What the files of this layer share: where the headers of a view are. */
#ifndef NFQUEUE_PACKET_LAYERS_H
#define NFQUEUE_PACKET_LAYERS_H

#include <nfqueue/view.h>

#define IPV4_HEADER_MIN 20
#define IPV6_HEADER 40
#define TCP_HEADER_MIN 20
#define UDP_HEADER 8
#define ICMP_HEADER                                                                      \
	8               /* type, code, checksum and four bytes whose use depends on type \
			 */
#define ICMPV6_HEADER 4 /* RFC 4443 section 2.1: the message body may be empty */

/* Bytes of the IPv4 header with its options; 0 if it is cut short or its lengths lie. */
uint32_t packet_ipv4_header(const struct nfqueue_view *view);

/* Bytes of the TCP, UDP, ICMP or ICMPv6 header; 0 if there is none, if it is cut short
 * or if its length lies. */
uint32_t packet_transport_header(const struct nfqueue_view *view);

/* The protocol as every fragment of the packet tells it: for an IPv6 fragment the next
 * header of its fragment header. */
uint8_t packet_fragment_protocol(const struct nfqueue_view *view);

/* 1 if the transport header of `protocol` must be in this packet, whole or cut short. */
static inline int packet_carries(const struct nfqueue_view *view, uint8_t ip_version,
				 uint8_t protocol)
{
	return view->protocol == protocol &&
	       (ip_version ? view->ip_version == ip_version : view->ip_version != 0) &&
	       !(view->flags & NFQUEUE_VIEW_LATER_FRAGMENT);
}

#endif

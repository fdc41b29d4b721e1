/* SPDX-License-Identifier: MIT */
/*
 * Which packets get no answer, lest errors are answered with errors, and one packet by
 * many hosts: RFC 1812 section 4.3.2.7, RFC 4443 section 2.4 (e).
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <nfqueue/packet.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/layers.h"
#include "packet/reject.h"

#define ICMP_TYPES 18          /* the last type that icmp_pointers[] knows */
#define ICMPV6_INFORMATION 128 /* types from here on are no errors */

/* One host's, as far as the address tells: a network's broadcast address is known to
 * those alone who know the network. */
static int is_unicast_ipv4(const uint8_t *address)
{
	uint32_t value = load32(address);

	return value && value != UINT32_MAX && (value >> 28) != 14;
}

static int is_unicast_ipv6(const uint8_t *address)
{
	static const uint8_t unspecified[16];

	return address[0] != 0xff &&
	       memcmp(address, unspecified, sizeof(unspecified)) != 0;
}

static int is_between_hosts(const struct nfqueue_view *view)
{
	const uint8_t *data = view->data;

	if (view->ip_version == 4)
		return is_unicast_ipv4(data + 12) && is_unicast_ipv4(data + 16);
	return is_unicast_ipv6(data + 8) && is_unicast_ipv6(data + 24);
}

/* A bit for each type whose icmp_pointers[].error is set: destination unreachable, source
 * quench, redirect, router discovery (which routers send to all), time exceeded,
 * parameter problem, and those that were never assigned. */
static const uint32_t icmp_errors = 1u << 3 | 1u << 4 | 1u << 5 | 1u << 9 | 1u << 10 |
				    1u << 11 | 1u << 12 | /* and */ 1u << 1 | 1u << 2 |
				    1u << 6 | 1u << 7;

/* Of an unknown type, too: it may be an error. */
static int is_icmp_error(const struct nfqueue_view *view)
{
	int is_missing = view->transport_offset >= view->length;
	uint8_t type = is_missing ? 0 : view->data[view->transport_offset];

	if (packet_carries(view, 6, IPPROTO_ICMPV6))
		return is_missing || type < ICMPV6_INFORMATION;
	if (!packet_carries(view, 4, IPPROTO_ICMP))
		return 0;
	return is_missing || type > ICMP_TYPES || icmp_errors & 1u << type;
}

/* The sum over what a checksum of ours covers; 0xffff if it is right. */
static uint32_t transport_sum(const struct nfqueue_view *view, uint32_t length)
{
	uint32_t sum = 0;

	if (view->protocol != IPPROTO_ICMP)
		sum = checksum_pseudo(view, view->protocol, length);
	return checksum_add(sum, view->data + view->transport_offset, length);
}

static int is_udp_sound(const struct nfqueue_view *view)
{
	struct nfqueue_udp udp;

	if (nfqueue_view_udp(view, &udp) < 0 ||
	    udp.length > view->length - view->transport_offset)
		return 0;
	if (!udp.checksum) /* it was never made: RFC 768, RFC 6935 */
		return 1;
	/* the length of a jumbogram is 0, and in the IP header */
	return transport_sum(view, udp.length ? udp.length
					      : view->length - view->transport_offset) ==
	       0xffff;
}

static int is_sound(const struct nfqueue_view *view)
{
	if (packet_carries(view, 0, IPPROTO_UDP))
		return is_udp_sound(view);
	if (packet_carries(view, 0, IPPROTO_TCP) ||
	    packet_carries(view, 4, IPPROTO_ICMP) ||
	    packet_carries(view, 6, IPPROTO_ICMPV6))
		return transport_sum(view, view->length - view->transport_offset) ==
		       0xffff;
	return 1; /* the kernel looks for TCP's checksum in unknown protocols: not here */
}

int reject_check(const struct nfqueue_view *view, uint32_t skb_info)
{
	int is_later = view->flags & NFQUEUE_VIEW_LATER_FRAGMENT;
	int is_cut = view->flags & NFQUEUE_VIEW_TRUNCATED;

	if (view->flags & NFQUEUE_VIEW_BAD)
		return -EBADMSG;
	if (is_later || !is_between_hosts(view))
		return -ENOENT;
	if (is_cut && view->transport_offset == view->length)
		return -EMSGSIZE;
	if (is_icmp_error(view))
		return -ENOENT;
	/* the first fragment's covers the others, too */
	if (skb_info & NFQUEUE_CHECKSUM_NOT_READY || view->flags & NFQUEUE_VIEW_FRAGMENT)
		return 0;
	if (is_cut)
		return skb_info & NFQUEUE_CHECKSUM_NOT_VERIFIED ? -EMSGSIZE : 0;
	return is_sound(view) ? 0 : -ENOENT;
}

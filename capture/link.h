/* SPDX-License-Identifier: MIT */
/* Link layers: where the IP packet stands in what was captured. Bytes only. */
#ifndef CAPTURE_LINK_H
#define CAPTURE_LINK_H

#include <stdbool.h>
#include <stdint.h>

/* Source: uapi/linux/if_ether.h, ETH_P_*. */
#define LINK_IPV4 0x0800u
#define LINK_IPV6 0x86ddu
#define LINK_VLAN 0x8100u
#define LINK_QINQ 0x88a8u
#define LINK_QINQ_OLD 0x9100u
#define LINK_PPPOE 0x8864u

/* Source: uapi/linux/if_packet.h, PACKET_*; uapi/linux/if_arp.h, ARPHRD_*. */
#define LINK_PACKET_HOST 0u
#define LINK_PACKET_MULTICAST 2u
#define LINK_PACKET_OTHER_HOST 3u
#define LINK_PACKET_OUTGOING 4u
#define LINK_HARDWARE_ETHERNET 1u
#define LINK_HARDWARE_NONE 0xfffeu

#define LINK_NO_HOOK 0xffu

/* What stood in front of an IP packet. */
struct link_found {
	uint32_t offset;                  /* of the IP header */
	uint16_t protocol;                /* LINK_IPV4 or LINK_IPV6 */
	uint16_t vlan_protocol, vlan_tci; /* the outermost tag; protocol 0: none */
	uint32_t interface;      /* an index of the other machine's; 0: unknown */
	bool outgoing, incoming; /* seen from the machine that captured; or neither */
	uint8_t hook;            /* enum nfqueue_hook; LINK_NO_HOOK: unknown */
	uint32_t mark;           /* of the packet; 0: none, or unknown */
	uint8_t hw_address_length;
	uint8_t hw_address[8]; /* the sender's */
};

/* Whether link_find() knows the link type (DLT_* of libpcap). */
bool link_is_known(int link_type);

/* Finds the IP packet in `captured` bytes from the link-layer header on. Returns 0, or
 * -ENOENT: it is none, or its header is cut. Never looks behind `captured`.
 * Source: tcpdump.org/linktypes.html. */
int link_find(int link_type, const uint8_t *data, uint32_t captured,
	      struct link_found *found);

#endif

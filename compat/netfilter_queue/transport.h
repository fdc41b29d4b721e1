/* SPDX-License-Identifier: MIT */
/* The checksums that TCP and UDP share. */
#ifndef NFQUEUE_COMPAT_TRANSPORT_H
#define NFQUEUE_COMPAT_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

struct iphdr;
struct ip6_hdr;

/* The checksum of the segment at `header`, in network order, whose field must be 0 by
 * now. False: the lengths lie, there is none. */
bool transport_checksum_ipv4(const struct iphdr *iph, const void *header,
			     uint8_t protocol, uint16_t *checksum);
bool transport_checksum_ipv6(const struct ip6_hdr *ip6h, const void *header,
			     uint8_t protocol, uint16_t *checksum);

#endif

/* SPDX-License-Identifier: MIT */
/* The pseudo header that the checksums of TCP, UDP and ICMPv6 cover. */
#include <netinet/in.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/layers.h"

#define ADDRESS 16 /* of IPv6 */
#define ROUTING_TYPE_0 0
#define ROUTING_TYPE_2 2
#define ROUTING_SEGMENT 4

/* Where the routing header has the last address of the way: RFC 2460 section 4.4 and
 * RFC 6275 section 6.4 write it last, RFC 8754 section 2 first. 0: it does not tell. */
static uint32_t last_address(const struct nfqueue_option *header)
{
	const uint8_t *data = header->data;

	if (header->length < 8 + ADDRESS || !data[3]) /* no segments left: it is there */
		return 0;
	switch (data[2]) {
	case ROUTING_TYPE_0:
	case ROUTING_TYPE_2:
		return header->offset + header->length - ADDRESS;
	case ROUTING_SEGMENT:
		return header->offset + 8;
	}
	return 0;
}

/* The final destination, for it is the receiver that checks: RFC 8200 section 8.1. */
static const uint8_t *final_destination(const struct nfqueue_view *view)
{
	struct nfqueue_option header = {0};
	uint32_t found = 0;

	while (nfqueue_view_ipv6_extension(view, &header) > 0)
		if (header.type == IPPROTO_ROUTING && last_address(&header))
			found = last_address(&header);
	return view->data + (found ? found : 24);
}

uint32_t checksum_pseudo(const struct nfqueue_view *view, uint8_t protocol,
			 uint32_t length)
{
	uint32_t sum = checksum_add16(length & 0xffff, length >> 16);

	sum = checksum_add16(sum, protocol);
	if (view->ip_version == 4)
		return checksum_add(sum, view->data + 12, 8);
	sum = checksum_add(sum, view->data + 8, ADDRESS);
	return checksum_add(sum, final_destination(view), ADDRESS);
}

/* SPDX-License-Identifier: MIT */
#include "replay_checksum.h"

#include <netinet/in.h>
#include <string.h>

#include <nfqueue/build.h>
#include <nfqueue/view.h>

#define PSEUDO_MAX 40u

static void store16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* The pseudo header of RFC 9293 section 3.1 or RFC 8200 section 8.1. Returns its length.
 */
static size_t pseudo_header(const struct nfqueue_view *view, uint32_t length,
			    uint8_t *pseudo)
{
	size_t addresses = view->ip_version == 4 ? 8 : 32;

	memset(pseudo, 0, PSEUDO_MAX);
	memcpy(pseudo, view->data + (view->ip_version == 4 ? 12 : 8), addresses);
	store16(pseudo + addresses, length >> 16);
	store16(pseudo + addresses + 2, length);
	store16(pseudo + addresses + 6, view->protocol);
	return addresses + 8;
}

/* The transport's checksum as it stands in the packet; -1: no such header. */
static int32_t checksum_of(const struct nfqueue_view *view)
{
	struct nfqueue_tcp tcp;
	struct nfqueue_udp udp;

	if (nfqueue_view_tcp(view, &tcp) == 0)
		return tcp.checksum;
	return nfqueue_view_udp(view, &udp) == 0 ? udp.checksum : -1;
}

/* Then its field holds the sum of the pseudo header, and nothing of the packet's bytes.
 * Source: CHECKSUM_PARTIAL, tcp_v4_send_check(). */
uint32_t replay_checksum_info(const struct policy_packet *packet)
{
	uint8_t pseudo[PSEUDO_MAX];
	struct nfqueue_view view;
	int32_t checksum;
	size_t length;

	if (nfqueue_view_parse(&view, packet->data, packet->captured) < 0 ||
	    view.flags & (NFQUEUE_VIEW_FRAGMENT | NFQUEUE_VIEW_BAD))
		return 0;
	checksum = checksum_of(&view);
	if (checksum < 0)
		return 0;
	length = pseudo_header(&view, view.total_length - view.transport_offset, pseudo);
	return checksum == (uint16_t)~nfqueue_checksum(pseudo, length)
		       ? NFQUEUE_CHECKSUM_NOT_READY
		       : 0;
}

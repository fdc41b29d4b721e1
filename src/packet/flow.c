/* SPDX-License-Identifier: MIT */
/* Who talks to whom, and a hash of it. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/layers.h"

#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO 8
#define ICMPV6_ECHO 128
#define ICMPV6_ECHO_REPLY 129

static int has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ||
	       protocol == IPPROTO_UDPLITE || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP;
}

static int is_echo(const struct nfqueue_view *view, uint8_t type)
{
	if (packet_carries(view, 4, IPPROTO_ICMP))
		return type == ICMP_ECHO || type == ICMP_ECHO_REPLY;
	if (packet_carries(view, 6, IPPROTO_ICMPV6))
		return type == ICMPV6_ECHO || type == ICMPV6_ECHO_REPLY;
	return 0;
}

/* A header that is cut short behind its ports still tells them. */
static void set_ports(const struct nfqueue_view *view, struct nfqueue_flow *out)
{
	const uint8_t *header = view->data + view->transport_offset;
	uint32_t left = view->length - view->transport_offset;

	if (view->flags & NFQUEUE_VIEW_FRAGMENT)
		return;
	if (has_ports(view->protocol) && left >= 4) {
		out->source_port = load16(header);
		out->destination_port = load16(header + 2);
	} else if (left >= 6 && is_echo(view, header[0])) {
		out->source_port = out->destination_port = load16(header + 4);
	}
}

int nfqueue_view_flow(const struct nfqueue_view *view, struct nfqueue_flow *out)
{
	*out = (struct nfqueue_flow){0};
	if (packet_ipv4_header(view)) {
		memcpy(out->source, view->data + 12, 4);
		memcpy(out->destination, view->data + 16, 4);
	} else if (view->ip_version == 6 && view->length >= IPV6_HEADER) {
		memcpy(out->source, view->data + 8, 16);
		memcpy(out->destination, view->data + 24, 16);
	} else {
		return -EBADMSG;
	}
	out->ip_version = view->ip_version;
	out->protocol = packet_fragment_protocol(view);
	set_ports(view, out);
	return 0;
}

static size_t address_size(const struct nfqueue_flow *flow)
{
	return flow->ip_version == 4 ? 4 : 16;
}

int nfqueue_flow_equal(const struct nfqueue_flow *a, const struct nfqueue_flow *b)
{
	size_t size = address_size(a);

	return a->ip_version == b->ip_version && a->protocol == b->protocol &&
	       a->source_port == b->source_port &&
	       a->destination_port == b->destination_port &&
	       !memcmp(a->source, b->source, size) &&
	       !memcmp(a->destination, b->destination, size);
}

/* One block of MurmurHash3_x86_32. */
static uint32_t mix(uint32_t hash, uint32_t word)
{
	word *= 0xcc9e2d51;
	word = word << 15 | word >> 17;
	hash ^= word * 0x1b873593;
	hash = hash << 13 | hash >> 19;
	return hash * 5 + 0xe6546b64;
}

/* MurmurHash3's finaliser. */
static uint32_t finish(uint32_t hash)
{
	hash ^= hash >> 16;
	hash *= 0x85ebca6b;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35;
	return hash ^ hash >> 16;
}

static uint32_t mix_address(uint32_t hash, const uint8_t *address, size_t size)
{
	for (size_t i = 0; i < size; i += 4)
		hash = mix(hash, load32(address + i));
	return hash;
}

/* The lower end first, whichever way the packet goes. */
uint32_t nfqueue_flow_hash(const struct nfqueue_flow *flow, uint32_t seed)
{
	size_t size = address_size(flow);
	int order = memcmp(flow->source, flow->destination, size);
	int swap =
		order > 0 || (order == 0 && flow->source_port > flow->destination_port);
	uint32_t low_port = swap ? flow->destination_port : flow->source_port;
	uint32_t high_port = swap ? flow->source_port : flow->destination_port;
	uint32_t hash = mix(seed, (uint32_t)flow->ip_version << 8 | flow->protocol);

	hash = mix_address(hash, swap ? flow->destination : flow->source, size);
	hash = mix_address(hash, swap ? flow->source : flow->destination, size);
	return finish(mix(hash, low_port << 16 | high_port));
}

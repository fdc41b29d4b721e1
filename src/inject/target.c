/* SPDX-License-Identifier: MIT */
#include "inject/target.h"

#include <nfqueue/view.h>

#include <errno.h>
#include <string.h>

#define MULTICAST_IPV4 0xe0 /* and above: class D and E, the broadcast */
#define MULTICAST_IPV6 0xff

static bool is_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

/* fe80::/10: means nothing without its interface. */
static bool is_link_local(const uint8_t *address)
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

/*
 * What the kernel takes as the source of a route, ip_route_output_key_hash_rcu() and
 * ip6_datagram_send_ctl(): an address that one host may have. To many it wants a local
 * one.
 */
static bool routes_source(const struct inject_target *target)
{
	const uint8_t *source = target->source, *destination = target->destination;

	if (target->ip_version == 4)
		return source[0] != 0 && source[0] < MULTICAST_IPV4 &&
		       destination[0] < MULTICAST_IPV4;
	return !is_zero(source, 16) && source[0] != MULTICAST_IPV6 &&
	       destination[0] != MULTICAST_IPV6 && !is_link_local(source);
}

static int find_ipv4(struct inject_target *target, const struct nfqueue_view *view)
{
	struct nfqueue_ipv4 ip;
	int error = nfqueue_view_ipv4(view, &ip);

	if (error)
		return error;
	target->address_length = sizeof(ip.destination);
	target->header_length = ip.header_length;
	target->dont_fragment = ip.dont_fragment;
	memcpy(target->destination, ip.destination, sizeof(ip.destination));
	memcpy(target->source, ip.source, sizeof(ip.source));
	return 0;
}

static int find_ipv6(struct inject_target *target, const struct nfqueue_view *view)
{
	struct nfqueue_ipv6 ip;
	int error = nfqueue_view_ipv6(view, &ip);

	if (error)
		return error;
	target->address_length = sizeof(ip.destination);
	memcpy(target->destination, ip.destination, sizeof(ip.destination));
	memcpy(target->source, ip.source, sizeof(ip.source));
	return 0;
}

static int refuse(const char **words, const char *what)
{
	*words = what;
	return -EINVAL;
}

int inject_target_find(struct inject_target *target, const void *data, size_t length,
		       const char **words)
{
	struct nfqueue_view view;
	int error;

	memset(target, 0, sizeof(*target));
	if (!data || nfqueue_view_parse(&view, data, length) < 0)
		return refuse(words, "the bytes are no IPv4 or IPv6 packet");
	if (view.flags & NFQUEUE_VIEW_TRUNCATED)
		return refuse(words, "the packet is cut short: its IP header tells a "
				     "greater length; raise the copy range");
	error = view.ip_version == 4 ? find_ipv4(target, &view)
				     : find_ipv6(target, &view);
	if (error)
		return refuse(words, "the length of its IP header lies");
	if (is_zero(target->destination, target->address_length))
		return refuse(words, "the packet goes to no address");
	target->data = view.data;
	target->length = view.length;
	target->ip_version = view.ip_version;
	target->protocol = view.protocol;
	target->routes_source = routes_source(target);
	return 0;
}

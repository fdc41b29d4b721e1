/* SPDX-License-Identifier: MIT */
#include "transport.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <nfqueue/view.h>

#include "packet/checksum.h"

/* Over what stands from `header` to `total` bytes behind the IP header's start. */
static bool checksum(const void *ip, int64_t total, const void *header, uint8_t protocol,
		     uint16_t *result)
{
	int64_t length = total - ((const uint8_t *)header - (const uint8_t *)ip);
	struct nfqueue_view view;
	uint32_t sum;

	if (length <= 0 || length > total)
		return false;
	if (nfqueue_view_parse(&view, ip, (size_t)total) < 0)
		return false;
	sum = checksum_pseudo(&view, protocol, (uint32_t)length);
	sum = checksum_add(sum, header, (size_t)length);
	*result = htons(checksum_finish(sum));
	return true;
}

bool transport_checksum_ipv4(const struct iphdr *iph, const void *header,
			     uint8_t protocol, uint16_t *result)
{
	return checksum(iph, ntohs(iph->tot_len), header, protocol, result);
}

bool transport_checksum_ipv6(const struct ip6_hdr *ip6h, const void *header,
			     uint8_t protocol, uint16_t *result)
{
	int64_t total = (int64_t)sizeof(*ip6h) + ntohs(ip6h->ip6_plen);

	return checksum(ip6h, total, header, protocol, result);
}

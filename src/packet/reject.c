/* SPDX-License-Identifier: MIT */
/* The packet that tells a sender that its packet was rejected. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <nfqueue/build.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/layers.h"
#include "packet/reject.h"

#define TTL 64       /* of both IP versions: RFC 1700, net.ipv4.ip_default_ttl */
#define IPV4_MAX 576 /* RFC 1812 section 4.3.2.3 */
#define DONT_FRAGMENT 0x4000
#define CONTROL 0xc0  /* internetwork control, with the TOS: RFC 1812 section 4.3.2.5 */
#define TOS 0x1c      /* without ECN */
#define UNREACHABLE 3 /* ICMP type */
#define UNREACHABLE6 1

/* RFC 792, RFC 1812 section 5.2.7.1, RFC 4443 section 3.1. */
static const uint8_t codes[NFQUEUE_REJECT_COUNT][2] = {
	[NFQUEUE_REJECT_NET_UNREACHABLE] = {0, 0},
	[NFQUEUE_REJECT_HOST_UNREACHABLE] = {1, 3},
	[NFQUEUE_REJECT_PROTOCOL_UNREACHABLE] = {2, 4},
	[NFQUEUE_REJECT_PORT_UNREACHABLE] = {3, 4},
	[NFQUEUE_REJECT_NET_PROHIBITED] = {9, 1},
	[NFQUEUE_REJECT_HOST_PROHIBITED] = {10, 1},
	[NFQUEUE_REJECT_ADMIN_PROHIBITED] = {13, 1},
	[NFQUEUE_REJECT_POLICY_FAIL] = {13, 5},
	[NFQUEUE_REJECT_REJECT_ROUTE] = {13, 6},
};

static const struct {
	const char *word;
	enum nfqueue_reject reject;
} words[] = {
	{"tcp-reset", NFQUEUE_REJECT_TCP_RESET},
	{"net-unreachable", NFQUEUE_REJECT_NET_UNREACHABLE},
	{"no-route", NFQUEUE_REJECT_NET_UNREACHABLE},
	{"host-unreachable", NFQUEUE_REJECT_HOST_UNREACHABLE},
	{"addr-unreachable", NFQUEUE_REJECT_HOST_UNREACHABLE},
	{"proto-unreachable", NFQUEUE_REJECT_PROTOCOL_UNREACHABLE},
	{"prot-unreachable", NFQUEUE_REJECT_PROTOCOL_UNREACHABLE},
	{"port-unreachable", NFQUEUE_REJECT_PORT_UNREACHABLE},
	{"net-prohibited", NFQUEUE_REJECT_NET_PROHIBITED},
	{"host-prohibited", NFQUEUE_REJECT_HOST_PROHIBITED},
	{"admin-prohibited", NFQUEUE_REJECT_ADMIN_PROHIBITED},
	{"adm-prohibited", NFQUEUE_REJECT_ADMIN_PROHIBITED},
	{"policy-fail", NFQUEUE_REJECT_POLICY_FAIL},
	{"reject-route", NFQUEUE_REJECT_REJECT_ROUTE},
};

int nfqueue_reject_find(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *rest = word;

		if (words[i].reject != NFQUEUE_REJECT_TCP_RESET) {
			if (!strncmp(word, "icmp-", 5))
				rest = word + 5;
			else if (!strncmp(word, "icmp6-", 6))
				rest = word + 6;
		}
		if (!strcmp(words[i].word, rest))
			return (int)words[i].reject;
	}
	return -ENOENT;
}

/* From the packet's destination to its source; all but the transport header and what
 * follows it, which is `length` bytes long. */
static void put_ip(const struct nfqueue_view *view, uint8_t *out, uint8_t protocol,
		   uint32_t length)
{
	if (view->ip_version == 6) {
		memset(out, 0, IPV6_HEADER);
		out[0] = 0x60;
		store16(out + 4, length);
		out[6] = protocol;
		out[7] = TTL;
		memcpy(out + 8, view->data + 24, 16);
		memcpy(out + 24, view->data + 8, 16);
		return;
	}
	memset(out, 0, IPV4_HEADER_MIN);
	out[0] = 0x45;
	if (protocol == IPPROTO_ICMP)
		out[1] = CONTROL | (view->data[1] & TOS);
	store16(out + 2, IPV4_HEADER_MIN + length);
	store16(out + 6, DONT_FRAGMENT);
	out[8] = TTL;
	out[9] = protocol;
	memcpy(out + 12, view->data + 16, 4);
	memcpy(out + 16, view->data + 12, 4);
	store16(out + 10, nfqueue_checksum(out, IPV4_HEADER_MIN));
}

static uint32_t ip_header(const struct nfqueue_view *view)
{
	return view->ip_version == 6 ? IPV6_HEADER : IPV4_HEADER_MIN;
}

/* The checksum of what stands behind the IP header of `out`. */
static uint16_t checksum_of(const struct nfqueue_view *view, const uint8_t *out,
			    uint8_t protocol, uint32_t length)
{
	uint32_t header = ip_header(view), sum = 0;
	struct nfqueue_view answer = {
		.data = out,
		.length = header + length,
		.ip_version = view->ip_version,
	};

	if (protocol != IPPROTO_ICMP)
		sum = checksum_pseudo(&answer, protocol, length);
	return checksum_finish(checksum_add(sum, out + header, length));
}

/* As if the receiver had no such connection: RFC 9293 section 3.10.7.1. */
static void put_reset(const struct nfqueue_view *view, const struct nfqueue_tcp *tcp,
		      uint8_t *out)
{
	uint32_t end = tcp->sequence + (view->total_length - view->payload_offset);
	uint8_t *reset = out + ip_header(view);

	end += !!(tcp->flags & NFQUEUE_TCP_SYN) + !!(tcp->flags & NFQUEUE_TCP_FIN);
	put_ip(view, out, IPPROTO_TCP, TCP_HEADER_MIN);
	memset(reset, 0, TCP_HEADER_MIN);
	store16(reset, tcp->destination_port);
	store16(reset + 2, tcp->source_port);
	reset[12] = TCP_HEADER_MIN / 4 << 4;
	reset[13] = NFQUEUE_TCP_RST;
	if (tcp->flags & NFQUEUE_TCP_ACK) {
		store32(reset + 4, tcp->acknowledgement);
	} else {
		store32(reset + 8, end);
		reset[13] |= NFQUEUE_TCP_ACK;
	}
	store16(reset + 16, checksum_of(view, out, IPPROTO_TCP, TCP_HEADER_MIN));
}

static int build_reset(const struct nfqueue_view *view, uint8_t *out, size_t size)
{
	uint32_t length = ip_header(view) + TCP_HEADER_MIN;
	struct nfqueue_tcp tcp;
	int ret = nfqueue_view_tcp(view, &tcp);

	if (ret == -EBADMSG && view->flags & NFQUEUE_VIEW_TRUNCATED)
		return -EMSGSIZE;
	if (ret < 0)
		return ret;
	/* how long the segment is, the other fragments know */
	if (tcp.flags & NFQUEUE_TCP_RST || view->flags & NFQUEUE_VIEW_FRAGMENT)
		return -ENOENT;
	if (size < length)
		return -ENOSPC;
	put_reset(view, &tcp, out);
	return (int)length;
}

/* With as much of the packet as there is room for. */
static int build_unreachable(const struct nfqueue_view *view, enum nfqueue_reject how,
			     uint8_t *out, size_t size)
{
	int is_ipv6 = view->ip_version == 6;
	uint8_t protocol = is_ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	uint32_t headers = ip_header(view) + ICMP_HEADER, count;
	uint8_t *icmp = out + ip_header(view);

	count = (is_ipv6 ? NFQUEUE_REJECT_MAX : IPV4_MAX) - headers;
	if (count > view->length)
		count = view->length;
	if (size < headers + count)
		return -ENOSPC;
	put_ip(view, out, protocol, ICMP_HEADER + count);
	memset(icmp, 0, ICMP_HEADER);
	icmp[0] = is_ipv6 ? UNREACHABLE6 : UNREACHABLE;
	icmp[1] = codes[how][is_ipv6];
	memcpy(icmp + ICMP_HEADER, view->data, count);
	store16(icmp + 2, checksum_of(view, out, protocol, ICMP_HEADER + count));
	return (int)(headers + count);
}

int nfqueue_build_reject(const void *data, size_t length, enum nfqueue_reject how,
			 uint32_t skb_info, void *out, size_t size)
{
	struct nfqueue_view view;
	int ret;

	if ((unsigned int)how >= NFQUEUE_REJECT_COUNT)
		return -EINVAL;
	ret = nfqueue_view_parse(&view, data, length);
	if (!ret)
		ret = reject_check(&view, skb_info);
	if (ret < 0)
		return ret;
	if (how == NFQUEUE_REJECT_DEFAULT)
		how = packet_carries(&view, 0, IPPROTO_TCP)
			      ? NFQUEUE_REJECT_TCP_RESET
			      : NFQUEUE_REJECT_PORT_UNREACHABLE;
	if (how == NFQUEUE_REJECT_TCP_RESET)
		return build_reset(&view, out, size);
	return build_unreachable(&view, how, out, size);
}

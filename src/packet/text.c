/* SPDX-License-Identifier: MIT */
/* A packet in one line: the IP headers, and who prints what is behind them. */
#include <limits.h>
#include <netinet/in.h>

#include "packet/layers.h"
#include "packet/text.h"

#define PROTOCOL_IPCOMP 108
#define PROTOCOL_SUN_ND 77

void text_addresses(struct line *line, const struct layer *layer)
{
	if (layer->ip_version == 4) {
		line_put_ipv4(line, layer->ip + 12);
		line_put(line, " > ");
		line_put_ipv4(line, layer->ip + 16);
	} else {
		line_put_ipv6(line, layer->ip + 8);
		line_put(line, " > ");
		line_put_ipv6(line, layer->ip + 24);
	}
}

static void put_end(struct line *line, const struct layer *layer, int destination,
		    uint16_t port)
{
	if (layer->ip_version == 4)
		line_put_ipv4(line, layer->ip + (destination ? 16 : 12));
	else
		line_put_ipv6(line, layer->ip + (destination ? 24 : 8));
	line_put(line, ".%u", port);
}

void text_ports(struct line *line, const struct layer *layer, uint8_t protocol)
{
	uint16_t source = line_u16(line, layer->offset);
	uint16_t destination = line_u16(line, layer->offset + 2);

	if (layer->next_header != protocol) {
		line_put(line, "%u > %u: ", source, destination);
		return;
	}
	put_end(line, layer, 0, source);
	line_put(line, " > ");
	put_end(line, layer, 1, destination);
	line_put(line, ": ");
}

/* These print the addresses themselves, with their ports. */
static int prints_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

/* Bytes behind the packet are not its own. */
static void limit(struct line *line, uint32_t start, uint32_t length)
{
	if (line->end - start > length)
		line->end = start + length;
}

/* 0 if the header makes no sense, and the line says so. */
static uint32_t ipv4_header(struct line *line, const struct layer *layer)
{
	uint8_t first = line_u8(line, layer->ip), version = first >> 4;
	uint32_t header = (first & 15u) * 4;

	if (line->cut)
		return 0;
	if (version != 4) {
		if (version == 6)
			line_put(line, "IP6, wrong link-layer encapsulation (invalid)");
		else
			line_put(line, "IP%u (invalid)", version);
		return 0;
	}
	line_put(line, "IP ");
	line_need(line, layer->ip, IPV4_HEADER_MIN);
	if (header >= IPV4_HEADER_MIN)
		return header;
	line_put(line, "bad-hlen %u", header);
	return 0;
}

/* 1 if a transport header is to be printed. */
static int print_ipv4_payload(struct line *line, struct layer *layer, uint32_t header)
{
	uint16_t fragment = line_u16(line, layer->ip + 6);

	layer->next_header = layer->protocol = line_u8(line, layer->ip + 9);
	layer->fragmented = fragment >> 13 & 1;
	layer->offset = layer->ip + header;
	if (fragment & 0x1fff) {
		text_addresses(line, layer);
		line_put(line, ": ip-proto-%u", layer->protocol);
		return 0;
	}
	if (!prints_ports(layer->protocol)) {
		text_addresses(line, layer);
		line_put(line, ": ");
	}
	if (line_has(line, layer->ip, header))
		return 1;
	line_put(line, " [remaining caplen(%u) < header length(%u)]",
		 line->end - layer->ip, header);
	line->cut = 1;
	return 0;
}

static int print_ipv4(struct line *line, struct layer *layer)
{
	uint32_t header, total;

	line->protocol = "ip";
	layer->ip_version = 4;
	header = ipv4_header(line, layer);
	if (!header || line->cut)
		return 0;
	total = line_u16(line, layer->ip + 2);
	if (layer->ip && layer->length < total)
		line_put(line, "truncated-ip - %u bytes missing! ",
			 total - layer->length);
	if (!total && !layer->ip) /* big TCP; tcpdump says bad-len 0 */
		total = layer->length;
	if (total < header) {
		line_put(line, "bad-len %u", total);
		return 0;
	}
	limit(line, layer->ip, total);
	layer->length = total - header;
	return print_ipv4_payload(line, layer, header);
}

static int print_ipv6_payload(struct line *line, struct layer *layer)
{
	int ret;

	if (!prints_ports(layer->protocol)) {
		text_addresses(line, layer);
		line_put(line, ": ");
	}
	do {
		ret = text_extension(line, layer);
	} while (ret > 0 && !line->cut);
	return ret == 0;
}

static int print_ipv6(struct line *line, struct layer *layer)
{
	uint32_t total, version;

	line->protocol = "ip6";
	line_need(line, layer->ip, IPV6_HEADER);
	line_put(line, "IP6 ");
	version = line_u8(line, layer->ip) >> 4;
	if (version != 6) {
		line_put(line, "version error: %u != 6", version);
		return 0;
	}
	total = IPV6_HEADER + line_u16(line, layer->ip + 4);
	if (layer->ip && layer->length < total)
		line_put(line, "truncated-ip6 - %u bytes missing!",
			 total - layer->length);
	if (total == IPV6_HEADER && !layer->ip) /* jumbo, big TCP */
		total = layer->length;
	limit(line, layer->ip, total);
	layer->ip_version = 6;
	layer->fragmented = layer->hop_by_hop = 0;
	layer->length = total - IPV6_HEADER;
	layer->offset = layer->ip + IPV6_HEADER;
	layer->next_header = layer->protocol = line_u8(line, layer->ip + 6);
	return print_ipv6_payload(line, layer);
}

/* RFC 4302 section 2. 1 if the next header is to be printed. */
static int print_ah(struct line *line, struct layer *layer)
{
	uint32_t at = layer->offset, length, reserved;

	line->protocol = "ah";
	layer->protocol = line_u8(line, at);
	line_put(line, "AH");
	length = (line_u8(line, at + 1) + 2u) * 4;
	line_put(line, "(");
	reserved = line_u16(line, at + 2);
	if (reserved)
		line_put(line, "reserved=0x%x[MustBeZero],", reserved);
	line_put(line, "spi=0x%08x,", line_u32(line, at + 4));
	line_put(line, "seq=0x%x,", line_u32(line, at + 8));
	line_put(line, "icv=0x");
	line_put_hex(line, at + 12, length > 12 ? length - 12 : 0);
	line_put(line, "): ");
	layer->offset += length;
	layer->length -= length;
	return !line->cut;
}

static void print_esp(struct line *line, const struct layer *layer)
{
	uint32_t spi = line_u32(line, layer->offset);
	uint32_t sequence = line_u32(line, layer->offset + 4);

	line->protocol = "esp";
	line_need(line, layer->offset + 8, 1);
	line_put(line, "ESP(spi=0x%08x,seq=0x%x), length %u", spi, sequence,
		 layer->length);
}

static void print_sctp(struct line *line, const struct layer *layer)
{
	line->protocol = "sctp";
	if (layer->length < 12) {
		line_put(line, "truncated-sctp - %u bytes missing!", 12 - layer->length);
		return;
	}
	line_need(line, layer->offset, 12);
	text_ports(line, layer, IPPROTO_SCTP);
	line_put(line, "sctp");
}

static void print_dccp(struct line *line, const struct layer *layer)
{
	line->protocol = "dccp";
	line_need(line, layer->offset, 12);
	text_ports(line, layer, IPPROTO_DCCP);
	line_put(line, "DCCP");
}

/* What is neither TCP, UDP nor ICMP. */
static void print_other(struct line *line, const struct layer *layer)
{
	switch (layer->protocol) {
	case IPPROTO_SCTP:
		print_sctp(line, layer);
		break;
	case IPPROTO_DCCP:
		print_dccp(line, layer);
		break;
	case IPPROTO_ESP:
		print_esp(line, layer);
		break;
	case PROTOCOL_IPCOMP:
		line->protocol = "ipcomp";
		line_put(line, "IPComp(cpi=0x%04x)", line_u16(line, layer->offset + 2));
		break;
	case PROTOCOL_SUN_ND:
		line_put(line, " nd %u", layer->length);
		break;
	case IPPROTO_NONE:
		line_put(line, "no next header");
		break;
	default:
		line_put(line, " ip-proto-%u %u", layer->protocol, layer->length);
	}
}

static void print_transport(struct line *line, const struct layer *layer)
{
	switch (layer->protocol) {
	case IPPROTO_TCP:
		text_tcp(line, layer);
		break;
	case IPPROTO_UDP:
		text_udp(line, layer);
		break;
	case IPPROTO_ICMP:
		if (layer->ip_version == 4)
			text_icmp(line, layer);
		else
			line_put(line, "[ICMP requires IPv4] (invalid)");
		break;
	case IPPROTO_ICMPV6:
		if (layer->ip_version == 6)
			text_icmpv6(line, layer);
		else
			line_put(line, "[ICMPv6 requires IPv6] (invalid)");
		break;
	default:
		print_other(line, layer);
	}
}

/* A loop, not a recursion: a packet may hold thousands of tunnels. */
static void print_packet(struct line *line, struct layer *layer)
{
	int more = layer->ip_version == 4 ? print_ipv4(line, layer)
					  : print_ipv6(line, layer);

	while (more) {
		switch (layer->protocol) {
		case IPPROTO_AH:
			more = print_ah(line, layer);
			break;
		case IPPROTO_IPIP:
			layer->ip = layer->offset;
			more = print_ipv4(line, layer);
			break;
		case IPPROTO_IPV6:
			layer->ip = layer->offset;
			more = print_ipv6(line, layer);
			break;
		default:
			print_transport(line, layer);
			more = 0;
		}
	}
}

int nfqueue_view_text(const struct nfqueue_view *view, char *text, size_t size)
{
	struct line line = {.text = text,
			    .size = size,
			    .data = view->data,
			    .end = view->length,
			    .protocol = "ip",
			    .after_cut = ""};
	struct layer layer = {.length = view->total_length,
			      .ip_version = view->ip_version};

	line_rewind(&line, 0);
	if (!view->length)
		line_put(&line, "truncated-ip 0");
	else if (!view->ip_version)
		line_put(&line, "unknown ip %u", view->data[0] >> 4);
	else
		print_packet(&line, &layer);
	line_finish(&line);
	return line.used < INT_MAX ? (int)line.used : INT_MAX;
}

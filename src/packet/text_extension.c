/* SPDX-License-Identifier: MIT */
/* IPv6 extension headers in text: RFC 8200 section 4, RFC 6275 section 6. */
#include <netinet/in.h>

#include "packet/text.h"

#define PROTOCOL_MOBILITY_OLD 62

#define OPTION_PAD1 0
#define OPTION_PADN 1
#define OPTION_ROUTER_ALERT 5
#define OPTION_JUMBO 0xc2
#define OPTION_HOME_ADDRESS 0xc9

#define ROUTING_SEGMENT 4 /* RFC 8754 */

static int advance(struct line *line, struct layer *layer, uint32_t length)
{
	layer->protocol = line_u8(line, layer->offset);
	layer->offset += length;
	layer->length -= length;
	return line->cut ? -1 : 1;
}

static void put_bad_option(struct line *line, const char *name, uint32_t size,
			   uint32_t wanted, uint8_t told)
{
	if (size < wanted)
		line_put(line, "(%s: trunc)", name);
	else
		line_put(line, "(%s: invalid len %u)", name, told);
	line->cut = 1;
}

/* Checks one option of `size` bytes at most; cuts the line if its length lies. */
static void check_option(struct line *line, uint32_t offset, uint32_t size)
{
	uint8_t type = line_u8(line, offset), told = line_u8(line, offset + 1);

	if (type == OPTION_ROUTER_ALERT && (size < 4 || told != 2))
		put_bad_option(line, "rtalert", size, 4, told);
	else if (type == OPTION_JUMBO && (size < 6 || told != 4))
		put_bad_option(line, "jumbo", size, 6, told);
	else if (type == OPTION_HOME_ADDRESS && (size < 18 || told < 16))
		put_bad_option(line, "homeaddr", size, 18, told);
}

static void check_options(struct line *line, uint32_t offset, uint32_t left)
{
	while (left && !line->cut) {
		uint32_t length = 1;

		if (line_u8(line, offset) != OPTION_PAD1) {
			length = left < 2 ? UINT32_MAX : line_u8(line, offset + 1) + 2u;
			if (length > left) {
				line->cut = 1;
				return;
			}
			check_option(line, offset, left);
		}
		offset += length;
		left -= length;
	}
}

static int print_hop_by_hop(struct line *line, struct layer *layer)
{
	uint32_t length;

	if (layer->hop_by_hop) {
		line_put(line, "[The Hop-by-Hop Options header was already found]"
			       " (invalid)");
		return -1;
	}
	if (layer->offset != layer->ip + 40) {
		line_put(line, "[The Hop-by-Hop Options header don't follow the IPv6 "
			       "header] (invalid)");
		return -1;
	}
	line->protocol = "hbhopt";
	length = (line_u8(line, layer->offset + 1) + 1u) * 8;
	line_need(line, layer->offset, length);
	line_put(line, "HBH ");
	check_options(line, layer->offset + 2, length - 2);
	layer->hop_by_hop = 1;
	return advance(line, layer, length);
}

static int print_destination(struct line *line, struct layer *layer)
{
	uint32_t length;

	line->protocol = "dstopt";
	length = (line_u8(line, layer->offset + 1) + 1u) * 8;
	line_need(line, layer->offset, length);
	line_put(line, "DSTOPT ");
	return advance(line, layer, length);
}

/* The length is that of the fragment as the IPv6 header tells it. */
static int print_fragment(struct line *line, struct layer *layer)
{
	uint16_t offset = line_u16(line, layer->offset + 2) & 0xfff8;
	size_t length = (size_t)40 + line_u16(line, layer->ip + 4) -
			(layer->offset - layer->ip) - 8;

	line->protocol = "frag6";
	line_put(line, "frag (%u|%zu)", offset, length);
	if (offset)
		return -1;
	line_put(line, " ");
	if (!line_has(line, layer->offset, 9))
		return -1;
	layer->fragmented = 1;
	return advance(line, layer, 8);
}

static int put_routing_addresses(struct line *line, struct layer *layer, uint8_t units)
{
	if (units % 2) {
		line_put(line, " (invalid length %u) (invalid)", units);
		return -1;
	}
	for (uint32_t i = 0; i < units / 2u; i++) {
		line_need(line, layer->offset + 8 + 16 * i, 16);
		line_put(line, ", [%u]", i);
		line_put_ipv6(line, layer->offset + 8 + 16 * i);
	}
	line_put(line, ") ");
	return advance(line, layer, (units + 1u) * 8);
}

static int print_routing_source(struct line *line, struct layer *layer, uint8_t units)
{
	uint32_t reserved = line_u32(line, layer->offset + 4);

	if (reserved)
		line_put(line, ", rsv=0x%0x", reserved);
	return put_routing_addresses(line, layer, units);
}

static int print_routing_segment(struct line *line, struct layer *layer, uint8_t units)
{
	uint8_t flags;

	line_put(line, ", last-entry=%u", line_u8(line, layer->offset + 4));
	flags = line_u8(line, layer->offset + 5);
	if (flags)
		line_put(line, ", flags=0x%0x", flags);
	line_put(line, ", tag=%x", line_u16(line, layer->offset + 6));
	return put_routing_addresses(line, layer, units);
}

static int print_routing(struct line *line, struct layer *layer)
{
	uint8_t units, type;

	line->protocol = line_has(line, layer->offset, 1) ? "rt6" : "ip6";
	line_need(line, layer->offset, 1);
	line_put(line, "RT6");
	units = line_u8(line, layer->offset + 1);
	line_put(line, " (len=%u", units);
	type = line_u8(line, layer->offset + 2);
	line_put(line, ", type=%u%s", type, type ? "" : " [Deprecated]");
	line_put(line, ", segleft=%u", line_u8(line, layer->offset + 3));
	if (type == 0 || type == 2)
		return print_routing_source(line, layer, units);
	if (type == ROUTING_SEGMENT)
		return print_routing_segment(line, layer, units);
	line_put(line, " (unknown type) (invalid)");
	return -1;
}

struct mobility_message {
	const char *name;
	uint8_t length; /* bytes at least */
};

static const struct mobility_message mobility_messages[] = {
	{"BRR", 8},  {"HoTI", 16}, {"CoTI", 16}, {"HoT", 24},
	{"CoT", 24}, {"BU", 12},   {"BA", 12},   {"BE", 24},
};

static void print_binding_update(struct line *line, uint32_t at)
{
	uint8_t bits;

	line_put(line, " seq#=%u", line_u16(line, at + 6));
	line_need(line, at + 8, 2);
	bits = line_u8(line, at + 8);
	if (bits & 0xf0)
		line_put(line, " %s%s%s%s", bits & 0x80 ? "A" : "",
			 bits & 0x40 ? "H" : "", bits & 0x20 ? "L" : "",
			 bits & 0x10 ? "K" : "");
	line_put(line, " lifetime=%u", line_u16(line, at + 10) * 4u);
}

static void print_binding_acknowledgement(struct line *line, uint32_t at)
{
	line_put(line, " status=%u", line_u8(line, at + 6));
	if (line_u8(line, at + 7) & 0x80)
		line_put(line, " K");
	line_put(line, " seq#=%u", line_u16(line, at + 8));
	line_put(line, " lifetime=%u", line_u16(line, at + 10) * 4u);
}

static void print_mobility_message(struct line *line, uint32_t at, uint8_t type)
{
	switch (type) {
	case 3: /* home test, care-of test */
	case 4:
		line_put(line, " nonce id=0x%x", line_u16(line, at + 6));
		break;
	case 5:
		print_binding_update(line, at);
		break;
	case 6:
		print_binding_acknowledgement(line, at);
		break;
	case 7: /* binding error */
		line_put(line, " status=%u", line_u8(line, at + 6));
		line_need(line, at + 8, 16);
		line_put(line, " homeaddr ");
		line_put_ipv6(line, at + 8);
		break;
	}
}

/* Nothing is expected behind a mobility header: RFC 6275 section 6.1.1. */
static int print_mobility(struct line *line, struct layer *layer)
{
	const struct mobility_message *message = NULL;
	uint32_t at = layer->offset, length;
	uint8_t type;

	line->protocol = "mobility";
	length = (line_u8(line, at + 1) + 1u) * 8;
	type = line_u8(line, at + 2);
	if (type < sizeof(mobility_messages) / sizeof(mobility_messages[0]))
		message = &mobility_messages[type];
	if (message && length < message->length) {
		line_put(line, "(header length %u is too small for type %u)", length,
			 type);
		line->cut = 1;
	} else if (message) {
		line_put(line, "mobility: %s", message->name);
		print_mobility_message(line, at, type);
	} else {
		line_put(line, "mobility: type-#%u len=%u", type, line_u8(line, at + 1));
	}
	return -1;
}

int text_extension(struct line *line, struct layer *layer)
{
	switch (layer->protocol) {
	case IPPROTO_HOPOPTS:
		return print_hop_by_hop(line, layer);
	case IPPROTO_DSTOPTS:
		return print_destination(line, layer);
	case IPPROTO_FRAGMENT:
		return print_fragment(line, layer);
	case IPPROTO_ROUTING:
		return print_routing(line, layer);
	case IPPROTO_MH:
	case PROTOCOL_MOBILITY_OLD:
		return print_mobility(line, layer);
	}
	return 0;
}

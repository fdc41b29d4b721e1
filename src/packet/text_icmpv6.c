/* SPDX-License-Identifier: MIT */
/* ICMPv6 in text: RFC 4443, RFC 4861, RFC 2710, RFC 3810. */
#include <netinet/in.h>

#include "packet/text.h"

/* An error carries the packet it is about. */
#define INNER 8
#define INNER_SOURCE (INNER + 8)
#define INNER_DESTINATION (INNER + 24)

static const char *const error_names[] = {
	[1] = "destination unreachable",
	[2] = "packet too big",
	[3] = "time exceeded in-transit",
	[4] = "parameter problem",
};

static const char *const message_names[] = {
	[0] = "echo request",
	[1] = "echo reply",
	[2] = "multicast listener query",
	[3] = "multicast listener report",
	[4] = "multicast listener done",
	[5] = "router solicitation",
	[6] = "router advertisement",
	[7] = "neighbor solicitation",
	[8] = "neighbor advertisement",
	[9] = "redirect",
	[10] = "router renumbering",
	[11] = "who-are-you request",
	[12] = "who-are-you reply",
	[13] = "inverse neighbor solicitation",
	[14] = "inverse neighbor advertisement",
	[15] = "multicast listener report v2",
	[16] = "ha discovery request",
	[17] = "ha discovery reply",
	[18] = "mobile router solicitation",
	[19] = "mobile router advertisement",
	[27] = "RPL",
	[72] = "mtrace response",
	[73] = "mtrace message",
};

static const char *name_of(uint8_t type)
{
	if (type < sizeof(error_names) / sizeof(error_names[0]))
		return error_names[type];
	if (type < 128 || type - 128u >= sizeof(message_names) / sizeof(message_names[0]))
		return NULL;
	return message_names[type - 128];
}

static void put_address(struct line *line, const char *before, uint32_t offset)
{
	line_need(line, offset, 16);
	line_put(line, "%s", before);
	line_put_ipv6(line, offset);
}

/* Behind the extension headers of the inner packet at `at`: the offset of its TCP or UDP
 * header. Cuts the line if there is none. */
static uint32_t find_ports(struct line *line, uint32_t at, uint8_t *protocol)
{
	*protocol = line_u8(line, at + 6);
	at += 40;
	while (!line->cut && *protocol != IPPROTO_TCP && *protocol != IPPROTO_UDP) {
		uint32_t length = (line_u8(line, at + 1) + 1u) * 8;

		switch (*protocol) {
		case IPPROTO_FRAGMENT:
			length = 8;
			if (line_u16(line, at + 2) & 0xfff8)
				line->cut = 1;
			break;
		case IPPROTO_AH:
			length = (line_u8(line, at + 1) + 2u) * 4;
			break;
		case IPPROTO_HOPOPTS:
		case IPPROTO_DSTOPTS:
		case IPPROTO_ROUTING:
			break;
		default:
			line->cut = 1;
		}
		*protocol = line_u8(line, at);
		at += length;
	}
	return at;
}

static void print_port_unreachable(struct line *line, uint32_t at)
{
	uint8_t protocol;
	uint32_t ports = find_ports(line, at + INNER, &protocol);
	uint16_t port = line_u16(line, ports + 2);

	put_address(line, ", ", at + INNER_DESTINATION);
	line_put(line, " %s port %u", protocol == IPPROTO_TCP ? "tcp" : "udp", port);
}

/* 0 if the line ends here: an unknown code. */
static int print_unreachable(struct line *line, uint32_t at, uint8_t code)
{
	static const char *const words[] = {
		", unreachable route",   ",  unreachable prohibited", ", beyond scope",
		", unreachable address", ", unreachable port",
	};

	if (code >= sizeof(words) / sizeof(words[0])) {
		line_put(line, ", unknown unreach code (%u)", code);
		return 0;
	}
	line_put(line, "%s", words[code]);
	if (code == 4) {
		print_port_unreachable(line, at);
		return 1;
	}
	put_address(line, " ", at + INNER_DESTINATION);
	if (code == 2)
		put_address(line, ", source address ", at + INNER_SOURCE);
	return 1;
}

static void print_time_exceeded(struct line *line, uint32_t at, uint8_t code)
{
	if (code == 0)
		put_address(line, " for ", at + INNER_DESTINATION);
	else if (code == 1)
		line_put(line, " (reassembly)");
	else
		line_put(line, ", unknown code (%u)", code);
}

static void print_parameter_problem(struct line *line, uint32_t at, uint8_t code)
{
	static const char *const words[] = {
		"erroneous",
		"next header",
		"option",
		"incomplete header chain",
	};

	line_need(line, at + INNER_DESTINATION, 16);
	if (code < sizeof(words) / sizeof(words[0]))
		line_put(line, ", %s - octet %u", words[code], line_u32(line, at + 4));
	else
		line_put(line, ", code-#%u", code);
}

/* RFC 2710 section 3. tcpdump says nothing of a message that is cut short. */
static void print_listener(struct line *line, uint32_t at)
{
	if (!line_has(line, at, 24))
		return;
	line_put(line, "max resp delay: %u ", line_u16(line, at + 4));
	put_address(line, "addr: ", at + 8);
}

/* RFC 3810 section 5.1. */
static void print_query(struct line *line, uint32_t at, uint32_t length)
{
	uint16_t sources;

	if (length == 24) {
		print_listener(line, at);
		return;
	}
	if (length < 28) {
		line_put(line, " unknown-version (len %u) ", length);
		return;
	}
	line_put(line, " v2");
	put_address(line, " [gaddr ", at + 8);
	sources = line_u16(line, at + 26);
	if (length < 28 + sources * 16u)
		line_put(line, " [invalid number of sources]");
	else if (sources)
		line_put(line, ", %u source(s)", sources);
	line_put(line, "]");
}

static void print_report(struct line *line, uint32_t at, uint32_t length)
{
	if (length < 8)
		line_put(line, " [invalid len %u]", length);
	else
		line_put(line, ", %u group record(s)", line_u16(line, at + 6));
}

/* 0 if the line ends here. */
static int print_error(struct line *line, uint32_t at, uint8_t type, uint8_t code)
{
	switch (type) {
	case 1:
		return print_unreachable(line, at, code);
	case 2:
		line_put(line, ", mtu %u", line_u32(line, at + 4));
		break;
	case 3:
		print_time_exceeded(line, at, code);
		break;
	default:
		print_parameter_problem(line, at, code);
	}
	return 1;
}

static void print_message(struct line *line, uint32_t at, uint8_t type, uint32_t length)
{
	switch (type) {
	case 128:
	case 129:
		line_put(line, ", id %u, seq %u", line_u16(line, at + 4),
			 line_u16(line, at + 6));
		break;
	case 130:
		print_query(line, at, length);
		break;
	case 131:
	case 132:
		print_listener(line, at);
		break;
	case 135:
		put_address(line, ", who has ", at + 8);
		break;
	case 136:
		put_address(line, ", tgt is ", at + 8);
		break;
	case 137:
		put_address(line, ", ", at + 24);
		put_address(line, " to ", at + 8);
		break;
	case 143:
		print_report(line, at, length);
		break;
	case 144:
	case 146:
		line_put(line, ", id 0x%04x", line_u16(line, at + 4));
		break;
	}
}

void text_icmpv6(struct line *line, const struct layer *layer)
{
	uint32_t at = layer->offset;
	const char *name;
	uint8_t type, code;

	line->protocol = "icmp6";
	if (!layer->length) {
		line_put(line, "ICMP6, length 0 (invalid)");
		return;
	}
	type = line_u8(line, at);
	name = name_of(type);
	if (name)
		line_put(line, "ICMP6, %s", name);
	else
		line_put(line, "ICMP6, unknown icmp6 type (%u)", type);
	code = line_u8(line, at + 1);
	if (line->cut)
		return;
	if (type >= 128)
		print_message(line, at, type, layer->length);
	else if (name && !print_error(line, at, type, code))
		return;
	line_put(line, ", length %u", layer->length);
}

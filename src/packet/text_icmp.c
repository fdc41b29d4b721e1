/* SPDX-License-Identifier: MIT */
/* ICMP in text: RFC 792, RFC 1256, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1. */
#include <netinet/in.h>

#include "packet/text.h"

/* An error carries the IP header of the packet it is about. */
#define INNER 8
#define INNER_PROTOCOL (INNER + 9)
#define INNER_DESTINATION (INNER + 16)

struct words {
	const char *before; /* the address */
	const char *after;
};

/* By code; port and fragmentation have printers of their own. */
static const struct words unreachables[] = {
	[0] = {"net ", " unreachable"},
	[1] = {"host ", " unreachable"},
	[5] = {"", " unreachable - source route failed"},
	[6] = {"net ", " unreachable - unknown"},
	[7] = {"host ", " unreachable - unknown"},
	[8] = {"", " unreachable - source host isolated"},
	[9] = {"net ", " unreachable - admin prohibited"},
	[10] = {"host ", " unreachable - admin prohibited"},
	[11] = {"net ", " unreachable - tos prohibited"},
	[12] = {"host ", " unreachable - tos prohibited"},
	[13] = {"host ", " unreachable - admin prohibited filter"},
	[14] = {"host ", " unreachable - host precedence violation"},
	[15] = {"host ", " unreachable - precedence cutoff"},
};

static const struct words redirects[] = {
	{"redirect ", " to net "},
	{"redirect ", " to host "},
	{"redirect-tos ", " to net "},
	{"redirect-tos ", " to host "},
};

static void print_port_unreachable(struct line *line, uint32_t at)
{
	uint32_t header = (line_u8(line, at + INNER) & 15u) * 4;
	uint8_t protocol = line_u8(line, at + INNER_PROTOCOL);
	uint16_t port = line_u16(line, at + INNER + header + 2);

	line_put_ipv4(line, at + INNER_DESTINATION);
	if (protocol == IPPROTO_TCP)
		line_put(line, " tcp port %u unreachable", port);
	else if (protocol == IPPROTO_UDP)
		line_put(line, " udp port %u unreachable", port);
	else
		line_put(line, " protocol %u port %u unreachable", protocol, port);
}

static void print_too_big(struct line *line, uint32_t at)
{
	uint16_t mtu = line_u16(line, at + 6);

	line_put_ipv4(line, at + INNER_DESTINATION);
	line_put(line, " unreachable - need to frag");
	if (mtu)
		line_put(line, " (mtu %u)", mtu);
}

static void print_unreachable(struct line *line, uint32_t at, uint8_t code)
{
	const struct words *words = NULL;

	if (code == 3) {
		print_port_unreachable(line, at);
		return;
	}
	if (code == 4) {
		print_too_big(line, at);
		return;
	}
	if (code < sizeof(unreachables) / sizeof(unreachables[0]))
		words = &unreachables[code];
	line_put(line, "%s", words && words->before ? words->before : "");
	line_put_ipv4(line, at + INNER_DESTINATION);
	if (code == 2)
		line_put(line, " protocol %u unreachable",
			 line_u8(line, at + INNER_PROTOCOL));
	else if (words)
		line_put(line, "%s", words->after);
	else
		line_put(line, " unreachable - #%u", code);
}

static void print_redirect(struct line *line, uint32_t at, uint8_t code)
{
	const char *after = " to ";

	if (code < sizeof(redirects) / sizeof(redirects[0])) {
		line_put(line, "%s", redirects[code].before);
		after = redirects[code].after;
	} else {
		line_put(line, "redirect-#%u ", code);
	}
	line_put_ipv4(line, at + INNER_DESTINATION);
	line_put(line, "%s", after);
	line_put_ipv4(line, at + 4);
}

static void print_lifetime(struct line *line, uint32_t seconds)
{
	if (seconds < 60)
		line_put(line, "%u", seconds);
	else if (seconds < 3600)
		line_put(line, "%u:%02u", seconds / 60, seconds % 60);
	else
		line_put(line, "%u:%02u:%02u", seconds / 3600, seconds % 3600 / 60,
			 seconds % 60);
}

static void print_router_advertisement(struct line *line, uint32_t at)
{
	uint8_t count = line_u8(line, at + 4), size = line_u8(line, at + 5);

	line_put(line, "router advertisement lifetime ");
	print_lifetime(line, line_u16(line, at + 6));
	line_put(line, " %u:", count);
	if (size != 2) {
		line_put(line, " [size %u]", size);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		line_put(line, " {");
		line_put_ipv4(line, at + 8 + 8 * i);
		line_put(line, " %u}", line_u32(line, at + 12 + 8 * i));
	}
}

static void print_time_exceeded(struct line *line, uint32_t at, uint8_t code)
{
	line_need(line, at + INNER_DESTINATION, 4);
	if (code == 0)
		line_put(line, "time exceeded in-transit");
	else if (code == 1)
		line_put(line, "ip reassembly time exceeded");
	else
		line_put(line, "time exceeded-#%u", code);
}

/* Milliseconds since midnight. */
static void put_time(struct line *line, const char *name, uint32_t time)
{
	line_put(line, "%s %02u:%02u:%02u.%03u", name, time / 3600000, time / 60000 % 60,
		 time / 1000 % 60, time % 1000);
}

static void print_timestamp_reply(struct line *line, uint32_t at)
{
	line_put(line, "time stamp reply id %u seq %u", line_u16(line, at + 4),
		 line_u16(line, at + 6));
	put_time(line, ": org", line_u32(line, at + 8));
	put_time(line, ", recv", line_u32(line, at + 12));
	put_time(line, ", xmit", line_u32(line, at + 16));
}

static void print_other(struct line *line, uint8_t type)
{
	static const char *const names[] = {
		[4] = "source quench",         [10] = "router solicitation",
		[15] = "information request",  [16] = "information reply",
		[17] = "address mask request",
	};

	if (type < sizeof(names) / sizeof(names[0]) && names[type])
		line_put(line, "%s", names[type]);
	else
		line_put(line, "type-#%u", type);
}

static void print_message(struct line *line, uint32_t at, uint8_t type, uint8_t code)
{
	switch (type) {
	case 0:
	case 8:
		line_put(line, "echo %s, id %u, seq %u", type ? "request" : "reply",
			 line_u16(line, at + 4), line_u16(line, at + 6));
		break;
	case 3:
		print_unreachable(line, at, code);
		break;
	case 5:
		print_redirect(line, at, code);
		break;
	case 9:
		print_router_advertisement(line, at);
		break;
	case 11:
		print_time_exceeded(line, at, code);
		break;
	case 12:
		line_put(line, "parameter problem - %s %u", code ? "code" : "octet",
			 code ? code : line_u8(line, at + 4));
		break;
	case 13:
		line_put(line, "time stamp query id %u seq %u", line_u16(line, at + 4),
			 line_u16(line, at + 6));
		break;
	case 14:
		print_timestamp_reply(line, at);
		break;
	case 18:
		line_put(line, "address mask is 0x%08x", line_u32(line, at + 8));
		break;
	default:
		print_other(line, type);
	}
}

void text_icmp(struct line *line, const struct layer *layer)
{
	size_t mark = line->used;
	uint8_t type, code;

	line->protocol = "icmp";
	type = line_u8(line, layer->offset);
	code = line_u8(line, layer->offset + 1);
	line_put(line, "ICMP ");
	if (!line->cut)
		print_message(line, layer->offset, type, code);
	line_put(line, ", length %u", layer->length);
	if (line->cut) /* a message is told whole or not at all */
		line_rewind(line, mark);
}

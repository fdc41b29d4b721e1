/* SPDX-License-Identifier: MIT */
/* TCP and UDP in text. */
#include <netinet/in.h>

#include "packet/layers.h"
#include "packet/text.h"

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_EXPERIMENT 254

/* A TCP option behind its kind and length. */
struct option {
	uint32_t at;   /* its value */
	uint32_t size; /* bytes of it, as its length tells */
	int whole;     /* the segment was captured to its end */
};

struct option_format {
	uint8_t kind;
	int8_t size; /* of the value; -1: as its length tells */
	const char *name;
	void (*print)(struct line *line, struct option value); /* NULL: no value */
};

static void print_u8(struct line *line, struct option value)
{
	line_put(line, " %u", line_u8(line, value.at));
}

static void print_u16(struct line *line, struct option value)
{
	line_put(line, " %u", line_u16(line, value.at));
}

static void print_u32(struct line *line, struct option value)
{
	line_put(line, " %u", line_u32(line, value.at));
}

static void print_timestamps(struct line *line, struct option value)
{
	line_put(line, " val %u ecr %u", line_u32(line, value.at),
		 line_u32(line, value.at + 4));
}

static void print_sack(struct line *line, struct option value)
{
	if (value.size % 8) {
		line_put(line, " invalid sack");
		return;
	}
	line_put(line, " %u ", value.size / 8);
	for (uint32_t i = 0; i < value.size; i += 8) {
		uint32_t start = line_u32(line, value.at + i);
		uint32_t end = line_u32(line, value.at + i + 4);

		line_put(line, "{%u:%u}", start, end);
	}
}

static void print_md5(struct line *line, struct option value)
{
	line_need(line, value.at, 16);
	line_put(line, " %s, can't check - ",
		 value.whole ? "shared secret not supplied with -M"
			     : "snaplen too short");
	line_put_hex(line, value.at, 16);
}

static void print_scps(struct line *line, struct option value)
{
	line_put(line, " cap %02x id %u", line_u8(line, value.at),
		 line_u8(line, value.at + 1));
}

/* tcpdump takes the lowest bit for the granularity; RFC 5482 section 3.1 the highest. */
static void print_user_timeout(struct line *line, struct option value)
{
	uint32_t told = line_u16(line, value.at);

	line_put(line, " 0x%x %u", told, told & 1 ? (told >> 1) * 60 : told >> 1);
}

static void print_authentication(struct line *line, struct option value)
{
	if (value.size < 2) {
		line_put(line, " (invalid)");
		return;
	}
	line_put(line, " keyid %u", line_u8(line, value.at));
	line_put(line, " rnextkeyid %u", line_u8(line, value.at + 1));
	if (value.size > 2)
		line_put(line, " mac 0x");
	line_put_hex(line, value.at + 2, value.size - 2);
}

static void print_cookie(struct line *line, struct option value)
{
	if (!value.size) {
		line_put(line, " cookiereq");
	} else if (value.size % 2 || value.size < 4 || value.size > 16) {
		line_put(line, " (invalid)");
	} else {
		line_put(line, " cookie ");
		line_put_hex(line, value.at, value.size);
	}
}

static void print_fast_open(struct line *line, struct option value)
{
	line_need(line, value.at, value.size);
	line_put(line, " ");
	print_cookie(line, value);
}

/* RFC 6994: the first two bytes tell which experiment. */
static void print_experiment(struct line *line, struct option value)
{
	uint16_t id = line_u16(line, value.at);

	if (id != 0xf989) {
		line_put(line, "-%04x", id);
		return;
	}
	line_put(line, "-tfo");
	print_cookie(line, (struct option){value.at + 2, value.size - 2, value.whole});
}

static void print_hex(struct line *line, struct option value)
{
	if (value.size)
		line_put(line, " 0x");
	line_put_hex(line, value.at, value.size);
}

static const struct option_format option_formats[] = {
	{OPTION_END, 0, "eol", NULL},
	{OPTION_NOP, 0, "nop", NULL},
	{2, 2, "mss", print_u16},
	{3, 1, "wscale", print_u8},
	{4, 0, "sackOK", NULL},
	{5, -1, "sack", print_sack},
	{6, 4, "echo", print_u32},
	{7, 4, "echoreply", print_u32},
	{8, 8, "TS", print_timestamps},
	{11, 4, "cc", print_u32},
	{12, 4, "ccnew", print_u32},
	{13, 4, "", print_u32},
	{19, 16, "md5", print_md5},
	{20, 2, "scps", print_scps},
	{28, 2, "uto", print_user_timeout},
	{29, -1, "tcp-ao", print_authentication},
	{30, -1, "mptcp", print_hex},
	{34, -1, "tfo", print_fast_open},
	{OPTION_EXPERIMENT, -1, "exp", print_experiment},
};

static const struct option_format *find_format(uint8_t kind)
{
	for (size_t i = 0; i < sizeof(option_formats) / sizeof(option_formats[0]); i++)
		if (option_formats[i].kind == kind)
			return &option_formats[i];
	return NULL;
}

/* Returns the bytes of the value, or -1 if they are not all within `left`. */
static int print_option(struct line *line, uint8_t kind, struct option value,
			uint32_t left)
{
	const struct option_format *format = find_format(kind);

	if (!format)
		line_put(line, "unknown-%u", kind);
	else
		line_put(line, "%s", format->name);
	if (format && format->size >= 0)
		value.size = (uint32_t)format->size;
	if (value.size > left)
		return -1;
	if (kind == OPTION_EXPERIMENT)
		line_need(line, value.at, value.size);
	if (kind == OPTION_EXPERIMENT && value.size < 2)
		return -1;
	if (!format)
		print_hex(line, value);
	else if (format->print)
		format->print(line, value);
	return (int)value.size;
}

/* Walks as tcpdump does, which goes on behind the value it knows, not behind the length
 * the option tells. Returns 0 if a length lies. */
static int print_options(struct line *line, uint32_t at, uint32_t left, int whole)
{
	int first = 1;

	while (left && !line->cut) {
		uint8_t kind = line_u8(line, at);
		int sized = kind != OPTION_END && kind != OPTION_NOP, size;
		uint32_t told = 1, head = sized ? 2 : 1;

		if (sized)
			told = line_u8(line, at + 1);
		if (!line->cut && (told < head || told > left))
			goto bad;
		line->after_cut = first || line->cut ? "" : ">";
		size = print_option(line, kind,
				    (struct option){at + head, told - head, whole},
				    left - head);
		if (size < 0)
			goto bad;
		if (!line->cut)
			line->after_cut = "";
		if (head + (uint32_t)size != told)
			line_put(line, "[len %u]", told);
		at += head + (uint32_t)size;
		left -= head + (uint32_t)size;
		first = 0;
		if (kind == OPTION_END)
			break;
		if (left)
			line_put(line, ",");
	}
	line_put(line, "]");
	return 1;
bad:
	line_put(line, "[bad opt]%s", first ? "" : "]");
	return 0;
}

static void put_flags(struct line *line, uint8_t flags)
{
	static const char letters[] = "FSRP.UEW";

	line_put(line, "Flags [");
	for (int i = 0; i < 8; i++)
		if (flags & 1 << i)
			line_put(line, "%c", letters[i]);
	line_put(line, flags ? "]" : "none]");
}

static void put_numbers(struct line *line, const struct layer *layer, uint8_t flags,
			uint32_t payload)
{
	uint32_t at = layer->offset, sequence = line_u32(line, at + 4);

	if (payload || flags & (NFQUEUE_TCP_SYN | NFQUEUE_TCP_FIN | NFQUEUE_TCP_RST))
		line_put(line, ", seq %u", sequence);
	if (payload)
		line_put(line, ":%u", sequence + payload);
	if (flags & NFQUEUE_TCP_ACK)
		line_put(line, ", ack %u", line_u32(line, at + 8));
	line_put(line, ", win %u", line_u16(line, at + 14));
	if (flags & NFQUEUE_TCP_URG)
		line_put(line, ", urg %u", line_u16(line, at + 18));
}

/* The addresses alone, where the packet ends before the ports. 1 if it does. */
static int ends_before_ports(struct line *line, const struct layer *layer)
{
	return !line_has(line, layer->offset, 4);
}

void text_tcp(struct line *line, const struct layer *layer)
{
	uint32_t at = layer->offset, header;
	uint8_t flags;

	line->protocol = "tcp";
	if (ends_before_ports(line, layer)) {
		text_addresses(line, layer);
		line_put(line, ":");
	}
	text_ports(line, layer, IPPROTO_TCP);
	line_need(line, at, TCP_HEADER_MIN);
	header = (line_u8(line, at + 12) >> 4) * 4u;
	if (header < TCP_HEADER_MIN) {
		line_put(line, " tcp %u [bad hdr length %u - too short, < %u]",
			 layer->length - header, header, TCP_HEADER_MIN);
		return;
	}
	flags = line_u8(line, at + 13);
	put_flags(line, flags);
	if (header > layer->length) {
		line_put(line, " [bad hdr length %u - too long, > %u]", header,
			 layer->length);
		return;
	}
	put_numbers(line, layer, flags, layer->length - header);
	if (header > TCP_HEADER_MIN) {
		line_put(line, ", options [");
		if (!print_options(line, at + TCP_HEADER_MIN, header - TCP_HEADER_MIN,
				   line_has(line, at, layer->length)))
			return;
	}
	line_put(line, ", length %u", layer->length - header);
	if (layer->length > header && !line_has(line, at, header)) {
		line_put(line, " [remaining caplen(%u) < header length(%u)]",
			 line->end - at, header);
		line->cut = 1;
	}
}

void text_udp(struct line *line, const struct layer *layer)
{
	uint32_t at = layer->offset, told, payload;

	line->protocol = "udp";
	if (ends_before_ports(line, layer) && layer->next_header == IPPROTO_UDP) {
		text_addresses(line, layer);
		line_put(line, ": ");
	}
	text_ports(line, layer, IPPROTO_UDP);
	if (layer->length < UDP_HEADER) {
		line_put(line, "truncated-udp %u", layer->length);
		return;
	}
	told = line_u16(line, at + 4);
	if (!told && layer->length > UINT16_MAX) /* RFC 2675 section 4 */
		told = layer->length;
	if (told < UDP_HEADER) {
		line_put(line, "truncated-udplength %u", told);
		return;
	}
	line_need(line, at, UDP_HEADER);
	told -= UDP_HEADER;
	payload = layer->length - UDP_HEADER;
	if (told > payload && !layer->fragmented)
		line_put(line, "UDP, bad length %u > %u", told, payload);
	else
		line_put(line, "UDP, length %u", told);
}

/* SPDX-License-Identifier: MIT */
/* nfq_snprintf_xml(): a packet in XML. */
#include <time.h>

#include "data.h"
#include "handle.h"
#include "text.h"
#include "wire/bytes.h"

/* Now, not when the packet came. */
static void put_when(struct text *text)
{
	time_t now = time(NULL);
	struct tm tm;

	if (!localtime_r(&now, &tm))
		return;
	text_put(text, "<when><hour>%d</hour><min>%02d</min><sec>%02d</sec>", tm.tm_hour,
		 tm.tm_min, tm.tm_sec);
	text_put(text,
		 "<wday>%d</wday><day>%d</day><month>%d</month><year>%d</year></when>",
		 tm.tm_wday + 1, tm.tm_mday, tm.tm_mon + 1, tm.tm_year + 1900);
}

static void put_hex(struct text *text, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_put(text, "%02x", bytes[i]);
}

static void put_hardware(struct text *text, struct nfq_data *data, uint16_t protocol)
{
	const uint8_t *hw = data_get(data, WIRE_HWADDR, 12);
	uint16_t length = hw ? load_be16(hw) : 0;

	text_put(text, "<hw><proto>%04x</proto>", protocol);
	if (hw) {
		text_put(text, "<src>");
		put_hex(text, hw + 4, length < 8 ? length : 8);
		text_put(text, "</src>");
	}
	text_put(text, "</hw>");
}

static void put_header(struct text *text, struct nfq_data *data, int flags)
{
	const uint8_t *header = data_get(data, WIRE_PACKET_HDR, 7);

	if (!header)
		return;
	text_put(text, "<hook>%u</hook><id>%u</id>", header[6], load_be32(header));
	if (flags & NFQ_XML_HW)
		put_hardware(text, data, load_be16(header + 4));
}

static void put_number(struct text *text, const char *name, uint32_t number)
{
	if (number)
		text_put(text, "<%s>%u</%s>", name, number, name);
}

static void put_numbers(struct text *text, struct nfq_data *data, int flags)
{
	if (flags & NFQ_XML_MARK)
		put_number(text, "mark", nfq_get_nfmark(data));
	if (flags & NFQ_XML_DEV) {
		put_number(text, "indev", nfq_get_indev(data));
		put_number(text, "outdev", nfq_get_outdev(data));
	}
	if (flags & NFQ_XML_PHYSDEV) {
		put_number(text, "physindev", nfq_get_physindev(data));
		put_number(text, "physoutdev", nfq_get_physoutdev(data));
	}
}

static void put_owner(struct text *text, struct nfq_data *data, int flags)
{
	uint32_t number;

	if (flags & NFQ_XML_UID && nfq_get_uid(data, &number))
		text_put(text, "<uid>%u</uid>", number);
	if (flags & NFQ_XML_GID && nfq_get_gid(data, &number))
		text_put(text, "<gid>%u</gid>", number);
}

static void put_payload(struct text *text, struct nfq_data *data)
{
	unsigned char *payload;
	int length = nfq_get_payload(data, &payload);

	if (length < 0)
		return;
	text_put(text, "<payload>");
	put_hex(text, payload, (size_t)length);
	text_put(text, "</payload>");
}

int nfq_snprintf_xml(char *buffer, size_t size, struct nfq_data *data, int flags)
{
	struct text text = {.buffer = buffer, .size = size};

	text_put(&text, "<pkt>");
	if (flags & NFQ_XML_TIME)
		put_when(&text);
	put_header(&text, data, flags);
	put_numbers(&text, data, flags);
	put_owner(&text, data, flags);
	if (flags & NFQ_XML_PAYLOAD)
		put_payload(&text, data);
	text_put(&text, "</pkt>");
	return (int)text.used;
}

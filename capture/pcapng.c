/* SPDX-License-Identifier: MIT */
#include "capture/pcapng.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "capture/link.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
};

enum {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_HARDWARE = 2,
	SECTION_OS = 3,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_TIME_UNIT = 9,
	PACKET_FLAGS = 2,
	PACKET_LOST = 4,
	PACKET_VERDICT = 7,
	STATISTICS_RECEIVED = 4,
	STATISTICS_LOST = 7, /* isb_osdrop: by the system, on its way to the file */
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define TIME_UNIT 9u /* 10^-9 seconds */
#define DIRECTION_IN 1u
#define DIRECTION_OUT 2u
#define VERDICT_TC 1u
#define SLL2_BYTES 20u
#define CODE_BITS 0xffu

/* Source: uapi/linux/pkt_cls.h, TC_ACT_*. */
enum { TC_OK = 0, TC_SHOT = 2, TC_STOLEN = 4, TC_QUEUED = 5, TC_REPEAT = 6 };

/* Writes on while there is room; then it only remembers that there was none. */
struct writer {
	uint8_t *bytes;
	size_t size, length;
	bool full;
};

static void put(struct writer *writer, const void *bytes, size_t length)
{
	if (length > writer->size - writer->length)
		writer->full = true;
	if (writer->full || !length)
		return;
	memcpy(writer->bytes + writer->length, bytes, length);
	writer->length += length;
}

static void put_pad(struct writer *writer)
{
	static const uint8_t zeros[4];

	put(writer, zeros, -writer->length & 3u);
}

static void put16(struct writer *writer, uint32_t value)
{
	put(writer, (const uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8)}, 2);
}

static void put32(struct writer *writer, uint32_t value)
{
	put16(writer, value & 0xffff);
	put16(writer, value >> 16);
}

static void put64(struct writer *writer, uint64_t value)
{
	put32(writer, (uint32_t)value);
	put32(writer, (uint32_t)(value >> 32));
}

/* The one number in a block that has its halves the other way round. */
static void put_time(struct writer *writer, uint64_t time_ns)
{
	put32(writer, (uint32_t)(time_ns >> 32));
	put32(writer, (uint32_t)time_ns);
}

static void put_option(struct writer *writer, uint32_t code, const void *bytes,
		       size_t length)
{
	put16(writer, code);
	put16(writer, (uint32_t)length);
	put(writer, bytes, length);
	put_pad(writer);
}

/* Where a text is cut, so that no UTF-8 character is. */
static size_t text_length(const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);

	if (length <= max)
		return length;
	for (length = max; length > 0 && (text[length] & 0xc0) == 0x80;)
		length--;
	return length;
}

static void put_text(struct writer *writer, uint32_t code, const char *text, size_t max)
{
	if (text && *text)
		put_option(writer, code, text, text_length(text, max));
}

static void put_option64(struct writer *writer, uint32_t code, uint64_t value)
{
	put16(writer, code);
	put16(writer, 8);
	put64(writer, value);
}

static struct writer begin(uint32_t type, uint8_t *out, size_t size)
{
	struct writer writer = {.bytes = out, .size = size};

	put32(&writer, type);
	put32(&writer, 0); /* the length: see finish() */
	return writer;
}

static size_t finish(struct writer *writer)
{
	struct writer start = {.bytes = writer->bytes + 4, .size = 4};
	uint32_t length = (uint32_t)writer->length + 8;

	put32(writer, OPTION_END);
	put32(writer, length);
	if (writer->full)
		return 0;
	put32(&start, length);
	return writer->length;
}

size_t pcapng_section(const struct pcapng_section *section, uint8_t *out, size_t size)
{
	struct writer writer = begin(BLOCK_SECTION, out, size);

	put32(&writer, BYTE_ORDER_MAGIC);
	put16(&writer, 1);
	put16(&writer, 0);
	put64(&writer, UINT64_MAX); /* how long the section is, nobody knows yet */
	put_text(&writer, SECTION_HARDWARE, section->hardware, PCAPNG_TEXT_MAX);
	put_text(&writer, SECTION_OS, section->os, PCAPNG_TEXT_MAX);
	put_text(&writer, SECTION_APPLICATION, section->application, PCAPNG_TEXT_MAX);
	return finish(&writer);
}

size_t pcapng_interface(const struct pcapng_interface *interface, uint8_t *out,
			size_t size)
{
	struct writer writer = begin(BLOCK_INTERFACE, out, size);
	uint32_t snap = interface->snap < CAPTURE_PACKET_MAX ? interface->snap : 0;

	if (snap)
		snap += PCAPNG_LINK_BYTES_MAX;
	put16(&writer, PCAPNG_LINK_TYPE);
	put16(&writer, 0);
	put32(&writer, snap);
	put_text(&writer, INTERFACE_NAME, interface->name, PCAPNG_TEXT_MAX);
	put_text(&writer, INTERFACE_DESCRIPTION, interface->description, PCAPNG_TEXT_MAX);
	put_option(&writer, INTERFACE_TIME_UNIT, (const uint8_t[]){TIME_UNIT}, 1);
	return finish(&writer);
}

size_t pcapng_statistics(const struct pcapng_statistics *statistics, uint8_t *out,
			 size_t size)
{
	struct writer writer = begin(BLOCK_STATISTICS, out, size);

	put32(&writer, statistics->number);
	put_time(&writer, statistics->time_ns);
	put_text(&writer, OPTION_COMMENT, statistics->comment, PCAPNG_TEXT_MAX);
	put_option64(&writer, STATISTICS_RECEIVED, statistics->received);
	put_option64(&writer, STATISTICS_LOST, statistics->lost);
	return finish(&writer);
}

static uint32_t direction(const struct capture_record *record)
{
	switch (record->hook) {
	case NFQUEUE_HOOK_PREROUTING:
	case NFQUEUE_HOOK_INPUT:
	case NFQUEUE_HOOK_FORWARD:
		return DIRECTION_IN;
	case NFQUEUE_HOOK_OUTPUT:
	case NFQUEUE_HOOK_POSTROUTING:
		return DIRECTION_OUT;
	default:
		return 0;
	}
}

uint32_t pcapng_interface_of(const struct capture_record *record)
{
	if (direction(record) == DIRECTION_OUT && record->out_interface)
		return record->out_interface;
	return record->in_interface ? record->in_interface : record->out_interface;
}

static uint16_t ip_protocol(const struct capture_record *record)
{
	if (record->protocol)
		return record->protocol;
	return record->captured && record->data[0] >> 4 == 6 ? LINK_IPV6 : LINK_IPV4;
}

static void put_big16(struct writer *writer, uint16_t value)
{
	put(writer, (const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

/* "To another host" is what comes closest to an unknown direction, too. */
static uint8_t packet_type(const struct capture_record *record)
{
	if (direction(record) == DIRECTION_OUT)
		return LINK_PACKET_OUTGOING;
	if (direction(record) == DIRECTION_IN && record->hook != NFQUEUE_HOOK_FORWARD)
		return LINK_PACKET_HOST;
	return LINK_PACKET_OTHER_HOST;
}

static void put_link_header(struct writer *writer, const struct capture_record *record)
{
	uint8_t length = record->hw_address_length, address[CAPTURE_HW_ADDRESS_MAX] = {0};
	uint32_t interface = pcapng_interface_of(record);

	if (length > sizeof(address))
		length = sizeof(address);
	memcpy(address, record->hw_address, length);
	put_big16(writer,
		  record->vlan_protocol ? record->vlan_protocol : ip_protocol(record));
	put_big16(writer, 0);
	put_big16(writer, (uint16_t)(interface >> 16));
	put_big16(writer, (uint16_t)interface);
	put_big16(writer, length == 6 ? LINK_HARDWARE_ETHERNET : LINK_HARDWARE_NONE);
	put(writer, (const uint8_t[]){packet_type(record), length}, 2);
	put(writer, address, sizeof(address));
	if (record->vlan_protocol) {
		put_big16(writer, record->vlan_tci);
		put_big16(writer, ip_protocol(record));
	}
}

static uint64_t tc_verdict(const struct capture_record *record)
{
	if (record->fate == CAPTURE_TAKEN)
		return TC_STOLEN;
	switch (record->verdict.code & CODE_BITS) {
	case NFQUEUE_VERDICT_DROP:
		return TC_SHOT;
	case NFQUEUE_VERDICT_QUEUE:
		return TC_QUEUED;
	case NFQUEUE_VERDICT_REPEAT:
		return TC_REPEAT;
	default:
		return TC_OK;
	}
}

static void put_verdict(struct writer *writer, const struct capture_record *record)
{
	if (record->fate == CAPTURE_MADE)
		return;
	put16(writer, PACKET_VERDICT);
	put16(writer, 9);
	put(writer, (const uint8_t[]){VERDICT_TC}, 1);
	put64(writer, tc_verdict(record));
	put_pad(writer);
}

/* "VERDICT: what the caller says of it". */
static void put_comment(struct writer *writer, const struct capture_record *record)
{
	char words[96], text[CAPTURE_COMMENT_MAX + 4];
	const char *comment = record->comment;

	capture_verdict_text(record, words, sizeof(words));
	snprintf(text, sizeof(text), "%s%s%s", words, comment && *comment ? ": " : "",
		 comment ? comment : "");
	put_text(writer, OPTION_COMMENT, text, CAPTURE_COMMENT_MAX);
}

static void put_packet_options(struct writer *writer, const struct capture_record *record,
			       uint64_t lost)
{
	put_comment(writer, record);
	put16(writer, PACKET_FLAGS);
	put16(writer, 4);
	put32(writer, direction(record));
	if (lost)
		put_option64(writer, PACKET_LOST, lost);
	put_verdict(writer, record);
}

size_t pcapng_packet(const struct capture_record *record, uint32_t number, uint32_t snap,
		     uint64_t lost, uint8_t *out, size_t size)
{
	uint32_t link = record->vlan_protocol ? SLL2_BYTES + 4 : SLL2_BYTES;
	uint32_t captured = record->captured, length = record->length;
	struct writer writer = begin(BLOCK_PACKET, out, size);

	if (!snap || snap > CAPTURE_PACKET_MAX)
		snap = CAPTURE_PACKET_MAX;
	if (length < captured)
		length = captured;
	if (length > UINT32_MAX - link)
		length = UINT32_MAX - link;
	if (captured > snap)
		captured = snap;
	put32(&writer, number);
	put_time(&writer, record->time_ns);
	put32(&writer, captured + link);
	put32(&writer, length + link);
	put_link_header(&writer, record);
	put(&writer, record->data, captured);
	put_pad(&writer);
	put_packet_options(&writer, record, lost);
	return finish(&writer);
}

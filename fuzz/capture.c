/* SPDX-License-Identifier: MIT */
/* Any bytes behind any link layer; and any record as a pcapng file, of which libpcap
 * reads what was put in. The input's first bytes say what it is about. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/link.h"
#include "capture/pcapng.h"

#define FIELDS 44u /* of a record, in front of comment and packet */
#define SECOND UINT64_C(1000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_link(int link_type, const uint8_t *data, uint32_t size)
{
	struct link_found found;

	if (link_find(link_type, data, size, &found) < 0)
		return;
	require(link_is_known(link_type));
	require(found.offset < size);
	require(data[found.offset] >> 4 == (found.protocol == LINK_IPV4 ? 4 : 6));
	require(found.hw_address_length <= sizeof(found.hw_address));
}

static uint32_t take32(const uint8_t **data)
{
	uint32_t value;

	memcpy(&value, *data, sizeof(value));
	*data += sizeof(value);
	return value;
}

/* pcapng's time has 64 bits, libpcap's seconds have 63 of nanoseconds. */
static struct capture_record a_record(const uint8_t *data)
{
	struct capture_record record = {0};
	uint32_t bits = take32(&data);

	record.time_ns = (uint64_t)take32(&data) << 31 | take32(&data);
	record.length = take32(&data);
	record.in_interface = take32(&data);
	record.out_interface = take32(&data);
	record.verdict.code = take32(&data);
	record.verdict.set = bits & 7;
	record.verdict.mark = take32(&data);
	record.hook = (bits >> 3) & 7;
	record.fate = (bits >> 6) & 3;
	record.hw_address_length = (bits >> 8) & 15;
	record.vlan_protocol = bits & (1u << 12) ? LINK_VLAN : 0;
	record.vlan_tci = (uint16_t)(bits >> 16);
	record.protocol = bits & (1u << 13) ? (uint16_t)take32(&data) : 0;
	memcpy(record.hw_address, data, 4);
	return record;
}

static uint8_t *encode(const struct capture_record *record, uint32_t snap, size_t *length)
{
	const struct pcapng_section section = {"machine", "system", record->comment};
	const struct pcapng_interface interface = {.name = record->comment, .snap = snap};
	const struct pcapng_statistics statistics = {.comment = record->comment};
	size_t size = 3 * PCAPNG_BLOCK_MAX + record->captured + PCAPNG_PACKET_EXTRA;
	uint8_t *file = malloc(size);
	size_t at = 0, step;

	require(file != NULL);
	at += step = pcapng_section(&section, file, size);
	require(step > 0);
	at += step = pcapng_interface(&interface, file + at, size - at);
	require(step > 0);
	at += step = pcapng_packet(record, 0, snap, 1, file + at,
				   record->captured + PCAPNG_PACKET_EXTRA);
	require(step > 0 && step % 4 == 0);
	at += step = pcapng_statistics(&statistics, file + at, size - at);
	require(step > 0);
	*length = at;
	return file;
}

static void check_packet(const struct capture_record *record, uint32_t snap,
			 const struct pcap_pkthdr *header, const uint8_t *data)
{
	uint32_t link = record->vlan_protocol ? 24 : 20, captured = record->captured;
	uint32_t length = record->length < captured ? captured : record->length;

	if (snap && captured > snap)
		captured = snap;
	if (length > UINT32_MAX - link)
		length = UINT32_MAX - link;
	require(header->caplen == captured + link);
	require(header->len == length + link);
	require((uint64_t)header->ts.tv_sec == record->time_ns / SECOND);
	require((uint64_t)header->ts.tv_usec == record->time_ns % SECOND);
	require(captured == 0 || !memcmp(data + link, record->data, captured));
	check_link(DLT_LINUX_SLL2, data, header->caplen);
}

static void check_file(const struct capture_record *record, uint32_t snap)
{
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const uint8_t *data;
	size_t length;
	uint8_t *file = encode(record, snap, &length);
	FILE *stream = fmemopen(file, length, "rb");
	pcap_t *pcap;

	require(stream != NULL);
	pcap = pcap_fopen_offline_with_tstamp_precision(
		stream, PCAP_TSTAMP_PRECISION_NANO, error);
	require(pcap != NULL && pcap_datalink(pcap) == DLT_LINUX_SLL2);
	require(pcap_next_ex(pcap, &header, &data) == 1);
	check_packet(record, snap, header, data);
	require(pcap_next_ex(pcap, &header, &data) == PCAP_ERROR_BREAK);
	pcap_close(pcap);
	free(file);
}

/* The comment ends at the first zero. */
static void check_record(const uint8_t *data, size_t size)
{
	struct capture_record record = a_record(data);
	const uint8_t *text = data + FIELDS;
	const uint8_t *end = memchr(text, 0, size - FIELDS);
	uint8_t snap = data[FIELDS - 1];

	if (!end)
		return;
	record.comment = (const char *)text;
	record.data = end + 1;
	record.captured = (uint32_t)(size - FIELDS - (size_t)(end + 1 - text));
	check_file(&record, snap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int types[] = {DLT_EN10MB,     DLT_RAW,       DLT_IPV4,
				    DLT_IPV6,       DLT_LINUX_SLL, DLT_LINUX_SLL2,
				    DLT_NULL,       DLT_LOOP,      DLT_PPP,
				    DLT_PPP_SERIAL, DLT_PPP_ETHER, DLT_NFLOG};
	const size_t count = sizeof(types) / sizeof(types[0]);

	if (size < 1 || size > 65535)
		return 0;
	if (data[0] < count)
		check_link(types[data[0]], data + 1, (uint32_t)size - 1);
	else if (size > FIELDS)
		check_record(data, size);
	return 0;
}

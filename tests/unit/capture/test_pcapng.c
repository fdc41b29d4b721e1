/* SPDX-License-Identifier: MIT */
/* Blocks, byte by byte, as the draft of pcapng has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/pcapng.h"

#define SIZE 4096

static void a_section_begins_with_its_byte_order_and_unknown_length(void **state)
{
	static const uint8_t expected[] = {
		0x0a, 0x0d, 0x0d, 0x0a, 0x44, 0,    0,    0,    0x4d, 0x3c, 0x2b, 0x1a,
		1,    0,    0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		2,    0,    3,    0,    'a',  'r',  'm',  0,    3,    0,    7,    0,
		'L',  'i',  'n',  'u',  'x',  ' ',  '6',  0,    4,    0,    9,    0,
		'n',  'f',  'q',  'u',  'e',  'u',  'e',  ' ',  '1',  0,    0,    0,
		0,    0,    0,    0,    0x44, 0,    0,    0};
	const struct pcapng_section section = {"arm", "Linux 6", "nfqueue 1"};
	uint8_t out[SIZE];

	(void)state;
	assert_int_equal(pcapng_section(&section, out, sizeof(out)), sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
}

static void an_interface_has_its_name_and_counts_nanoseconds(void **state)
{
	static const uint8_t expected[] = {
		1, 0, 0, 0, 0x28, 0, 0,   0,   0x14, 1, 0, 0, 100 + 24, 0,
		0, 0, 2, 0, 2,    0, 'l', 'o', 0,    0, 9, 0, 1,        0,
		9, 0, 0, 0, 0,    0, 0,   0,   0x28, 0, 0, 0};
	const struct pcapng_interface interface = {.name = "lo", .snap = 100};
	uint8_t out[SIZE];

	(void)state;
	assert_int_equal(pcapng_interface(&interface, out, sizeof(out)),
			 sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
}

static void statistics_tell_what_came_and_what_is_missing(void **state)
{
	static const uint8_t expected[] = {
		5, 0, 0, 0, 0x3c, 0,   0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2,    0, 0, 0,
		1, 0, 2, 0, 'h',  'i', 0, 0, 4, 0, 8, 0, 7, 0, 0, 0, 0,    0, 0, 0,
		7, 0, 8, 0, 5,    0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3c, 0, 0, 0};
	const struct pcapng_statistics statistics = {.number = 2,
						     .time_ns = 0x100000002,
						     .received = 7,
						     .lost = 5,
						     .comment = "hi"};
	uint8_t out[SIZE];

	(void)state;
	assert_int_equal(pcapng_statistics(&statistics, out, sizeof(out)),
			 sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
}

static const uint8_t ip[] = {0x45, 0, 0, 21, 0xee};

static struct capture_record a_record(void)
{
	return (struct capture_record){.time_ns = 0x1122334455667788,
				       .data = ip,
				       .captured = sizeof(ip),
				       .length = 21,
				       .in_interface = 3,
				       .out_interface = 0x01020304,
				       .hook = NFQUEUE_HOOK_INPUT,
				       .verdict = NFQUEUE_DROP};
}

static void a_packet_has_link_header_direction_loss_and_verdict(void **state)
{
	static const uint8_t expected[] = {
		6, 0, 0, 0, 0x74, 0, 0, 0, 1, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 0x88, 0x77,
		0x66, 0x55, 29, 0, 0, 0, 45, 0, 0, 0,
		/* SLL2: a tag comes next, of interface 3, from an Ethernet address */
		0x81, 0x00, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 0xa0,
		0x05, 0x08, 0x00, 0x45, 0, 0, 21, 0xee, 0, 0, 0, 1, 0, 7, 0, 'd', 'r',
		'o', 'p', ':', ' ', 'x', 0, 2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 8, 0, 3, 0, 0,
		0, 0, 0, 0, 0, 7, 0, 9, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0x74, 0, 0, 0};
	struct capture_record record = a_record();
	uint8_t out[SIZE];

	(void)state;
	record.vlan_protocol = 0x8100;
	record.vlan_tci = 0xa005;
	record.hw_address_length = 6;
	memcpy(record.hw_address, "\2\0\0\0\0\11", 6);
	record.comment = "x";
	assert_int_equal(pcapng_packet(&record, 1, 0, 3, out, sizeof(out)),
			 sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
}

static void a_snap_cuts_what_is_written_and_not_the_length(void **state)
{
	struct capture_record record = a_record();
	uint8_t out[SIZE];

	(void)state;
	assert_true(pcapng_packet(&record, 0, 2, 0, out, sizeof(out)) > 0);
	assert_int_equal(out[20], 22);
	assert_int_equal(out[24], 41);
	assert_memory_equal(out + 48, "\x45\0\0\0", 4);
}

/* What stands where in the block of a packet without a tag. */
#define LINK_AT 28
#define COMMENT_AT 56

/* The option `code` of a packet's block, or NULL. */
static const uint8_t *find_option(const uint8_t *block, size_t length, unsigned int code)
{
	size_t at = COMMENT_AT;

	while (at + 4 <= length - 4 && (block[at] | block[at + 1] << 8) != 0) {
		if ((block[at] | block[at + 1] << 8) == (int)code)
			return block + at;
		at += 4 + ((block[at + 2] | (size_t)block[at + 3] << 8) + 3) / 4 * 4;
	}
	return NULL;
}

static void verdicts_are_those_of_tc_and_told_in_words(void **state)
{
	const struct {
		struct nfqueue_verdict verdict;
		uint8_t fate;
		int tc; /* -1: none */
		const char *words;
	} rows[] = {
		{NFQUEUE_ACCEPT, CAPTURE_DECIDED, 0, "accept"},
		{NFQUEUE_DROP, CAPTURE_DECIDED, 2, "drop"},
		{NFQUEUE_STOP, CAPTURE_DECIDED, 0, "stop"},
		{NFQUEUE_FLOW_ACCEPT, CAPTURE_DECIDED, 0, "accept the flow"},
		{NFQUEUE_FLOW_DROP, CAPTURE_DECIDED, 2, "drop the flow"},
		{nfqueue_verdict_queue(5), CAPTURE_DECIDED, 5, "queue 5"},
		{nfqueue_verdict_of(7u << 16 | NFQUEUE_VERDICT_BYPASS |
				    NFQUEUE_VERDICT_QUEUE),
		 CAPTURE_DECIDED, 5, "queue 7 or accept"},
		{nfqueue_verdict_mark(NFQUEUE_ACCEPT, 7), CAPTURE_DECIDED, 0,
		 "accept, mark 7"},
		{nfqueue_verdict_mark(NFQUEUE_REPEAT, 0x10), CAPTURE_DECIDED, 6,
		 "repeat, mark 0x10"},
		{nfqueue_verdict_priority(NFQUEUE_ACCEPT, 2), CAPTURE_DECIDED, 0,
		 "accept, priority 0x2"},
		{NFQUEUE_DROP, CAPTURE_TAKEN, 4, "sent in other packets"},
		{NFQUEUE_DROP, CAPTURE_MADE, -1, "made here"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct capture_record record = a_record();
		const uint8_t *option;
		uint8_t out[SIZE];
		size_t length;

		record.verdict = rows[i].verdict;
		record.fate = rows[i].fate;
		length = pcapng_packet(&record, 0, 0, 0, out, sizeof(out));
		option = find_option(out, length, 1);
		assert_int_equal(option[2], strlen(rows[i].words));
		assert_memory_equal(option + 4, rows[i].words, strlen(rows[i].words));
		option = find_option(out, length, 7);
		if (rows[i].tc < 0)
			assert_null(option);
		else
			assert_int_equal(option[5], rows[i].tc);
	}
}

static void the_hook_tells_direction_and_interface(void **state)
{
	static const struct {
		uint8_t hook, direction, packet_type;
		uint32_t in, out, recorded;
	} rows[] = {
		{NFQUEUE_HOOK_PREROUTING, 1, 0, 3, 0, 3},
		{NFQUEUE_HOOK_INPUT, 1, 0, 3, 0, 3},
		{NFQUEUE_HOOK_FORWARD, 1, 3, 3, 4, 3},
		{NFQUEUE_HOOK_OUTPUT, 2, 4, 0, 4, 4},
		{NFQUEUE_HOOK_POSTROUTING, 2, 4, 3, 4, 4},
		{NFQUEUE_HOOK_POSTROUTING, 2, 4, 3, 0, 3},
		{NFQUEUE_HOOK_INPUT, 1, 0, 0, 4, 4},
		{CAPTURE_NO_HOOK, 0, 3, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct capture_record record = a_record();
		uint8_t out[SIZE];
		size_t length;

		record.hook = rows[i].hook;
		record.in_interface = rows[i].in;
		record.out_interface = rows[i].out;
		length = pcapng_packet(&record, 0, 0, 0, out, sizeof(out));
		assert_int_equal(find_option(out, length, 2)[4], rows[i].direction);
		assert_int_equal(out[LINK_AT + 7], rows[i].recorded);
		assert_int_equal(out[LINK_AT + 10], rows[i].packet_type);
		assert_int_equal(pcapng_interface_of(&record), rows[i].recorded);
	}
}

static void the_protocol_is_the_ip_version_or_what_is_told(void **state)
{
	static const uint8_t version6[] = {0x60};
	struct capture_record record = a_record();
	uint8_t out[SIZE];

	(void)state;
	record.data = version6;
	record.captured = sizeof(version6);
	pcapng_packet(&record, 0, 0, 0, out, sizeof(out));
	assert_memory_equal(out + LINK_AT, "\x86\xdd", 2);
	record.protocol = 0x0806;
	pcapng_packet(&record, 0, 0, 0, out, sizeof(out));
	assert_memory_equal(out + LINK_AT, "\x08\x06", 2);
	record = (struct capture_record){.hook = CAPTURE_NO_HOOK};
	assert_true(pcapng_packet(&record, 0, 0, 0, out, sizeof(out)) > 0);
	assert_memory_equal(out + LINK_AT, "\x08\x00", 2);
}

static void a_long_comment_is_cut_between_characters(void **state)
{
	struct capture_record record = a_record();
	char comment[2 * CAPTURE_COMMENT_MAX + 1];
	uint8_t out[SIZE];
	size_t length, kept;

	(void)state;
	for (size_t i = 0; i + 2 <= sizeof(comment); i += 2)
		memcpy(comment + i, "\xc3\xa4", 2);
	comment[sizeof(comment) - 1] = '\0';
	record.comment = comment;
	record.verdict = nfqueue_verdict_queue(5); /* "queue 5: ", an odd length */
	length = pcapng_packet(&record, 0, 0, 0, out, sizeof(out));
	assert_true(length > 0);
	kept = out[COMMENT_AT + 2] | (size_t)out[COMMENT_AT + 3] << 8;
	assert_int_equal(kept, CAPTURE_COMMENT_MAX - 1);
	assert_memory_equal(out + COMMENT_AT + 4 + kept - 2, "\xc3\xa4", 2);
}

/* Each length that is too short is refused, and nothing is written behind it. */
static void no_byte_is_written_behind_the_room(void **state)
{
	struct capture_record record = a_record();
	uint8_t whole[SIZE], out[SIZE];
	size_t length = pcapng_packet(&record, 0, 0, 9, whole, sizeof(whole));

	(void)state;
	for (size_t size = 12; size <= length; size++) {
		memset(out, 0xaa, sizeof(out));
		assert_int_equal(pcapng_packet(&record, 0, 0, 9, out, size),
				 size == length ? length : 0);
		for (size_t i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], 0xaa);
	}
	assert_memory_equal(out, whole, length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section_begins_with_its_byte_order_and_unknown_length),
		cmocka_unit_test(an_interface_has_its_name_and_counts_nanoseconds),
		cmocka_unit_test(statistics_tell_what_came_and_what_is_missing),
		cmocka_unit_test(a_packet_has_link_header_direction_loss_and_verdict),
		cmocka_unit_test(a_snap_cuts_what_is_written_and_not_the_length),
		cmocka_unit_test(verdicts_are_those_of_tc_and_told_in_words),
		cmocka_unit_test(the_hook_tells_direction_and_interface),
		cmocka_unit_test(the_protocol_is_the_ip_version_or_what_is_told),
		cmocka_unit_test(a_long_comment_is_cut_between_characters),
		cmocka_unit_test(no_byte_is_written_behind_the_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

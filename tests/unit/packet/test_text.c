/* SPDX-License-Identifier: MIT */
/* Lines by table. What has no line here is held against tcpdump: test_tcpdump.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "packets.h"

static void packets_read_as_written_in_their_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKET_CASES; i++) {
		struct nfqueue_view view;
		char text[256];
		uint32_t length;
		uint8_t *bytes = from_hex(packet_cases[i].hex, &length);
		int ret;

		nfqueue_view_parse(&view, bytes, length);
		ret = nfqueue_view_text(&view, text, sizeof(text));
		if (strcmp(text, packet_cases[i].text))
			fail_msg("%s: %s", packet_cases[i].name, text);
		assert_int_equal(ret, strlen(text));
		free(bytes);
	}
}

/* Every size but the last few is too short. */
static void a_line_is_cut_to_its_buffer_as_snprintf_does(void **state)
{
	const char *whole = packet_cases[0].text;
	struct nfqueue_view view;
	uint32_t length;
	uint8_t *bytes = from_hex(packet_cases[0].hex, &length);

	(void)state;
	nfqueue_view_parse(&view, bytes, length);
	for (size_t size = 0; size < strlen(whole) + 3; size++) {
		char *text = malloc(size);

		assert_int_equal(nfqueue_view_text(&view, text, size), strlen(whole));
		if (size && size <= strlen(whole))
			assert_int_equal(strlen(text), size - 1);
		if (size)
			assert_memory_equal(text, whole, strlen(text));
		free(text);
	}
	free(bytes);
}

/* A message that is told whole or not at all takes its beginning back. */
static void a_short_buffer_holds_a_cut_message(void **state)
{
	struct nfqueue_view view;
	uint32_t length;
	uint8_t *bytes = from_hex(
		"4500001c 00000000 40010000" IPV4_ENDS "0c000000 00000000", &length);
	char text[30], whole[100];

	(void)state;
	bytes[20] = 3;
	nfqueue_view_parse(&view, bytes, length);
	nfqueue_view_text(&view, whole, sizeof(whole));
	assert_string_equal(whole, "IP 10.0.0.1 > 10.0.0.2:  [|icmp]");
	assert_int_equal(nfqueue_view_text(&view, text, sizeof(text)), strlen(whole));
	assert_memory_equal(text, whole, sizeof(text) - 1);
	assert_int_equal(text[sizeof(text) - 1], 0);
	free(bytes);
}

/* As deep as a packet can be. */
static void tunnels_in_tunnels_are_no_recursion(void **state)
{
	static const uint8_t header[20] = {0x45, [9] = 4};
	uint8_t bytes[65500];
	struct nfqueue_view view;
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i += 20) {
		size_t left = sizeof(bytes) - i;

		memcpy(bytes + i, header, 20);
		bytes[i + 2] = (uint8_t)(left >> 8);
		bytes[i + 3] = (uint8_t)left;
	}
	assert_int_equal(nfqueue_view_parse(&view, bytes, sizeof(bytes)), 0);
	assert_int_equal(nfqueue_view_text(&view, text, sizeof(text)),
			 sizeof(bytes) / 20 * strlen("IP 0.0.0.0 > 0.0.0.0: ") + 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_read_as_written_in_their_table),
		cmocka_unit_test(a_line_is_cut_to_its_buffer_as_snprintf_does),
		cmocka_unit_test(a_short_buffer_holds_a_cut_message),
		cmocka_unit_test(tunnels_in_tunnels_are_no_recursion),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}

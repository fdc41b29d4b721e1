/* SPDX-License-Identifier: MIT */
#include "fixtures.h"
#include "helpers.h"

static void fills_every_field(void **state)
{
	struct wire_bytes buffer = {error_ext_capped, sizeof(error_ext_capped)};
	struct wire_message message;

	assert_int_equal(wire_message_next(&buffer, &message), 1);
	assert_int_equal(message.length, 120);
	assert_int_equal(message.type, 2);
	assert_int_equal(message.flags, 0x300);
	assert_int_equal(message.sequence, 0x7c);
	assert_int_equal(message.port_id, 0x1f44);
	assert_ptr_equal(message.body.data, error_ext_capped + 16);
	assert_int_equal(message.body.length, 104);
	assert_int_equal(buffer.length, 0);
	assert_int_equal(wire_message_next(&buffer, &message), 0);
}

/* 86 bytes, padded to 88, then another, whose padding is missing at the buffer's end */
static void walks_over_padding_and_does_without_at_the_end(void **state)
{
	uint8_t data[88 + sizeof(mark)] = {0};
	struct wire_bytes buffer = {data, sizeof(data)};
	struct wire_message message;

	memcpy(data, mark, sizeof(mark));
	memcpy(data + 88, mark, sizeof(mark));
	assert_int_equal(wire_message_next(&buffer, &message), 1);
	assert_ptr_equal(buffer.data, data + 88);
	assert_int_equal(wire_message_next(&buffer, &message), 1);
	assert_int_equal(message.length, sizeof(mark));
	assert_int_equal(wire_message_next(&buffer, &message), 0);
}

static void refuses_a_length_that_lies(void **state)
{
	static const uint32_t lies[] = {0,          1,          15,         85, 255,
					0x7fffffff, 0x80000000, 0xfffffffd, -1u};
	uint8_t *data = exact_copy(ipv4_udp, sizeof(ipv4_udp));
	struct wire_message message;

	for (size_t i = 0; i < COUNT(lies); i++) {
		struct wire_bytes buffer = {data, sizeof(ipv4_udp)};

		set_u32(data, lies[i]);
		assert_int_equal(wire_message_next(&buffer, &message), -EBADMSG);
	}
	free(data);
}

static void refuses_less_than_a_header(void **state)
{
	struct wire_message message;

	for (size_t length = 1; length < 16; length++) {
		uint8_t *data = exact_copy(ipv4_udp, length);
		struct wire_bytes buffer = {data, (uint32_t)length};

		assert_int_equal(wire_message_next(&buffer, &message), -EBADMSG);
		free(data);
	}
}

static void tells_packets_from_other_messages(void **state)
{
	struct wire_message message = {.type = 0x300};

	assert_true(wire_is_packet(&message));
	message.type = 0x301;
	assert_false(wire_is_packet(&message));
	message.type = 2;
	assert_false(wire_is_packet(&message));
	message.type = 0;
	assert_false(wire_is_packet(&message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_every_field),
		cmocka_unit_test(walks_over_padding_and_does_without_at_the_end),
		cmocka_unit_test(refuses_a_length_that_lies),
		cmocka_unit_test(refuses_less_than_a_header),
		cmocka_unit_test(tells_packets_from_other_messages),
	};

	return cmocka_run_group_tests_name("wire message", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "fixtures.h"
#include "helpers.h"

/* Decodes one message that stands alone. */
static int decode(const uint8_t *data, size_t length, struct wire_packet *packet)
{
	struct wire_bytes buffer = {data, (uint32_t)length};
	struct wire_message message;

	if (wire_message_next(&buffer, &message) != 1)
		return -EBADMSG;
	return wire_packet_decode(&message, packet);
}

/* A message under construction: the header of `ipv4_udp`, then attributes. */
struct built {
	uint8_t data[512];
	size_t length;
};

static void build_attribute(struct built *built, uint16_t type, const void *data,
			    size_t length)
{
	uint8_t *at = built->data + built->length;

	set_u16(at, (uint16_t)(4 + length));
	set_u16(at + 2, type);
	memcpy(at + 4, data, length);
	built->length += (4 + length + 3) & ~(size_t)3;
	set_u32(built->data, (uint32_t)built->length);
}

/* nlmsghdr, nfgenmsg and, with `header`, the packet header attribute */
static void build_begin(struct built *built, bool header)
{
	memset(built, 0, sizeof(*built));
	built->length = header ? 32 : 20;
	memcpy(built->data, ipv4_udp, built->length);
	set_u32(built->data, (uint32_t)built->length);
}

static int build_decode(const struct built *built, struct wire_packet *packet)
{
	uint8_t *data = exact_copy(built->data, built->length);
	int rc = decode(data, built->length, packet);

	free(data);
	return rc;
}

static void check_range(struct wire_bytes actual, const uint8_t *message,
			struct fixture_range expected)
{
	assert_int_equal(actual.length, expected.length);
	assert_ptr_equal(actual.data, expected.at ? message + expected.at : NULL);
}

static void every_fixture_says_what_was_sent(void **state)
{
	struct wire_packet packet;

	for (size_t i = 0; i < COUNT(packet_fixtures); i++) {
		const struct packet_fixture *fixture = &packet_fixtures[i];
		uint8_t *data = exact_copy(fixture->data, fixture->length);

		print_message("# %s\n", fixture->name);
		assert_int_equal(decode(data, fixture->length, &packet), 0);
		check_numbers(&packet, &fixture->expected);
		check_range(packet.payload, data, fixture->payload);
		check_range(packet.ct, data, fixture->ct);
		check_range(packet.expectation, data, fixture->expectation);
		check_range(packet.secctx, data, fixture->secctx);
		check_range(packet.l2_header, data, fixture->l2_header);
		free(data);
	}
}

static void a_message_cut_short_is_refused(void **state)
{
	struct wire_packet packet;

	for (size_t i = 0; i < COUNT(packet_fixtures); i++) {
		for (size_t n = 0; n < packet_fixtures[i].length; n++) {
			uint8_t *data = exact_copy(packet_fixtures[i].data, n);

			assert_int_equal(decode(data, n, &packet), -EBADMSG);
			free(data);
		}
	}
}

/* Cut, and the message's length says so: good only where an attribute ends. */
static bool is_attribute_end(const uint8_t *data, size_t length, size_t end)
{
	size_t at = 20;

	while (at < length) {
		uint16_t size;

		memcpy(&size, data + at, sizeof(size));
		at += size;
		if (end >= at && end <= ((at + 3) & ~(size_t)3))
			return true;
		at = (at + 3) & ~(size_t)3;
	}
	return false;
}

static void a_message_that_ends_early_is_good_only_between_attributes(void **state)
{
	for (size_t i = 0; i < COUNT(packet_fixtures); i++) {
		const struct packet_fixture *fixture = &packet_fixtures[i];

		for (size_t n = 16; n <= fixture->length; n++) {
			uint8_t *data = exact_copy(fixture->data, n);
			bool good = is_attribute_end(fixture->data, fixture->length, n);

			set_u32(data, (uint32_t)n);
			assert_int_equal(decode_all(data, n), good ? 0 : -EBADMSG);
			free(data);
		}
	}
}

static void no_corrupted_byte_makes_it_read_elsewhere(void **state)
{
	for (size_t i = 0; i < COUNT(packet_fixtures); i++) {
		const struct packet_fixture *fixture = &packet_fixtures[i];
		uint8_t *data = exact_copy(fixture->data, fixture->length);

		for (size_t n = 0; n < fixture->length; n++) {
			for (unsigned int value = 0; value < 256; value++) {
				int rc;

				data[n] = (uint8_t)value;
				rc = decode_all(data, fixture->length);
				assert_true(rc == 0 || rc == -EBADMSG);
			}
			data[n] = fixture->data[n];
		}
		free(data);
	}
}

static void unknown_attributes_are_skipped(void **state)
{
	static const uint16_t unknown[] = {0, 2, 23, 31, 32, 33, 200, 0x3fff};
	struct wire_packet packet;
	struct built built;

	for (size_t i = 0; i < COUNT(unknown); i++) {
		build_begin(&built, true);
		build_attribute(&built, unknown[i], "whatever it is", 14);
		build_attribute(&built, unknown[i], "", 0);
		build_attribute(&built, WIRE_MARK, "\0\0\0\7", 4);
		assert_int_equal(build_decode(&built, &packet), 0);
		assert_int_equal(packet.present, BIT(WIRE_PACKET_HDR) | BIT(WIRE_MARK));
		assert_int_equal(packet.mark, 7);
	}
}

static void flag_bits_of_a_type_are_no_part_of_it(void **state)
{
	struct wire_packet packet;
	struct built built;

	build_begin(&built, true);
	build_attribute(&built, 0x8000 | WIRE_MARK, "\0\0\0\7", 4);
	build_attribute(&built, 0x4000 | WIRE_UID, "\0\0\0\10", 4);
	assert_int_equal(build_decode(&built, &packet), 0);
	assert_int_equal(packet.mark, 7);
	assert_int_equal(packet.uid, 8);
}

static const struct {
	uint16_t type;
	size_t length;
} fixed[] = {
	{WIRE_PACKET_HDR, 7}, {WIRE_MARK, 4},     {WIRE_TIMESTAMP, 16},
	{WIRE_INDEV, 4},      {WIRE_OUTDEV, 4},   {WIRE_PHYSINDEV, 4},
	{WIRE_PHYSOUTDEV, 4}, {WIRE_HWADDR, 12},  {WIRE_CT_INFO, 4},
	{WIRE_CAP_LEN, 4},    {WIRE_SKB_INFO, 4}, {WIRE_UID, 4},
	{WIRE_GID, 4},        {WIRE_PRIORITY, 4}, {WIRE_CGROUP_CLASSID, 4},
};

static void fixed_attributes_may_grow_but_not_shrink(void **state)
{
	static const uint8_t zeros[64];
	struct wire_packet packet;
	struct built built;

	for (size_t i = 0; i < COUNT(fixed); i++) {
		for (size_t length = 0; length < sizeof(zeros); length++) {
			bool good = length >= fixed[i].length;

			build_begin(&built, true);
			build_attribute(&built, fixed[i].type, zeros, length);
			assert_int_equal(build_decode(&built, &packet),
					 good ? 0 : -EBADMSG);
			if (good)
				assert_int_equal(packet.present,
						 BIT(WIRE_PACKET_HDR) |
							 BIT(fixed[i].type));
		}
	}
}

static void byte_ranges_may_be_empty(void **state)
{
	static const uint16_t types[] = {WIRE_PAYLOAD, WIRE_CT,    WIRE_EXP,
					 WIRE_SECCTX,  WIRE_L2HDR, WIRE_VLAN};
	struct wire_packet packet;
	struct built built;

	for (size_t i = 0; i < COUNT(types); i++) {
		build_begin(&built, true);
		build_attribute(&built, types[i], "", 0);
		assert_int_equal(build_decode(&built, &packet), 0);
		assert_int_equal(packet.present, BIT(WIRE_PACKET_HDR) | BIT(types[i]));
	}
}

static void a_packet_without_its_header_is_refused(void **state)
{
	struct wire_packet packet;
	struct built built;

	build_begin(&built, false);
	assert_int_equal(build_decode(&built, &packet), -EBADMSG);
	build_attribute(&built, WIRE_MARK, "\0\0\0\7", 4);
	assert_int_equal(build_decode(&built, &packet), -EBADMSG);
}

static void the_last_of_two_equal_attributes_counts(void **state)
{
	struct wire_packet packet;
	struct built built;

	build_begin(&built, true);
	build_attribute(&built, WIRE_MARK, "\0\0\0\7", 4);
	build_attribute(&built, WIRE_VLAN, "\6\0\1\0\x81\0\0\0\6\0\2\0\0\5\0\0", 16);
	build_attribute(&built, WIRE_MARK, "\0\0\0\10", 4);
	build_attribute(&built, WIRE_VLAN, "\6\0\1\0\x88\xa8\0\0", 8);
	assert_int_equal(build_decode(&built, &packet), 0);
	assert_int_equal(packet.mark, 8);
	assert_int_equal(packet.vlan_protocol, 0x88a8);
	assert_int_equal(packet.vlan_tci, 0);
}

static void a_hardware_address_longer_than_its_field_is_refused(void **state)
{
	uint8_t hw[12] = {0, 8, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	struct wire_packet packet;
	struct built built;

	build_begin(&built, true);
	build_attribute(&built, WIRE_HWADDR, hw, sizeof(hw));
	assert_int_equal(build_decode(&built, &packet), 0);
	assert_int_equal(packet.hw_address_length, 8);
	assert_memory_equal(packet.hw_address, hw + 4, 8);
	for (unsigned int length = 9; length < 65536; length++) {
		build_begin(&built, true);
		hw[0] = (uint8_t)(length >> 8);
		hw[1] = (uint8_t)length;
		build_attribute(&built, WIRE_HWADDR, hw, sizeof(hw));
		assert_int_equal(build_decode(&built, &packet), -EBADMSG);
	}
}

static void a_broken_vlan_nest_is_refused(void **state)
{
	static const struct {
		const char *data;
		size_t length;
		int result;
	} nests[] = {
		{"\6\0\1\0\x81\0\0\0\6\0\2\0\0\5", 14, 0},
		{"\7\0\1\0\x81\0\0\0\6\0\2\0\0\5\0\0", 16, 0}, /* grown */
		{"\5\0\1\0\x81\0\0\0", 8, -EBADMSG},
		{"\4\0\2\0", 4, -EBADMSG},
		{"\x9\0\1\0\x81\0\0\0", 8, -EBADMSG}, /* beyond the nest */
		{"\3\0\1\0\x81\0\0\0", 8, -EBADMSG},
		{"\6\0\1", 3, -EBADMSG},
		{"\4\0\5\0", 4, 0}, /* unknown */
	};
	struct wire_packet packet;
	struct built built;

	for (size_t i = 0; i < COUNT(nests); i++) {
		build_begin(&built, true);
		build_attribute(&built, WIRE_VLAN, nests[i].data, nests[i].length);
		assert_int_equal(build_decode(&built, &packet), nests[i].result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fixture_says_what_was_sent),
		cmocka_unit_test(a_message_cut_short_is_refused),
		cmocka_unit_test(
			a_message_that_ends_early_is_good_only_between_attributes),
		cmocka_unit_test(no_corrupted_byte_makes_it_read_elsewhere),
		cmocka_unit_test(unknown_attributes_are_skipped),
		cmocka_unit_test(flag_bits_of_a_type_are_no_part_of_it),
		cmocka_unit_test(fixed_attributes_may_grow_but_not_shrink),
		cmocka_unit_test(byte_ranges_may_be_empty),
		cmocka_unit_test(a_packet_without_its_header_is_refused),
		cmocka_unit_test(the_last_of_two_equal_attributes_counts),
		cmocka_unit_test(a_hardware_address_longer_than_its_field_is_refused),
		cmocka_unit_test(a_broken_vlan_nest_is_refused),
	};

	return cmocka_run_group_tests_name("wire packet", tests, NULL, NULL);
}

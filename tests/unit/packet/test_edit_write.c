/* SPDX-License-Identifier: MIT */
/* Raw bytes: what may be written where, what is mended, and what a flip leaves broken. */
#include "edit_case.h"

struct write_case {
	const char *name;
	const char *hex;
	size_t offset;
	const char *bytes;
	const char *wanted; /* NULL: `ret` */
	int ret;
};

/* clang-format off */
static const struct write_case write_cases[] = {
	{"payload", UDP4, 29, "454c", "45000021 00010000 40110000" IPV4_ENDS
	 "13881770 000d0000 68454c6c6f", 0},
	{"across headers: addresses and ports", UDP4, 15, "0f c0a80007 1389",
	 "45000021 00010000 40110000 0a00000f c0a80007 13891770 000d0000 68656c6c6f", 0},
	{"a checksum is not taken", UDP4, 26, "abcd", "45000021 00010000 40110000"
	 IPV4_ENDS
	 "13881770 000d0000 68656c6c6f", 0},
	{"an IPv4 checksum, either", UDP4, 8, "05110bad", "45000021 00010000 05110000"
	 IPV4_ENDS
	 "13881770 000d0000 68656c6c6f", 0},
	{"a whole packet", TCP4, 0,
	 "4510002d 00070000 07061234 c0a80001 c0a80002 "
	 "00010002 00000003 00000004 50110005 00060007 776f726c64",
	 "4510002d 00070000 07060000 c0a80001 c0a80002 "
	 "00010002 00000003 00000004 50110005 00000007 776f726c64", 0},
	{"a whole packet, IPv6", ECHO6, 0,
	 "6ff00001 000d3a01" IPV6_ENDS "8101dead 43210002 776f726c64",
	 "6ff00001 000d3a01" IPV6_ENDS "81010000 43210002 776f726c64", 0},
	{"a TCP header length that lies", TCP4, 32, "f0",
	 "4500002d 1c464000 40060000" IPV4_ENDS
	 "04d20050 00000001 00000002 f0180010 00000000 68656c6c6f", 0},
	{"don't fragment", UDP4, 6, "40", "45000021 00014000 40110000" IPV4_ENDS
	 "13881770 000d0000 68656c6c6f", 0},
	{"a TTL of SCTP", SCTP4, 8, "07840000", "45000024 00010000 07840000" IPV4_ENDS
	 "13881770 00000001 00000000 01000004", 0},
	{"a first fragment", FIRST6, 57, "01", "60000000 00142c40" IPV6_ENDS
	 "11000001 00000007 13881770 00200000 68016c6c", 0},
	{"IP version", UDP4, 0, "65", NULL, -EPERM},
	{"header length", UDP4, 0, "46", NULL, -EPERM},
	{"total length", UDP4, 3, "20", NULL, -EPERM},
	{"more fragments", UDP4, 6, "20", NULL, -EPERM},
	{"the reserved bit", UDP4, 6, "80", NULL, -EPERM},
	{"fragment offset", UDP4, 7, "01", NULL, -EPERM},
	{"protocol", UDP4, 9, "06", NULL, -EPERM},
	{"options", OPTIONS4, 23, "01", NULL, -EPERM},
	{"UDP length, low", UDP4, 25, "0c", NULL, -EPERM},
	{"UDP length, high, and more", UDP6, 40, "1388177001", NULL, -EPERM},
	{"IPv6 version", UDP6, 0, "70", NULL, -EPERM},
	{"payload length", UDP6, 5, "0c", NULL, -EPERM},
	{"next header", UDP6, 6, "06", NULL, -EPERM},
	{"an extension header", CHAIN6, 41, "01", NULL, -EPERM},
	{"the last extension header", CHAIN6, 87, "01", NULL, -EPERM},
	{"a fragment header", LATER6, 44, "01", NULL, -EPERM},
	{"extension headers that lie", "60000000 00083c40" IPV6_ENDS "1109000000000000",
	 47,
	 "01", NULL, -EPERM},
	{"behind a later fragment's header", LATER4, 20, "00", NULL, -EOPNOTSUPP},
	{"the same, IPv6", LATER6, 48, "00", NULL, -EOPNOTSUPP},
	{"SCTP", SCTP4, 20, "00", NULL, -EOPNOTSUPP},
	{"a fragment without its checksum", "4500001c 00012000 40060000" IPV4_ENDS
	 "04d20050 00000001", 20, "00", NULL, -EBADMSG},
	{"an address without its checksum", "4500001c 00012000 40060000" IPV4_ENDS
	 "04d20050 00000001", 12, "0b", NULL, -EBADMSG},
	{"behind the end", UDP4, 32, "6f00", NULL, -ERANGE},
	{"far behind the end", UDP4, SIZE_MAX, "00", NULL, -ERANGE},
};
/* clang-format on */

static void write_one(const struct write_case *wanted)
{
	struct edit_case test;
	uint32_t length;
	uint8_t *bytes = from_hex(wanted->bytes, &length);
	int ret;

	begin_wanted(&test, wanted->hex, wanted->wanted);
	ret = nfqueue_edit_write(test.edit, wanted->offset, bytes, length);
	if (ret != wanted->ret)
		fail_msg("%s: %d", wanted->name, ret);
	assert_wanted(&test, wanted->wanted, ret, wanted->ret);
	free(bytes);
	end(&test);
}

static void bytes_are_written_where_kernels_take_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(write_cases) / sizeof(write_cases[0]); i++)
		write_one(&write_cases[i]);
}

static void its_own_bytes_may_be_written(void **state)
{
	struct edit_case test;
	size_t length;
	const uint8_t *data;

	(void)state;
	begin(&test, UDP4);
	assert_int_equal(nfqueue_edit_write(test.edit, 28, "abcde", 5), 0);
	data = nfqueue_edit_data(test.edit, &length);
	assert_int_equal(nfqueue_edit_write(test.edit, 29, data + 28, 4), 0);
	commit(&test);
	assert_packet(&test, "45000021 00010000 40110000" IPV4_ENDS
			     "13881770 000d0000 6161626364");
	end(&test);
}

/* --- flips ------------------------------------------------------------------------ */

/* The packet with one bit flipped, and nothing else. */
static void flip_one(const char *hex, size_t bit, uint32_t skb_info)
{
	struct edit_case test;
	size_t length;
	const uint8_t *data;

	begin_with(&test, hex, skb_info);
	if (nfqueue_edit_flip(test.edit, bit) < 0) {
		assert_refused(&test, nfqueue_edit_flip(test.edit, bit), -EPERM);
	} else {
		assert_int_equal(nfqueue_edit_commit(test.edit), 0);
		data = nfqueue_edit_data(test.edit, &length);
		assert_int_equal(length, test.length);
		test.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		assert_memory_equal(data, test.bytes, length);
	}
	end(&test);
}

static void a_flip_flips_one_bit_and_mends_nothing(void **state)
{
	const char *packets[] = {TCP4, UDP6, ECHO4, CHAIN6, LATER4, SCTP4};

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		uint32_t length;

		free(from_hex(packets[i], &length));
		for (size_t bit = 0; bit < length * 8; bit++)
			flip_one(packets[i], bit, 0);
	}
	for (size_t bit = 0; bit < 33 * 8; bit++)
		flip_one(UDP4, bit, 1);
}

/* Version, lengths, fragment bits but DF, protocol: 8 + 16 + 15 + 8 bits. */
static void flips_are_refused_where_kernels_drop(void **state)
{
	struct edit_case test;
	int refused = 0;

	(void)state;
	begin(&test, UDP4);
	for (size_t bit = 0; bit < 33 * 8; bit++)
		refused += nfqueue_edit_flip(test.edit, bit) == -EPERM;
	assert_int_equal(refused, 47);
	assert_int_equal(nfqueue_edit_flip(test.edit, 33 * 8), -ERANGE);
	assert_int_equal(nfqueue_edit_flip(test.edit, SIZE_MAX), -ERANGE);
	end(&test);
}

static void a_flipped_packet_stays_damaged(void **state)
{
	struct edit_case test;
	struct reference reference;

	(void)state;
	begin(&test, TCP4);
	assert_int_equal(nfqueue_edit_set_payload(test.edit, "damage", 6), 0);
	assert_int_equal(nfqueue_edit_flip(test.edit, 8 * 41), 0);
	assert_int_equal(nfqueue_edit_insert(test.edit, 0, "more", 4), 0);
	assert_int_equal(nfqueue_edit_commit(test.edit), 0);
	assert_int_not_equal(reference_transport_rest(now(&test, &reference), &reference),
			     0);
	assert_int_equal(nfqueue_edit_flip(test.edit, 8 * 45), 0);
	commit(&test);
	end(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_written_where_kernels_take_them),
		cmocka_unit_test(its_own_bytes_may_be_written),
		cmocka_unit_test(a_flip_flips_one_bit_and_mends_nothing),
		cmocka_unit_test(flips_are_refused_where_kernels_drop),
		cmocka_unit_test(a_flipped_packet_stays_damaged),
	};

	return cmocka_run_group_tests_name("edit bytes", tests, NULL, NULL);
}

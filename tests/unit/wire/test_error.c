/* SPDX-License-Identifier: MIT */
#include "fixtures.h"
#include "helpers.h"

#define CAPPED 0x100
#define TLVS 0x200

static int decode(const uint8_t *data, size_t length, struct wire_error *error)
{
	struct wire_bytes buffer = {data, (uint32_t)length};
	struct wire_message message;

	if (wire_message_next(&buffer, &message) != 1)
		return -EBADMSG;
	return wire_error_decode(&message, error);
}

static void every_fixture_says_what_was_refused(void **state)
{
	struct wire_error error;

	for (size_t i = 0; i < COUNT(error_fixtures); i++) {
		const struct error_fixture *fixture = &error_fixtures[i];
		uint8_t *data = exact_copy(fixture->data, fixture->length);

		print_message("# %s\n", fixture->name);
		assert_int_equal(decode(data, fixture->length, &error), 0);
		assert_int_equal(error.error, fixture->error);
		assert_int_equal(error.sequence, fixture->sequence);
		assert_int_equal(error.request_type, fixture->request_type);
		assert_int_equal(error.text.length, strlen(fixture->text));
		if (error.text.length)
			assert_memory_equal(error.text.data, fixture->text,
					    error.text.length);
		assert_int_equal(error.offset, fixture->offset);
		assert_int_equal(error.request.length, fixture->request.length);
		if (fixture->request.at)
			assert_ptr_equal(error.request.data, data + fixture->request.at);
		free(data);
	}
}

static void a_message_cut_short_is_refused(void **state)
{
	struct wire_error error;

	for (size_t i = 0; i < COUNT(error_fixtures); i++) {
		for (size_t n = 0; n < error_fixtures[i].length; n++) {
			uint8_t *data = exact_copy(error_fixtures[i].data, n);

			assert_int_equal(decode(data, n, &error), -EBADMSG);
			free(data);
		}
	}
}

/* Cut, and the message's length says so. */
static void a_shorter_message_never_makes_it_read_past_the_end(void **state)
{
	for (size_t i = 0; i < COUNT(error_fixtures); i++) {
		for (size_t n = 16; n <= error_fixtures[i].length; n++) {
			uint8_t *data = exact_copy(error_fixtures[i].data, n);
			int rc;

			set_u32(data, (uint32_t)n);
			rc = decode_all(data, n);
			assert_true(rc == -EBADMSG || (rc == 0 && n >= 36));
			free(data);
		}
	}
}

static void no_corrupted_byte_makes_it_read_elsewhere(void **state)
{
	for (size_t i = 0; i < COUNT(error_fixtures); i++) {
		const struct error_fixture *fixture = &error_fixtures[i];
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

/* nlmsghdr, error, request header, then what the test appends */
struct built {
	uint8_t data[256];
	size_t length;
};

static void build_begin(struct built *built, uint16_t flags, int error,
			uint32_t request_length)
{
	memset(built, 0, sizeof(*built));
	built->length = 36;
	set_u32(built->data, 36);
	set_u16(built->data + 4, 2);
	set_u16(built->data + 6, flags);
	set_u32(built->data + 16, (uint32_t)error);
	set_u32(built->data + 20, request_length);
	set_u16(built->data + 24, 0x302);
	set_u32(built->data + 28, 99);
}

static void build_append(struct built *built, const void *data, size_t length)
{
	memcpy(built->data + built->length, data, length);
	built->length += length;
	set_u32(built->data, (uint32_t)built->length);
}

static int build_decode(const struct built *built, struct wire_error *error)
{
	/* kept until the next call: `error` points into it */
	static uint8_t *data;
	int rc;

	free(data);
	data = NULL;
	if (!error)
		return 0;
	data = exact_copy(built->data, built->length);
	rc = decode(data, built->length, error);
	return rc;
}

static const uint8_t text_tlv[] = {8, 0, 1, 0, 'b', 'u', 's', 'y'};

static void the_text_stands_where_the_flags_say(void **state)
{
	static const struct {
		uint16_t flags;
		int error;
		uint32_t request_length;
		size_t echoed, text;
	} rows[] = {
		{TLVS | CAPPED, -EBUSY, 28, 0, 4},
		{TLVS | CAPPED, 0, 28, 0, 4},
		{TLVS, 0, 28, 0, 4},        /* an ACK never echoes */
		{TLVS, -EBUSY, 28, 12, 4},  /* the whole request */
		{TLVS, -EBUSY, 27, 12, 4},  /* padded */
		{TLVS, -EBUSY, 16, 0, 4},   /* it was a header only */
		{CAPPED, -EBUSY, 28, 0, 0}, /* no TLVs promised */
		{0, -EBUSY, 28, 12, 0},
	};
	static const uint8_t zeros[12];
	struct wire_error error;
	struct built built;

	for (size_t i = 0; i < COUNT(rows); i++) {
		build_begin(&built, rows[i].flags, rows[i].error, rows[i].request_length);
		build_append(&built, zeros, rows[i].echoed);
		build_append(&built, text_tlv, sizeof(text_tlv));
		assert_int_equal(build_decode(&built, &error), 0);
		assert_int_equal(error.error, rows[i].error);
		assert_int_equal(error.text.length, rows[i].text);
		if (rows[i].text)
			assert_memory_equal(error.text.data, "busy", 4);
		if (rows[i].echoed)
			assert_int_equal(error.request.length,
					 rows[i].request_length - 16);
	}
	build_decode(NULL, NULL);
}

static void an_error_without_echo_and_flags_is_good(void **state)
{
	struct wire_error error;
	struct built built;

	build_begin(&built, 0, -ENOENT, 40);
	assert_int_equal(build_decode(&built, &error), 0);
	assert_int_equal(error.error, -ENOENT);
	assert_int_equal(error.sequence, 99);
	assert_int_equal(error.request.length, 0);
	build_decode(NULL, NULL);
}

static void an_echo_that_lies_about_its_length_is_refused(void **state)
{
	static const uint32_t lies[] = {0, 15, 29, 40, 0x7fffffff, 0x80000000, -1u};
	static const uint8_t zeros[12];
	struct wire_error error;
	struct built built;

	for (size_t i = 0; i < COUNT(lies); i++) {
		build_begin(&built, TLVS, -EBUSY, lies[i]);
		build_append(&built, zeros, sizeof(zeros));
		assert_int_equal(build_decode(&built, &error), -EBADMSG);
	}
	build_decode(NULL, NULL);
}

static void an_echo_without_its_padding_is_good(void **state)
{
	static const uint8_t zeros[12];
	struct wire_error error;
	struct built built;

	build_begin(&built, TLVS, -EBUSY, 27);
	build_append(&built, zeros, 11);
	assert_int_equal(build_decode(&built, &error), 0);
	assert_int_equal(error.request.length, 11);
	assert_int_equal(error.text.length, 0);
	build_decode(NULL, NULL);
}

static void only_zero_and_negative_errnos_are_errors(void **state)
{
	static const struct {
		int error, result;
	} rows[] = {
		{0, 0},
		{-1, 0},
		{-4095, 0},
		{1, -EBADMSG},
		{-4096, -EBADMSG},
		{INT32_MAX, -EBADMSG},
		{INT32_MIN, -EBADMSG},
	};
	struct wire_error error;
	struct built built;

	for (size_t i = 0; i < COUNT(rows); i++) {
		build_begin(&built, CAPPED, rows[i].error, 16);
		assert_int_equal(build_decode(&built, &error), rows[i].result);
	}
	build_decode(NULL, NULL);
}

static void tlvs_that_lie_are_refused(void **state)
{
	static const struct {
		const char *data;
		size_t length;
		int result;
	} rows[] = {
		{"\10\0\1\0bus", 7, -EBADMSG},
		{"\3\0\1\0", 4, -EBADMSG},
		{"\10\0\1", 3, -EBADMSG},
		{"\7\0\2\0\0\0\0", 7, -EBADMSG},      /* offset too short */
		{"\14\0\2\0\5\0\0\0\0\0\0\0", 12, 0}, /* grown */
		{"\4\0\1\0", 4, 0},                   /* no words */
		{"\5\0\1\0\0\0\0\0", 8, 0},           /* a NUL only */
		{"\10\0\11\0\1\2\3\4", 8, 0},         /* unknown */
	};
	struct wire_error error;
	struct built built;

	for (size_t i = 0; i < COUNT(rows); i++) {
		build_begin(&built, TLVS | CAPPED, -EBUSY, 28);
		build_append(&built, rows[i].data, rows[i].length);
		assert_int_equal(build_decode(&built, &error), rows[i].result);
		if (rows[i].result == 0)
			assert_int_equal(error.text.length, 0);
	}
	build_decode(NULL, NULL);
}

static void a_message_of_another_type_is_refused(void **state)
{
	struct wire_error error;

	assert_int_equal(decode(ipv4_udp, sizeof(ipv4_udp), &error), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fixture_says_what_was_refused),
		cmocka_unit_test(a_message_cut_short_is_refused),
		cmocka_unit_test(a_shorter_message_never_makes_it_read_past_the_end),
		cmocka_unit_test(no_corrupted_byte_makes_it_read_elsewhere),
		cmocka_unit_test(the_text_stands_where_the_flags_say),
		cmocka_unit_test(an_error_without_echo_and_flags_is_good),
		cmocka_unit_test(an_echo_that_lies_about_its_length_is_refused),
		cmocka_unit_test(an_echo_without_its_padding_is_good),
		cmocka_unit_test(only_zero_and_negative_errnos_are_errors),
		cmocka_unit_test(tlvs_that_lie_are_refused),
		cmocka_unit_test(a_message_of_another_type_is_refused),
	};

	return cmocka_run_group_tests_name("wire error", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* TCP options set and removed, as the header looks then. */
#include "edit_case.h"

struct option_case {
	const char *name;
	const char *before; /* the options of the packet */
	uint8_t kind;
	const char *data;  /* NULL: it is removed */
	const char *after; /* NULL: `ret` */
	int ret;
};

#define TEN "01010101010101010101"
#define THIRTY "020405b4 0402 080a0000000100000000 030307 050a0000000100000002 01"

/* clang-format off */
static const struct option_case option_cases[] = {
	{"the first", "", 2, "05b4", "020405b4", 0},
	{"without a value", "", 4, "", "04020101", 0},
	{"one more", "020405b4", 3, "07", "020405b4 03030701", 0},
	{"into the place of padding", "04020101", 3, "07", "0402 030307 010101", 0},
	{"behind the end of the list nothing stands", "03030700", 4, "",
	 "030307 0402 010101",
	 0},
	{"the same size in its place", "020405b4 01030307", 2, "0218",
	 "02040218 01030307", 0},
	{"longer in its place", "0303070103030701", 3, "0708", "03040708", 0},
	{"padding between options stays", "0101080a0000000100000002", 2, "05b4",
	 "0101080a0000000100000002 020405b4", 0},
	{"a value that ends like padding", "0101080a0000000101010101", 4, "",
	 "0101080a0000000101010101 04020101", 0},
	{"shorter, and the header shrinks", "050a0000000100000002 0101", 5, "",
	 "05020101", 0},
	{"padding goes where there is no room",
	 "01010101" TEN TEN TEN "010101010101", 254, "00112233", "fe060011 22330101", 0},
	{"to the last byte", "", 253,
	 "00000000000000000000 00000000000000000000 00000000000000000000 "
	 "0000000000000000",
	 "fd280000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
	 "00000000 00000000", 0},
	{"no room", THIRTY "010101", 254, "00112233445566778899", NULL, -ENOSPC},
	{"too long", "", 254,
	 "00000000000000000000 00000000000000000000 00000000000000000000 "
	 "000000000000000000",
	 NULL, -EINVAL},
	{"no-operation is none", "", 1, "", NULL, -EINVAL},
	{"a length that lies", "02090000", 3, "07", NULL, -EBADMSG},
	{"removed", "020405b4 0402080a 00000001 00000002 01030307", 8, NULL,
	 "020405b4 04020101 01010101 01010101 01030307", 0},
	{"removed, all of them", "0402 0402 030307 01", 4, NULL, "01010101 03030701", 0},
	{"none to remove", "020405b4", 8, NULL, NULL, -ENOENT},
	{"removed from options that lie", "0402 0309", 4, NULL, NULL, -EBADMSG},
	{"the end of the list cannot be removed", "00000000", 0, NULL, NULL, -EINVAL},
};
/* clang-format on */

/* A TCP packet of `payload` with these options. */
static void write_packet(char *hex, size_t size, const char *options, const char *payload)
{
	uint32_t length, data;

	free(from_hex(options, &length));
	free(from_hex(payload, &data));
	snprintf(hex, size,
		 "4500%04x 1c464000 40060000" IPV4_ENDS
		 "04d20050 00000001 00000002 %x0180010 00000000 %s %s",
		 40 + length + data, (20 + length) / 4, options, payload);
}

static int apply(struct edit_case *test, const struct option_case *wanted)
{
	uint32_t length;
	uint8_t *data;
	int ret;

	if (!wanted->data)
		return nfqueue_edit_remove_tcp_option(test->edit, wanted->kind);
	data = from_hex(wanted->data, &length);
	ret = nfqueue_edit_set_tcp_option(test->edit, wanted->kind, data, length);
	free(data);
	return ret;
}

static void check(const struct option_case *wanted, const char *payload)
{
	char hex[400];
	struct edit_case test;
	int ret;

	write_packet(hex, sizeof(hex), wanted->before, payload);
	begin(&test, hex);
	ret = apply(&test, wanted);
	if (ret != wanted->ret)
		fail_msg("%s: %d", wanted->name, ret);
	if (wanted->after) {
		write_packet(hex, sizeof(hex), wanted->after, payload);
		commit(&test);
		assert_packet(&test, hex);
	} else {
		assert_refused(&test, ret, wanted->ret);
	}
	end(&test);
}

static void options_are_set_and_removed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(option_cases) / sizeof(option_cases[0]); i++) {
		check(&option_cases[i], "");
		check(&option_cases[i], "68656c6c6f");
	}
}

static void only_tcp_has_them(void **state)
{
	struct edit_case test;

	(void)state;
	begin(&test, UDP4);
	assert_refused(&test, nfqueue_edit_set_tcp_option(test.edit, 4, NULL, 0),
		       -ENOENT);
	assert_refused(&test, nfqueue_edit_remove_tcp_option(test.edit, 4), -ENOENT);
	end(&test);
}

#define FIRST_SYN                              \
	"4500002c 1c462000 40060000" IPV4_ENDS \
	"04d20050 00000001 00000000 6002faf0 00000000 020405b4"

static void in_a_fragment_they_keep_their_size(void **state)
{
	struct edit_case test;

	(void)state;
	begin(&test, FIRST_SYN);
	assert_refused(&test, nfqueue_edit_set_tcp_option(test.edit, 4, NULL, 0),
		       -EOPNOTSUPP);
	assert_int_equal(nfqueue_edit_set_tcp_option(test.edit, 2, "\2\x18", 2), 0);
	commit(&test);
	assert_packet(&test, "4500002c 1c462000 40060000" IPV4_ENDS
			     "04d20050 00000001 00000000 6002faf0 00000000 02040218");
	end(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_set_and_removed),
		cmocka_unit_test(only_tcp_has_them),
		cmocka_unit_test(in_a_fragment_they_keep_their_size),
	};

	return cmocka_run_group_tests_name("edit options", tests, NULL, NULL);
}

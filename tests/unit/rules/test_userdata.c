/* SPDX-License-Identifier: MIT */
#include "rules/userdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct rules_maker maker = {
	.port_id = 0xfedcba98, .inode = 0x123456789a, .on_crash = 1};

static struct rules_userdata sample(void)
{
	struct rules_userdata userdata = {.length = 0};

	rules_userdata_comment(&userdata, "whose it is");
	rules_userdata_maker(&userdata, &maker);
	return userdata;
}

static void the_maker_is_found_behind_the_comment(void **state)
{
	struct rules_userdata userdata = sample();
	struct rules_maker found;

	assert_true(rules_userdata_find_maker(userdata.bytes, userdata.length, &found));
	assert_int_equal(found.port_id, maker.port_id);
	assert_int_equal(found.inode, maker.inode);
	assert_int_equal(found.on_crash, maker.on_crash);
}

/* The copies come from malloc, so that a byte read too far is found. */
static void userdata_cut_anywhere_has_no_maker(void **state)
{
	struct rules_userdata userdata = sample();
	struct rules_maker found;

	for (size_t length = 0; length < userdata.length; length++) {
		uint8_t *cut = malloc(length ? length : 1);

		assert_non_null(cut);
		memcpy(cut, userdata.bytes, length);
		assert_false(rules_userdata_find_maker(cut, length, &found));
		free(cut);
	}
}

static void any_changed_byte_is_read_within_bounds(void **state)
{
	struct rules_userdata userdata = sample();
	struct rules_maker found;
	uint8_t *copy = malloc(userdata.length);

	assert_non_null(copy);
	for (size_t at = 0; at < userdata.length; at++) {
		for (int value = 0; value < 256; value++) {
			memcpy(copy, userdata.bytes, userdata.length);
			copy[at] = (uint8_t)value;
			if (rules_userdata_find_maker(copy, userdata.length, &found))
				assert_true(found.on_crash <= 1);
		}
	}
	free(copy);
}

static void userdata_of_others_has_no_maker(void **state)
{
	static const uint8_t comment[] = {0, 3, 'h', 'i', 0};
	static const uint8_t too_short[] = {0x51, 4, 1, 0, 0, 0};
	struct rules_userdata userdata = sample();
	struct rules_maker found;

	assert_false(rules_userdata_find_maker(comment, sizeof(comment), &found));
	assert_false(rules_userdata_find_maker(too_short, sizeof(too_short), &found));
	userdata.bytes[userdata.length - 16] = 2; /* the version */
	assert_false(rules_userdata_find_maker(userdata.bytes, userdata.length, &found));
}

static void a_comment_is_made_fit_for_nft(void **state)
{
	struct rules_userdata userdata = {.length = 0};
	char long_text[300];

	rules_userdata_comment(&userdata, "a \"b\"\n\x7f");
	assert_int_equal(userdata.length, 2 + 8);
	assert_memory_equal(userdata.bytes,
			    "\0\x08"
			    "a  b   \0",
			    10);
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[299] = '\0';
	userdata.length = 0;
	rules_userdata_comment(&userdata, long_text);
	assert_int_equal(userdata.bytes[1], 128);
	assert_int_equal(userdata.bytes[2 + 126], 'x');
	assert_int_equal(userdata.bytes[2 + 127], '\0');
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
	struct rules_userdata userdata = {.length = RULES_USERDATA_MAX - 17};

	rules_userdata_maker(&userdata, &maker);
	assert_int_equal(userdata.length, RULES_USERDATA_MAX - 17);
	userdata.length--;
	rules_userdata_maker(&userdata, &maker);
	assert_int_equal(userdata.length, RULES_USERDATA_MAX);
}

static bool find_flows(const struct rules_flows *flows, struct rules_flows *found)
{
	struct rules_userdata userdata = {.length = 0};

	rules_userdata_comment(&userdata, "epoch");
	rules_userdata_flows(&userdata, flows);
	assert_false(
		rules_userdata_find_flows(userdata.bytes, userdata.length - 1, found));
	return rules_userdata_find_flows(userdata.bytes, userdata.length, found);
}

static void the_state_of_flow_verdicts_is_read_again(void **state)
{
	const struct rules_flows flows = {0x80010004, 3, 0xfedcba98};
	struct rules_flows found;

	assert_true(find_flows(&flows, &found));
	assert_int_equal(found.mask, flows.mask);
	assert_int_equal(found.epoch, flows.epoch);
	assert_int_equal(found.generation, flows.generation);
}

static void a_state_that_no_mask_can_have_is_refused(void **state)
{
	struct rules_flows found;

	assert_false(find_flows(&(struct rules_flows){0x3, 2, 1}, &found));
	assert_false(find_flows(&(struct rules_flows){0x1, 0, 1}, &found));
	assert_false(find_flows(&(struct rules_flows){0, 0, 1}, &found));
	assert_true(find_flows(&(struct rules_flows){0x3, 0, 1}, &found));
}

static void the_guard_mark_is_read_again(void **state)
{
	struct rules_userdata userdata = {.length = 0};

	rules_userdata_comment(&userdata, "guard");
	rules_userdata_guard(&userdata, 0xfedcba98);
	for (size_t length = 0; length < userdata.length; length++)
		assert_int_equal(rules_userdata_find_guard(userdata.bytes, length), 0);
	assert_int_equal(rules_userdata_find_guard(userdata.bytes, userdata.length),
			 0xfedcba98);
	userdata.bytes[userdata.length - 8] = 2; /* the version */
	assert_int_equal(rules_userdata_find_guard(userdata.bytes, userdata.length), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_maker_is_found_behind_the_comment),
		cmocka_unit_test(userdata_cut_anywhere_has_no_maker),
		cmocka_unit_test(any_changed_byte_is_read_within_bounds),
		cmocka_unit_test(userdata_of_others_has_no_maker),
		cmocka_unit_test(a_comment_is_made_fit_for_nft),
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(the_state_of_flow_verdicts_is_read_again),
		cmocka_unit_test(a_state_that_no_mask_can_have_is_refused),
		cmocka_unit_test(the_guard_mark_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

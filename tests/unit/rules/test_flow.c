/* SPDX-License-Identifier: MIT */
#include "rules/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint32_t masks[] = {0x3,        0xc0000000, 0x80000001, 0x7,
				 0x80010004, 0xff0000,   0x55555555, UINT32_MAX};

#define MASKS (sizeof(masks) / sizeof(masks[0]))

static void a_mask_of_n_bits_has_epochs_but_for_0(void **state)
{
	assert_int_equal(rules_flow_epochs(0), 0);
	assert_int_equal(rules_flow_epochs(0x100), 0);
	assert_int_equal(rules_flow_epochs(0x3), 1);
	assert_int_equal(rules_flow_epochs(0x80000001), 1);
	assert_int_equal(rules_flow_epochs(0x80010004), 3);
	assert_int_equal(rules_flow_epochs(0xff0000), 127);
	assert_int_equal(rules_flow_epochs(UINT32_MAX), 0x7fffffff);
}

static void epochs_go_round_and_are_never_0(void **state)
{
	struct rules_flows flows = {.mask = 0x80010004};

	for (uint32_t i = 0; i < 10; i++) {
		flows.epoch = rules_flow_next_epoch(&flows);
		assert_int_equal(flows.epoch, i % 3 + 1);
	}
}

static void marks_stay_inside_the_mask_and_differ_by_the_drop_bit(void **state)
{
	for (size_t i = 0; i < MASKS; i++) {
		struct rules_flows flows = {.mask = masks[i]};
		uint32_t epochs = rules_flow_epochs(masks[i]);

		for (uint32_t j = 1; j <= epochs && j <= 200; j++) {
			struct nfqueue_flow_marks marks;

			flows.epoch = j == 200 ? epochs : j;
			marks = rules_flow_marks(&flows);
			assert_int_equal(marks.mask, masks[i]);
			assert_int_equal((marks.accept | marks.drop) & ~masks[i], 0);
			assert_int_equal(marks.accept ^ marks.drop,
					 rules_flow_drop_bit(masks[i]));
			assert_int_not_equal(marks.accept, 0);
		}
	}
}

static void each_epoch_has_marks_of_its_own(void **state)
{
	struct rules_flows flows = {.mask = 0x80010c04};
	uint32_t seen[32];

	for (uint32_t i = 0; i < rules_flow_epochs(flows.mask); i++) {
		flows.epoch = i + 1;
		seen[i] = rules_flow_marks(&flows).accept;
		for (uint32_t j = 0; j < i; j++)
			assert_int_not_equal(seen[i], seen[j]);
	}
}

static void no_epoch_has_no_marks(void **state)
{
	const struct rules_flows flows = {.mask = 0xff};
	const struct nfqueue_flow_marks marks = rules_flow_marks(&flows);

	assert_int_equal(marks.mask | marks.accept | marks.drop, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mask_of_n_bits_has_epochs_but_for_0),
		cmocka_unit_test(epochs_go_round_and_are_never_0),
		cmocka_unit_test(marks_stay_inside_the_mask_and_differ_by_the_drop_bit),
		cmocka_unit_test(each_epoch_has_marks_of_its_own),
		cmocka_unit_test(no_epoch_has_no_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Deadlines come when they are due, neither before nor after: held against a plain list.
 */
#include "queue/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SEED 0x776865656cu
#define ENTRIES 300
#define STEPS 40000
#define NOBODY UINT64_MAX

struct model {
	struct wheel wheel;
	struct wheel_entry entries[ENTRIES];
	uint64_t deadlines[ENTRIES]; /* what each was armed with; NOBODY: not armed */
	uint64_t now, random;
};

/* splitmix64: the same numbers on each run */
static uint64_t below(struct model *model, uint64_t limit)
{
	uint64_t z = model->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % limit;
}

static uint64_t earliest(const struct model *model)
{
	uint64_t first = NOBODY;

	for (size_t i = 0; i < ENTRIES; i++)
		if (model->deadlines[i] < first)
			first = model->deadlines[i];
	return first;
}

static size_t armed(const struct model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < ENTRIES; i++) {
		assert_int_equal(wheel_armed(&model->entries[i]),
				 model->deadlines[i] != NOBODY);
		count += model->deadlines[i] != NOBODY;
	}
	return count;
}

static void check_next(const struct model *model)
{
	int64_t wait = wheel_next(&model->wheel, model->now);
	uint64_t first = earliest(model);

	if (first == NOBODY) {
		assert_int_equal(wait, -1);
		return;
	}
	assert_true(wait >= 0 && wait <= (int64_t)WHEEL_SLOTS);
	assert_true(first <= model->now ? wait == 0
					: (uint64_t)wait <= first - model->now);
}

/* Near ones, far ones, just behind a round, and some that have passed. */
static uint64_t some_deadline(struct model *model)
{
	switch (below(model, 6)) {
	case 0:
		return model->now - below(model, 10000);
	case 1:
		return model->now + below(model, 4);
	case 2:
		return model->now + WHEEL_SLOTS - 2 + below(model, 4);
	case 3:
		return model->now + below(model, 1u << 30);
	default:
		return model->now + below(model, 2 * WHEEL_SLOTS);
	}
}

static uint64_t some_step(struct model *model)
{
	switch (below(model, 40)) {
	case 0:
		return below(model, 1ull << 40);
	case 1:
		return WHEEL_SLOTS - 2 + below(model, 4);
	case 2:
		return below(model, 4 * WHEEL_SLOTS);
	default:
		return below(model, 20);
	}
}

static void add(struct model *model)
{
	uint64_t which = below(model, ENTRIES);

	model->deadlines[which] = some_deadline(model);
	wheel_add(&model->wheel, &model->entries[which], model->deadlines[which]);
}

static void drop(struct model *model)
{
	uint64_t which = below(model, ENTRIES);

	model->deadlines[which] = NOBODY;
	wheel_remove(&model->wheel, &model->entries[which]);
}

/* Takes what is due, up to `limit`: true if that was all. */
static bool take(struct model *model, uint64_t limit)
{
	struct wheel_entry *entry;

	while (limit--) {
		entry = wheel_expired(&model->wheel, model->now);
		if (!entry)
			return true;
		assert_true(model->deadlines[entry - model->entries] <= model->now);
		model->deadlines[entry - model->entries] = NOBODY;
	}
	return false;
}

static void step(struct model *model)
{
	uint64_t what = below(model, 10);

	if (what < 5)
		add(model);
	else if (what < 7)
		drop(model);
	else
		model->now += some_step(model);
	if (what == 9)
		take(model, below(model, 5)); /* whoever asks need not ask for all */
	if (what == 8 && take(model, UINT64_MAX)) {
		assert_true(earliest(model) > model->now);
		assert_int_not_equal(wheel_next(&model->wheel, model->now), 0);
	}
	check_next(model);
	assert_int_equal(model->wheel.count, armed(model));
}

static void start(struct model *model, uint64_t seed)
{
	*model = (struct model){.random = seed, .now = 10000 + seed % 100000};
	for (size_t i = 0; i < ENTRIES; i++)
		model->deadlines[i] = NOBODY;
	wheel_init(&model->wheel, model->now);
}

static void each_deadline_comes_in_the_first_turn_at_or_behind_it(void **state)
{
	static struct model model;

	(void)state;
	for (uint64_t round = 0; round < 4; round++) {
		start(&model, SEED + round);
		for (size_t i = 0; i < STEPS; i++)
			step(&model);
	}
}

static void who_sleeps_as_long_as_told_misses_none(void **state)
{
	static struct model model;
	uint64_t looks = 0, turns = 0;
	int64_t wait;

	(void)state;
	start(&model, SEED);
	for (size_t i = 0; i < ENTRIES; i++) {
		model.deadlines[i] = model.now + below(&model, 50 * WHEEL_SLOTS);
		wheel_add(&model.wheel, &model.entries[i], model.deadlines[i]);
		looks += (model.deadlines[i] - model.now) / WHEEL_SLOTS + 1;
	}
	for (; (wait = wheel_next(&model.wheel, model.now)) >= 0; turns++) {
		model.now += (uint64_t)wait;
		assert_true(earliest(&model) >= model.now);
		assert_true(take(&model, UINT64_MAX));
	}
	assert_true(turns <= looks); /* nobody is woken for a slot that is empty */
	assert_int_equal(armed(&model), 0);
}

static void one_turn_gives_the_earliest_first_and_equal_ones_as_added(void **state)
{
	static const uint64_t deadlines[] = {70, 5, 64, 63, 5, 4000, 70, 5};
	static const size_t order[] = {1, 4, 7, 3, 2, 0, 6, 5};
	static struct wheel wheel;
	struct wheel_entry entries[8] = {0};

	(void)state;
	wheel_init(&wheel, 3);
	for (size_t i = 0; i < 8; i++)
		wheel_add(&wheel, &entries[i], deadlines[i]);
	for (size_t i = 0; i < 8; i++)
		assert_ptr_equal(wheel_expired(&wheel, 4000), &entries[order[i]]);
	assert_null(wheel_expired(&wheel, 4000));
}

static void a_later_round_is_not_due_in_this_one(void **state)
{
	static struct wheel wheel;
	struct wheel_entry later = {0}, sooner = {0};

	(void)state;
	wheel_init(&wheel, 0);
	wheel_add(&wheel, &later, 10 + WHEEL_SLOTS);
	wheel_add(&wheel, &sooner, 10);
	assert_int_equal(wheel_next(&wheel, 0), 10);
	assert_ptr_equal(wheel_expired(&wheel, 10), &sooner);
	assert_null(wheel_expired(&wheel, 9 + WHEEL_SLOTS));
	assert_int_equal(wheel_next(&wheel, 9 + WHEEL_SLOTS), 1);
	assert_ptr_equal(wheel_expired(&wheel, 10 + WHEEL_SLOTS), &later);
	assert_int_equal(wheel_next(&wheel, 10 + WHEEL_SLOTS), -1);
}

static void what_is_removed_or_moved_does_not_come_at_its_old_time(void **state)
{
	static struct wheel wheel;
	struct wheel_entry removed = {0}, moved = {0}, due = {0};

	(void)state;
	wheel_init(&wheel, 0);
	wheel_remove(&wheel, &removed);
	wheel_add(&wheel, &removed, 5);
	wheel_add(&wheel, &moved, 5);
	wheel_add(&wheel, &moved, 500);
	wheel_add(&wheel, &due, 5);
	wheel_remove(&wheel, &removed);
	wheel_remove(&wheel, &removed);
	assert_ptr_equal(wheel_expired(&wheel, 5), &due);
	assert_null(wheel_expired(&wheel, 499));
	assert_ptr_equal(wheel_expired(&wheel, 500), &moved);
	assert_int_equal(wheel.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_deadline_comes_in_the_first_turn_at_or_behind_it),
		cmocka_unit_test(who_sleeps_as_long_as_told_misses_none),
		cmocka_unit_test(
			one_turn_gives_the_earliest_first_and_equal_ones_as_added),
		cmocka_unit_test(a_later_round_is_not_due_in_this_one),
		cmocka_unit_test(what_is_removed_or_moved_does_not_come_at_its_old_time),
	};

	return cmocka_run_group_tests_name("queue wheel", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * How little a test tells: with how many tests of the same load its interval overlaps
 * (those rules become candidates together), then how many values it lets through.
 * A program's narrowest tests of a load are weighed among their like: comparing with the
 * bounds of a range makes wide ones on the way, that no cut will want.
 */
#include <errno.h>
#include <stdlib.h>

#include "policy/weigh.h"

#define OVERLAP_UNIT 64u
#define OVERLAP_MAX (UINT32_MAX / OVERLAP_UNIT - 1)

static uint32_t width(const struct policy_test *test)
{
	return test->hi - test->lo;
}

/* By load; then program; then width. */
static int by_load(const void *a, const void *b)
{
	const struct policy_test *one = *(struct policy_test *const *)a;
	const struct policy_test *other = *(struct policy_test *const *)b;
	int order = policy_load_compare(&one->load, &other->load);

	if (order)
		return order;
	if (one->program != other->program)
		return one->program < other->program ? -1 : 1;
	return width(one) < width(other) ? -1 : width(one) > width(other);
}

static int by_number(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? -1 : one > other;
}

/* How many of the sorted numbers are below `limit`. */
static size_t below(const uint32_t *sorted, size_t count, uint64_t limit)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sorted[middle] < limit)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* 0: one value of 2^32; 32: all values. */
static uint32_t looseness(const struct policy_test *test)
{
	uint32_t free_bits = width(test) ? 32 - (uint32_t)__builtin_clz(width(test)) : 0;
	uint32_t bits = (uint32_t)__builtin_popcount(test->load.mask);

	return bits > free_bits ? 32 - (bits - free_bits) : 32;
}

static void weigh_one(struct policy_test *test, const uint32_t *lows,
		      const uint32_t *highs, size_t count)
{
	size_t overlaps = below(lows, count, (uint64_t)test->hi + 1) -
			  below(highs, count, test->lo);

	if (overlaps > OVERLAP_MAX)
		overlaps = OVERLAP_MAX;
	test->weight = (uint32_t)overlaps * OVERLAP_UNIT + looseness(test);
}

/* Weighs tests against each other. */
static void weigh_among(struct policy_test **tests, size_t count, uint32_t *lows,
			uint32_t *highs)
{
	for (size_t i = 0; i < count; i++) {
		lows[i] = tests[i]->lo;
		highs[i] = tests[i]->hi;
	}
	qsort(lows, count, sizeof(*lows), by_number);
	qsort(highs, count, sizeof(*highs), by_number);
	for (size_t i = 0; i < count; i++)
		weigh_one(tests[i], lows, highs, count);
}

/*
 * `tests`: all of one load, by program, then width. The narrowest then go to the front.
 */
static void weigh_load(struct policy_test **tests, size_t count, uint32_t *lows,
		       uint32_t *highs)
{
	uint32_t narrowest = 0;
	size_t program = SIZE_MAX, narrow = 0;

	weigh_among(tests, count, lows, highs);
	for (size_t i = 0; i < count; i++) {
		if (tests[i]->program != program)
			narrowest = width(tests[i]);
		program = tests[i]->program;
		if (width(tests[i]) == narrowest)
			tests[narrow++] = tests[i];
	}
	weigh_among(tests, narrow, lows, highs);
}

static void weigh_sorted(struct policy_test **tests, size_t count, uint32_t *numbers)
{
	size_t first = 0, next;

	for (; first < count; first = next) {
		next = first + 1;
		while (next < count &&
		       !policy_load_compare(&tests[first]->load, &tests[next]->load))
			next++;
		weigh_load(tests + first, next - first, numbers, numbers + count);
	}
}

int policy_weigh(struct policy_graph *graph)
{
	struct policy_test **sorted =
		calloc(graph->test_count + 1, sizeof(struct policy_test *));
	uint32_t *numbers = calloc(graph->test_count + 1, 2 * sizeof(*numbers));
	size_t count = graph->test_count;
	int ret = -ENOMEM;

	if (!sorted || !numbers)
		goto out;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &graph->test[i];
	qsort(sorted, count, sizeof(struct policy_test *), by_load);
	weigh_sorted(sorted, count, numbers);
	ret = 0;
out:
	free(numbers);
	free(sorted);
	return ret;
}

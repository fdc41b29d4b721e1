/* SPDX-License-Identifier: MIT */
/* A segment tree over the intervals of one load. */
#include <errno.h>
#include <stdlib.h>

#include "policy/index_model.h"

/* A rule listed at a node. */
struct entry {
	uint32_t node, rule;
};

struct entries {
	struct entry *entry;
	size_t count, room;
};

static int by_number(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? -1 : one > other;
}

static int by_node(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	if (one->node != other->node)
		return one->node < other->node ? -1 : 1;
	return one->rule < other->rule ? -1 : one->rule > other->rule;
}

/* The leaf of a value; `count` if it is below all. */
static uint32_t leaf_of(const struct policy_ranges *ranges, uint32_t value)
{
	uint32_t low = 0,
		 high = ranges->count; /* start[low - 1] <= value < start[high] */

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ranges->start[middle] <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : ranges->count;
}

/*
 * Where an interval begins, and just behind its end: there the set of rules may change.
 */
static int find_leaves(struct policy_ranges *ranges, const struct policy_want *wants,
		       size_t count)
{
	size_t used = 0;

	ranges->start = calloc(count * 2, sizeof(*ranges->start));
	if (!ranges->start)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		ranges->start[used++] = wants[i].lo;
		if (wants[i].hi < UINT32_MAX)
			ranges->start[used++] = wants[i].hi + 1;
	}
	qsort(ranges->start, used, sizeof(*ranges->start), by_number);
	for (size_t i = 0; i < used; i++)
		if (!i || ranges->start[i] != ranges->start[ranges->count - 1])
			ranges->start[ranges->count++] = ranges->start[i];
	return 0;
}

static int add_entry(struct entries *entries, uint32_t node, uint32_t rule)
{
	struct entry *grown = policy_grow(entries->entry, entries->count, &entries->room,
					  sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	entries->entry = grown;
	entries->entry[entries->count++] = (struct entry){node, rule};
	return 0;
}

/* The fewest nodes whose leaves are the interval's, bottom up. */
static int insert(const struct policy_ranges *ranges, struct entries *entries,
		  const struct policy_want *want)
{
	uint32_t left = leaf_of(ranges, want->lo) + ranges->count;
	uint32_t right = leaf_of(ranges, want->hi) + 1 + ranges->count;
	int ret = 0;

	for (; left < right && ret == 0; left /= 2, right /= 2) {
		if (left & 1)
			ret = add_entry(entries, left++, want->rule);
		if (right & 1 && ret == 0)
			ret = add_entry(entries, --right, want->rule);
	}
	return ret;
}

static int list_entries(struct policy_ranges *ranges, struct policy_lists *lists,
			const struct entries *entries)
{
	const struct entry *entry = entries->entry;
	int ret = 0;

	for (size_t i = 0; i < entries->count && ret == 0; i++) {
		bool first = !i || entry[i].node != entry[i - 1].node;
		bool last = i + 1 == entries->count || entry[i].node != entry[i + 1].node;

		if (first)
			ranges->node[entry[i].node] = (uint32_t)lists->count;
		if (first || entry[i].rule != entry[i - 1].rule)
			ret = policy_lists_add(lists, entry[i].rule);
		if (last && ret == 0)
			ret = policy_lists_add(lists, POLICY_END);
	}
	return ret;
}

int policy_ranges_new(struct policy_ranges *ranges, struct policy_lists *lists,
		      const struct policy_want *wants, size_t count)
{
	struct entries entries = {0};
	int ret = 0;

	if (!count)
		return 0;
	ret = find_leaves(ranges, wants, count);
	if (ret < 0)
		return ret;
	ranges->node = calloc((size_t)ranges->count * 2, sizeof(*ranges->node));
	if (!ranges->node)
		return -ENOMEM;
	for (size_t i = 0; i < count && ret == 0; i++)
		ret = insert(ranges, &entries, &wants[i]);
	if (ret == 0 && entries.count) {
		qsort(entries.entry, entries.count, sizeof(*entries.entry), by_node);
		ret = list_entries(ranges, lists, &entries);
	}
	free(entries.entry);
	return ret;
}

void policy_ranges_free(struct policy_ranges *ranges)
{
	free(ranges->start);
	free(ranges->node);
}

size_t policy_ranges_depth(const struct policy_ranges *ranges)
{
	size_t depth = 0;

	for (uint32_t node = ranges->count * 2; node; node /= 2)
		depth++;
	return depth;
}

size_t policy_ranges_find(const struct policy_ranges *ranges,
			  const struct policy_lists *lists, uint32_t value,
			  policy_cursor *cursors, size_t count)
{
	uint32_t leaf = leaf_of(ranges, value);

	if (leaf == ranges->count)
		return count;
	for (uint32_t node = leaf + ranges->count; node; node /= 2)
		if (ranges->node[node])
			cursors[count++] = lists->number + ranges->node[node];
	return count;
}

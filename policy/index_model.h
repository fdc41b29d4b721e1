/* SPDX-License-Identifier: MIT */
/* The index as it lies in memory. */
#ifndef POLICY_INDEX_MODEL_H
#define POLICY_INDEX_MODEL_H

#include "policy/analysis.h"
#include "policy/index.h"

/* Lists of rules, one behind the other, each ended by POLICY_END. List 0 is empty. */
struct policy_lists {
	uint32_t *number;
	size_t count, room;
};

/*
 * Value -> list. Our own because it is never changed after the load: open addressing in
 * one array, half empty, eight bytes a slot; libraries' tables pay for insertion.
 */
struct policy_slot {
	uint32_t key;
	uint32_t list; /* 0: the slot is free */
};

struct policy_hash {
	struct policy_slot *slots; /* NULL: nothing in it */
	uint32_t shift;            /* 32 - log2(slots) */
};

/*
 * Intervals -> lists: a segment tree. Leaf i stands for the values from start[i] to
 * start[i + 1] - 1; an interval's rule is listed at the few nodes that make it up, so the
 * size is rules x log(rules) however they overlap.
 */
struct policy_ranges {
	uint32_t *start; /* sorted */
	uint32_t *node;  /* 2 x count lists; leaf i is node count + i; the root is 1 */
	uint32_t count;  /* 0: nothing in it */
};

/* All that depends on one masked load. */
struct policy_table {
	struct policy_load load;
	bool reload; /* not the same place as the table before this one */
	struct policy_hash exact;
	struct policy_ranges ranges;
};

struct policy_index {
	struct policy_table *tables;
	size_t count;
	struct policy_lists lists;
	uint32_t always; /* the list of those that no table holds */
	size_t cursors;
};

/* Rule `rule` is a candidate if lo <= load & mask <= hi. */
struct policy_want {
	struct policy_load load;
	uint32_t lo, hi;
	uint32_t rule;
};

int policy_lists_add(struct policy_lists *lists, uint32_t number);

/* From `count` wants of one load with lo == hi, sorted by lo, then rule. 0 or -ENOMEM. */
int policy_hash_new(struct policy_hash *hash, struct policy_lists *lists,
		    const struct policy_want *wants, size_t count);
uint32_t policy_hash_find(const struct policy_hash *hash, uint32_t key);

/* From `count` wants of one load, in any order. 0 or -ENOMEM. */
int policy_ranges_new(struct policy_ranges *ranges, struct policy_lists *lists,
		      const struct policy_want *wants, size_t count);
void policy_ranges_free(struct policy_ranges *ranges);

/* How many lists a value can be in, at most. */
size_t policy_ranges_depth(const struct policy_ranges *ranges);

/* Adds the lists that hold `value`. Returns the new number of cursors. */
size_t policy_ranges_find(const struct policy_ranges *ranges,
			  const struct policy_lists *lists, uint32_t value,
			  policy_cursor *cursors, size_t count);

#endif

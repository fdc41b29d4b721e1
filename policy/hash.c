/* SPDX-License-Identifier: MIT */
/* Lists of rules, and the table from values to them. */
#include <errno.h>
#include <stdlib.h>

#include "policy/index_model.h"

int policy_lists_add(struct policy_lists *lists, uint32_t number)
{
	uint32_t *grown;

	if (lists->count == UINT32_MAX)
		return -ENOMEM;
	grown = policy_grow(lists->number, lists->count, &lists->room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	lists->number = grown;
	lists->number[lists->count++] = number;
	return 0;
}

/* Fibonacci hashing: the upper bits of the product are the mixed ones. */
static uint32_t slot_of(const struct policy_hash *hash, uint32_t key)
{
	return (uint32_t)((key * 2654435769u) >> hash->shift);
}

static struct policy_slot *slot_for(const struct policy_hash *hash, uint32_t key)
{
	uint32_t last = UINT32_MAX >> hash->shift, at = slot_of(hash, key);

	while (hash->slots[at].list && hash->slots[at].key != key)
		at = (at + 1) & last;
	return &hash->slots[at];
}

uint32_t policy_hash_find(const struct policy_hash *hash, uint32_t key)
{
	return hash->slots ? slot_for(hash, key)->list : 0;
}

static size_t count_keys(const struct policy_want *wants, size_t count)
{
	size_t keys = 0;

	for (size_t i = 0; i < count; i++)
		keys += !i || wants[i].lo != wants[i - 1].lo;
	return keys;
}

static int add_list(struct policy_lists *lists, const struct policy_want *wants,
		    size_t count, uint32_t *list)
{
	int ret = 0;

	*list = (uint32_t)lists->count;
	for (size_t i = 0; i < count && ret == 0; i++)
		if (!i || wants[i].rule != wants[i - 1].rule)
			ret = policy_lists_add(lists, wants[i].rule);
	return ret < 0 ? ret : policy_lists_add(lists, POLICY_END);
}

static int fill(struct policy_hash *hash, struct policy_lists *lists,
		const struct policy_want *wants, size_t count)
{
	size_t first = 0, next;
	struct policy_slot *slot;
	int ret = 0;

	for (; first < count && ret == 0; first = next) {
		next = first + 1;
		while (next < count && wants[next].lo == wants[first].lo)
			next++;
		slot = slot_for(hash, wants[first].lo);
		slot->key = wants[first].lo;
		ret = add_list(lists, wants + first, next - first, &slot->list);
	}
	return ret;
}

int policy_hash_new(struct policy_hash *hash, struct policy_lists *lists,
		    const struct policy_want *wants, size_t count)
{
	size_t keys = count_keys(wants, count), size = 2;

	if (!keys)
		return 0;
	hash->shift = 31;
	while (size < 2 * keys && hash->shift > 1) {
		size *= 2;
		hash->shift--;
	}
	hash->slots = calloc(size, sizeof(*hash->slots));
	return hash->slots ? fill(hash, lists, wants, count) : -ENOMEM;
}

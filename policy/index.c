/* SPDX-License-Identifier: MIT */
/* A packet -> the rules that may match it. */
#include <stdlib.h>

#include "policy/index_model.h"

void policy_index_free(struct policy_index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->count; i++) {
		free(index->tables[i].exact.slots);
		policy_ranges_free(&index->tables[i].ranges);
	}
	free(index->tables);
	free(index->lists.number);
	free(index);
}

size_t policy_index_cursors(const struct policy_index *index)
{
	return index->cursors;
}

static uint32_t big_endian(const uint8_t *at, uint32_t size)
{
	if (size == 1)
		return at[0];
	if (size == 2)
		return (uint32_t)at[0] << 8 | at[1];
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
	       at[3];
}

/* false: the packet is too short for it, as it would be for the program. */
static bool load_value(const struct policy_load *load, const uint8_t *data,
		       uint32_t captured, uint32_t *value)
{
	uint64_t offset = load->offset;

	if (load->header != POLICY_NO_HEADER) {
		if (load->header >= captured)
			return false;
		offset += 4u * (data[load->header] & 0xfu);
	}
	if (offset + load->size > captured)
		return false;
	*value = big_endian(data + offset, load->size);
	return true;
}

static size_t look_up(const struct policy_index *index, const struct policy_table *table,
		      uint32_t value, policy_cursor *cursors, size_t count)
{
	uint32_t list = policy_hash_find(&table->exact, value);

	if (list)
		cursors[count++] = index->lists.number + list;
	if (table->ranges.count)
		count = policy_ranges_find(&table->ranges, &index->lists, value, cursors,
					   count);
	return count;
}

size_t policy_index_lookup(const struct policy_index *index, const uint8_t *data,
			   uint32_t captured, policy_cursor *cursors)
{
	uint32_t value = 0;
	bool there = false;
	size_t count = 0;

	if (index->always)
		cursors[count++] = index->lists.number + index->always;
	for (size_t i = 0; i < index->count; i++) {
		const struct policy_table *table = &index->tables[i];

		if (table->reload)
			there = load_value(&table->load, data, captured, &value);
		if (there)
			count = look_up(index, table, value & table->load.mask, cursors,
					count);
	}
	return count;
}

uint32_t policy_cursors_next(policy_cursor *cursors, size_t count)
{
	uint32_t lowest = POLICY_END;

	for (size_t i = 0; i < count; i++)
		if (*cursors[i] < lowest)
			lowest = *cursors[i];
	if (lowest == POLICY_END)
		return POLICY_END;
	for (size_t i = 0; i < count; i++)
		cursors[i] += *cursors[i] == lowest;
	return lowest;
}

/* SPDX-License-Identifier: MIT */
/* A table's or a rule's userdata, which anybody may have written: read within bounds, and
 * what is read survives being written again. */
#include <stdlib.h>

#include "rules/userdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void find_flows(const uint8_t *data, size_t size)
{
	struct rules_userdata again = {.length = 0};
	struct rules_flows flows, copy;

	if (!rules_userdata_find_flows(data, size, &flows))
		return;
	rules_userdata_flows(&again, &flows);
	if (!rules_userdata_find_flows(again.bytes, again.length, &copy) ||
	    copy.mask != flows.mask || copy.epoch != flows.epoch ||
	    copy.generation != flows.generation)
		abort();
}

static void find_guard(const uint8_t *data, size_t size)
{
	struct rules_userdata again = {.length = 0};
	uint32_t guard = rules_userdata_find_guard(data, size);

	if (!guard)
		return;
	rules_userdata_guard(&again, guard);
	if (rules_userdata_find_guard(again.bytes, again.length) != guard)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules_userdata again = {.length = 0};
	struct rules_maker maker, copy;

	find_flows(data, size);
	find_guard(data, size);
	if (!rules_userdata_find_maker(data, size, &maker))
		return 0;
	rules_userdata_maker(&again, &maker);
	if (!rules_userdata_find_maker(again.bytes, again.length, &copy) ||
	    copy.port_id != maker.port_id || copy.inode != maker.inode ||
	    copy.on_crash != maker.on_crash)
		abort();
	return 0;
}

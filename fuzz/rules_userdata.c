/* SPDX-License-Identifier: MIT */
/* A table's userdata, which anybody may have written: read within bounds, and what is
 * read survives being written again. */
#include <stdlib.h>

#include "rules/userdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules_userdata again = {.length = 0};
	struct rules_maker maker, copy;

	if (!rules_userdata_find_maker(data, size, &maker))
		return 0;
	rules_userdata_maker(&again, &maker);
	if (!rules_userdata_find_maker(again.bytes, again.length, &copy) ||
	    copy.port_id != maker.port_id || copy.inode != maker.inode ||
	    copy.on_crash != maker.on_crash)
		abort();
	return 0;
}

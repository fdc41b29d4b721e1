/* SPDX-License-Identifier: MIT */
#include "replay_stats.h"

#include <string.h>

#define ROW(name)                                               \
	{                                                       \
#name, offsetof(struct policy_rule_stats, name) \
	}

const struct replay_stat replay_stat_rows[] = {
	ROW(changed), ROW(replaced),  ROW(failed),     ROW(rejected),  ROW(injected),
	ROW(early),   ROW(lost),      ROW(duplicated), ROW(corrupted), ROW(reordered),
	ROW(delayed), ROW(overlimit), ROW(marked),
};

const size_t replay_stat_count = sizeof(replay_stat_rows) / sizeof(replay_stat_rows[0]);

uint64_t replay_stat_value(const struct policy_rule_stats *stats, size_t index)
{
	uint64_t value;

	memcpy(&value, (const char *)stats + replay_stat_rows[index].offset,
	       sizeof(value));
	return value;
}

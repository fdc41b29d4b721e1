/* SPDX-License-Identifier: MIT */
/* The counts of a rule that may be 0, by their names. */
#ifndef CLI_REPLAY_STATS_H
#define CLI_REPLAY_STATS_H

#include <stddef.h>

#include "policy/policy.h"

struct replay_stat {
	const char *name;
	size_t offset; /* in struct policy_rule_stats */
};

extern const struct replay_stat replay_stat_rows[];
extern const size_t replay_stat_count;

/* The count of row `index`. */
uint64_t replay_stat_value(const struct policy_rule_stats *stats, size_t index);

#endif

/* SPDX-License-Identifier: MIT */
/* The counts of a rule that may be 0, by their names. */
#ifndef CLI_RULE_STATS_H
#define CLI_RULE_STATS_H

#include <stddef.h>

#include "policy/policy.h"

#define RULE_STATS_TEXT_MAX 600

struct rule_stat {
	const char *name;
	size_t offset; /* in struct policy_rule_stats */
};

extern const struct rule_stat rule_stat_rows[];
extern const size_t rule_stat_count;

/* The count of row `index`. */
uint64_t rule_stat_value(const struct policy_rule_stats *stats, size_t index);

void rule_stats_add(struct policy_rule_stats *sum, const struct policy_rule_stats *one);

/* "lost 3, delayed 1,204": what is not 0; "" if all is. `error`: why some failed, or
 * NULL.
 */
void rule_stats_text(const struct policy_rule_stats *stats, const char *error, char *text,
		     size_t size);

#endif

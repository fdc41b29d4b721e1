/* SPDX-License-Identifier: MIT */
#include "rule_stats.h"

#include "number.h"

#include <stdio.h>
#include <string.h>

#define ROW(name)                                               \
	{                                                       \
#name, offsetof(struct policy_rule_stats, name) \
	}

const struct rule_stat rule_stat_rows[] = {
	ROW(changed), ROW(replaced),  ROW(failed),     ROW(rejected),  ROW(injected),
	ROW(early),   ROW(lost),      ROW(duplicated), ROW(corrupted), ROW(reordered),
	ROW(delayed), ROW(overlimit), ROW(marked),
};

const size_t rule_stat_count = sizeof(rule_stat_rows) / sizeof(rule_stat_rows[0]);

static uint64_t *place(struct policy_rule_stats *stats, size_t index)
{
	return (uint64_t *)(void *)((char *)stats + rule_stat_rows[index].offset);
}

uint64_t rule_stat_value(const struct policy_rule_stats *stats, size_t index)
{
	struct policy_rule_stats copy = *stats;

	return *place(&copy, index);
}

void rule_stats_add(struct policy_rule_stats *sum, const struct policy_rule_stats *one)
{
	sum->hits += one->hits;
	for (size_t i = 0; i < rule_stat_count; i++)
		*place(sum, i) += rule_stat_value(one, i);
}

void rule_stats_text(const struct policy_rule_stats *stats, const char *error, char *text,
		     size_t size)
{
	FILE *out = fmemopen(text, size, "w");
	const char *separator = "";
	char number[32];

	*text = '\0';
	if (!out)
		return;
	for (size_t i = 0; i < rule_stat_count; i++) {
		uint64_t value = rule_stat_value(stats, i);

		if (!value)
			continue;
		fprintf(out, "%s%s %s", separator, rule_stat_rows[i].name,
			number_text(value, number));
		separator = ", ";
	}
	if (stats->failed && error)
		fprintf(out, " (%s)", error);
	fclose(out);
}

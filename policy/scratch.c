/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/scratch.h"

static bool counts_flows(const struct policy *policy)
{
	for (size_t i = 0; i < policy->reachable; i++)
		if (policy->rules[i].limit)
			return true;
	return false;
}

/* Room for the lists of what a decision can have. */
static int lists_new(struct policy_scratch *scratch, const struct policy *policy)
{
	size_t logs = 1, captures = 1;

	for (size_t i = 0; i < policy->reachable; i++) {
		logs += policy->rules[i].log_text != NULL;
		captures += policy->rules[i].capture != NULL;
	}
	scratch->logs = calloc(logs, sizeof(*scratch->logs));
	scratch->captures = calloc(captures, sizeof(*scratch->captures));
	scratch->cursors = calloc(policy_index_cursors(policy->index) + 1,
				  sizeof(*scratch->cursors));
	if (!scratch->logs || !scratch->captures || !scratch->cursors)
		return -ENOMEM;
	return counts_flows(policy) ? policy_flows_new(&scratch->flows) : 0;
}

static int effects_new(struct policy_scratch *scratch, const struct policy *policy)
{
	if (!policy->effects_count && !policy->streams)
		return 0;
	scratch->counts = calloc(policy->effects_count + 1, sizeof(*scratch->counts));
	return scratch->counts ? nfqueue_edit_new(&scratch->copy) : -ENOMEM;
}

int policy_scratch_new(struct policy_scratch **scratch, const struct policy *policy)
{
	size_t slots = policy->rule_count + 1;
	struct policy_scratch *made;
	int ret;

	*scratch = NULL;
	if (!policy->index)
		return -EINVAL;
	made = calloc(1, sizeof(*made) + slots * sizeof(made->hits[0]));
	if (!made)
		return -ENOMEM;
	made->policy = policy;
	ret = lists_new(made, policy);
	if (ret == 0)
		ret = effects_new(made, policy);
	if (ret < 0) {
		policy_scratch_free(made);
		return ret;
	}
	*scratch = made;
	return 0;
}

void policy_scratch_free(struct policy_scratch *scratch)
{
	if (!scratch)
		return;
	free(scratch->logs);
	free(scratch->captures);
	free(scratch->cursors);
	policy_flows_free(scratch->flows);
	policy_copies_free(&scratch->copies);
	nfqueue_edit_free(scratch->copy);
	free(scratch->counts);
	free(scratch);
}

uint64_t policy_scratch_hits(const struct policy_scratch *scratch, int32_t index)
{
	size_t rules = scratch->policy->rule_count;
	size_t slot = index < 0 ? rules : (size_t)index;

	if (slot > rules || (index >= 0 && slot == rules))
		return 0;
	return atomic_load_explicit(&scratch->hits[slot], memory_order_relaxed);
}

struct policy_counts *policy_counts_of(const struct policy_scratch *scratch, int32_t rule)
{
	const struct policy *policy = scratch->policy;

	if (!scratch->counts || rule >= (int32_t)policy->reachable)
		return NULL;
	if (rule < 0)
		return &scratch->counts[policy->effects_count];
	if (!policy->rules[rule].effects)
		return NULL;
	return &scratch->counts[policy->rules[rule].effects->number];
}

int policy_scratch_stats(const struct policy_scratch *scratch, int32_t rule,
			 struct policy_rule_stats *stats)
{
	const struct policy_counts *counts = policy_counts_of(scratch, rule);
	struct policy_rule_stats all = {.size = stats->size};
	uint64_t values[POLICY_COUNTERS] = {0};

	if (!stats->size)
		return -EINVAL;
	all.hits = policy_scratch_hits(scratch, rule);
	for (size_t i = 0; counts && i < POLICY_COUNTERS; i++)
		values[i] =
			atomic_load_explicit(&counts->counter[i], memory_order_relaxed);
	_Static_assert(sizeof(all) == offsetof(struct policy_rule_stats, changed) +
					      sizeof(values),
		       "a counter for each member");
	memcpy((uint8_t *)&all + offsetof(struct policy_rule_stats, changed), values,
	       sizeof(values));
	memcpy(stats, &all, all.size < sizeof(all) ? all.size : sizeof(all));
	return 0;
}

const char *policy_scratch_error(const struct policy_scratch *scratch, int32_t rule)
{
	const struct policy_counts *counts = policy_counts_of(scratch, rule);

	return counts ? atomic_load_explicit(&counts->error, memory_order_relaxed) : NULL;
}

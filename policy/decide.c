/* SPDX-License-Identifier: MIT */
/* First match wins. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "policy/flows.h"
#include "policy/index.h"

struct policy_scratch {
	policy_cursor *cursors;
	uint32_t *logs;             /* room for every log rule */
	struct policy_flows *flows; /* NULL: no rule counts them */
	size_t rule_count;
	_Atomic uint64_t hits[]; /* one a rule, and one for no rule */
};

static size_t count_logs(const struct policy *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->reachable; i++)
		count += policy->rules[i].log_text != NULL;
	return count;
}

static bool counts_flows(const struct policy *policy)
{
	for (size_t i = 0; i < policy->reachable; i++)
		if (policy->rules[i].limit)
			return true;
	return false;
}

int policy_scratch_new(struct policy_scratch **scratch, const struct policy *policy)
{
	size_t slots = policy->rule_count + 1;
	struct policy_scratch *made;
	int ret = 0;

	*scratch = NULL;
	if (!policy->index)
		return -EINVAL;
	made = calloc(1, sizeof(*made) + slots * sizeof(made->hits[0]));
	if (!made)
		return -ENOMEM;
	made->rule_count = policy->rule_count;
	made->logs = calloc(count_logs(policy) + 1, sizeof(*made->logs));
	made->cursors =
		calloc(policy_index_cursors(policy->index) + 1, sizeof(*made->cursors));
	if (!made->logs || !made->cursors)
		ret = -ENOMEM;
	else if (counts_flows(policy))
		ret = policy_flows_new(&made->flows);
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
	free(scratch->cursors);
	policy_flows_free(scratch->flows);
	free(scratch);
}

/* Relaxed: a count stands for itself. Only the deciding thread writes, so no read-modify-
 * write is needed; policy_scratch_hits() is the other side. */
static void count_hit(struct policy_scratch *scratch, size_t slot)
{
	uint64_t hits = atomic_load_explicit(&scratch->hits[slot], memory_order_relaxed);

	atomic_store_explicit(&scratch->hits[slot], hits + 1, memory_order_relaxed);
}

uint64_t policy_scratch_hits(const struct policy_scratch *scratch, int32_t index)
{
	size_t slot = index < 0 ? scratch->rule_count : (size_t)index;

	if (slot > scratch->rule_count || (index >= 0 && slot == scratch->rule_count))
		return 0;
	return atomic_load_explicit(&scratch->hits[slot], memory_order_relaxed);
}

static bool matches(const struct policy_rule *rule, const struct policy_packet *packet)
{
	if (!rule->program)
		return true;
	return bpf_filter(rule->program->code.bf_insns, packet->data, packet->length,
			  packet->captured) != 0;
}

static struct nfqueue_verdict verdict_of(const struct policy *policy, uint32_t number,
					 const struct policy_packet *packet,
					 struct policy_scratch *scratch)
{
	const struct policy_rule *rule = &policy->rules[number];
	struct nfqueue_verdict verdict = rule->verdict;

	if (rule->limit &&
	    !policy_flows_reached(scratch->flows, number, rule->limit, packet))
		return NFQUEUE_ACCEPT; /* so far */
	if (verdict.set & NFQUEUE_SET_MARK)
		verdict.mark |= packet->mark & ~rule->mark_mask;
	return verdict;
}

/* true: the rule decided. */
static bool apply(const struct policy *policy, uint32_t number,
		  const struct policy_packet *packet, struct policy_scratch *scratch,
		  struct policy_result *result)
{
	const struct policy_rule *rule = &policy->rules[number];

	if (!matches(rule, packet))
		return false;
	count_hit(scratch, number);
	if (rule->log_text) {
		scratch->logs[result->log_count++] = number;
		return false;
	}
	result->verdict = verdict_of(policy, number, packet, scratch);
	result->rule = (int32_t)number;
	return true;
}

static void begin(struct policy_scratch *scratch, struct policy_result *result)
{
	*result = (struct policy_result){
		.verdict = NFQUEUE_ACCEPT, .rule = POLICY_NO_RULE, .logs = scratch->logs};
}

void policy_decide(const struct policy *policy, const struct policy_packet *packet,
		   struct policy_scratch *scratch, struct policy_result *result)
{
	size_t count = policy_index_lookup(policy->index, packet->data, packet->captured,
					   scratch->cursors);
	uint32_t number;

	begin(scratch, result);
	while ((number = policy_cursors_next(scratch->cursors, count)) != POLICY_END)
		if (apply(policy, number, packet, scratch, result))
			return;
	count_hit(scratch, scratch->rule_count);
}

void policy_decide_plain(const struct policy *policy, const struct policy_packet *packet,
			 struct policy_scratch *scratch, struct policy_result *result)
{
	begin(scratch, result);
	for (uint32_t number = 0; number < policy->reachable; number++)
		if (apply(policy, number, packet, scratch, result))
			return;
	count_hit(scratch, scratch->rule_count);
}

/* SPDX-License-Identifier: MIT */
/* First match wins. */
#include "policy/scratch.h"

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
	policy_add(&scratch->hits[number], 1);
	if (rule->log_text)
		scratch->logs[result->log_count++] = number;
	if (rule->capture)
		scratch->captures[result->capture_count++] = number;
	if (!rule->decides)
		return false;
	result->verdict = verdict_of(policy, number, packet, scratch);
	result->rule = (int32_t)number;
	return true;
}

static void begin(struct policy_scratch *scratch, struct policy_result *result)
{
	*result = (struct policy_result){.verdict = NFQUEUE_ACCEPT,
					 .rule = POLICY_NO_RULE,
					 .logs = scratch->logs,
					 .captures = scratch->captures};
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
	policy_add(&scratch->hits[policy->rule_count], 1);
}

void policy_decide_plain(const struct policy *policy, const struct policy_packet *packet,
			 struct policy_scratch *scratch, struct policy_result *result)
{
	begin(scratch, result);
	for (uint32_t number = 0; number < policy->reachable; number++)
		if (apply(policy, number, packet, scratch, result))
			return;
	policy_add(&scratch->hits[policy->rule_count], 1);
}

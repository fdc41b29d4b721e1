/* SPDX-License-Identifier: MIT */
/* What one thread has, between decision, effects and counts. */
#ifndef POLICY_SCRATCH_H
#define POLICY_SCRATCH_H

#include <stdatomic.h>

#include "policy/copies.h"
#include "policy/effect.h"
#include "policy/flows.h"
#include "policy/index.h"

/* In the order of struct policy_rule_stats, behind its hits. */
enum policy_counter {
	POLICY_CHANGED,
	POLICY_REPLACED,
	POLICY_FAILED,
	POLICY_REJECTED,
	POLICY_INJECTED,
	POLICY_EARLY,
	POLICY_LOST,
	POLICY_DUPLICATED,
	POLICY_CORRUPTED,
	POLICY_REORDERED,
	POLICY_DELAYED,
	POLICY_OVERLIMIT,
	POLICY_MARKED,
	POLICY_COUNTERS
};

/* Written by the deciding thread alone, read by any: relaxed, a count stands for itself.
 */
struct policy_counts {
	_Atomic uint64_t counter[POLICY_COUNTERS];
	_Atomic(const char *) error; /* of the last that failed; constant text */
};

struct policy_scratch {
	const struct policy *policy;
	policy_cursor *cursors;
	uint32_t *logs;             /* room for every rule that prints */
	uint32_t *captures;         /* and that records */
	struct policy_flows *flows; /* NULL: no rule counts them */
	struct policy_copies copies;
	struct nfqueue_edit *copy;    /* NULL: no rule has effects */
	struct policy_counts *counts; /* one for each rule with effects, one for others */
	_Atomic uint64_t hits[];      /* one a rule, and one for no rule */
};

/* Relaxed: see above. No read-modify-write is needed for one writer. */
static inline void policy_add(_Atomic uint64_t *counter, uint64_t by)
{
	atomic_store_explicit(counter,
			      atomic_load_explicit(counter, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

/* Those of a rule; NULL: it has none. POLICY_NO_RULE: those of all rules without. */
struct policy_counts *policy_counts_of(const struct policy_scratch *scratch,
				       int32_t rule);

#endif

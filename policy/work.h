/* SPDX-License-Identifier: MIT */
/* One packet under way through policy_apply(). */
#ifndef POLICY_WORK_H
#define POLICY_WORK_H

#include "policy/scratch.h"

struct policy_work {
	const struct policy *policy;
	const struct policy_packet *packet;
	struct policy_scratch *scratch;
	const struct policy_env *env;
	struct policy_outcome *outcome;
	const struct policy_effects *effects; /* of the rule that decided; never NULL */
	struct policy_counts *counts;
	struct nfqueue_edit *edit; /* NULL: see policy_work_edit() */
	bool asked;                /* for the edit */
	bool undone;               /* a change failed: nothing but translation is made */
	bool corrupted;            /* by `damage` */
	struct netem_copy damage;
};

static inline void policy_count(struct policy_work *work, enum policy_counter counter)
{
	policy_add(&work->counts->counter[counter], 1);
}

/* `error` is constant text. */
void policy_work_failed(struct policy_work *work, const char *error);

/* The packet's edit, asked for once; NULL: counted as failed. */
struct nfqueue_edit *policy_work_edit(struct policy_work *work);

/* It goes on as it came, and that is counted. */
void policy_work_undo(struct policy_work *work);

bool policy_work_changed(const struct policy_work *work);

/* The packet is no more. */
void policy_work_drop(struct policy_work *work);

/* Begins the scratch's own edit on the packet as it is now. NULL: counted as failed. */
struct nfqueue_edit *policy_work_copy(struct policy_work *work);

/* Adds the scratch's edit to the copies; counted, as `counter`, or as failed. */
void policy_work_send_copy(struct policy_work *work, uint64_t delay_ns,
			   enum policy_copy_kind kind, enum policy_counter counter);

/* What netem does: loss, duplicates, marks, delay. */
void policy_work_emulate(struct policy_work *work);

/* Resends what cannot go back with its verdict, and damages it. */
void policy_work_fit(struct policy_work *work);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Flow verdicts as bits of marks. Inside the mask stands a number: its lowest bit says
 * drop, the others are the epoch, which is never 0. A revocation begins a new epoch, so
 * that the marks of all others mean nothing.
 */
#ifndef NFQUEUE_RULES_FLOW_H
#define NFQUEUE_RULES_FLOW_H

#include <nfqueue/verdict.h>

#include <stddef.h>
#include <stdint.h>

struct rules_batch;

struct rules_flows {
	uint32_t mask;       /* 0: no flow verdicts */
	uint32_t epoch;      /* 0: none: no verdict is saved, none is looked up */
	uint32_t generation; /* of the sets of dropped flows: others a revocation */
};

#define RULES_FLOW_MASK_BITS 2u /* at least */

/* The table's pieces, besides the chains that save. */
#define RULES_FLOW_CHAIN "flows"           /* decides what was decided */
#define RULES_FLOW_SAVE_CHAIN "flows-save" /* notes what a verdict decided */
#define RULES_FLOW_ACCEPTED "flow-accepted"
#define RULES_FLOW_DROPPED "flow-dropped"
#define RULES_FLOW_SAVED_ACCEPT "flow-saved-accept"
#define RULES_FLOW_SAVED_DROP "flow-saved-drop"
#define RULES_FLOW_SET_IPV4 "flow-dropped-ipv4"
#define RULES_FLOW_SET_IPV6 "flow-dropped-ipv6"
#define RULES_FLOW_SET_SIZE 65536u
#define RULES_FLOW_SET_TIMEOUT_S 120u

/* How many epochs there are in the mask: 1 for two bits. */
uint32_t rules_flow_epochs(uint32_t mask);

/* The one after: 1 after the last. */
uint32_t rules_flow_next_epoch(const struct rules_flows *flows);

/* The bits of this epoch; all 0 for epoch 0. */
struct nfqueue_flow_marks rules_flow_marks(const struct rules_flows *flows);

/* The bit of the mask that says drop, in every epoch. */
uint32_t rules_flow_drop_bit(uint32_t mask);

/* "flow-dropped-ipv4-1": a set is never emptied, the next generation has another. What a
 * packet under way puts into the old one then is of no effect. */
void rules_flow_set_name(const char *set, uint32_t generation, char *name, size_t size);

/* The counters and chains, without rules. */
#define RULES_FLOW_MESSAGES 20 /* of each of these functions, at most */
void rules_put_flow_objects(struct rules_batch *batch, const char *table);

/* The rules of these chains and their sets, and their removal. */
void rules_put_flow_rules(struct rules_batch *batch, const char *table,
			  const struct rules_flows *flows);
void rules_put_flow_rules_removal(struct rules_batch *batch, const char *table,
				  const struct rules_flows *flows);

/* The rule in front of a redirection's chain, and that in a chain behind it. */
void rules_put_flow_lookup(struct rules_batch *batch, const char *table,
			   const char *chain);
void rules_put_flow_saving(struct rules_batch *batch, const char *table,
			   const char *chain, uint32_t mask);

#endif

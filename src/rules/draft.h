/* SPDX-License-Identifier: MIT */
/* A rule being made of expressions on marks: with NULL for a rule, after an error,
 * nothing happens. Values pass through register 1. */
#ifndef NFQUEUE_RULES_DRAFT_H
#define NFQUEUE_RULES_DRAFT_H

#include <stdint.h>

#include "rules/message.h"

struct nftnl_expr;

struct rules_draft {
	struct rules_batch *batch;
	const char *table;
	struct nftnl_rule *rule;
};

void rules_draft_begin(struct rules_draft *draft, const char *chain);
void rules_draft_end(struct rules_draft *draft);

/* A new expression of the rule; NULL: no memory, which is noted. */
struct nftnl_expr *rules_draft_add(struct rules_draft *draft, const char *name);

/* register = the packet's mark, and back. */
void rules_draft_load_mark(struct rules_draft *draft);
void rules_draft_store_mark(struct rules_draft *draft);

/* register = (register & keep) ^ flip */
void rules_draft_change(struct rules_draft *draft, uint32_t keep, uint32_t flip);

/* The rule ends here unless register NFT_CMP_* value. */
void rules_draft_compare(struct rules_draft *draft, uint32_t operation, uint32_t value);

/* The rule ends here unless (mark & mask) == value. */
void rules_draft_if_mark_is(struct rules_draft *draft, uint32_t mask, uint32_t value);

void rules_draft_count(struct rules_draft *draft, const char *counter);

/* NF_* or NFT_*, and for a jump the chain. */
void rules_draft_decide(struct rules_draft *draft, int verdict, const char *chain);

#endif

/* SPDX-License-Identifier: MIT */
#include "rules/draft.h"

#include <errno.h>
#include <stdio.h> /* libnftnl/expr.h needs it */
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>

void rules_draft_begin(struct rules_draft *draft, const char *chain)
{
	draft->rule = rules_rule_begin(draft->batch, draft->table, chain);
}

void rules_draft_end(struct rules_draft *draft)
{
	rules_rule_put(draft->batch, draft->rule, NULL);
}

struct nftnl_expr *rules_draft_add(struct rules_draft *draft, const char *name)
{
	struct nftnl_expr *expression = draft->rule ? nftnl_expr_alloc(name) : NULL;

	if (expression)
		nftnl_rule_add_expr(draft->rule, expression);
	else if (!draft->batch->error)
		draft->batch->error = -ENOMEM;
	return expression;
}

void rules_draft_load_mark(struct rules_draft *draft)
{
	struct nftnl_expr *meta = rules_draft_add(draft, "meta");

	if (!meta)
		return;
	nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

void rules_draft_store_mark(struct rules_draft *draft)
{
	struct nftnl_expr *meta = rules_draft_add(draft, "meta");

	if (!meta)
		return;
	nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(meta, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

void rules_draft_change(struct rules_draft *draft, uint32_t keep, uint32_t flip)
{
	struct nftnl_expr *bits = rules_draft_add(draft, "bitwise");

	if (!bits)
		return;
	nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(bits, NFTNL_EXPR_BITWISE_LEN, sizeof(keep));
	nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_MASK, &keep, sizeof(keep));
	nftnl_expr_set(bits, NFTNL_EXPR_BITWISE_XOR, &flip, sizeof(flip));
}

void rules_draft_compare(struct rules_draft *draft, uint32_t operation, uint32_t value)
{
	struct nftnl_expr *cmp = rules_draft_add(draft, "cmp");

	if (!cmp)
		return;
	nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, operation);
	nftnl_expr_set(cmp, NFTNL_EXPR_CMP_DATA, &value, sizeof(value));
}

void rules_draft_if_mark_is(struct rules_draft *draft, uint32_t mask, uint32_t value)
{
	rules_draft_load_mark(draft);
	rules_draft_change(draft, mask, 0);
	rules_draft_compare(draft, NFT_CMP_EQ, value);
}

void rules_draft_count(struct rules_draft *draft, const char *counter)
{
	rules_rule_count(draft->batch, draft->rule, counter);
}

void rules_draft_decide(struct rules_draft *draft, int verdict, const char *chain)
{
	struct nftnl_expr *immediate = rules_draft_add(draft, "immediate");

	if (!immediate)
		return;
	nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		nftnl_expr_set_str(immediate, NFTNL_EXPR_IMM_CHAIN, chain);
}

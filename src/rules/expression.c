/* SPDX-License-Identifier: MIT */
/* The expressions of a rule: [family] [match] counter action. */
#include "rules/message.h"

#include <errno.h>
#include <stdio.h> /* libnftnl/expr.h needs it */
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_bpf.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(RULES_FILTER_MAX == XT_BPF_MAX_NUM_INSTR, "the kernel's limit");

static struct nftnl_expr *new_expression(struct rules_batch *batch,
					 struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *expression = rule ? nftnl_expr_alloc(name) : NULL;

	if (!expression && !batch->error)
		batch->error = -ENOMEM;
	return expression;
}

static void add_u32(struct nftnl_expr *expression, uint16_t attribute, uint32_t value)
{
	nftnl_expr_set_u32(expression, attribute, value);
}

void rules_rule_family(struct rules_batch *batch, struct nftnl_rule *rule,
		       enum nfqueue_rules_family family)
{
	const uint8_t number =
		family == NFQUEUE_FAMILY_IPV4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	struct nftnl_expr *load, *compare;

	if (family == NFQUEUE_FAMILY_INET)
		return;
	load = new_expression(batch, rule, "meta");
	if (!load)
		return;
	add_u32(load, NFTNL_EXPR_META_KEY, NFT_META_NFPROTO);
	add_u32(load, NFTNL_EXPR_META_DREG, NFT_REG_1);
	nftnl_rule_add_expr(rule, load);
	compare = new_expression(batch, rule, "cmp");
	if (!compare)
		return;
	add_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	add_u32(compare, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, &number, sizeof(number));
	nftnl_rule_add_expr(rule, compare);
}

/* libnftnl keeps the block of an xt extension and frees it with the expression. */
static void *extension_data(struct rules_batch *batch, size_t size)
{
	void *data = calloc(1, XT_ALIGN(size));

	if (!data && !batch->error)
		batch->error = -ENOMEM;
	return data;
}

void rules_rule_match(struct rules_batch *batch, struct nftnl_rule *rule,
		      const struct rules_filter *filter)
{
	struct nftnl_expr *match = new_expression(batch, rule, "match");
	struct xt_bpf_info *info;

	if (!match)
		return;
	nftnl_rule_add_expr(rule, match);
	info = extension_data(batch, sizeof(*info));
	if (!info)
		return;
	info->bpf_program_num_elem = filter->length;
	memcpy(info->bpf_program, filter->code, sizeof(info->bpf_program));
	nftnl_expr_set_str(match, NFTNL_EXPR_MT_NAME, "bpf");
	add_u32(match, NFTNL_EXPR_MT_REV, 0);
	nftnl_expr_set(match, NFTNL_EXPR_MT_INFO, info, XT_ALIGN(sizeof(*info)));
}

void rules_rule_count(struct rules_batch *batch, struct nftnl_rule *rule,
		      const char *counter)
{
	struct nftnl_expr *reference = new_expression(batch, rule, "objref");

	if (!reference)
		return;
	add_u32(reference, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	nftnl_expr_set_str(reference, NFTNL_EXPR_OBJREF_IMM_NAME, counter);
	nftnl_rule_add_expr(rule, reference);
}

static uint16_t kernel_flags(uint32_t flags, uint16_t bypass, uint16_t fanout)
{
	uint16_t out = 0;

	if (flags & NFQUEUE_REDIRECT_BYPASS)
		out |= bypass;
	if (flags & NFQUEUE_REDIRECT_FANOUT)
		out |= fanout;
	return out;
}

void rules_rule_queue(struct rules_batch *batch, struct nftnl_rule *rule,
		      const struct nfqueue_redirect *wanted)
{
	struct nftnl_expr *queue = new_expression(batch, rule, "queue");

	if (!queue)
		return;
	nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_NUM, wanted->first_queue);
	nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_TOTAL, wanted->queue_count);
	nftnl_expr_set_u16(queue, NFTNL_EXPR_QUEUE_FLAGS,
			   kernel_flags(wanted->flags, NFT_QUEUE_FLAG_BYPASS,
					NFT_QUEUE_FLAG_CPU_FANOUT));
	nftnl_rule_add_expr(rule, queue);
}

void rules_rule_target(struct rules_batch *batch, struct nftnl_rule *rule,
		       const struct nfqueue_redirect *wanted)
{
	struct nftnl_expr *target = new_expression(batch, rule, "target");
	struct xt_NFQ_info_v3 *info;

	if (!target)
		return;
	nftnl_rule_add_expr(rule, target);
	info = extension_data(batch, sizeof(*info));
	if (!info)
		return;
	info->queuenum = wanted->first_queue;
	info->queues_total = wanted->queue_count;
	info->flags = kernel_flags(wanted->flags, NFQ_FLAG_BYPASS, NFQ_FLAG_CPU_FANOUT);
	nftnl_expr_set_str(target, NFTNL_EXPR_TG_NAME, "NFQUEUE");
	add_u32(target, NFTNL_EXPR_TG_REV, 3);
	nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, info, XT_ALIGN(sizeof(*info)));
}

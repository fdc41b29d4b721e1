/* SPDX-License-Identifier: MIT */
/*
 * The rules of flow verdicts. In front of the queue: what the connection's mark says.
 * Just behind it: the packet's mark, which the verdict set, goes into the connection's.
 *
 * The connection of a flow's first packet is not confirmed before the packet has left
 * (nf_conntrack_confirm()), and dies with it. So a flow that was dropped before it was
 * confirmed is remembered in a set, by what the connection tracking knows it by, and only
 * packets of no confirmed connection are looked for there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h> /* libnftnl/expr.h needs it */
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <string.h>

#include "rules/draft.h"
#include "rules/flow.h"

#define SET_NAME_SIZE 48
#define WORD(n) (NFT_REG32_00 + (n))

/* nft's numbers of the types of what a key has, so that it can list our sets. */
enum {
	TYPE_IPV4 = 7,
	TYPE_IPV6 = 8,
	TYPE_PROTOCOL = 12,
	TYPE_SERVICE = 13,
	TYPE_BITS = 6
};

/* --- expressions ------------------------------------------------------------------ */

/* A packet without a connection ends the rule here: nft_ct_get_eval(). */
static void load_ct(struct rules_draft *draft, uint32_t key)
{
	struct nftnl_expr *ct = rules_draft_add(draft, "ct");

	if (!ct)
		return;
	nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, NFT_REG_1);
}

static void store_ct_mark(struct rules_draft *draft)
{
	struct nftnl_expr *ct = rules_draft_add(draft, "ct");

	if (!ct)
		return;
	nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
	nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_SREG, NFT_REG_1);
}

static void if_ct_mark_is(struct rules_draft *draft, uint32_t mask, uint32_t value)
{
	load_ct(draft, NFT_CT_MARK);
	rules_draft_change(draft, mask, 0);
	rules_draft_compare(draft, NFT_CMP_EQ, value);
}

/* --- the set of dropped flows ----------------------------------------------------- */

/* A flow as the connection tracking knows it: for ICMP the ports are id, type and code.
 * The address loads end the rule for packets of the other family. */
struct key {
	const char *set;              /* with the generation behind it */
	uint32_t source, destination; /* NFT_CT_* */
	uint32_t address_words, address_type;
};

static const struct key keys[] = {
	{RULES_FLOW_SET_IPV4, NFT_CT_SRC_IP, NFT_CT_DST_IP, 1, TYPE_IPV4},
	{RULES_FLOW_SET_IPV6, NFT_CT_SRC_IP6, NFT_CT_DST_IP6, 4, TYPE_IPV6},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static void load_tuple(struct rules_draft *draft, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *ct = rules_draft_add(draft, "ct");

	if (!ct)
		return;
	nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, reg);
	if (key != NFT_CT_PROTOCOL)
		nftnl_expr_set_u8(ct, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
}

static void load_key(struct rules_draft *draft, const struct key *key)
{
	uint32_t next = 2 * key->address_words;

	load_tuple(draft, key->source, WORD(0));
	load_tuple(draft, key->destination, WORD(key->address_words));
	load_tuple(draft, NFT_CT_PROTOCOL, WORD(next));
	load_tuple(draft, NFT_CT_PROTO_SRC, WORD(next + 1));
	load_tuple(draft, NFT_CT_PROTO_DST, WORD(next + 2));
}

static void look_up(struct rules_draft *draft, const char *set)
{
	struct nftnl_expr *lookup = rules_draft_add(draft, "lookup");

	if (!lookup)
		return;
	nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, WORD(0));
	nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, set);
}

/* Adds the key, or lets its time begin anew. A full set ends the rule. */
static void update(struct rules_draft *draft, const char *set)
{
	struct nftnl_expr *dynset = rules_draft_add(draft, "dynset");

	if (!dynset)
		return;
	nftnl_expr_set_u32(dynset, NFTNL_EXPR_DYNSET_SREG_KEY, WORD(0));
	nftnl_expr_set_u32(dynset, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_str(dynset, NFTNL_EXPR_DYNSET_SET_NAME, set);
}

static void set_key(struct nftnl_set *set, const struct key *key)
{
	uint32_t type = key->address_type;

	type = type << TYPE_BITS | key->address_type;
	type = type << TYPE_BITS | TYPE_PROTOCOL;
	type = type << TYPE_BITS | TYPE_SERVICE;
	type = type << TYPE_BITS | TYPE_SERVICE;
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN,
			  (2 * key->address_words + 3) * (uint32_t)sizeof(uint32_t));
}

static void put_set_message(struct rules_draft *draft, uint16_t type, uint16_t flags,
			    struct nftnl_set *set)
{
	struct nlmsghdr *message = rules_batch_message(draft->batch, type, flags);

	if (!message)
		return;
	nftnl_set_nlmsg_build_payload(message, set);
	rules_batch_end_message(draft->batch, message);
}

static struct nftnl_set *new_set(struct rules_draft *draft, const struct key *key,
				 uint32_t generation)
{
	struct nftnl_set *set = nftnl_set_alloc();
	char name[SET_NAME_SIZE];

	if (!set) {
		if (!draft->batch->error)
			draft->batch->error = -ENOMEM;
		return NULL;
	}
	rules_flow_set_name(key->set, generation, name, sizeof(name));
	nftnl_set_set_str(set, NFTNL_SET_TABLE, draft->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	return set;
}

static void put_set(struct rules_draft *draft, const struct key *key, uint32_t generation)
{
	struct nftnl_set *set = new_set(draft, key, generation);

	if (!set)
		return;
	nftnl_set_set_u32(set, NFTNL_SET_ID, (uint32_t)(key - keys) + 1);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT | NFT_SET_EVAL);
	set_key(set, key);
	nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, RULES_FLOW_SET_SIZE);
	nftnl_set_set_u64(set, NFTNL_SET_TIMEOUT, RULES_FLOW_SET_TIMEOUT_S * 1000u);
	put_set_message(draft, NFT_MSG_NEWSET, NLM_F_CREATE, set);
	nftnl_set_free(set);
}

static void remove_set(struct rules_draft *draft, const struct key *key,
		       uint32_t generation)
{
	struct nftnl_set *set = new_set(draft, key, generation);

	if (!set)
		return;
	put_set_message(draft, NFT_MSG_DELSET, 0, set);
	nftnl_set_free(set);
}

/* --- in front of the queue -------------------------------------------------------- */

static void put_decided(struct rules_draft *draft, uint32_t mask, uint32_t value,
			const char *counter, int verdict)
{
	rules_draft_begin(draft, RULES_FLOW_CHAIN);
	if_ct_mark_is(draft, mask, value);
	rules_draft_count(draft, counter);
	rules_draft_decide(draft, verdict, NULL);
	rules_draft_end(draft);
}

/* A dropped flow is remembered for as long as it tries, and a while. */
static void put_remembered(struct rules_draft *draft, const struct key *key,
			   uint32_t generation)
{
	char set[SET_NAME_SIZE];

	rules_flow_set_name(key->set, generation, set, sizeof(set));
	rules_draft_begin(draft, RULES_FLOW_CHAIN);
	load_key(draft, key);
	look_up(draft, set);
	update(draft, set);
	rules_draft_count(draft, RULES_FLOW_DROPPED);
	rules_draft_decide(draft, NF_DROP, NULL);
	rules_draft_end(draft);
}

/* A confirmed connection has its mark. */
static void put_return(struct rules_draft *draft)
{
	rules_draft_begin(draft, RULES_FLOW_CHAIN);
	load_ct(draft, NFT_CT_STATUS);
	rules_draft_change(draft, IPS_CONFIRMED, 0);
	rules_draft_compare(draft, NFT_CMP_NEQ, 0);
	rules_draft_decide(draft, NFT_RETURN, NULL);
	rules_draft_end(draft);
}

static void put_lookup(struct rules_draft *draft, const struct rules_flows *flows)
{
	const struct nfqueue_flow_marks marks = rules_flow_marks(flows);

	put_decided(draft, marks.mask, marks.accept, RULES_FLOW_ACCEPTED, NF_ACCEPT);
	put_decided(draft, marks.mask, marks.drop, RULES_FLOW_DROPPED, NF_DROP);
	put_return(draft);
	for (size_t i = 0; i < KEYS; i++)
		put_remembered(draft, &keys[i], flows->generation);
}

/* --- behind it -------------------------------------------------------------------- */

/* ct mark = (ct mark & ~mask) | value */
static void put_save(struct rules_draft *draft, uint32_t mask, uint32_t value,
		     const char *counter)
{
	rules_draft_begin(draft, RULES_FLOW_SAVE_CHAIN);
	rules_draft_if_mark_is(draft, mask, value);
	load_ct(draft, NFT_CT_MARK);
	rules_draft_change(draft, ~mask, value);
	store_ct_mark(draft);
	rules_draft_count(draft, counter);
	rules_draft_end(draft);
}

static void put_remember(struct rules_draft *draft, const struct key *key,
			 const struct nfqueue_flow_marks *marks, uint32_t generation)
{
	char set[SET_NAME_SIZE];

	rules_flow_set_name(key->set, generation, set, sizeof(set));
	rules_draft_begin(draft, RULES_FLOW_SAVE_CHAIN);
	rules_draft_if_mark_is(draft, marks->mask, marks->drop);
	load_ct(draft, NFT_CT_STATUS);
	rules_draft_change(draft, IPS_CONFIRMED, 0);
	rules_draft_compare(draft, NFT_CMP_EQ, 0);
	load_key(draft, key);
	update(draft, set);
	rules_draft_end(draft);
}

static void put_saves(struct rules_draft *draft, const struct rules_flows *flows)
{
	const struct nfqueue_flow_marks marks = rules_flow_marks(flows);

	put_save(draft, marks.mask, marks.accept, RULES_FLOW_SAVED_ACCEPT);
	put_save(draft, marks.mask, marks.drop, RULES_FLOW_SAVED_DROP);
	for (size_t i = 0; i < KEYS; i++)
		put_remember(draft, &keys[i], &marks, flows->generation);
}

/* Of whatever epoch: the packet is dropped, or goes on without our bits. */
static void put_settle(struct rules_draft *draft, const struct rules_flows *flows)
{
	const uint32_t drop = rules_flow_drop_bit(flows->mask);

	rules_draft_begin(draft, RULES_FLOW_SAVE_CHAIN);
	rules_draft_if_mark_is(draft, drop, drop);
	rules_draft_decide(draft, NF_DROP, NULL);
	rules_draft_end(draft);
	rules_draft_begin(draft, RULES_FLOW_SAVE_CHAIN);
	rules_draft_load_mark(draft);
	rules_draft_change(draft, ~flows->mask, 0);
	rules_draft_store_mark(draft);
	rules_draft_end(draft);
}

/* A rule that does nothing carries what the next process that has the socket must know:
 * the userdata of a table cannot be changed, a rule's is replaced with it. */
static void put_state(struct rules_draft *draft, const struct rules_flows *flows)
{
	struct rules_userdata userdata = {.length = 0};
	char comment[64];

	snprintf(comment, sizeof(comment), "flow verdicts: epoch %u of %u", flows->epoch,
		 rules_flow_epochs(flows->mask));
	rules_userdata_comment(&userdata, comment);
	rules_userdata_flows(&userdata, flows);
	rules_draft_begin(draft, RULES_FLOW_SAVE_CHAIN);
	rules_rule_put(draft->batch, draft->rule, &userdata);
}

/* --- all of it -------------------------------------------------------------------- */

void rules_put_flow_objects(struct rules_batch *batch, const char *table)
{
	rules_put_counter(batch, table, RULES_FLOW_ACCEPTED);
	rules_put_counter(batch, table, RULES_FLOW_DROPPED);
	rules_put_counter(batch, table, RULES_FLOW_SAVED_ACCEPT);
	rules_put_counter(batch, table, RULES_FLOW_SAVED_DROP);
	rules_put_chain(batch, table, RULES_FLOW_CHAIN);
	rules_put_chain(batch, table, RULES_FLOW_SAVE_CHAIN);
}

void rules_put_flow_rules(struct rules_batch *batch, const char *table,
			  const struct rules_flows *flows)
{
	struct rules_draft draft = {batch, table, NULL};

	for (size_t i = 0; i < KEYS; i++)
		put_set(&draft, &keys[i], flows->generation);
	put_state(&draft, flows);
	if (flows->epoch) {
		put_lookup(&draft, flows);
		put_saves(&draft, flows);
	} else {
		/* With its last user the connection tracking is unhooked, and the kernel
		 * drops what waits: nf_ct_netns_put(), nf_queue_nf_hook_drop(). */
		put_return(&draft);
	}
	put_settle(&draft, flows);
}

void rules_put_flow_rules_removal(struct rules_batch *batch, const char *table,
				  const struct rules_flows *flows)
{
	struct rules_draft draft = {batch, table, NULL};

	rules_put_rules_removal(batch, table, RULES_FLOW_CHAIN);
	rules_put_rules_removal(batch, table, RULES_FLOW_SAVE_CHAIN);
	for (size_t i = 0; i < KEYS; i++)
		remove_set(&draft, &keys[i], flows->generation);
}

void rules_put_flow_lookup(struct rules_batch *batch, const char *table,
			   const char *chain)
{
	struct rules_draft draft = {batch, table, NULL};

	rules_draft_begin(&draft, chain);
	rules_draft_decide(&draft, NFT_JUMP, RULES_FLOW_CHAIN);
	rules_draft_end(&draft);
}

void rules_put_flow_saving(struct rules_batch *batch, const char *table,
			   const char *chain, uint32_t mask)
{
	struct rules_draft draft = {batch, table, NULL};

	rules_draft_begin(&draft, chain);
	rules_draft_load_mark(&draft);
	rules_draft_change(&draft, mask, 0);
	rules_draft_compare(&draft, NFT_CMP_NEQ, 0);
	rules_draft_decide(&draft, NFT_JUMP, RULES_FLOW_SAVE_CHAIN);
	rules_draft_end(&draft);
}

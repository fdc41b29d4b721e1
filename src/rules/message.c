/* SPDX-License-Identifier: MIT */
#include "rules/message.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

static void out_of_memory(struct rules_batch *batch)
{
	if (!batch->error)
		batch->error = -ENOMEM;
}

static void put_table_message(struct rules_batch *batch, uint16_t type, uint16_t flags,
			      struct nftnl_table *table)
{
	struct nlmsghdr *message = rules_batch_message(batch, type, flags);

	if (!message)
		return;
	nftnl_table_nlmsg_build_payload(message, table);
	rules_batch_end_message(batch, message);
}

void rules_put_table(struct rules_batch *batch, const char *name, uint32_t flags,
		     const struct rules_userdata *userdata)
{
	struct nftnl_table *table = nftnl_table_alloc();

	if (!table) {
		out_of_memory(batch);
		return;
	}
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, name);
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, flags);
	if (userdata)
		nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, userdata->bytes,
				     userdata->length);
	put_table_message(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, table);
	nftnl_table_free(table);
}

void rules_put_table_removal(struct rules_batch *batch, uint64_t handle)
{
	struct nftnl_table *table = nftnl_table_alloc();

	if (!table) {
		out_of_memory(batch);
		return;
	}
	nftnl_table_set_u64(table, NFTNL_TABLE_HANDLE, handle);
	put_table_message(batch, NFT_MSG_DELTABLE, 0, table);
	nftnl_table_free(table);
}

static struct nftnl_chain *new_chain(struct rules_batch *batch, const char *table,
				     const char *name)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain) {
		out_of_memory(batch);
		return NULL;
	}
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	return chain;
}

static void put_chain_message(struct rules_batch *batch, struct nftnl_chain *chain)
{
	struct nlmsghdr *message =
		rules_batch_message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE);

	if (message) {
		nftnl_chain_nlmsg_build_payload(message, chain);
		rules_batch_end_message(batch, message);
	}
	nftnl_chain_free(chain);
}

void rules_put_chain(struct rules_batch *batch, const char *table, const char *name)
{
	struct nftnl_chain *chain = new_chain(batch, table, name);

	if (chain)
		put_chain_message(batch, chain);
}

void rules_put_base_chain(struct rules_batch *batch, const char *table, const char *name,
			  enum nfqueue_hook hook, int32_t priority)
{
	struct nftnl_chain *chain = new_chain(batch, table, name);

	if (!chain)
		return;
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	put_chain_message(batch, chain);
}

static void put_counter_message(struct rules_batch *batch, uint16_t type, uint16_t flags,
				const char *table, const char *name)
{
	struct nftnl_obj *counter = nftnl_obj_alloc();
	struct nlmsghdr *message;

	if (!counter) {
		out_of_memory(batch);
		return;
	}
	nftnl_obj_set_str(counter, NFTNL_OBJ_TABLE, table);
	nftnl_obj_set_str(counter, NFTNL_OBJ_NAME, name);
	nftnl_obj_set_u32(counter, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	if (type == NFT_MSG_NEWOBJ) {
		nftnl_obj_set_u64(counter, NFTNL_OBJ_CTR_PKTS, 0);
		nftnl_obj_set_u64(counter, NFTNL_OBJ_CTR_BYTES, 0);
	}
	message = rules_batch_message(batch, type, flags);
	if (message) {
		nftnl_obj_nlmsg_build_payload(message, counter);
		rules_batch_end_message(batch, message);
	}
	nftnl_obj_free(counter);
}

void rules_put_counter(struct rules_batch *batch, const char *table, const char *name)
{
	put_counter_message(batch, NFT_MSG_NEWOBJ, NLM_F_CREATE, table, name);
}

void rules_put_counter_removal(struct rules_batch *batch, const char *table,
			       const char *name)
{
	put_counter_message(batch, NFT_MSG_DELOBJ, 0, table, name);
}

static struct nftnl_rule *new_rule(struct rules_batch *batch, const char *table)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule) {
		out_of_memory(batch);
		return NULL;
	}
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	return rule;
}

static void put_rule_message(struct rules_batch *batch, uint16_t type, uint16_t flags,
			     struct nftnl_rule *rule)
{
	struct nlmsghdr *message = rules_batch_message(batch, type, flags);

	if (message) {
		nftnl_rule_nlmsg_build_payload(message, rule);
		rules_batch_end_message(batch, message);
	}
	nftnl_rule_free(rule);
}

struct nftnl_rule *rules_rule_begin(struct rules_batch *batch, const char *table,
				    const char *chain)
{
	struct nftnl_rule *rule = new_rule(batch, table);

	if (rule)
		nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	return rule;
}

void rules_put_rules_removal(struct rules_batch *batch, const char *table,
			     const char *chain)
{
	struct nftnl_rule *rule = rules_rule_begin(batch, table, chain);

	if (rule)
		put_rule_message(batch, NFT_MSG_DELRULE, 0, rule);
}

void rules_rule_put(struct rules_batch *batch, struct nftnl_rule *rule,
		    const struct rules_userdata *userdata)
{
	if (!rule)
		return;
	if (userdata)
		nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, userdata->bytes,
				    userdata->length);
	put_rule_message(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, rule);
}

/* SPDX-License-Identifier: MIT */
#include "rules/inventory.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "rules/guard.h"
#include "rules/userdata.h"

#define DUMP_TRIES 10

/* --- flow verdicts ---------------------------------------------------------------- */

struct state {
	struct rules_flows flows;
	bool found;
};

static void fill_flows(struct nlmsghdr *message, const void *what)
{
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, what);
	mnl_attr_put_strz(message, NFTA_RULE_CHAIN, RULES_FLOW_SAVE_CHAIN);
}

static int take_flows(const struct nlmsghdr *message, void *context)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct state *state = context;
	const uint8_t *userdata;
	uint32_t length = 0;

	if (!rule)
		return 0;
	if (nftnl_rule_nlmsg_parse(message, rule) == 0) {
		userdata = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &length);
		if (userdata &&
		    rules_userdata_find_flows(userdata, length, &state->flows))
			state->found = true;
	}
	nftnl_rule_free(rule);
	return 0;
}

int rules_inventory_flows(struct rules_socket *socket, const char *table,
			  struct rules_flows *flows)
{
	struct state state = {.found = false};
	int error, tries = 0;

	do
		error = rules_request(socket, RULES_NFT(NFT_MSG_GETRULE), NLM_F_DUMP,
				      fill_flows, table, take_flows, &state);
	while (error == -EINTR && ++tries < DUMP_TRIES);
	if (error)
		return error;
	if (state.found)
		*flows = state.flows;
	return state.found;
}

/* --- the guard mark --------------------------------------------------------------- */

static void fill_rules(struct nlmsghdr *message, const void *what)
{
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, what);
}

/* All chains in use have the same. */
static int take_guard(const struct nlmsghdr *message, void *context)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	uint32_t *guard = context;
	const uint8_t *userdata;
	uint32_t length = 0;

	if (!rule)
		return 0;
	if (nftnl_rule_nlmsg_parse(message, rule) == 0) {
		userdata = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &length);
		if (userdata && !*guard)
			*guard = rules_userdata_find_guard(userdata, length);
	}
	nftnl_rule_free(rule);
	return 0;
}

/* --- chains ----------------------------------------------------------------------- */

static void take_base_chain(struct nfqueue_rules *rules, const char *name,
			    const struct nftnl_chain *parsed)
{
	uint32_t hook = nftnl_chain_get_u32(parsed, NFTNL_CHAIN_HOOKNUM);
	int32_t priority = nftnl_chain_get_s32(parsed, NFTNL_CHAIN_PRIO);
	struct rules_chain *chain;
	char ours[48];

	if (hook > NFQUEUE_HOOK_POSTROUTING)
		return;
	rules_chain_name(hook, priority, ours, sizeof(ours));
	if (strcmp(name, ours) == 0) {
		chain = rules_chain_at(rules, hook, priority);
		if (chain)
			chain->made = true;
		return;
	}
	rules_saving_name(hook, priority - 1, ours, sizeof(ours));
	if (strcmp(name, ours) != 0)
		return;
	chain = rules_chain_at(rules, hook, priority - 1);
	if (chain)
		chain->saves = true;
}

static int take_chain(const struct nlmsghdr *message, void *context)
{
	struct nftnl_chain *parsed = nftnl_chain_alloc();
	struct nfqueue_rules *rules = context;
	const char *table, *name;

	if (!parsed)
		return 0;
	if (nftnl_chain_nlmsg_parse(message, parsed) == 0) {
		table = nftnl_chain_get_str(parsed, NFTNL_CHAIN_TABLE);
		name = nftnl_chain_get_str(parsed, NFTNL_CHAIN_NAME);
		if (table && name && strcmp(table, rules->name) == 0 &&
		    nftnl_chain_is_set(parsed, NFTNL_CHAIN_HOOKNUM))
			take_base_chain(rules, name, parsed);
	}
	nftnl_chain_free(parsed);
	return 0;
}

/* --- counters --------------------------------------------------------------------- */

static void fill_table(struct nlmsghdr *message, const void *what)
{
	mnl_attr_put_strz(message, NFTA_OBJ_TABLE, what);
}

static void note_counter(struct nfqueue_rules *rules, const char *name)
{
	if (strncmp(name, RULES_COUNTER_PREFIX, strlen(RULES_COUNTER_PREFIX)) == 0)
		rules->counter_count++;
	else if (strcmp(name, RULES_GUARD_COUNTER) == 0)
		rules->has_guard_counter = true;
}

static int take_object(const struct nlmsghdr *message, void *context)
{
	struct nftnl_obj *object = nftnl_obj_alloc();
	struct nfqueue_rules *rules = context;
	const char *table, *name;

	if (!object)
		return 0;
	if (nftnl_obj_nlmsg_parse(message, object) == 0) {
		table = nftnl_obj_get_str(object, NFTNL_OBJ_TABLE);
		name = nftnl_obj_get_str(object, NFTNL_OBJ_NAME);
		if (table && name && strcmp(table, rules->name) == 0)
			note_counter(rules, name);
	}
	nftnl_obj_free(object);
	return 0;
}

/* --- all of it -------------------------------------------------------------------- */

static int take_once(struct nfqueue_rules *rules)
{
	int error;

	rules->chain_count = 0;
	rules->counter_count = 0;
	rules->guard = 0;
	error = rules_request(&rules->socket, RULES_NFT(NFT_MSG_GETCHAIN), NLM_F_DUMP,
			      NULL, NULL, take_chain, rules);
	if (error)
		return error;
	error = rules_request(&rules->socket, RULES_NFT(NFT_MSG_GETOBJ), NLM_F_DUMP,
			      fill_table, rules->name, take_object, rules);
	if (error)
		return error;
	return rules_request(&rules->socket, RULES_NFT(NFT_MSG_GETRULE), NLM_F_DUMP,
			     fill_rules, rules->name, take_guard, &rules->guard);
}

int rules_inventory_take(struct nfqueue_rules *rules)
{
	struct rules_flows flows;
	int error, tries = 0;

	do
		error = take_once(rules);
	while (error == -EINTR && ++tries < DUMP_TRIES);
	if (error)
		return error;
	error = rules_inventory_flows(&rules->socket, rules->name, &flows);
	if (error < 0)
		return error;
	rules->has_flows = error > 0;
	if (rules->has_flows)
		rules->flows = flows;
	return 0;
}

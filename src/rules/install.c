/* SPDX-License-Identifier: MIT */
/* Redirections -> one transaction: the first, or one that takes the place of others. */
#include <nfqueue/rules.h>

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc/proc.h"
#include "rules/conntrack.h"
#include "rules/feature.h"
#include "rules/guard.h"
#include "rules/inventory.h"
#include "rules/message.h"
#include "rules/model.h"
#include "rules/table.h"

#define NO_RIGHT \
	"no CAP_NET_ADMIN in the user namespace that this network namespace belongs to"

int rules_fail_refused(struct nfqueue_rules *rules, int code, const char *tried)
{
	if (code == -EPERM)
		return rules_fail(rules, code, "%s: " NO_RIGHT, tried);
	if (code == -ENOENT)
		return rules_fail(rules, code, "%s: somebody removed table inet %s",
				  tried, rules->name);
	return rules_fail(rules, code, "%s: %s%s%s", tried, strerror(-code),
			  rules->socket.words[0] ? "; the kernel says: " : "",
			  rules->socket.words);
}

/* --- what is taken ---------------------------------------------------------------- */

static int fail_busy(struct nfqueue_rules *rules, const struct rules_table *table)
{
	uint32_t port_id = table->owner ? table->owner : table->maker.port_id;
	char process[16];
	int32_t pid;

	if (!table->owner && !table->ours)
		return rules_fail(
			rules, -EBUSY,
			"there is a table inet %s that is not ours: choose another "
			"name, or nft delete table inet %s",
			rules->name, rules->name);
	pid = proc_port_owner(port_id, process);
	if (pid)
		return rules_fail(rules, -EBUSY,
				  "table inet %s belongs to process %d (%s)", rules->name,
				  pid, process);
	return rules_fail(
		rules, -EBUSY,
		"table inet %s belongs to netlink port %u, whose process is not "
		"visible from here",
		rules->name, port_id);
}

/* Is the name free, or a dead process's, whose table's handle is put in `replaced`? */
static int claim_name(struct nfqueue_rules *rules, uint64_t *replaced)
{
	struct rules_table table;
	int error = rules_table_find(&rules->socket, rules->name, &table);

	*replaced = 0;
	if (error == -ENOENT)
		return 0;
	if (error == -EPERM)
		return rules_fail(rules, error, "cannot read nftables: " NO_RIGHT);
	if (error)
		return rules_feature_explain(rules, error, "cannot read nftables");
	if (table.owner || !table.ours || rules_maker_alive(&table.maker) != 0)
		return fail_busy(rules, &table);
	*replaced = table.handle;
	return 0;
}

/* Two tables with the same bits would carry out each other's verdicts. */
static int claim_mask(struct nfqueue_rules *rules)
{
	struct rules_table *tables = NULL;
	int count = rules_table_dump(&rules->socket, &tables), error = 0;
	struct rules_flows flows;

	if (count < 0)
		return rules_fail_refused(rules, count, "cannot read nftables");
	for (int i = 0; i < count && !error; i++) {
		if (strcmp(tables[i].name, rules->name) == 0 ||
		    rules_inventory_flows(&rules->socket, tables[i].name, &flows) <= 0 ||
		    !(flows.mask & rules->flows.mask))
			continue;
		error = rules_fail(rules, -EBUSY,
				   "flow mask %#x: table inet %s uses the bits %#x of "
				   "marks, choose others",
				   rules->flows.mask, tables[i].name,
				   flows.mask & rules->flows.mask);
	}
	free(tables);
	return error;
}

/* --- the transaction -------------------------------------------------------------- */

/* A transaction that is only checked has no base chains: undoing them would drop what
 * waits in the queues. */
struct plan {
	struct nfqueue_rules *rules;
	struct rules_batch batch;
	struct rules_flows flows; /* as they are to be */
	uint64_t replaced;        /* a dead process's table */
	bool dry;
};

static void put_table(struct rules_batch *batch, const struct nfqueue_rules *rules)
{
	struct rules_maker maker = {
		.port_id = rules->socket.port_id,
		.inode = rules->socket.inode,
		.on_crash = (uint8_t)rules->on_crash,
	};
	bool closed = rules->on_crash == NFQUEUE_ON_CRASH_CLOSED;
	struct rules_userdata userdata = {.length = 0};
	char comment[128];

	snprintf(comment, sizeof(comment),
		 "nfqueue: process %d sends packets to user space, "
		 "on crash %s",
		 getpid(), closed ? "closed" : "open");
	rules_userdata_comment(&userdata, comment);
	rules_userdata_maker(&userdata, &maker);
	rules_put_table(batch, rules->name, closed ? 0 : NFT_TABLE_F_OWNER, &userdata);
}

static void put_base_chain(struct plan *plan, const char *name, enum nfqueue_hook hook,
			   int32_t priority)
{
	if (plan->dry)
		rules_put_chain(&plan->batch, plan->rules->name, name);
	else
		rules_put_base_chain(&plan->batch, plan->rules->name, name, hook,
				     priority);
}

static bool is_used(const struct rules_list *list, const struct rules_chain *chain)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->redirects[i].wanted.hook == chain->hook &&
		    list->redirects[i].wanted.priority == chain->priority)
			return true;
	return false;
}

/* Behind a chain that is not used any more, too: what waits came through it. */
static void put_flow_chain(struct plan *plan, const struct rules_chain *chain,
			   const char *name)
{
	const struct nfqueue_rules *rules = plan->rules;
	char saving[48];

	if (is_used(&rules->next, chain))
		rules_put_flow_lookup(&plan->batch, rules->name, name);
	if (chain->saves)
		return;
	rules_saving_name(chain->hook, chain->priority, saving, sizeof(saving));
	put_base_chain(plan, saving, chain->hook, chain->priority + 1);
	rules_put_flow_saving(&plan->batch, rules->name, saving, plan->flows.mask);
}

static void put_chain(struct plan *plan, const struct rules_chain *chain)
{
	const struct nfqueue_rules *rules = plan->rules;
	char name[32];

	rules_chain_name(chain->hook, chain->priority, name, sizeof(name));
	if (chain->made)
		rules_put_rules_removal(&plan->batch, rules->name, name);
	else
		put_base_chain(plan, name, chain->hook, chain->priority);
	if (rules->guard && is_used(&rules->next, chain))
		rules_put_guard(&plan->batch, rules->name, name, rules->guard);
	if (plan->flows.mask)
		put_flow_chain(plan, chain, name);
}

/* Those of the list that is replaced go, so that all counters begin at 0. Behind the
 * removal of the rules that use them. */
static void put_counters(struct plan *plan)
{
	const struct nfqueue_rules *rules = plan->rules;
	char name[32];

	for (size_t i = 0; i < rules->counter_count; i++) {
		rules_counter_name(i, name, sizeof(name));
		rules_put_counter_removal(&plan->batch, rules->name, name);
	}
	for (size_t i = 0; i < rules->next.count; i++) {
		rules_counter_name(i, name, sizeof(name));
		rules_put_counter(&plan->batch, rules->name, name);
	}
}

static void put_redirect(struct plan *plan, size_t index)
{
	const struct nfqueue_rules *rules = plan->rules;
	const struct rules_redirect *redirect = &rules->next.redirects[index];
	const struct nfqueue_redirect *wanted = &redirect->wanted;
	struct rules_userdata userdata = {.length = 0};
	struct rules_batch *batch = &plan->batch;
	char chain[32], counter[32];
	struct nftnl_rule *rule;

	rules_chain_name(wanted->hook, wanted->priority, chain, sizeof(chain));
	rules_counter_name(index, counter, sizeof(counter));
	rule = rules_rule_begin(batch, rules->name, chain);
	rules_rule_family(batch, rule, wanted->family);
	if (redirect->filter.length > 0) {
		rules_rule_match(batch, rule, &redirect->filter);
		rules_userdata_comment(&userdata, redirect->match);
	}
	rules_rule_count(batch, rule, RULES_COUNTER_TOTAL);
	rules_rule_count(batch, rule, counter);
	if (rules->native_queue)
		rules_rule_queue(batch, rule, wanted);
	else
		rules_rule_target(batch, rule, wanted);
	rules_rule_put(batch, rule, &userdata);
}

static void put_flows(struct plan *plan)
{
	const struct nfqueue_rules *rules = plan->rules;

	if (!plan->flows.mask)
		return;
	if (rules->has_flows && plan->flows.epoch == rules->flows.epoch)
		return;
	if (rules->has_flows)
		rules_put_flow_rules_removal(&plan->batch, rules->name, &rules->flows);
	else
		rules_put_flow_objects(&plan->batch, rules->name);
	rules_put_flow_rules(&plan->batch, rules->name, &plan->flows);
}

static int run(struct plan *plan, bool dry)
{
	struct nfqueue_rules *rules = plan->rules;

	plan->dry = dry;
	rules_batch_begin(&plan->batch, &rules->socket,
			  4 + 3 * RULES_FLOW_MESSAGES + 5 * rules->chain_count +
				  rules->counter_count + 2 * rules->next.count);
	if (plan->replaced)
		rules_put_table_removal(&plan->batch, plan->replaced);
	if (!rules->has_table) {
		put_table(&plan->batch, rules);
		rules_put_counter(&plan->batch, rules->name, RULES_COUNTER_TOTAL);
	}
	if (rules->guard && !rules->has_guard_counter)
		rules_put_counter(&plan->batch, rules->name, RULES_GUARD_COUNTER);
	put_flows(plan);
	for (size_t i = 0; i < rules->chain_count; i++)
		put_chain(plan, &rules->chains[i]);
	put_counters(plan);
	for (size_t i = 0; i < rules->next.count; i++)
		put_redirect(plan, i);
	return dry ? rules_batch_check(&plan->batch) : rules_batch_commit(&plan->batch);
}

/* --- install ---------------------------------------------------------------------- */

/* The chains that the list needs, beside those that are there. */
static int plan_chains(struct nfqueue_rules *rules)
{
	size_t made = 0;

	for (size_t i = 0; i < rules->chain_count; i++)
		if (rules->chains[i].made)
			rules->chains[made++] = rules->chains[i];
	rules->chain_count = made;
	for (size_t i = 0; i < rules->next.count; i++) {
		const struct nfqueue_redirect *wanted = &rules->next.redirects[i].wanted;

		if (!rules_chain_at(rules, wanted->hook, wanted->priority))
			return rules_fail(rules, -ENOMEM, "no memory for a chain");
	}
	return 0;
}

/* The first epoch: what an earlier process left in conntrack marks is not ours. */
static int plan_flows(struct plan *plan)
{
	struct nfqueue_rules *rules = plan->rules;
	int error;

	plan->flows = rules->flows;
	if (!rules->flows.mask || rules->flows.epoch)
		return 0;
	plan->flows.epoch = rules_flow_next_epoch(&rules->flows);
	plan->flows.generation++;
	error = claim_mask(rules);
	if (error)
		return error;
	error = rules_conntrack_forget(&rules->socket, &plan->flows);
	return error ? rules_conntrack_fail(rules, error) : 0;
}

/*
 * A replacement is checked before it is done, since undoing its base chains would drop
 * what waits. But not where it would be the first that uses the connection tracking:
 * undoing that unhooks it, with the same effect, nf_ct_netns_put().
 */
static int commit(struct plan *plan)
{
	const struct nfqueue_rules *rules = plan->rules;
	int error = 0;

	if (rules->has_table && (!rules->flows.mask || rules->has_flows))
		error = run(plan, true);
	return error ? error : run(plan, false);
}

/* Somebody may have taken the name between our look and our transaction. */
static int explain_refusal(struct nfqueue_rules *rules, int code)
{
	struct rules_table table;
	uint64_t replaced;
	int error;

	if (code == -EMSGSIZE)
		return rules_fail(rules, code,
				  "%zu redirections are too many for one "
				  "transaction: use several handles",
				  rules->next.count);
	if (rules->has_table) {
		error = rules_table_find(&rules->socket, rules->name, &table);
		if (error == -ENOENT || error == -EPERM)
			return rules_fail_refused(rules, error,
						  "cannot replace the rules");
	} else if (code == -EPERM || code == -EEXIST || code == -ENOENT) {
		error = claim_name(rules, &replaced);
		if (error)
			return error;
	}
	return rules_feature_explain(rules, code, "cannot install the rules");
}

static void take_effect(struct plan *plan)
{
	struct nfqueue_rules *rules = plan->rules;

	rules_list_clear(&rules->installed);
	rules->installed = rules->next;
	rules->next = (struct rules_list){NULL, 0};
	rules->counter_count = rules->installed.count;
	rules->has_table = true;
	rules->takes_more = false;
	rules->flows = plan->flows;
	rules->has_flows = rules->flows.mask != 0;
	rules->has_guard_counter = rules->has_guard_counter || rules->guard;
	for (size_t i = 0; i < rules->chain_count; i++) {
		rules->chains[i].made = true;
		rules->chains[i].saves = rules->has_flows;
	}
}

int nfqueue_rules_install(struct nfqueue_rules *rules)
{
	struct plan plan = {.rules = rules};
	int error = 0;

	rules->error[0] = '\0';
	if (!rules->takes_more)
		return rules_fail(
			rules, -EALREADY,
			"the rules were installed before: nfqueue_rules_reset() "
			"begins others");
	if (rules->next.count == 0)
		return rules_fail(rules, -EINVAL, "no redirection was added");
	if (!rules->has_table)
		error = claim_name(rules, &plan.replaced);
	if (!error)
		error = plan_chains(rules);
	if (!error)
		error = plan_flows(&plan);
	if (error)
		return error;
	rules->native_queue =
		rules_feature_probe(&rules->socket, RULES_FEATURE_QUEUE) == 0;
	error = commit(&plan);
	if (error)
		return explain_refusal(rules, error);
	take_effect(&plan);
	return 0;
}

/* --- revoke ----------------------------------------------------------------------- */

static int begin_epoch(struct nfqueue_rules *rules, uint32_t epoch)
{
	struct rules_flows next = rules->flows;
	struct rules_batch batch;
	int error;

	next.epoch = epoch;
	next.generation++;
	rules_batch_begin(&batch, &rules->socket, 2 * RULES_FLOW_MESSAGES);
	rules_put_flow_rules_removal(&batch, rules->name, &rules->flows);
	rules_put_flow_rules(&batch, rules->name, &next);
	error = rules_batch_commit(&batch);
	if (error)
		return rules_fail_refused(rules, error, "cannot revoke flow verdicts");
	rules->flows = next;
	return 0;
}

/* Before a new epoch begins, the marks that it had when its number was last in use are
 * forgotten. */
static int change_epoch(struct nfqueue_rules *rules, uint32_t epoch)
{
	const struct rules_flows next = {.mask = rules->flows.mask, .epoch = epoch};
	int error = rules_conntrack_forget(&rules->socket, &next);

	return error ? rules_conntrack_fail(rules, error) : begin_epoch(rules, epoch);
}

/* With two bits there is one number only, so that no flow verdict is in force while its
 * marks are forgotten. */
int nfqueue_rules_revoke_flows(struct nfqueue_rules *rules)
{
	const uint32_t old = rules->flows.epoch;
	const uint32_t next = rules_flow_next_epoch(&rules->flows);
	char words[sizeof(rules->error)];
	int error = 0;

	rules->error[0] = '\0';
	if (!rules->has_flows)
		return rules_fail(rules, -ENOENT,
				  "no rules for flow verdicts are installed");
	if (next == old)
		error = begin_epoch(rules, 0);
	if (!error)
		error = change_epoch(rules, next);
	if (!error || rules->flows.epoch == old)
		return error;
	snprintf(words, sizeof(words), "%s", rules->error);
	begin_epoch(rules, old);
	return rules_fail(rules, error, "%s", words);
}

int nfqueue_rules_flow_marks(const struct nfqueue_rules *rules,
			     struct nfqueue_flow_marks *marks)
{
	struct rules_flows flows = rules->flows;

	if (!flows.epoch)
		flows.epoch = 1;
	*marks = rules_flow_marks(&flows);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* The pieces of our table, each one message of a transaction. Errors stick to the batch.
 * */
#ifndef NFQUEUE_RULES_MESSAGE_H
#define NFQUEUE_RULES_MESSAGE_H

#include <nfqueue/rules.h>

#include "rules/filter.h"
#include "rules/netlink.h"
#include "rules/userdata.h"

struct nftnl_rule;

/* A new table: NFT_TABLE_F_* flags. One of this name refuses the batch with -EEXIST. */
void rules_put_table(struct rules_batch *batch, const char *name, uint32_t flags,
		     const struct rules_userdata *userdata);

/* By its handle: a namesake that came meanwhile is left alone. */
void rules_put_table_removal(struct rules_batch *batch, uint64_t handle);

/* A chain nothing leads to. */
void rules_put_chain(struct rules_batch *batch, const char *table, const char *name);

/* A chain at a hook, in the order of its priority. */
void rules_put_base_chain(struct rules_batch *batch, const char *table, const char *name,
			  enum nfqueue_hook hook, int32_t priority);

/* A counter object: unlike a counter in a rule it outlives the rule. */
void rules_put_counter(struct rules_batch *batch, const char *table, const char *name);
void rules_put_counter_removal(struct rules_batch *batch, const char *table,
			       const char *name);

/* All the chain's rules. */
void rules_put_rules_removal(struct rules_batch *batch, const char *table,
			     const char *chain);

/* A rule is begun, gets its expressions in order, and is put. */
struct nftnl_rule *rules_rule_begin(struct rules_batch *batch, const char *table,
				    const char *chain);
void rules_rule_family(struct rules_batch *batch, struct nftnl_rule *rule,
		       enum nfqueue_rules_family family);
void rules_rule_match(struct rules_batch *batch, struct nftnl_rule *rule,
		      const struct rules_filter *filter);
void rules_rule_count(struct rules_batch *batch, struct nftnl_rule *rule,
		      const char *counter);
void rules_rule_queue(struct rules_batch *batch, struct nftnl_rule *rule,
		      const struct nfqueue_redirect *wanted);
void rules_rule_target(struct rules_batch *batch, struct nftnl_rule *rule,
		       const struct nfqueue_redirect *wanted);
void rules_rule_put(struct rules_batch *batch, struct nftnl_rule *rule,
		    const struct rules_userdata *userdata);

#endif

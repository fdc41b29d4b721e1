/* SPDX-License-Identifier: MIT */
#include "rules/feature.h"

#include <errno.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "rules/message.h"

#define CHAIN "probe"
#define COUNTER "probe"

static const struct nfqueue_redirect any_queue = {.queue_count = 1};

static void add_match(struct rules_batch *batch, struct nftnl_rule *rule)
{
	static const struct rules_filter every_packet = {
		.length = 1,
		.code = {{BPF_RET | BPF_K, 0, 0, UINT16_MAX}},
	};

	rules_rule_match(batch, rule, &every_packet);
}

static void add_count(struct rules_batch *batch, struct nftnl_rule *rule)
{
	rules_rule_count(batch, rule, COUNTER);
}

static void add_target(struct rules_batch *batch, struct nftnl_rule *rule)
{
	rules_rule_target(batch, rule, &any_queue);
}

static void add_queue(struct rules_batch *batch, struct nftnl_rule *rule)
{
	rules_rule_queue(batch, rule, &any_queue);
}

static void put_flows(struct rules_batch *batch, const char *table)
{
	static const struct rules_flows flows = {.mask = 3, .epoch = 1, .generation = 1};

	rules_put_flow_objects(batch, table);
	rules_put_flow_rules(batch, table, &flows);
}

static const struct {
	const char *what, *options;
	uint32_t table_flags;
	void (*add)(struct rules_batch *batch, struct nftnl_rule *rule);
	void (*put)(struct rules_batch *batch, const char *table);
} features[] = {
	[RULES_FEATURE_TABLES] = {.what = "nf_tables with the inet family",
				  .options = "CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET"},
	[RULES_FEATURE_OWNER] = {.what = "tables with an owner",
				 .options = "Linux 5.12 or later",
				 .table_flags = NFT_TABLE_F_OWNER},
	[RULES_FEATURE_COUNTER] = {.what = "counter objects",
				   .options = "CONFIG_NFT_COUNTER, CONFIG_NFT_OBJREF",
				   .add = add_count},
	[RULES_FEATURE_FLOWS] = {.what = "marks of connections in rules, for flow_mask",
				 .options = "CONFIG_NFT_CT, CONFIG_NF_CONNTRACK_MARK",
				 .put = put_flows},
	[RULES_FEATURE_MATCH] = {.what = "the bpf match",
				 .options = "CONFIG_NFT_COMPAT, "
					    "CONFIG_NETFILTER_XT_MATCH_BPF",
				 .add = add_match},
	[RULES_FEATURE_TARGET] = {.what = "a way to send packets to a queue",
				  .options = "CONFIG_NFT_QUEUE, or CONFIG_NFT_COMPAT and "
					     "CONFIG_NETFILTER_XT_TARGET_NFQUEUE",
				  .add = add_target},
	[RULES_FEATURE_QUEUE] = {.what = "the queue expression",
				 .options = "CONFIG_NFT_QUEUE",
				 .add = add_queue},
};

int rules_feature_probe(struct rules_socket *socket, enum rules_feature feature)
{
	struct rules_batch batch;
	struct nftnl_rule *rule;
	char table[RULES_NAME_SIZE];

	snprintf(table, sizeof(table), "nfqueue-probe-%u", socket->port_id);
	rules_batch_begin(&batch, socket, 4 + 2 * RULES_FLOW_MESSAGES);
	rules_put_table(&batch, table, features[feature].table_flags, NULL);
	if (features[feature].add) {
		rules_put_chain(&batch, table, CHAIN);
		rules_put_counter(&batch, table, COUNTER);
		rule = rules_rule_begin(&batch, table, CHAIN);
		features[feature].add(&batch, rule);
		rules_rule_put(&batch, rule, NULL);
	}
	if (features[feature].put)
		features[feature].put(&batch, table);
	return rules_batch_check(&batch);
}

static bool has_match(const struct nfqueue_rules *rules)
{
	for (size_t i = 0; i < rules->next.count; i++)
		if (rules->next.redirects[i].filter.length > 0)
			return true;
	return false;
}

static bool is_needed(const struct nfqueue_rules *rules, enum rules_feature feature)
{
	switch (feature) {
	case RULES_FEATURE_OWNER:
		return rules->on_crash == NFQUEUE_ON_CRASH_OPEN;
	case RULES_FEATURE_FLOWS:
		return rules->flows.mask != 0;
	case RULES_FEATURE_MATCH:
		return has_match(rules);
	case RULES_FEATURE_TARGET:
		return !rules->native_queue;
	case RULES_FEATURE_QUEUE:
		return rules->native_queue;
	default:
		return true;
	}
}

int rules_feature_explain(struct nfqueue_rules *rules, int code, const char *tried)
{
	char words[sizeof(rules->socket.words) + 32] = "";
	int error;

	if (rules->socket.words[0])
		snprintf(words, sizeof(words), "; the kernel says: %s",
			 rules->socket.words);
	for (unsigned int i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (!is_needed(rules, i))
			continue;
		error = rules_feature_probe(&rules->socket, i);
		if (error && error != -ENOMEM)
			return rules_fail(rules, -EOPNOTSUPP,
					  "%s: this kernel has not %s (%s): %s%s", tried,
					  features[i].what, features[i].options,
					  strerror(-error), words);
	}
	return rules_fail(rules, code, "%s: %s%s", tried, strerror(-code), words);
}

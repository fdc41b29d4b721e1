/* SPDX-License-Identifier: MIT */
/* What the rules have counted. */
#include <nfqueue/rules.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/object.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>

#include "rules/guard.h"
#include "rules/model.h"

struct counted {
	const char *table, *name;
	uint64_t packets, bytes;
};

static void fill_counter(struct nlmsghdr *message, const void *what)
{
	const struct counted *counted = what;

	mnl_attr_put_strz(message, NFTA_OBJ_TABLE, counted->table);
	mnl_attr_put_strz(message, NFTA_OBJ_NAME, counted->name);
	mnl_attr_put_u32(message, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
}

static int take_counter(const struct nlmsghdr *message, void *context)
{
	struct nftnl_obj *object = nftnl_obj_alloc();
	struct counted *counted = context;
	int error = 0;

	if (!object)
		return -ENOMEM;
	if (nftnl_obj_nlmsg_parse(message, object) < 0) {
		error = -EBADMSG;
	} else {
		counted->packets = nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_PKTS);
		counted->bytes = nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_BYTES);
	}
	nftnl_obj_free(object);
	return error;
}

static int read_counter(struct nfqueue_rules *rules, const char *name,
			struct counted *counted)
{
	int error;

	*counted = (struct counted){.table = rules->name, .name = name};
	error = rules_request(&rules->socket, RULES_NFT(NFT_MSG_GETOBJ), 0, fill_counter,
			      counted, take_counter, counted);
	return error ? rules_fail_refused(rules, error, "cannot read the counters") : 0;
}

int nfqueue_rules_counter(struct nfqueue_rules *rules, int index, uint64_t *packets,
			  uint64_t *bytes)
{
	char name[32] = RULES_COUNTER_TOTAL;
	struct counted counted;
	int error;

	rules->error[0] = '\0';
	if (!rules->has_table)
		return rules_fail(rules, -ENOENT, "the rules are not installed");
	if (index < -1 || (index >= 0 && (size_t)index >= rules->installed.count))
		return rules_fail(rules, -ENOENT, "no redirection %d: there are %zu",
				  index, rules->installed.count);
	if (index >= 0)
		rules_counter_name((size_t)index, name, sizeof(name));
	error = read_counter(rules, name, &counted);
	if (error)
		return error;
	if (packets)
		*packets = counted.packets;
	if (bytes)
		*bytes = counted.bytes;
	return 0;
}

int nfqueue_rules_flow_counter(struct nfqueue_rules *rules, uint64_t *accepted,
			       uint64_t *dropped)
{
	struct counted of_accepted, of_dropped;
	int error;

	rules->error[0] = '\0';
	if (!rules->has_flows)
		return rules_fail(rules, -ENOENT,
				  "no rules for flow verdicts are installed");
	error = read_counter(rules, RULES_FLOW_ACCEPTED, &of_accepted);
	if (!error)
		error = read_counter(rules, RULES_FLOW_DROPPED, &of_dropped);
	if (error)
		return error;
	if (accepted)
		*accepted = of_accepted.packets;
	if (dropped)
		*dropped = of_dropped.packets;
	return 0;
}

int nfqueue_rules_guard_counter(struct nfqueue_rules *rules, uint64_t *packets)
{
	struct counted counted;
	int error;

	rules->error[0] = '\0';
	if (!rules->has_table || !rules->has_guard_counter)
		return rules_fail(rules, -ENOENT,
				  "no rules with a guard mark are installed");
	error = read_counter(rules, RULES_GUARD_COUNTER, &counted);
	if (!error)
		*packets = counted.packets;
	return error;
}

/* SPDX-License-Identifier: MIT */
/* The handle: collect redirections, install, stop, count, remove. */
#include <nfqueue/rules.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/object.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc/proc.h"
#include "rules/feature.h"
#include "rules/message.h"
#include "rules/model.h"
#include "rules/table.h"

#define NO_RIGHT \
	"no CAP_NET_ADMIN in the user namespace that this network namespace belongs to"

int nfqueue_rules_open(struct nfqueue_rules **out,
		       const struct nfqueue_rules_options *options)
{
	struct nfqueue_rules *rules = calloc(1, sizeof(*rules));
	int error;

	*out = rules;
	if (!rules)
		return -ENOMEM;
	error = rules_options_take(rules, options);
	if (error)
		return error;
	error = rules_socket_open(&rules->socket);
	if (error)
		return rules_fail(
			rules, error, "no nfnetlink socket: %s%s", strerror(-error),
			error == -EPROTONOSUPPORT ? " (CONFIG_NETFILTER_NETLINK)" : "");
	return 0;
}

const char *nfqueue_rules_error(const struct nfqueue_rules *rules)
{
	return rules ? rules->error : "no memory";
}

int nfqueue_rules_add(struct nfqueue_rules *rules,
		      const struct nfqueue_redirect *redirect)
{
	struct rules_redirect *grown;
	int error;

	rules->error[0] = '\0';
	if (rules->installed)
		return rules_fail(rules, -EALREADY,
				  "the rules are installed: open another "
				  "handle for more");
	grown = reallocarray(rules->redirects, rules->count + 1, sizeof(*grown));
	if (!grown)
		return rules_fail(rules, -ENOMEM, "no memory for a redirection");
	rules->redirects = grown;
	error = rules_redirect_take(rules, &grown[rules->count], redirect);
	if (error)
		return error;
	if (!rules->name[0])
		snprintf(rules->name, sizeof(rules->name), "nfqueue-%u",
			 redirect->first_queue);
	rules->count++;
	return 0;
}

/* --- install ---------------------------------------------------------------------- */

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

static void put_redirect(struct rules_batch *batch, const struct nfqueue_rules *rules,
			 size_t index)
{
	const struct rules_redirect *redirect = &rules->redirects[index];
	const struct nfqueue_redirect *wanted = &redirect->wanted;
	struct rules_userdata userdata = {.length = 0};
	char chain[32], counter[32];
	struct nftnl_rule *rule;

	rules_chain_name(wanted, chain, sizeof(chain));
	rules_counter_name(index, counter, sizeof(counter));
	if (!rules_chain_seen(rules, index))
		rules_put_base_chain(batch, rules->name, chain, wanted->hook,
				     wanted->priority);
	rules_put_counter(batch, rules->name, counter);
	rule = rules_rule_begin(batch, rules->name, chain);
	rules_rule_family(batch, rule, wanted->family);
	if (redirect->filter.length > 0) {
		rules_rule_match(batch, rule, &redirect->filter);
		rules_userdata_comment(&userdata, redirect->match);
	}
	rules_rule_count(batch, rule, counter);
	if (rules->native_queue)
		rules_rule_queue(batch, rule, wanted);
	else
		rules_rule_target(batch, rule, wanted);
	rules_rule_put(batch, rule, &userdata);
}

static int commit(struct nfqueue_rules *rules, uint64_t replaced)
{
	struct rules_batch batch;

	rules_batch_begin(&batch, &rules->socket, 2 + 3 * rules->count);
	if (replaced)
		rules_put_table_removal(&batch, replaced);
	put_table(&batch, rules);
	for (size_t i = 0; i < rules->count; i++)
		put_redirect(&batch, rules, i);
	return rules_batch_commit(&batch);
}

/* Somebody may have taken the name between our look and our transaction. */
static int explain_refusal(struct nfqueue_rules *rules, int code)
{
	uint64_t replaced;
	int error;

	if (code == -EPERM || code == -EEXIST || code == -ENOENT) {
		error = claim_name(rules, &replaced);
		if (error)
			return error;
	}
	if (code == -EMSGSIZE)
		return rules_fail(rules, code,
				  "%zu redirections are too many for one "
				  "transaction: use several handles",
				  rules->count);
	return rules_feature_explain(rules, code, "cannot install the rules");
}

int nfqueue_rules_install(struct nfqueue_rules *rules)
{
	uint64_t replaced;
	int error;

	rules->error[0] = '\0';
	if (rules->installed)
		return rules_fail(rules, -EALREADY, "the rules were installed before");
	if (rules->count == 0)
		return rules_fail(rules, -EINVAL, "no redirection was added");
	error = claim_name(rules, &replaced);
	if (error)
		return error;
	rules->native_queue =
		rules_feature_probe(&rules->socket, RULES_FEATURE_QUEUE) == 0;
	error = commit(rules, replaced);
	if (error)
		return explain_refusal(rules, error);
	rules->installed = true;
	return 0;
}

/* --- stop, close ------------------------------------------------------------------ */

static int fail_refused(struct nfqueue_rules *rules, int code, const char *tried)
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

int nfqueue_rules_stop(struct nfqueue_rules *rules)
{
	struct rules_batch batch;
	int error;

	rules->error[0] = '\0';
	if (!rules->installed)
		return rules_fail(rules, -ENOENT, "the rules are not installed");
	rules_batch_begin(&batch, &rules->socket, 1);
	rules_put_rules_removal(&batch, rules->name);
	error = rules_batch_commit(&batch);
	return error ? fail_refused(rules, error, "cannot delete the rules") : 0;
}

/* Only if it is still the one we made: a namesake is none of our business. */
static void remove_own_table(struct nfqueue_rules *rules)
{
	struct rules_table table;
	struct rules_batch batch;

	if (rules_table_find(&rules->socket, rules->name, &table) < 0 || !table.ours ||
	    table.maker.port_id != rules->socket.port_id ||
	    table.maker.inode != rules->socket.inode)
		return;
	rules_batch_begin(&batch, &rules->socket, 1);
	rules_put_table_removal(&batch, table.handle);
	rules_batch_commit(&batch);
}

void nfqueue_rules_close(struct nfqueue_rules *rules)
{
	if (!rules)
		return;
	if (rules->installed)
		remove_own_table(rules);
	rules_socket_close(&rules->socket);
	for (size_t i = 0; i < rules->count; i++)
		free(rules->redirects[i].match);
	free(rules->redirects);
	free(rules);
}

/* --- counters --------------------------------------------------------------------- */

struct counted {
	const char *table;
	char name[32];
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
		counted->packets += nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_PKTS);
		counted->bytes += nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_BYTES);
	}
	nftnl_obj_free(object);
	return error;
}

int nfqueue_rules_counter(struct nfqueue_rules *rules, int index, uint64_t *packets,
			  uint64_t *bytes)
{
	size_t first = index < 0 ? 0 : (size_t)index;
	size_t last = index < 0 ? rules->count : first + 1;
	struct counted counted = {.table = rules->name};
	int error = 0;

	rules->error[0] = '\0';
	if (!rules->installed)
		return rules_fail(rules, -ENOENT, "the rules are not installed");
	if (index < -1 || last > rules->count)
		return rules_fail(rules, -ENOENT, "no redirection %d: there are %zu",
				  index, rules->count);
	for (size_t i = first; i < last && !error; i++) {
		rules_counter_name(i, counted.name, sizeof(counted.name));
		error = rules_request(&rules->socket, NFT_MSG_GETOBJ, 0, fill_counter,
				      &counted, take_counter, &counted);
	}
	if (error)
		return fail_refused(rules, error, "cannot read the counters");
	if (packets)
		*packets = counted.packets;
	if (bytes)
		*bytes = counted.bytes;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* A table whose socket came from another process. */
#include <nfqueue/rules.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rules/inventory.h"
#include "rules/model.h"
#include "rules/table.h"

/* By its maker, whether it has an owner or not. */
static int find_table(struct nfqueue_rules *rules, struct rules_table *table)
{
	struct rules_table *tables = NULL;
	int count = rules_table_dump(&rules->socket, &tables), error = -ENOENT;

	if (count < 0)
		return rules_fail_refused(rules, count, "cannot read nftables");
	for (int i = 0; i < count; i++) {
		if (tables[i].maker.port_id != rules->socket.port_id ||
		    tables[i].maker.inode != rules->socket.inode)
			continue;
		*table = tables[i];
		error = 0;
	}
	free(tables);
	return error ? rules_fail(rules, error,
				  "no table of ours was made on this socket")
		     : 0;
}

static int take_table(struct nfqueue_rules *rules, const struct rules_table *table,
		      bool any_crash)
{
	static const char *const names[] = {"open", "closed"};
	const uint32_t wanted_mask = rules->flows.mask, wanted_guard = rules->guard;
	int error;

	if (!any_crash && rules->on_crash != table->maker.on_crash)
		return rules_fail(rules, -EINVAL,
				  "table inet %s is on crash %s, which cannot be changed",
				  table->name, names[table->maker.on_crash]);
	rules->on_crash = table->maker.on_crash;
	snprintf(rules->name, sizeof(rules->name), "%s", table->name);
	rules->name_given = true;
	error = rules_inventory_take(rules);
	if (error)
		return rules_fail_refused(rules, error, "cannot read the table");
	if (rules->has_flows && wanted_mask && wanted_mask != rules->flows.mask)
		return rules_fail(rules, -EINVAL,
				  "table inet %s has flow mask %#x, which cannot be "
				  "changed to %#x",
				  table->name, rules->flows.mask, wanted_mask);
	if (wanted_guard)
		rules->guard = wanted_guard;
	if (rules->guard & rules->flows.mask)
		return rules_fail_guard(rules);
	rules->has_table = true;
	return 0;
}

int nfqueue_rules_adopt(struct nfqueue_rules **out, int fd,
			const struct nfqueue_rules_options *options)
{
	struct nfqueue_rules *rules = calloc(1, sizeof(*rules));
	struct rules_table table;
	int error;

	*out = rules;
	if (!rules)
		return -ENOMEM;
	rules->takes_more = true;
	error = rules_options_take(rules, options);
	if (error) {
		close(fd);
		return error;
	}
	error = rules_socket_adopt(&rules->socket, fd);
	if (error)
		return rules_fail(rules, error, "fd %d is no open nfnetlink socket", fd);
	error = find_table(rules, &table);
	if (error)
		return error;
	return take_table(rules, &table, !options);
}

/* SPDX-License-Identifier: MIT */
#include "rules/table.h"

#include "proc/proc.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#define DUMP_TRIES 10

/* Returns 1 with a table, 0 if its name or family cannot be ours. */
static int read_table(const struct nlmsghdr *message, struct rules_table *table)
{
	struct nftnl_table *parsed = nftnl_table_alloc();
	const uint8_t *userdata;
	const char *name;
	uint32_t length = 0;
	int status = 0;

	if (!parsed)
		return -ENOMEM;
	memset(table, 0, sizeof(*table));
	if (nftnl_table_nlmsg_parse(message, parsed) < 0)
		goto out;
	name = nftnl_table_get_str(parsed, NFTNL_TABLE_NAME);
	if (!name || !rules_name_valid(name) ||
	    nftnl_table_get_u32(parsed, NFTNL_TABLE_FAMILY) != NFPROTO_INET)
		goto out;
	snprintf(table->name, sizeof(table->name), "%s", name);
	table->handle = nftnl_table_get_u64(parsed, NFTNL_TABLE_HANDLE);
	if (nftnl_table_is_set(parsed, NFTNL_TABLE_OWNER))
		table->owner = nftnl_table_get_u32(parsed, NFTNL_TABLE_OWNER);
	userdata = nftnl_table_get_data(parsed, NFTNL_TABLE_USERDATA, &length);
	table->ours =
		userdata && rules_userdata_find_maker(userdata, length, &table->maker);
	status = 1;
out:
	nftnl_table_free(parsed);
	return status;
}

/* --- one -------------------------------------------------------------------------- */

static void fill_name(struct nlmsghdr *message, const void *what)
{
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, what);
}

static int take_one(const struct nlmsghdr *message, void *context)
{
	int status = read_table(message, context);

	return status < 0 ? status : 0;
}

int rules_table_find(struct rules_socket *socket, const char *name,
		     struct rules_table *table)
{
	int error;

	memset(table, 0, sizeof(*table));
	error = rules_request(socket, RULES_NFT(NFT_MSG_GETTABLE), 0, fill_name, name,
			      take_one, table);
	if (error)
		return error;
	return table->name[0] ? 0 : -ENOENT;
}

/* --- all -------------------------------------------------------------------------- */

struct collection {
	struct rules_table *tables;
	size_t count;
	int error; /* kept until the end: a dump has to be read out */
};

static int take_another(const struct nlmsghdr *message, void *context)
{
	struct collection *all = context;
	struct rules_table table, *grown;
	int status = read_table(message, &table);

	if (status < 0)
		all->error = status;
	if (all->error || !status || !table.ours)
		return 0;
	grown = reallocarray(all->tables, all->count + 1, sizeof(*grown));
	if (!grown) {
		all->error = -ENOMEM;
		return 0;
	}
	all->tables = grown;
	all->tables[all->count++] = table;
	return 0;
}

int rules_table_dump(struct rules_socket *socket, struct rules_table **tables)
{
	struct collection all = {0};
	int error, tries = 0;

	do {
		all.count = 0;
		error = rules_request(socket, RULES_NFT(NFT_MSG_GETTABLE), NLM_F_DUMP,
				      NULL, NULL, take_another, &all);
	} while (error == -EINTR && ++tries < DUMP_TRIES);
	if (!error)
		error = all.error;
	if (error) {
		free(all.tables);
		return error;
	}
	*tables = all.tables;
	return (int)all.count;
}

/* --- alive ------------------------------------------------------------------------ */

/*
 * A pid would not do: it is used again, and means nothing in another pid namespace. The
 * socket's port id and inode together are never used again, and the kernel lists all
 * sockets of this network namespace, whoever has them open: netlink_native_seq_show().
 */
int rules_maker_alive(const struct rules_maker *maker)
{
	uint64_t inode;
	int err = proc_port_inode(maker->port_id, &inode);

	if (err == -ENOENT)
		return 0;
	return err < 0 ? err : inode == maker->inode;
}

/* SPDX-License-Identifier: MIT */
/* All tables of ours in this network namespace, other processes' too. */
#include <nfqueue/rules.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc/proc.h"
#include "rules/message.h"
#include "rules/table.h"

static int open_and_dump(struct rules_socket *socket, struct rules_table **tables)
{
	int error = rules_socket_open(socket);

	if (error < 0)
		return error;
	error = rules_table_dump(socket, tables);
	if (error < 0)
		rules_socket_close(socket);
	return error;
}

static void fill_row(struct nfqueue_rules_table *row, const struct rules_table *table)
{
	memset(row, 0, sizeof(*row));
	snprintf(row->name, sizeof(row->name), "%s", table->name);
	row->on_crash = table->maker.on_crash;
	row->port_id = table->owner;
	if (!row->port_id && rules_maker_alive(&table->maker) == 1)
		row->port_id = table->maker.port_id;
	if (row->port_id)
		row->pid = proc_port_owner(row->port_id, row->process);
}

int nfqueue_rules_list(struct nfqueue_rules_table *rows, size_t max)
{
	struct rules_socket socket = {0};
	struct rules_table *tables = NULL;
	int count = open_and_dump(&socket, &tables);

	if (count < 0)
		return count;
	for (size_t i = 0; i < (size_t)count && i < max; i++)
		fill_row(&rows[i], &tables[i]);
	free(tables);
	rules_socket_close(&socket);
	return count;
}

/* Returns 1, 0: it is alive, or somebody else was faster, or -errno. */
static int clean_one(struct rules_socket *socket, const struct rules_table *table)
{
	struct rules_batch batch;
	int alive, error;

	if (table->owner)
		return 0;
	alive = rules_maker_alive(&table->maker);
	if (alive)
		return alive < 0 ? alive : 0;
	rules_batch_begin(&batch, socket, 1);
	rules_put_table_removal(&batch, table->handle);
	error = rules_batch_commit(&batch);
	if (error == -ENOENT)
		return 0;
	return error ? error : 1;
}

int nfqueue_rules_clean(void)
{
	struct rules_socket socket = {0};
	struct rules_table *tables = NULL;
	int count = open_and_dump(&socket, &tables);
	int status, removed = 0;

	if (count < 0)
		return count;
	for (int i = 0; i < count && removed >= 0; i++) {
		status = clean_one(&socket, &tables[i]);
		removed = status < 0 ? status : removed + status;
	}
	free(tables);
	rules_socket_close(&socket);
	return removed;
}

/* SPDX-License-Identifier: MIT */
#include "proc/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* thread-self: the network namespace of this thread, not of the process's first one. */
static const char table_path[] = "/proc/thread-self/net/netfilter/nfnetlink_queue";

int proc_queue_parse(const char *line, struct proc_queue *row)
{
	int fields = sscanf(line,
			    "%" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32
			    " %" SCNu32 " %" SCNu32 " %" SCNu32,
			    &row->queue, &row->port_id, &row->waiting, &row->copy_mode,
			    &row->copy_range, &row->dropped_full, &row->dropped_socket,
			    &row->last_id);

	return fields == 8 && row->queue <= UINT16_MAX ? 0 : -EBADMSG;
}

static int read_rows(FILE *table, struct proc_queue *rows, size_t max)
{
	struct proc_queue row;
	char line[256];
	int count = 0;

	while (fgets(line, sizeof(line), table)) {
		if (proc_queue_parse(line, &row) < 0)
			return -EBADMSG;
		if ((size_t)count < max)
			rows[count] = row;
		count++;
	}
	return count;
}

int proc_queue_read(struct proc_queue *rows, size_t max)
{
	FILE *table = fopen(table_path, "re");
	int count;

	if (!table)
		return -errno;
	count = read_rows(table, rows, max);
	fclose(table);
	return count;
}

int proc_queue_find(uint16_t queue, struct proc_queue *row)
{
	FILE *table = fopen(table_path, "re");
	char line[256];
	int err = -ENOENT;

	if (!table)
		return -errno;
	while (err == -ENOENT && fgets(line, sizeof(line), table)) {
		if (proc_queue_parse(line, row) < 0)
			err = -EBADMSG;
		else if (row->queue == queue)
			err = 0;
	}
	fclose(table);
	return err;
}

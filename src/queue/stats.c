/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include "proc/proc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Packets lost behind the last one received show as no gap yet. When the kernel has just
 * those waiting that the program has, nothing is under way, and they can be told.
 */
static uint32_t trailing_gap(const struct nfqueue *queue, const struct proc_queue *row,
			     uint32_t last_id)
{
	uint32_t gap = row->last_id - last_id;

	if (row->waiting != counter_get(&queue->counters.held))
		return 0;
	return gap <= INT32_MAX ? gap : 0;
}

static void ask_kernel(struct nfqueue *queue, struct nfqueue_stats *stats,
		       uint32_t last_id)
{
	struct proc_queue row;

	if (proc_queue_find(queue->number, &row) == 0) {
		atomic_store_explicit(&queue->counters.lost_full, row.dropped_full,
				      memory_order_relaxed);
		stats->waiting = row.waiting;
		if (queue_has(queue, NFQUEUE_FAIL_OPEN))
			stats->passed_socket += trailing_gap(queue, &row, last_id);
		else
			stats->lost_socket += trailing_gap(queue, &row, last_id);
	}
	stats->lost_full =
		atomic_load_explicit(&queue->counters.lost_full, memory_order_relaxed);
}

static void copy_counters(struct nfqueue_stats *stats, const struct counters *counters)
{
	stats->received = counter_get(&counters->received);
	stats->bytes = counter_get(&counters->bytes);
	stats->accepted = counter_get(&counters->accepted);
	stats->dropped = counter_get(&counters->dropped);
	stats->repeated = counter_get(&counters->repeated);
	stats->requeued = counter_get(&counters->requeued);
	stats->modified = counter_get(&counters->modified);
	stats->held = counter_get(&counters->held);
	stats->defaulted = counter_get(&counters->defaulted);
	stats->refused = counter_get(&counters->refused);
	stats->flushed = counter_get(&counters->flushed);
	stats->truncated = counter_get(&counters->truncated);
	stats->malformed = counter_get(&counters->malformed);
	stats->lost_socket = counter_get(&counters->lost_socket);
	stats->passed_socket = counter_get(&counters->passed_socket);
	stats->enobufs = counter_get(&counters->enobufs);
	stats->batches = counter_get(&counters->batches);
	stats->sends = counter_get(&counters->sends);
	stats->messages = counter_get(&counters->messages);
}

int nfqueue_stats_get(struct nfqueue *queue, struct nfqueue_stats *stats)
{
	struct nfqueue_stats all = {.size = stats->size};
	uint32_t last_id;

	if (stats->size == 0)
		return -EINVAL;
	last_id = atomic_load_explicit(&queue->counters.last_id, memory_order_relaxed);
	copy_counters(&all, &queue->counters);
	ask_kernel(queue, &all, last_id);
	memcpy(stats, &all, all.size < sizeof(all) ? all.size : sizeof(all));
	return 0;
}

static void fill_row(struct nfqueue_kernel_queue *out, const struct proc_queue *row)
{
	memset(out, 0, sizeof(*out));
	out->queue = row->queue;
	out->port_id = row->port_id;
	out->waiting = row->waiting;
	out->copy_mode = row->copy_mode;
	out->copy_range = row->copy_range;
	out->dropped_full = row->dropped_full;
	out->dropped_socket = row->dropped_socket;
	out->last_id = row->last_id;
	out->pid = proc_port_owner(row->port_id, out->name);
}

int nfqueue_kernel_queues(struct nfqueue_kernel_queue *rows, size_t max)
{
	struct proc_queue *table = calloc(max ? max : 1, sizeof(*table));
	int count;

	if (!table)
		return -ENOMEM;
	count = proc_queue_read(table, max);
	for (int i = 0; i < count && (size_t)i < max; i++)
		fill_row(&rows[i], &table[i]);
	free(table);
	return count;
}

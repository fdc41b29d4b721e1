/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include "proc/proc.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* The row of our queue, and not of one with its number in another network namespace. */
static bool read_row(const struct nfqueue *queue, struct proc_queue *row)
{
	return proc_queue_find(queue->number, row) == 0 &&
	       row->port_id == mnl_socket_get_portid(queue->socket);
}

static void read_counters(struct nfqueue_stats *stats, const struct counters *counters)
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

/* A receive or a flush holds the counts for microseconds, if its thread may run. */
#define SNAPSHOT_TRIES 1000

/* All counts of one moment. Pairs with counters_begin() and counters_end(). */
static void snapshot(struct nfqueue_stats *stats, const struct counters *counters)
{
	uint32_t version;

	for (int i = 0; i < SNAPSHOT_TRIES; i++) {
		version = atomic_load_explicit(&counters->version, memory_order_acquire);
		if (version % 2) {
			sched_yield();
			continue;
		}
		read_counters(stats, counters);
		if (version ==
		    atomic_load_explicit(&counters->version, memory_order_relaxed))
			return;
	}
	read_counters(stats, counters); /* it may not: better than nothing */
}

/*
 * Packets lost behind the last one received show as no gap yet. When just those wait in
 * the kernel that the program has, nothing is under way, and all ids up to `row->last_id`
 * that are not counted are lost. The second look, at `waiting`, is later than the first,
 * at the id: a packet between the two counts as waiting. A version that is odd or has
 * changed: a receive or a flush came between, and this time nothing can be told.
 */
static uint32_t trailing_gap(const struct nfqueue *queue, const struct proc_queue *row)
{
	const struct counters *counters = &queue->counters;
	struct proc_queue later;
	uint32_t version, gap;
	uint64_t held;

	version = atomic_load_explicit(&counters->version, memory_order_acquire);
	gap = row->last_id -
	      atomic_load_explicit(&counters->last_id, memory_order_acquire);
	held = counter_get(&counters->held);
	if (version % 2 || gap == 0 || gap > INT32_MAX || !read_row(queue, &later))
		return 0;
	if (version != atomic_load_explicit(&counters->version, memory_order_relaxed))
		return 0;
	return later.waiting == held ? gap : 0;
}

static void add_kernel_row(struct nfqueue *queue, struct nfqueue_stats *stats,
			   const struct proc_queue *row)
{
	uint32_t gap = trailing_gap(queue, row);

	atomic_store_explicit(&queue->counters.lost_full, row->dropped_full,
			      memory_order_relaxed);
	stats->waiting = row->waiting;
	if (queue_has(queue, NFQUEUE_FAIL_OPEN))
		stats->passed_socket += gap;
	else
		stats->lost_socket += gap;
}

int nfqueue_stats_get(struct nfqueue *queue, struct nfqueue_stats *stats)
{
	struct nfqueue_stats all = {.size = stats->size};
	struct proc_queue row;
	bool has_row;

	if (stats->size == 0)
		return -EINVAL;
	/* The kernel's side first: what it says waits and is decided meanwhile is counted
	 * twice rather than not at all, so that nobody takes it for lost. */
	has_row = read_row(queue, &row);
	snapshot(&all, &queue->counters);
	if (has_row)
		add_kernel_row(queue, &all, &row);
	if (all.waiting < all.held)
		all.waiting = all.held;
	all.lost_full =
		atomic_load_explicit(&queue->counters.lost_full, memory_order_relaxed);
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

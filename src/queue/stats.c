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
	stats->accepted -= counter_get(&counters->refunded[KIND_ACCEPTED]);
	stats->dropped -= counter_get(&counters->refunded[KIND_DROPPED]);
	stats->repeated -= counter_get(&counters->refunded[KIND_REPEATED]);
	stats->requeued -= counter_get(&counters->refunded[KIND_REQUEUED]);
	stats->modified -= counter_get(&counters->refunded_modified);
	stats->refused = counter_get(&counters->refused);
	stats->flushed = counter_get(&counters->flushed);
	stats->truncated = counter_get(&counters->truncated);
	stats->malformed = counter_get(&counters->malformed);
	stats->lost_socket = counter_get(&counters->lost_socket);
	stats->passed_socket = counter_get(&counters->passed_socket);
	stats->enobufs = counter_get(&counters->enobufs);
	stats->batches = counter_get(&counters->batches);
	stats->defaulted = counter_get(&counters->defaulted);
	stats->expired = counter_get(&counters->expired);
	stats->hold_overflow = counter_get(&counters->hold_overflow);
	stats->ring_overflow = counter_get(&counters->ring_overflow);
	stats->ring_waits = counter_get(&counters->ring_waits);
	stats->buffer_grown = counter_get(&counters->buffer_grown);
}

static void add_sent(struct nfqueue_stats *stats, const struct sent_counters *counts)
{
	stats->accepted += counter_get(&counts->kind[KIND_ACCEPTED]);
	stats->dropped += counter_get(&counts->kind[KIND_DROPPED]);
	stats->repeated += counter_get(&counts->kind[KIND_REPEATED]);
	stats->requeued += counter_get(&counts->kind[KIND_REQUEUED]);
	stats->flow_accepted += counter_get(&counts->flow_accepted);
	stats->flow_dropped += counter_get(&counts->flow_dropped);
	stats->modified += counter_get(&counts->modified);
	stats->sends += counter_get(&counts->sends);
	stats->messages += counter_get(&counts->messages);
}

/* What is received and not decided is what is left. */
static void derive_held(struct nfqueue_stats *stats)
{
	uint64_t decided = stats->accepted + stats->dropped + stats->repeated +
			   stats->requeued + stats->refused + stats->flushed;

	/* Of different moments, if there was no better look at them. */
	stats->held = stats->received > decided ? stats->received - decided : 0;
}

/* All counts change with a version of their own, odd meanwhile. The sum of them changes
 * with each; `busy` if one is odd. */
static uint64_t version_of(const struct nfqueue *queue, bool *busy)
{
	uint32_t one =
		atomic_load_explicit(&queue->counters.version, memory_order_acquire);
	uint64_t sum = one;

	*busy = one % 2;
	for (uint32_t i = 0; i < queue->sender_count; i++) {
		one = atomic_load_explicit(&queue->senders[i]->counts.version,
					   memory_order_acquire);
		sum += one;
		*busy = *busy || one % 2;
	}
	return sum;
}

static void read_all(const struct nfqueue *queue, struct nfqueue_stats *stats)
{
	*stats = (struct nfqueue_stats){.size = stats->size};
	for (uint32_t i = 0; i < queue->sender_count; i++)
		add_sent(stats, &queue->senders[i]->counts);
	read_counters(stats, &queue->counters);
	derive_held(stats);
}

/* A thread changes the counts for a microsecond or so, if it may run. */
#define SNAPSHOT_TRIES 1000

/* All counts of one moment. Returns their version. */
static uint64_t snapshot(const struct nfqueue *queue, struct nfqueue_stats *stats)
{
	bool busy;
	uint64_t version;

	for (int i = 0; i < SNAPSHOT_TRIES; i++) {
		version = version_of(queue, &busy);
		if (busy) {
			sched_yield();
			continue;
		}
		read_all(queue, stats);
		if (version == version_of(queue, &busy) && !busy)
			return version;
	}
	read_all(queue, stats); /* it may not: better than nothing */
	return UINT64_MAX;
}

/*
 * Packets lost behind the last one received show as no gap yet. When just those wait in
 * the kernel that the program has, nothing is under way, and all ids up to `row->last_id`
 * that are not counted are lost. The second look, at `waiting`, is later than the first,
 * at the id: a packet between the two counts as waiting. Verdicts are counted before they
 * are sent, so with some under way more wait than the program has.
 */
static uint32_t trailing_gap(const struct nfqueue *queue, const struct proc_queue *row,
			     uint64_t held, uint64_t version)
{
	const struct counters *counters = &queue->counters;
	uint32_t gap = row->last_id -
		       atomic_load_explicit(&counters->last_id, memory_order_acquire);
	struct proc_queue later;
	bool busy;

	if (gap == 0 || gap > INT32_MAX || !read_row(queue, &later))
		return 0;
	if (version != version_of(queue, &busy))
		return 0;
	return later.waiting == held ? gap : 0;
}

static void add_kernel_row(struct nfqueue *queue, struct nfqueue_stats *stats,
			   const struct proc_queue *row, uint64_t version)
{
	uint32_t gap = trailing_gap(queue, row, stats->held, version);

	atomic_store_explicit(&queue->counters.lost_full,
			      row->dropped_full - queue->lost_full_before,
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
	uint64_t version, delayed;
	bool has_row;

	if (stats->size == 0)
		return -EINVAL;
	/* The kernel's side first: what it says waits and is decided meanwhile is counted
	 * twice rather than not at all, so that nobody takes it for lost. */
	has_row = read_row(queue, &row);
	delayed = atomic_load_explicit(&queue->delayed, memory_order_relaxed);
	version = snapshot(queue, &all);
	all.delayed = atomic_load_explicit(&queue->delayed, memory_order_relaxed);
	if (all.delayed > delayed) /* rather too few of those held */
		all.delayed = delayed;
	if (has_row)
		add_kernel_row(queue, &all, &row, version);
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

/* SPDX-License-Identifier: MIT */
#include "counts.h"

#include <errno.h>
#include <stdlib.h>

#include "exec.h"
#include "queue_row.h"

static _Atomic(struct exec_counts *) first;

struct exec_counts *exec_counts_first(void)
{
	return atomic_load_explicit(&first, memory_order_acquire);
}

static struct exec_counts *find(uint16_t queue)
{
	struct exec_counts *counts = exec_counts_first();

	while (counts && counts->queue != queue)
		counts = counts->next;
	return counts;
}

static struct exec_counts *new_counts(uint16_t queue)
{
	struct exec_counts *counts = calloc(1, sizeof(*counts));

	if (!counts)
		return NULL;
	counts->queue = queue;
	counts->next = exec_counts_first();
	while (!atomic_compare_exchange_weak_explicit(&first, &counts->next, counts,
						      memory_order_release,
						      memory_order_relaxed))
		;
	return counts;
}

static void add(_Atomic uint64_t *counter, uint64_t number)
{
	atomic_fetch_add_explicit(counter, number, memory_order_relaxed);
}

void exec_count_open(uint16_t queue)
{
	struct exec_counts *counts = find(queue);
	int err = errno;

	if (!counts)
		counts = new_counts(queue);
	if (counts)
		atomic_store(&counts->is_open, true);
	exec_report_at_end();
	errno = err;
}

void exec_count_close(uint16_t queue)
{
	struct exec_counts *counts = find(queue);
	int err = errno;

	if (counts && atomic_load(&counts->is_open)) {
		exec_counts_settle(counts);
		atomic_store(&counts->is_open, false);
	}
	errno = err;
}

/* --- ids --------------------------------------------------------------------------- */

static _Atomic uint64_t *word_of(struct exec_counts *counts, uint32_t id)
{
	return &counts->undecided[id / 64 % UNDECIDED_WORDS];
}

static uint64_t bit_of(uint32_t id)
{
	return 1ull << id % 64;
}

/* The kernel looks for ids up to this one, the wrap minded: nfq_id_after(). */
static void decide_until(struct exec_counts *counts, uint32_t id)
{
	uint32_t from = atomic_exchange(&counts->decided_until, id);
	uint32_t count = id - from;

	if ((int32_t)count <= 0)
		return;
	if (count > UNDECIDED_IDS)
		count = UNDECIDED_IDS;
	for (; count > 0 && id % 64 != 63; id--, count--)
		atomic_fetch_and(word_of(counts, id), ~bit_of(id));
	for (; count >= 64; id -= 64, count -= 64)
		atomic_store(word_of(counts, id), 0);
	for (; count > 0; id--, count--)
		atomic_fetch_and(word_of(counts, id), ~bit_of(id));
}

void exec_count_packet(uint16_t queue, uint32_t id)
{
	struct exec_counts *counts = find(queue);
	unsigned int last;

	if (!counts)
		return;
	add(&counts->packets, 1);
	add(&counts->ids_seen, 1);
	last = atomic_load_explicit(&counts->last_id, memory_order_relaxed);
	while ((int32_t)(id - last) > 0 &&
	       !atomic_compare_exchange_weak(&counts->last_id, &last, id))
		;
	if (atomic_fetch_or(word_of(counts, id), bit_of(id)) & bit_of(id))
		add(&counts->never_decided, 1); /* the one that long ago had this place */
}

void exec_count_verdict(uint16_t queue, uint32_t id, bool is_range)
{
	struct exec_counts *counts = find(queue);

	if (!counts)
		return;
	add(&counts->verdicts, 1);
	if (is_range)
		decide_until(counts, id);
	else
		atomic_fetch_and(word_of(counts, id), ~bit_of(id));
}

void exec_count_refused(uint16_t queue)
{
	struct exec_counts *counts = find(queue);

	if (counts)
		add(&counts->refused, 1);
}

/* --- sums -------------------------------------------------------------------------- */

static uint64_t take_undecided(struct exec_counts *counts)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < UNDECIDED_WORDS; i++)
		if (atomic_load_explicit(&counts->undecided[i], memory_order_relaxed))
			count += (uint64_t)__builtin_popcountll(
				atomic_exchange(&counts->undecided[i], 0));
	return count;
}

/* Ids that did not come were lost on the way into the socket. The kernel's table, where
 * it may be read, also knows of those after the last that came, and of those that found
 * the queue full and got no id. */
static uint64_t take_lost(struct exec_counts *counts)
{
	uint64_t last = atomic_exchange(&counts->last_id, 0);
	uint64_t seen = atomic_exchange(&counts->ids_seen, 0);
	uint64_t lost = last > seen ? last - seen : 0;
	struct proc_queue row;

	if (!atomic_load(&counts->is_open) || exec_queue_row(counts->queue, &row) < 0)
		return lost;
	return (uint64_t)row.dropped_socket + row.dropped_full;
}

void exec_counts_settle(struct exec_counts *counts)
{
	add(&counts->lost, take_lost(counts));
	add(&counts->never_decided, take_undecided(counts));
	atomic_store(&counts->decided_until, 0);
}

void exec_counts_forget(void)
{
	for (struct exec_counts *counts = exec_counts_first(); counts;
	     counts = counts->next) {
		take_undecided(counts);
		counts->packets = counts->verdicts = counts->refused = 0;
		counts->lost = counts->never_decided = 0;
	}
}

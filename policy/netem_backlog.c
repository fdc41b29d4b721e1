/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "policy/netem_backlog.h"

int netem_backlog_begin(struct netem_backlog *backlog, uint32_t limit)
{
	/* Pages that nothing waits in stay the kernel's. */
	backlog->leaves_ns = calloc(limit, sizeof(*backlog->leaves_ns));
	backlog->count = 0;
	backlog->limit = limit;
	return backlog->leaves_ns ? 0 : -ENOMEM;
}

void netem_backlog_end(struct netem_backlog *backlog)
{
	free(backlog->leaves_ns);
}

/* Puts `last` where the soonest was, and lets it sink. */
static void replace_soonest(struct netem_backlog *backlog, uint64_t last)
{
	uint64_t *heap = backlog->leaves_ns;
	uint32_t at = 0, child = 1;

	while (child < backlog->count) {
		if (child + 1 < backlog->count && heap[child + 1] < heap[child])
			child++;
		if (heap[child] >= last)
			break;
		heap[at] = heap[child];
		at = child;
		child = 2 * at + 1;
	}
	heap[at] = last;
}

void netem_backlog_pass(struct netem_backlog *backlog, uint64_t now_ns)
{
	while (backlog->count && backlog->leaves_ns[0] <= now_ns) {
		backlog->count--;
		replace_soonest(backlog, backlog->leaves_ns[backlog->count]);
	}
}

void netem_backlog_add(struct netem_backlog *backlog, uint64_t leaves_ns)
{
	uint64_t *heap = backlog->leaves_ns;
	uint32_t at = backlog->count++;

	while (at && heap[(at - 1) / 2] > leaves_ns) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = leaves_ns;
}

/* SPDX-License-Identifier: MIT */
/* When the packets that wait will leave: a heap, the soonest first. */
#ifndef POLICY_NETEM_BACKLOG_H
#define POLICY_NETEM_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

struct netem_backlog {
	uint64_t *leaves_ns;
	uint32_t count, limit;
};

/* 0; -ENOMEM. */
int netem_backlog_begin(struct netem_backlog *backlog, uint32_t limit);
void netem_backlog_end(struct netem_backlog *backlog);

/* Forgets those that have left. */
void netem_backlog_pass(struct netem_backlog *backlog, uint64_t now_ns);

/* The caller has seen that there is room. */
void netem_backlog_add(struct netem_backlog *backlog, uint64_t leaves_ns);

static inline bool netem_backlog_is_full(const struct netem_backlog *backlog)
{
	return backlog->count >= backlog->limit;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A hashed timing wheel: deadlines by the tick, any number of them at the cost of one.
 * Pure: no malloc, no clock, no lock; whoever owns it has those, and says what a tick is.
 */
#ifndef NFQUEUE_QUEUE_WHEEL_H
#define NFQUEUE_QUEUE_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEEL_SLOTS 65536u /* ticks a round has */

/* Part of what has the deadline. All zero is not armed; it must stay where it is while
 * it is armed. */
struct wheel_entry {
	struct wheel_entry *next, **prev; /* prev: NULL if not armed */
	uint64_t deadline;
};

struct wheel {
	struct wheel_entry *due; /* found by the last turn, not yet handed out */
	struct wheel_entry *slots[WHEEL_SLOTS]; /* by deadline, newest first */
	uint64_t filled[WHEEL_SLOTS / 64];      /* a bit for each slot that has entries */
	uint64_t next_tick; /* the first one whose slot no turn has looked at */
	size_t count;       /* armed entries, due ones among them */
};

static inline bool wheel_armed(const struct wheel_entry *entry)
{
	return entry->prev != NULL;
}

/* Of zeroed memory, which is not touched: most of it may never be used. `now` of any
 * clock that never goes back, the same one from now on. */
void wheel_init(struct wheel *wheel, uint64_t now);

/* Arms `entry`, or moves it if it is armed. A deadline in the past is due at once. */
void wheel_add(struct wheel *wheel, struct wheel_entry *entry, uint64_t deadline);

/* Nothing if it is not armed. */
void wheel_remove(struct wheel *wheel, struct wheel_entry *entry);

/*
 * Takes out one entry whose deadline is `now` or earlier; NULL: there is none. Call it
 * until it says so. Those of one turn come by deadline, equal ones as they were added, if
 * the turn before was less than a round ago.
 */
struct wheel_entry *wheel_expired(struct wheel *wheel, uint64_t now);

/* Ticks until something may be due: 0 now, -1 nothing is armed. Early perhaps
 * (what it found belongs to a later round), never late. */
int64_t wheel_next(const struct wheel *wheel, uint64_t now);

#endif

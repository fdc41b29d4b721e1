/* SPDX-License-Identifier: MIT */
/* What is known of each queue. No locks: packets and verdicts come from any thread. */
#ifndef NFQUEUE_COMPAT_EXEC_COUNTS_H
#define NFQUEUE_COMPAT_EXEC_COUNTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Ids go round in it: far more than packets can wait in a queue. */
#define UNDECIDED_IDS (1u << 20)
#define UNDECIDED_WORDS (UNDECIDED_IDS / 64)

struct exec_counts {
	struct exec_counts *next; /* written before it is published */
	uint16_t queue;
	atomic_bool is_open;
	_Atomic uint64_t packets, verdicts, refused, lost, never_decided;
	/* Since the queue was opened: ids begin with 1, and each is one packet. */
	_Atomic uint64_t ids_seen;
	atomic_uint last_id;
	atomic_uint decided_until;                   /* by range verdicts */
	_Atomic uint64_t undecided[UNDECIDED_WORDS]; /* a bit for each id */
};

/* The newest one; the others follow. */
struct exec_counts *exec_counts_first(void);

/* Puts what is known of the open queue into the sums, and begins anew. */
void exec_counts_settle(struct exec_counts *counts);

/* In a child: what was counted is its parent's. */
void exec_counts_forget(void);

#endif

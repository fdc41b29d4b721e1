/* SPDX-License-Identifier: MIT */
/*
 * The coalescer: verdicts in the order of their packets -> the fewest messages that do
 * the same. Pure: knows no queue and no socket.
 */
#ifndef NFQUEUE_COALESCE_H
#define NFQUEUE_COALESCE_H

#include <nfqueue/verdict.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In a verdict's `set`: needs a message of its own. */
#define COALESCE_ALONE (1u << 30)

struct coalesce_entry {
	uint32_t id;
	struct nfqueue_verdict verdict;
};

struct coalesce_message {
	uint32_t id;    /* the one id, or the last one of a range */
	uint32_t count; /* packets this message decides */
	bool range;     /* everything that waits, up to `id` */
	struct nfqueue_verdict verdict;
};

/**
 * Turns verdicts into messages.
 *
 * @param entries  in order of arrival (ids count up and may wrap)
 * @param coverable of the first so many entries it holds that every packet that waits and
 *                 is not newer is among the entries: only these may go into ranges
 * @param messages out: room for `count`
 * @return the number of messages. Sent in this order they have the same effect as a
 * single verdict for each entry; packets that are not dropped also leave in this order.
 * Source: nfqnl_recv_verdict_batch(), nfq_id_after().
 */
size_t coalesce(const struct coalesce_entry *entries, size_t count, size_t coverable,
		struct coalesce_message *messages);

#endif

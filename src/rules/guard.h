/* SPDX-License-Identifier: MIT */
/* The rule in front of all others of a chain: what carries the guard mark was sent by the
 * program itself, and goes past the queues. */
#ifndef NFQUEUE_RULES_GUARD_H
#define NFQUEUE_RULES_GUARD_H

#include <stdint.h>

struct rules_batch;

/* All packets that went past. */
#define RULES_GUARD_COUNTER "guarded"

void rules_put_guard(struct rules_batch *batch, const char *table, const char *chain,
		     uint32_t mark);

#endif

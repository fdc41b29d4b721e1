/* SPDX-License-Identifier: MIT */
/*
 * The index: which rules can match a packet at all. It loads each value that the cuts of
 * the programs ask for once, and looks up who waits for it; the programs of those rules
 * alone are run, in order. More candidates than needed cost time; a missing one would be
 * a wrong decision.
 */
#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

#include "policy/model.h"

#define POLICY_END UINT32_MAX /* ends every list of rules */

/* Rises through rule numbers, up to POLICY_END. */
typedef const uint32_t *policy_cursor;

struct policy_index;

int policy_index_new(struct policy_index **index, const struct policy *policy);
void policy_index_free(struct policy_index *index);

/* How many cursors a lookup gives at most. */
size_t policy_index_cursors(const struct policy_index *index);

/* Fills `cursors` with the candidates for a packet; returns how many there are. */
size_t policy_index_lookup(const struct policy_index *index, const uint8_t *data,
			   uint32_t captured, policy_cursor *cursors);

/* The lowest rule at any cursor, or POLICY_END; moves the cursors behind it. */
uint32_t policy_cursors_next(policy_cursor *cursors, size_t count);

/* For tests and benchmarks: decides by trying each rule in order, without the index. */
void policy_decide_plain(const struct policy *policy, const struct policy_packet *packet,
			 struct policy_scratch *scratch, struct policy_result *result);

#endif

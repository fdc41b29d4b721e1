/* SPDX-License-Identifier: MIT */
/*
 * The policy that is in force, and those before it, while threads decide: a reload makes
 * another one current at once for all of them, and takes no lock per packet.
 *
 * A generation is immutable but for its scratches, one for each deciding thread. A thread
 * publishes which generation it uses, and does so anew only when another has become
 * current; a retired one is freed when no thread has it published.
 */
#ifndef CLI_GENERATION_H
#define CLI_GENERATION_H

#include <stdint.h>

#include "policy/policy.h"

struct generations;

/* What one thread decides by, until its next generations_enter(). */
struct generation_use {
	const struct policy *policy;
	struct policy_scratch *scratch;
};

/* @param first stays the caller's, and outlives the generations
 * @return 0 or -ENOMEM */
int generations_new(struct generations **generations, const struct policy *first,
		    uint32_t threads);

/* No thread decides any more. May be NULL. */
void generations_free(struct generations *generations);

/* The deciding thread of this number, 0..threads-1, once for each packet. */
struct generation_use generations_enter(struct generations *generations, uint32_t thread);

/*
 * The rest is for one thread at a time, whether it decides or not.
 *
 * Makes the policy current; it belongs to the generations now, also on failure. Threads
 * decide by it from their next packet on. Returns 0 or -ENOMEM: the old one goes on.
 */
int generations_replace(struct generations *generations, struct policy *policy);

/* The current one. It lives until the next-but-one generations_replace(), at least. */
const struct policy *generations_policy(const struct generations *generations);

/* As policy_scratch_hits(), of all threads, by the current policy. */
uint64_t generations_hits(const struct generations *generations, int32_t rule);

/* As policy_scratch_stats(), of all threads, by the current policy. */
void generations_stats(const struct generations *generations, int32_t rule,
		       struct policy_rule_stats *sum);

/* As policy_scratch_error(), of some thread. */
const char *generations_error(const struct generations *generations, int32_t rule);

/* How many packets the policies before the current one decided. */
uint64_t generations_earlier(const struct generations *generations);

/* How often the policy was replaced. */
uint64_t generations_count(const struct generations *generations);

#endif

/* SPDX-License-Identifier: MIT */
#include "generation.h"

#include "rule_stats.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define CACHE_LINE 64

struct generation {
	const struct policy *policy;
	struct policy *owned; /* the same, unless it is the caller's */
	struct generation *next;
	uint32_t threads;
	struct policy_scratch *scratches[];
};

/* What a thread has published; a cache line each, for it is written by one thread. */
struct user {
	_Alignas(CACHE_LINE) _Atomic(struct generation *) uses;
};

struct generations {
	_Atomic(struct generation *) current;
	struct generation *retired; /* threads may still use them */
	uint64_t earlier;           /* decided by generations that are freed */
	uint64_t count;
	uint32_t threads;
	struct user *users;
};

static void generation_free(struct generation *generation)
{
	if (!generation)
		return;
	for (uint32_t i = 0; i < generation->threads; i++)
		policy_scratch_free(generation->scratches[i]);
	policy_free(generation->owned);
	free(generation);
}

static struct generation *generation_new(const struct policy *policy, uint32_t threads)
{
	struct generation *made =
		calloc(1, sizeof(*made) + threads * sizeof(made->scratches[0]));

	if (!made)
		return NULL;
	made->policy = policy;
	made->threads = threads;
	for (uint32_t i = 0; i < threads; i++)
		if (policy_scratch_new(&made->scratches[i], policy) < 0) {
			generation_free(made);
			return NULL;
		}
	return made;
}

int generations_new(struct generations **generations, const struct policy *first,
		    uint32_t threads)
{
	struct generations *made = calloc(1, sizeof(*made));

	*generations = NULL;
	if (!made)
		return -ENOMEM;
	made->threads = threads;
	made->users = aligned_alloc(CACHE_LINE, threads * sizeof(*made->users));
	for (uint32_t i = 0; made->users && i < threads; i++)
		atomic_init(&made->users[i].uses, NULL);
	atomic_init(&made->current, generation_new(first, threads));
	if (!made->users || !atomic_load(&made->current)) {
		generations_free(made);
		return -ENOMEM;
	}
	*generations = made;
	return 0;
}

void generations_free(struct generations *generations)
{
	struct generation *generation;

	if (!generations)
		return;
	while ((generation = generations->retired)) {
		generations->retired = generation->next;
		generation_free(generation);
	}
	generation_free(atomic_load(&generations->current));
	free(generations->users);
	free(generations);
}

struct generation_use generations_enter(struct generations *generations, uint32_t thread)
{
	_Atomic(struct generation *) *uses = &generations->users[thread].uses;
	/* Acquire: pairs with the exchange in generations_replace(). */
	struct generation *current =
		atomic_load_explicit(&generations->current, memory_order_acquire);
	/* Relaxed: this thread wrote it. */
	struct generation *mine = atomic_load_explicit(uses, memory_order_relaxed);

	/* Published, then seen to be current still, in one order with the exchange and
	 * the look in reclaim(): it was not freed before, and will not be. */
	while (current != mine) {
		mine = current;
		atomic_store(uses, mine);
		current = atomic_load(&generations->current);
	}
	return (struct generation_use){mine->policy, mine->scratches[thread]};
}

static uint64_t decided_by(const struct generation *generation)
{
	size_t rules = policy_rule_count(generation->policy);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < generation->threads; i++) {
		const struct policy_scratch *scratch = generation->scratches[i];

		sum += policy_scratch_hits(scratch, POLICY_NO_RULE);
		for (size_t rule = 0; rule < rules; rule++)
			if (policy_rule_decides(generation->policy, rule))
				sum += policy_scratch_hits(scratch, (int32_t)rule);
	}
	return sum;
}

static bool is_used(const struct generations *generations,
		    const struct generation *generation)
{
	for (uint32_t i = 0; i < generations->threads; i++)
		if (atomic_load(&generations->users[i].uses) == generation)
			return true;
	return false;
}

/* Pairs with the store in generations_enter(). A thread that gets no packets keeps one
 * generation alive: there are never more than threads + 1. */
static void reclaim(struct generations *generations)
{
	struct generation **at = &generations->retired;

	while (*at) {
		struct generation *generation = *at;

		if (is_used(generations, generation)) {
			at = &generation->next;
			continue;
		}
		*at = generation->next;
		generations->earlier += decided_by(generation);
		generation_free(generation);
	}
}

int generations_replace(struct generations *generations, struct policy *policy)
{
	struct generation *made = generation_new(policy, generations->threads), *old;

	if (!made) {
		policy_free(policy);
		return -ENOMEM;
	}
	made->owned = policy;
	reclaim(generations);
	old = atomic_exchange(&generations->current, made);
	old->next = generations->retired;
	generations->retired = old;
	generations->count++;
	return 0;
}

const struct policy *generations_policy(const struct generations *generations)
{
	return atomic_load(&generations->current)->policy;
}

uint64_t generations_hits(const struct generations *generations, int32_t rule)
{
	const struct generation *current = atomic_load(&generations->current);
	uint64_t hits = 0;

	for (uint32_t i = 0; i < current->threads; i++)
		hits += policy_scratch_hits(current->scratches[i], rule);
	return hits;
}

void generations_stats(const struct generations *generations, int32_t rule,
		       struct policy_rule_stats *sum)
{
	const struct generation *current = atomic_load(&generations->current);
	struct policy_rule_stats one = {.size = sizeof(one)};

	*sum = (struct policy_rule_stats){.size = sizeof(*sum)};
	for (uint32_t i = 0; i < current->threads; i++) {
		policy_scratch_stats(current->scratches[i], rule, &one);
		rule_stats_add(sum, &one);
	}
}

const char *generations_error(const struct generations *generations, int32_t rule)
{
	const struct generation *current = atomic_load(&generations->current);
	const char *error = NULL;

	for (uint32_t i = 0; i < current->threads && !error; i++)
		error = policy_scratch_error(current->scratches[i], rule);
	return error;
}

uint64_t generations_earlier(const struct generations *generations)
{
	uint64_t sum = generations->earlier;

	for (const struct generation *old = generations->retired; old; old = old->next)
		sum += decided_by(old);
	return sum;
}

uint64_t generations_count(const struct generations *generations)
{
	return generations->count;
}

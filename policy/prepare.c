/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "policy/effect.h"
#include "policy/prepare.h"
#include "policy/shaper.h"
#include "policy/tcp.h"

/* Source: splitmix64 by Sebastiano Vigna, public domain. */
static uint64_t next_seed(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Text may be full of what is replaced, and megabytes of it under way. */
static int streams_new(struct policy_streams **streams)
{
	const struct nfqueue_streams_options options = {
		.size = sizeof(options),
		.changes_max = 1u << 20,
		.memory_max = 256ull << 20,
	};
	struct policy_streams *made = calloc(1, sizeof(*made));
	int ret = made ? nfqueue_streams_new(&made->streams, &options) : -ENOMEM;

	*streams = NULL;
	if (ret < 0) {
		free(made);
		return ret;
	}
	atomic_init(&made->users, 1);
	*streams = made;
	return 0;
}

/* Release: what a user did to the connections is done before the last one frees them,
 * whose decrement acquires it. */
void policy_streams_drop(struct policy_streams *streams)
{
	if (!streams ||
	    atomic_fetch_sub_explicit(&streams->users, 1, memory_order_acq_rel) != 1)
		return;
	nfqueue_streams_free(streams->streams);
	free(streams);
}

void policy_go_on(struct policy *policy, const struct policy *earlier)
{
	if (!earlier->streams || earlier->streams == policy->streams)
		return;
	policy_streams_drop(policy->streams);
	atomic_fetch_add_explicit(&earlier->streams->users, 1, memory_order_relaxed);
	policy->streams = earlier->streams;
}

int policy_seed(struct policy *policy, uint64_t seed)
{
	for (size_t i = 0; i < policy->reachable; i++) {
		struct policy_effects *effects = policy->rules[i].effects;
		struct policy_shaper *shaper;
		int ret;

		if (!effects || !effects->shapes)
			continue;
		ret = policy_shaper_new(&shaper, &effects->shape, next_seed(&seed));
		if (ret < 0)
			return ret;
		policy_shaper_free(effects->shaper);
		effects->shaper = shaper;
	}
	return 0;
}

/* 1 the rule may replace in TCP, 0, -ENOMEM. */
static int replaces_in_tcp(const struct policy *policy, const struct policy_rule *rule)
{
	if (!rule->effects->own.pattern_count)
		return 0;
	if (!rule->program)
		return 1;
	return policy_tcp_possible(policy->programs[rule->program->number]);
}

static bool grows(const struct policy_effects *effects)
{
	const struct policy_changes *changes = &effects->own;

	for (size_t i = 0; i < changes->pattern_count; i++)
		if (changes->patterns[i].to_length > changes->patterns[i].from_length)
			return true;
	return false;
}

int policy_effects_prepare(struct policy *policy)
{
	bool replaces = false;
	uint64_t seed;
	int ret;

	for (size_t i = 0; i < policy->reachable; i++) {
		struct policy_rule *rule = &policy->rules[i];

		if (!rule->effects)
			continue;
		rule->effects->number = policy->effects_count++;
		policy->grows |= grows(rule->effects);
		ret = replaces ? 1 : replaces_in_tcp(policy, rule);
		if (ret < 0)
			return ret;
		replaces = ret;
	}
	if (!policy->effects_count)
		return 0;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	ret = policy_seed(policy, seed);
	return ret == 0 && replaces ? streams_new(&policy->streams) : ret;
}

/* Whether a rule that can be met answers yes. */
static int any_rule(const struct policy *policy,
		    bool (*asks)(const struct policy_effects *effects))
{
	for (size_t i = 0; i < policy->reachable; i++)
		if (policy->rules[i].effects && asks(policy->rules[i].effects))
			return 1;
	return 0;
}

static bool edits(const struct policy_effects *effects)
{
	return policy_changes_any(&effects->own) || effects->shape.corrupt ||
	       effects->shape.ecn;
}

int policy_has_effects(const struct policy *policy)
{
	return policy->effects_count > 0 || policy->streams != NULL;
}

int policy_needs_edit(const struct policy *policy)
{
	return policy->streams || any_rule(policy, edits);
}

/* A packet whose size changes may have to be sent in pieces. */
static bool injects(const struct policy_effects *effects)
{
	return effects->copy_count || effects->rejects || effects->shape.duplicate ||
	       effects->shape.corrupt || effects->own.pattern_count;
}

int policy_needs_injector(const struct policy *policy)
{
	return policy->streams || any_rule(policy, injects);
}

static bool delays(const struct policy_effects *effects)
{
	const struct netem_options *shape = &effects->shape;

	return shape->delay_ns || shape->jitter_ns || shape->rate;
}

int policy_needs_delay(const struct policy *policy)
{
	return any_rule(policy, delays);
}

int policy_stream_stats(const struct policy *policy, struct nfqueue_streams_stats *stats)
{
	return policy->streams ? nfqueue_streams_stats(policy->streams->streams, stats)
			       : -ENOENT;
}

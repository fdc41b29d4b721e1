/* SPDX-License-Identifier: MIT */
/* What a rule does to a packet besides its verdict: the passive data. */
#ifndef POLICY_EFFECT_H
#define POLICY_EFFECT_H

#include <stdbool.h>

#include <nfqueue/build.h>
#include <nfqueue/edit.h>
#include <nfqueue/stream.h>

#include "policy/netem.h"
#include "policy/policy.h"

/* set FIELD VALUE */
struct policy_set {
	enum nfqueue_field field;
	uint32_t value;
	uint8_t address[16];
	uint8_t address_length; /* 4, 16; 0: it is a value */
};

/* What is changed of one packet, or of one copy. */
struct policy_changes {
	struct policy_set *sets;
	size_t set_count, set_room;
	struct nfqueue_stream_pattern *patterns; /* replace; their bytes are owned */
	size_t pattern_count, pattern_room;
};

struct policy_shaper;

struct policy_effects {
	struct policy_changes own;
	struct policy_changes *copies; /* inject: one for each */
	size_t copy_count, copy_room;
	bool rejects;
	enum nfqueue_reject reject;
	bool shapes;
	struct netem_options shape;
	struct policy_shaper *shaper; /* made when the policy is loaded */
	size_t number;                /* among the policy's effects */
};

struct policy_rule;

/* The effects of a rule, made at the first need; NULL: no memory. */
struct policy_effects *policy_effects_of(struct policy_rule *rule);

/* @param effects may be NULL. */
void policy_effects_free(struct policy_effects *effects);

/* Whether there is something to change at all. */
bool policy_changes_any(const struct policy_changes *changes);

#endif

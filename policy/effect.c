/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "policy/effect.h"
#include "policy/model.h"
#include "policy/shaper.h"

struct policy_effects *policy_effects_of(struct policy_rule *rule)
{
	if (!rule->effects)
		rule->effects = calloc(1, sizeof(*rule->effects));
	return rule->effects;
}

bool policy_changes_any(const struct policy_changes *changes)
{
	return changes->set_count || changes->pattern_count;
}

static void changes_free(struct policy_changes *changes)
{
	for (size_t i = 0; i < changes->pattern_count; i++) {
		free((void *)(uintptr_t)changes->patterns[i].from);
		free((void *)(uintptr_t)changes->patterns[i].to);
	}
	free(changes->patterns);
	free(changes->sets);
}

void policy_effects_free(struct policy_effects *effects)
{
	if (!effects)
		return;
	changes_free(&effects->own);
	for (size_t i = 0; i < effects->copy_count; i++)
		changes_free(&effects->copies[i]);
	free(effects->copies);
	policy_shaper_free(effects->shaper);
	free(effects);
}

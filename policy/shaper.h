/* SPDX-License-Identifier: MIT */
/* The state of a rule that shapes: one for all threads. */
#ifndef POLICY_SHAPER_H
#define POLICY_SHAPER_H

#include "policy/netem.h"

struct policy_shaper;

/* As netem_new(). */
int policy_shaper_new(struct policy_shaper **shaper, const struct netem_options *options,
		      uint64_t seed);

/* @param shaper may be NULL. */
void policy_shaper_free(struct policy_shaper *shaper);

/* netem_decide(). Any thread. */
void policy_shaper_decide(struct policy_shaper *shaper, const struct netem_packet *packet,
			  struct netem_fate *fate);

#endif

/* SPDX-License-Identifier: MIT */
/* Which packets are lost. Source: tc-netem(8), loss_event() and its models. */
#ifndef POLICY_NETEM_LOSS_H
#define POLICY_NETEM_LOSS_H

#include "policy/netem.h"
#include "policy/netem_random.h"

/* The first is where each model begins. */
enum netem_loss_state {
	NETEM_GOOD,           /* state 1; gemodel: good */
	NETEM_BURST_RECEIVED, /* state 2 */
	NETEM_BURST_LOST,     /* state 3; gemodel: bad */
	NETEM_LOST_ALONE,     /* state 4 */
};

struct netem_loss {
	struct netem_loss_options options;
	struct netem_chance random;
	enum netem_loss_state state;
};

void netem_loss_begin(struct netem_loss *loss, const struct netem_loss_options *options,
		      struct netem_random *random);

/* Whether the next packet is lost. */
bool netem_loss_next(struct netem_loss *loss, struct netem_random *random);

#endif

/* SPDX-License-Identifier: MIT */
/* Which tests tell much. */
#ifndef POLICY_WEIGH_H
#define POLICY_WEIGH_H

#include "policy/analysis.h"

/* Sets the weight of each test, given all tests of a policy. 0 or -ENOMEM. */
int policy_weigh(struct policy_graph *graph);

#endif

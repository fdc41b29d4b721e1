/* SPDX-License-Identifier: MIT */
/* Which packets the `queue` lines of a policy would bring up. A capture does not tell the
 * hook, so it is not asked for: family and expression are. */
#ifndef CLI_REPLAY_FILTER_H
#define CLI_REPLAY_FILTER_H

#include <stdbool.h>

#include "policy/policy.h"

struct replay_filter;

/* Returns 0, or -errno. */
int replay_filter_new(struct replay_filter **filter, const struct policy *policy);
void replay_filter_free(struct replay_filter *filter);

/* Whether a line matches; true if the policy has none. */
bool replay_filter_match(const struct replay_filter *filter,
			 const struct policy_packet *packet);

#endif

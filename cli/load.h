/* SPDX-License-Identifier: MIT */
/* A command's policy: from a file, or from its arguments. Errors are told on stderr. */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include "policy/policy.h"

/* Tells why `name` is no policy, or cannot be read. Returns EXIT_FAILED. */
int load_failed(const struct policy *policy, int error, const char *name);

/* @param file  NULL: the policy is the `count` arguments at `rules`
 * @return EXIT_DONE or EXIT_FAILED; the policy is to be freed in any case */
int load_policy(struct policy **policy, const char *file, const char *const *rules,
		size_t count);

#endif

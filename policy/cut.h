/* SPDX-License-Identifier: MIT */
/*
 * A cut of a program: tests such that every packet it accepts passes at least one of
 * them.
 */
#ifndef POLICY_CUT_H
#define POLICY_CUT_H

#include "policy/analysis.h"

/*
 * Picks a cut, light in weight, from a program's own tests, and writes their numbers to
 * `cut`, which has room for two a node. How many they are; -ENOENT there is no cut;
 * -ENOMEM.
 */
int policy_cut_find(const struct policy_node *nodes, size_t count,
		    const struct policy_test *tests, uint32_t *cut);

#endif

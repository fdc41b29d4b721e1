/* SPDX-License-Identifier: MIT */
/*
 * How far a delay is from its mean, in units of the jitter.
 *
 * A table has the value of each 4,096th part of the probability, taken in its middle, and
 * is then brought to the mean 0 and the sigma 1, so that the delay and the jitter that
 * were asked for are those of the packets. So a normal delay is at most 3.7 sigma away, a
 * Pareto one 0.6 before and about 23 after its mean.
 */
#ifndef POLICY_NETEM_DISTRIBUTION_H
#define POLICY_NETEM_DISTRIBUTION_H

#include "policy/netem.h"

struct netem_table;

/* NULL for NETEM_UNIFORM, which needs none. 0; -EINVAL, -ENOMEM. */
int netem_table_new(struct netem_table **table, enum netem_distribution distribution);
void netem_table_free(struct netem_table *table);

/* Grows with `number`. Uniform (no table): in [-1, 1). */
double netem_deviation(const struct netem_table *table, uint32_t number);

#endif

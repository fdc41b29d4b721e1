/* SPDX-License-Identifier: MIT */
/* The words of tc-netem(8): each reads what stands behind it. 0 or more, or told. */
#ifndef POLICY_SHAPE_H
#define POLICY_SHAPE_H

#include "policy/line.h"

int policy_shape_delay(struct policy_line *line, struct policy_rule *rule);
int policy_shape_distribution(struct policy_line *line, struct policy_rule *rule);
int policy_shape_loss(struct policy_line *line, struct policy_rule *rule);
int policy_shape_ecn(struct policy_line *line, struct policy_rule *rule);
int policy_shape_duplicate(struct policy_line *line, struct policy_rule *rule);
int policy_shape_corrupt(struct policy_line *line, struct policy_rule *rule);
int policy_shape_reorder(struct policy_line *line, struct policy_rule *rule);
int policy_shape_gap(struct policy_line *line, struct policy_rule *rule);
int policy_shape_rate(struct policy_line *line, struct policy_rule *rule);
int policy_shape_limit(struct policy_line *line, struct policy_rule *rule);

#endif

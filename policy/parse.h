/* SPDX-License-Identifier: MIT */
/* A line -> a rule or a redirection of its policy. */
#ifndef POLICY_PARSE_H
#define POLICY_PARSE_H

#include "policy/line.h"

/* 0, also for a blank line; -EINVAL (told); -ENOMEM. */
int policy_parse_line(struct policy_line *line);

void policy_rule_free(struct policy_rule *rule);

#endif

/* SPDX-License-Identifier: MIT */
/* log ... to FILE */
#ifndef POLICY_RECORD_H
#define POLICY_RECORD_H

#include "policy/line.h"

/* FILE [snap BYTES] [size SIZE] [every TIME] [keep N], behind `to`. 0, or told. */
int policy_record_parse(struct policy_line *line, struct policy_rule *rule);

void policy_record_free(struct policy_capture *capture);

#endif

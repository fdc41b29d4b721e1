/* SPDX-License-Identifier: MIT */
/* Numbers with units, as tc(8) writes them. A number that needs a unit and has none is
 * refused, where tc takes it for microseconds, bits a second or percent. */
#ifndef POLICY_UNIT_H
#define POLICY_UNIT_H

#include "policy/line.h"

/* Each reads `word`; 0, or told: -EINVAL, -ENOMEM. */

/* 10ms, 100us, 1.5s: up to an hour. */
int policy_unit_time(struct policy_line *line, struct policy_word word, uint64_t *ns);

/* 30s, 10m, 1h, 1d: whole seconds, 1 or more. */
int policy_unit_period(struct policy_line *line, struct policy_word word, uint64_t *s);

/* 2%, 0.1%: of UINT32_MAX, which is 100 %. */
int policy_unit_share(struct policy_line *line, struct policy_word word, uint32_t *share);

/* 1mbit, 100kbps, 1gibit: 1 byte a second or more. */
int policy_unit_rate(struct policy_line *line, struct policy_word word, uint64_t *rate);

/* 65536, 10k, 100M, 1g: bytes, in powers of 1024. */
int policy_unit_size(struct policy_line *line, struct policy_word word, uint64_t *bytes);

/* The cursor stands before what is a number, or is meant as one. */
bool policy_unit_follows(const struct policy_line *line);

#endif

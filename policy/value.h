/* SPDX-License-Identifier: MIT */
/* What is known of a register: an interval, and perhaps where it came from. */
#ifndef POLICY_VALUE_H
#define POLICY_VALUE_H

#include "policy/analysis.h"

enum policy_origin {
	POLICY_ANYTHING,
	POLICY_LOADED, /* load.mask bits of a load */
	POLICY_HEADER, /* 4 * ([load.header] & 0xf) */
};

struct policy_value {
	struct policy_load load;
	uint32_t lo, hi;
	enum policy_origin origin;
};

struct policy_value policy_value_any(void);
struct policy_value policy_value_between(uint32_t lo, uint32_t hi);

/* What both have in common: where two ways meet. */
struct policy_value policy_value_join(struct policy_value a, struct policy_value b);

/* The result of A op operand; `op` as in BPF_OP(). */
struct policy_value policy_value_alu(uint16_t op, struct policy_value a,
				     struct policy_value operand);

#endif

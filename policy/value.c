/* SPDX-License-Identifier: MIT */
/* Interval arithmetic as bpf_filter() of libpcap calculates: 32 bits, without sign. */
#include <string.h>

#include "policy/value.h"

struct policy_value policy_value_between(uint32_t lo, uint32_t hi)
{
	struct policy_value value = {.lo = lo, .hi = hi};

	return value;
}

struct policy_value policy_value_any(void)
{
	return policy_value_between(0, UINT32_MAX);
}

struct policy_value policy_value_join(struct policy_value a, struct policy_value b)
{
	struct policy_value both = policy_value_between(a.lo < b.lo ? a.lo : b.lo,
							a.hi > b.hi ? a.hi : b.hi);

	if (a.origin == b.origin && !policy_load_compare(&a.load, &b.load)) {
		both.origin = a.origin;
		both.load = a.load;
	}
	return both;
}

/* 64-bit bounds -> an interval, if they did not wrap. */
static struct policy_value unless_wrapped(uint64_t lo, uint64_t hi)
{
	if (hi > UINT32_MAX || lo > hi)
		return policy_value_any();
	return policy_value_between((uint32_t)lo, (uint32_t)hi);
}

/* The smallest 2^n - 1 that is not less. */
static uint32_t all_bits(uint32_t value)
{
	return value ? UINT32_MAX >> __builtin_clz(value) : 0;
}

static struct policy_value value_and(struct policy_value a, struct policy_value b)
{
	struct policy_value result = policy_value_between(0, a.hi < b.hi ? a.hi : b.hi);

	if (a.origin == POLICY_LOADED && b.lo == b.hi) {
		result.origin = POLICY_LOADED;
		result.load = a.load;
		result.load.mask &= b.lo;
		if (result.hi > result.load.mask)
			result.hi = result.load.mask;
	}
	return result;
}

/* What a shift by 32 or more gives depends on who runs the program: anything. */
static struct policy_value value_shift(uint16_t op, struct policy_value a,
				       struct policy_value by)
{
	if (by.hi >= 32)
		return policy_value_any();
	if (op == BPF_RSH)
		return policy_value_between(a.lo >> by.hi, a.hi >> by.lo);
	return unless_wrapped((uint64_t)a.lo << by.lo, (uint64_t)a.hi << by.hi);
}

/* A division by 0 ends the program, so the divisor is 1 or more behind it. */
static struct policy_value value_divide(uint16_t op, struct policy_value a,
					struct policy_value by)
{
	uint32_t least = by.lo ? by.lo : 1, most = by.hi ? by.hi : 1;

	if (op == BPF_DIV)
		return policy_value_between(a.lo / most, a.hi / least);
	return policy_value_between(0, a.hi < most - 1 ? a.hi : most - 1);
}

struct policy_value policy_value_alu(uint16_t op, struct policy_value a,
				     struct policy_value b)
{
	switch (op) {
	case BPF_ADD:
		return unless_wrapped((uint64_t)a.lo + b.lo, (uint64_t)a.hi + b.hi);
	case BPF_SUB:
		if (a.lo < b.hi)
			return policy_value_any();
		return policy_value_between(a.lo - b.hi, a.hi - b.lo);
	case BPF_MUL:
		return unless_wrapped((uint64_t)a.lo * b.lo, (uint64_t)a.hi * b.hi);
	case BPF_DIV:
	case BPF_MOD:
		return value_divide(op, a, b);
	case BPF_AND:
		return value_and(a, b);
	case BPF_OR:
		return policy_value_between(a.lo > b.lo ? a.lo : b.lo,
					    all_bits(a.hi | b.hi));
	case BPF_XOR:
		return policy_value_between(0, all_bits(a.hi | b.hi));
	case BPF_LSH:
	case BPF_RSH:
		return value_shift(op, a, b);
	default:
		return policy_value_any();
	}
}

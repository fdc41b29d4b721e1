/* SPDX-License-Identifier: MIT */
/* Interval arithmetic: the result of any two members lies in the resulting interval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/machine.h"
#include "random_policy.h"

/* What bpf_filter() calculates; false: the program ends, or it is nobody's business. */
static bool calculate(uint16_t op, uint32_t a, uint32_t b, uint32_t *result)
{
	struct bpf_insn code[] = {
		BPF_STMT(BPF_LD | BPF_IMM, a),
		BPF_STMT(BPF_LDX | BPF_IMM, b),
		{(uint16_t)(BPF_ALU | op | BPF_X), 0, 0, 0},
		BPF_STMT(BPF_RET | BPF_A, 0),
	};

	if (!b && (op == BPF_DIV || op == BPF_MOD))
		return false;
	*result = bpf_filter(code, (const uint8_t *)"", 0, 0);
	return true;
}

/* Small ones, large ones, powers of two and their neighbours. */
static uint32_t a_number(struct random *random)
{
	uint32_t bit = 1u << random_below(random, 32);

	switch (random_below(random, 4)) {
	case 0:
		return random_below(random, 40);
	case 1:
		return bit + random_below(random, 3) - 1;
	case 2:
		return UINT32_MAX - random_below(random, 40);
	default:
		return random_below(random, UINT32_MAX);
	}
}

static struct policy_value an_interval(struct random *random, uint32_t *member)
{
	uint32_t one = a_number(random), other = a_number(random);
	uint32_t lo = one < other ? one : other, hi = one < other ? other : one;

	if (random_below(random, 3) == 0)
		hi = lo;
	*member = hi - lo == UINT32_MAX ? one : lo + random_below(random, hi - lo + 1);
	if (random_below(random, 3) == 0)
		*member = random_below(random, 2) ? lo : hi;
	return policy_value_between(lo, hi);
}

static void results_lie_in_the_interval(void **state)
{
	static const uint16_t ops[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD,
				       BPF_AND, BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH};
	struct random random = {4};

	(void)state;
	for (int i = 0; i < 2000000; i++) {
		uint16_t op = ops[i % 10];
		uint32_t x, y, exact;
		struct policy_value a = an_interval(&random, &x);
		struct policy_value b = an_interval(&random, &y), result;

		if (!calculate(op, x, y, &exact))
			continue;
		result = policy_value_alu(op, a, b);
		if (exact < result.lo || exact > result.hi)
			fail_msg("op 0x%x: %u, %u give %u, not in %u-%u", op, x, y, exact,
				 result.lo, result.hi);
	}
}

static bool branches(uint16_t op, uint32_t a, uint32_t k)
{
	struct bpf_insn code[] = {
		BPF_STMT(BPF_LD | BPF_IMM, a),
		{(uint16_t)(BPF_JMP | op | BPF_K), 0, 1, k},
		BPF_STMT(BPF_RET | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return bpf_filter(code, (const uint8_t *)"", 0, 0) != 0;
}

static void branch_keeps_who_takes_it(void **state)
{
	static const uint16_t ops[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
	struct random random = {5};

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		uint16_t op = ops[i % 4];
		uint32_t x, k = a_number(&random);
		struct policy_value a = an_interval(&random, &x), narrowed;
		struct bpf_insn jump = {(uint16_t)(BPF_JMP | op | BPF_K), 0, 0, k};

		if (random_below(&random, 2))
			k = jump.k = random_below(&random, 2) ? a.lo : a.hi;
		narrowed = policy_machine_narrow(&jump, a, branches(op, x, k));
		if (x < narrowed.lo || x > narrowed.hi)
			fail_msg("op 0x%x %u: %u of %u-%u not in %u-%u", op, k, x, a.lo,
				 a.hi, narrowed.lo, narrowed.hi);
	}
}

static void exact_branches_are_exact(void **state)
{
	struct bpf_insn equal = {BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 7};
	struct bpf_insn more = {BPF_JMP | BPF_JGT | BPF_K, 0, 0, UINT32_MAX};
	struct bpf_insn least = {BPF_JMP | BPF_JGE | BPF_K, 0, 0, 0};
	struct policy_value seven = policy_value_between(7, 7), any = policy_value_any();
	struct policy_value result = policy_machine_narrow(&equal, any, true);

	(void)state;
	assert_int_equal(result.lo, 7);
	assert_int_equal(result.hi, 7);
	result = policy_machine_narrow(&equal, seven, false);
	assert_true(result.lo > result.hi);
	result = policy_machine_narrow(&equal, policy_value_between(8, 9), true);
	assert_true(result.lo > result.hi);
	result = policy_machine_narrow(&more, any, true);
	assert_true(result.lo > result.hi);
	result = policy_machine_narrow(&least, any, false);
	assert_true(result.lo > result.hi);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_lie_in_the_interval),
		cmocka_unit_test(branch_keeps_who_takes_it),
		cmocka_unit_test(exact_branches_are_exact),
	};

	return cmocka_run_group_tests_name("policy intervals", tests, NULL, NULL);
}

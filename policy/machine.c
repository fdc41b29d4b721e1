/* SPDX-License-Identifier: MIT */
/*
 * What one instruction does to what is known of the registers. The machine is that of
 * bpf_filter() in libpcap; a load beyond the packet ends it with 0.
 */
#include "policy/machine.h"

/* Bytes up to `end` are read; a load that begins behind every packet reads none. */
static void reads_to(uint32_t *reads, uint64_t start, uint64_t end)
{
	if (start >= POLICY_COPY_RANGE_MAX)
		return;
	if (end > POLICY_COPY_RANGE_MAX)
		end = POLICY_COPY_RANGE_MAX;
	if (end > *reads)
		*reads = (uint32_t)end;
}

static uint32_t size_of(uint16_t code)
{
	switch (BPF_SIZE(code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	default:
		return 4;
	}
}

/* What the packet holds there; `start`, `end`: between them lies all that may be read. */
static struct policy_value load(uint32_t *reads, struct policy_load from, bool traceable,
				uint64_t start, uint64_t end)
{
	struct policy_value value;

	from.mask = UINT32_MAX >> (32 - 8 * from.size);
	value = policy_value_between(0, from.mask);
	if (traceable) {
		value.origin = POLICY_LOADED;
		value.load = from;
	}
	reads_to(reads, start, end);
	return value;
}

static void load_a(uint32_t *reads, struct policy_state *state,
		   const struct bpf_insn *insn)
{
	struct policy_load from = {POLICY_NO_HEADER, insn->k, size_of(insn->code), 0};
	uint64_t k = insn->k;

	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		state->a = policy_value_between(insn->k, insn->k);
		break;
	case BPF_ABS:
		state->a = load(reads, from, true, k, k + from.size);
		break;
	case BPF_IND:
		if (state->x.origin == POLICY_HEADER)
			from.header = state->x.load.header;
		state->a = load(reads, from, from.header != POLICY_NO_HEADER,
				k + state->x.lo, k + state->x.hi + from.size);
		break;
	case BPF_MEM:
		state->a = insn->k < BPF_MEMWORDS ? state->memory[insn->k]
						  : policy_value_any();
		break;
	default: /* BPF_LEN comes from the kernel */
		state->a = policy_value_any();
	}
}

static void load_x(uint32_t *reads, struct policy_state *state,
		   const struct bpf_insn *insn)
{
	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		state->x = policy_value_between(insn->k, insn->k);
		break;
	case BPF_MEM:
		state->x = insn->k < BPF_MEMWORDS ? state->memory[insn->k]
						  : policy_value_any();
		break;
	case BPF_MSH:
		state->x = policy_value_between(0, 60);
		if (insn->k != POLICY_NO_HEADER)
			state->x.origin = POLICY_HEADER;
		state->x.load.header = insn->k;
		reads_to(reads, insn->k, (uint64_t)insn->k + 1);
		break;
	default:
		state->x = policy_value_any();
	}
}

static void store(struct policy_state *state, uint32_t slot, struct policy_value value)
{
	if (slot < BPF_MEMWORDS)
		state->memory[slot] = value;
}

static void calculate(struct policy_state *state, const struct bpf_insn *insn)
{
	struct policy_value operand = state->x;

	if (BPF_SRC(insn->code) == BPF_K)
		operand = policy_value_between(insn->k, insn->k);
	if (BPF_OP(insn->code) == BPF_NEG)
		state->a = policy_value_any();
	else
		state->a = policy_value_alu(BPF_OP(insn->code), state->a, operand);
}

void policy_machine_step(struct policy_state *state, const struct bpf_insn *insn,
			 uint32_t *reads)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		load_a(reads, state, insn);
		break;
	case BPF_LDX:
		load_x(reads, state, insn);
		break;
	case BPF_ST:
		store(state, insn->k, state->a);
		break;
	case BPF_STX:
		store(state, insn->k, state->x);
		break;
	case BPF_ALU:
		calculate(state, insn);
		break;
	default: /* BPF_MISC */
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			state->x = state->a;
		else
			state->a = state->x;
	}
}

/* What A can be on that branch: lo > hi if nothing. */
struct policy_value policy_machine_narrow(const struct bpf_insn *insn,
					  struct policy_value a, bool taken)
{
	uint32_t op = BPF_OP(insn->code), k = insn->k;
	uint64_t lo = a.lo, hi = a.hi;

	if (BPF_SRC(insn->code) != BPF_K)
		return a;
	if (op == BPF_JEQ && taken) {
		lo = lo > k ? lo : k;
		hi = hi < k ? hi : k;
	} else if (op == BPF_JEQ) {
		lo += lo == k;
		hi -= hi == k && hi >= lo && hi > 0;
	} else if (op == BPF_JGT || op == BPF_JGE) {
		uint64_t first =
			(uint64_t)k + (op == BPF_JGT); /* that takes the branch */

		if (taken)
			lo = lo > first ? lo : first;
		else if (first)
			hi = hi < first ? hi : first - 1;
		else
			lo = hi + 1;
	}
	a.lo = lo > UINT32_MAX ? UINT32_MAX : (uint32_t)lo;
	a.hi = lo > UINT32_MAX ? 0 : (uint32_t)hi;
	return a;
}

/* SPDX-License-Identifier: MIT */
/* The BPF machine, run on intervals instead of numbers. */
#ifndef POLICY_MACHINE_H
#define POLICY_MACHINE_H

#include "policy/value.h"

struct policy_state {
	struct policy_value a, x, memory[BPF_MEMWORDS];
};

/* An instruction that neither jumps nor returns. `reads` grows to what it may read. */
void policy_machine_step(struct policy_state *state, const struct bpf_insn *insn,
			 uint32_t *reads);

/* What A can be behind that branch of a jump; lo > hi: nobody takes it. */
struct policy_value policy_machine_narrow(const struct bpf_insn *insn,
					  struct policy_value a, bool taken);

#endif

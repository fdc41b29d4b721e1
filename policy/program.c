/* SPDX-License-Identifier: MIT */
/* Expressions -> BPF programs, each once. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/analysis.h"
#include "policy/program.h"

/*
 * Loads from there on mean packet type, interface... Source: SKF_AD_OFF, linux/filter.h.
 */
#define KERNEL_KNOWS 0xfffff000u

static int by_expression(const void *a, const void *b)
{
	const struct policy_program *one = a, *other = b;

	return strcmp(one->expression, other->expression);
}

void policy_program_free(struct policy_program *program)
{
	if (!program)
		return;
	pcap_freecode(&program->code);
	free(program->expression);
	free(program);
}

/* libpcap's bpf_filter() would take these loads for loads beyond the packet. */
static bool asks_outside(const struct bpf_program *code)
{
	for (uint32_t pc = 0; pc < code->bf_len; pc++) {
		const struct bpf_insn *insn = &code->bf_insns[pc];

		if (BPF_CLASS(insn->code) == BPF_LD && BPF_MODE(insn->code) == BPF_ABS &&
		    insn->k >= KERNEL_KNOWS)
			return true;
	}
	return false;
}

static int compile(struct policy *policy, struct policy_program *program,
		   char why[POLICY_WHY_MAX])
{
	struct policy_graph graph = {0};
	int ret;

	if (!policy->compiler)
		policy->compiler = pcap_open_dead(DLT_RAW, POLICY_COPY_RANGE_MAX);
	if (!policy->compiler)
		return -ENOMEM;
	if (pcap_compile(policy->compiler, &program->code, program->expression, 1,
			 PCAP_NETMASK_UNKNOWN) < 0) {
		snprintf(why, POLICY_WHY_MAX, "%s", pcap_geterr(policy->compiler));
		return -EINVAL;
	}
	program->outside = asks_outside(&program->code);
	ret = policy_analyse(program, &graph);
	policy_graph_free(&graph);
	return ret;
}

/* The policy owns the program once it is in both the list and the tree. */
static int keep(struct policy *policy, struct policy_program *program)
{
	void *grown = policy_grow(policy->programs, policy->program_count,
				  &policy->program_room, sizeof(*policy->programs));

	if (!grown)
		return -ENOMEM;
	policy->programs = grown;
	if (!tsearch(program, &policy->programs_by_text, by_expression))
		return -ENOMEM;
	program->number = policy->program_count;
	policy->programs[policy->program_count++] = program;
	return 0;
}

int policy_program_get(struct policy *policy, const char *expression, size_t length,
		       const struct policy_program **program, char why[POLICY_WHY_MAX])
{
	struct policy_program *made = calloc(1, sizeof(*made));
	void *found;
	int ret = -ENOMEM;

	if (!made)
		return -ENOMEM;
	made->expression = policy_copy_text(expression, length);
	if (!made->expression)
		goto out;
	found = tfind(made, &policy->programs_by_text, by_expression);
	if (found) {
		*program = *(struct policy_program **)found;
		ret = 0;
		goto out;
	}
	ret = compile(policy, made, why);
	if (ret < 0)
		goto out;
	ret = keep(policy, made);
	if (ret < 0)
		goto out;
	*program = made;
	return 0;
out:
	policy_program_free(made);
	return ret;
}

static void nothing(void *node)
{
	(void)node;
}

void policy_program_loaded(struct policy *policy)
{
	tdestroy(policy->programs_by_text, nothing);
	policy->programs_by_text = NULL;
	if (policy->compiler)
		pcap_close(policy->compiler);
	policy->compiler = NULL;
}

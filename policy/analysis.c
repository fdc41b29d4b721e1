/* SPDX-License-Identifier: MIT */
/*
 * One pass in program order: each instruction changes the state of the registers and
 * hands it to those behind it. A conditional jump narrows A on both of its branches.
 *
 * Where ways meet that have different loads in A or X, the optimizer of libpcap has
 * shared the end of two comparisons. We keep them apart, else the test at that end
 * would tell nothing; beyond WAYS of them, the last is joined with the rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/machine.h"

#define WAYS 4u

/* An instruction, reached in one way. */
struct place {
	struct policy_state state;
	struct policy_node node; /* its edges lead to places here, to nodes when done */
	uint32_t number;         /* the node's, when done */
	bool reached;
};

struct analysis {
	const struct bpf_insn *code;
	uint32_t length;
	struct place *places; /* WAYS for each instruction */
	struct policy_graph *graph;
	size_t first_test, program;
	uint32_t reads;
};

int policy_load_compare(const struct policy_load *a, const struct policy_load *b)
{
	if (a->header != b->header)
		return a->header < b->header ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	if (a->mask != b->mask)
		return a->mask < b->mask ? -1 : 1;
	return 0;
}

/* Jumps that lead forward, inside the program; it ends with a return. */
static bool runs_forward(const struct bpf_insn *code, uint32_t length)
{
	for (uint32_t pc = 0; pc < length; pc++) {
		const struct bpf_insn *insn = &code[pc];
		uint32_t left = length - pc - 1;

		if (BPF_CLASS(insn->code) == BPF_RET)
			continue;
		if (left < 1)
			return false;
		if (BPF_CLASS(insn->code) != BPF_JMP)
			continue;
		if (BPF_OP(insn->code) == BPF_JA ? insn->k >= left
						 : insn->jt >= left || insn->jf >= left)
			return false;
	}
	return length > 0;
}

static bool same_origin(const struct policy_value *a, const struct policy_value *b)
{
	if (a->origin != b->origin)
		return false;
	return a->origin == POLICY_ANYTHING || !policy_load_compare(&a->load, &b->load);
}

static void join(struct policy_state *into, const struct policy_state *from)
{
	into->a = policy_value_join(into->a, from->a);
	into->x = policy_value_join(into->x, from->x);
	for (size_t i = 0; i < BPF_MEMWORDS; i++)
		into->memory[i] = policy_value_join(into->memory[i], from->memory[i]);
}

/* The place that stands for `state` at `pc`. */
static int32_t enter(struct analysis *analysis, uint32_t pc,
		     const struct policy_state *state)
{
	struct place *place = &analysis->places[pc * WAYS];
	struct place *last = place + WAYS - 1;

	while (place < last && place->reached &&
	       !(same_origin(&place->state.a, &state->a) &&
		 same_origin(&place->state.x, &state->x)))
		place++;
	if (place->reached)
		join(&place->state, state);
	else
		place->state = *state;
	place->reached = true;
	return (int32_t)(place - analysis->places);
}

/* What the branch tells of the packet: mostly what A is there; of a bit test, whether
 * any of the bits that it asks for is set. */
static struct policy_value told(const struct bpf_insn *insn, struct policy_value a,
				int taken)
{
	struct policy_value bits;

	if (BPF_OP(insn->code) != BPF_JSET || BPF_SRC(insn->code) != BPF_K)
		return a;
	bits = policy_value_alu(BPF_AND, a, policy_value_between(insn->k, insn->k));
	if (taken)
		bits.lo = insn->k & -insn->k; /* the lowest bit that may be set */
	else
		bits.hi = 0;
	return bits.lo > bits.hi ? a : bits;
}

/* The test that a branch is; -1 if it tells nothing. */
static int add_test(struct analysis *analysis, struct policy_value a, int32_t *number)
{
	struct policy_graph *graph = analysis->graph;
	struct policy_test *grown;

	*number = -1;
	if (a.origin != POLICY_LOADED || (a.lo == 0 && a.hi >= a.load.mask))
		return 0;
	grown = policy_grow(graph->test, graph->test_count, &graph->test_room,
			    sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	graph->test = grown;
	*number = (int32_t)(graph->test_count - analysis->first_test);
	graph->test[graph->test_count++] = (struct policy_test){
		.load = a.load, .lo = a.lo, .hi = a.hi, .program = analysis->program};
	return 0;
}

static int branch(struct analysis *analysis, uint32_t pc, struct place *place, int taken)
{
	const struct bpf_insn *insn = &analysis->code[pc];
	struct policy_state narrowed = place->state;
	int ret;

	narrowed.a = policy_machine_narrow(insn, place->state.a, taken);
	if (narrowed.a.lo > narrowed.a.hi)
		return 0;
	ret = add_test(analysis, told(insn, narrowed.a, taken), &place->node.test[taken]);
	if (ret < 0)
		return ret;
	place->node.next[taken] =
		enter(analysis, pc + 1 + (taken ? insn->jt : insn->jf), &narrowed);
	return 0;
}

static int step(struct analysis *analysis, uint32_t pc, struct place *place)
{
	const struct bpf_insn *insn = &analysis->code[pc];
	uint32_t next = pc + 1;
	int ret;

	place->node = (struct policy_node){.next = {-1, -1}, .test = {-1, -1}};
	if (BPF_CLASS(insn->code) == BPF_RET) {
		place->node.accepts = insn->code != (BPF_RET | BPF_K) || insn->k != 0;
		return 0;
	}
	if (BPF_CLASS(insn->code) == BPF_JMP && BPF_OP(insn->code) != BPF_JA) {
		ret = branch(analysis, pc, place, 0);
		return ret < 0 ? ret : branch(analysis, pc, place, 1);
	}
	if (BPF_CLASS(insn->code) == BPF_JMP)
		next += insn->k;
	else
		policy_machine_step(&place->state, insn, &analysis->reads);
	place->node.next[0] = enter(analysis, next, &place->state);
	return 0;
}

static int add_node(struct analysis *analysis, struct policy_node node)
{
	struct policy_graph *graph = analysis->graph;
	struct policy_node *grown = policy_grow(graph->node, graph->node_count,
						&graph->node_room, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	for (int i = 0; i < 2; i++)
		if (node.next[i] >= 0)
			node.next[i] = (int32_t)analysis->places[node.next[i]].number;
	graph->node = grown;
	graph->node[graph->node_count++] = node;
	return 0;
}

/* Places that nobody reaches are left out; the order stays. */
static int add_nodes(struct analysis *analysis)
{
	uint32_t number = 0;
	int ret = 0;

	for (size_t i = 0; i < (size_t)analysis->length * WAYS; i++)
		if (analysis->places[i].reached)
			analysis->places[i].number = number++;
	for (size_t i = 0; i < (size_t)analysis->length * WAYS && ret == 0; i++)
		if (analysis->places[i].reached)
			ret = add_node(analysis, analysis->places[i].node);
	return ret;
}

static int run(struct analysis *analysis)
{
	struct policy_state start = {0};
	int ret = 0;

	for (size_t i = 0; i < BPF_MEMWORDS; i++)
		start.memory[i] = policy_value_any();
	enter(analysis, 0, &start);
	for (size_t i = 0; i < (size_t)analysis->length * WAYS && ret == 0; i++)
		if (analysis->places[i].reached)
			ret = step(analysis, (uint32_t)(i / WAYS), &analysis->places[i]);
	return ret < 0 ? ret : add_nodes(analysis);
}

int policy_analyse(struct policy_program *program, struct policy_graph *graph)
{
	struct analysis analysis = {.code = program->code.bf_insns,
				    .length = program->code.bf_len,
				    .graph = graph,
				    .first_test = graph->test_count,
				    .program = program->number};
	int ret;

	program->reads = POLICY_COPY_RANGE_MAX;
	if (!runs_forward(analysis.code, analysis.length)) {
		program->loops = true;
		return 0;
	}
	analysis.places =
		calloc((size_t)analysis.length * WAYS, sizeof(*analysis.places));
	if (!analysis.places)
		return -ENOMEM;
	ret = run(&analysis);
	if (ret == 0)
		program->reads = analysis.reads;
	free(analysis.places);
	return ret;
}

void policy_graph_free(struct policy_graph *graph)
{
	free(graph->node);
	free(graph->test);
}

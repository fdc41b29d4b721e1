/* SPDX-License-Identifier: MIT */
/*
 * What a BPF program reads and tests, found without running it: abstract interpretation
 * over intervals. Programs without jumps back need one pass in program order.
 */
#ifndef POLICY_ANALYSIS_H
#define POLICY_ANALYSIS_H

#include "policy/model.h"

#define POLICY_NO_HEADER UINT32_MAX

/* A value that comes from the packet: big endian, `size` bytes at `offset`, counted from
 * the start, or from behind the IP header whose first byte stands at `header`. */
struct policy_load {
	uint32_t header; /* adds 4 * ([header] & 0xf), BPF_MSH; POLICY_NO_HEADER: nothing
			  */
	uint32_t offset;
	uint32_t size; /* 1, 2, 4 */
	uint32_t mask;
};

/* What is true of a packet that takes some branch: lo <= load & mask <= hi. */
struct policy_test {
	struct policy_load load;
	uint32_t lo, hi;
	uint32_t weight; /* see weigh.h */
	size_t program;  /* whose it is */
};

/* An instruction, as reached in one way. Numbers count from the program's first. */
struct policy_node {
	int32_t next[2]; /* where the false (or only) and the true branch lead; -1 nowhere
			  */
	int32_t test[2]; /* what who goes there has passed; -1 nothing we know */
	bool accepts;    /* a return, and not of 0 */
};

/* The nodes of many programs; each program's in an order in which edges lead forward. */
struct policy_graph {
	struct policy_node *node;
	size_t node_count, node_room;
	struct policy_test *test;
	size_t test_count, test_room;
};

/* Fills program->reads and program->loops, and appends the program's nodes, none if it
 * loops, to the graph. 0 or -ENOMEM. */
int policy_analyse(struct policy_program *program, struct policy_graph *graph);

void policy_graph_free(struct policy_graph *graph);

int policy_load_compare(const struct policy_load *a, const struct policy_load *b);

#endif

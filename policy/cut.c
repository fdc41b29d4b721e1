/* SPDX-License-Identifier: MIT */
/*
 * From the end of the program to its start: what it costs to keep a packet that stands at
 * a node from being accepted. A branch is cut by its own test, or by what is behind it,
 * whichever is cheaper. The dearest test counts first (it makes the rule a candidate most
 * often), then the sum.
 */
#include <errno.h>
#include <stdlib.h>

#include "policy/cut.h"

struct cost {
	uint32_t dearest; /* UINT32_MAX: cannot be cut */
	double sum;
};

struct step {
	struct cost cost;
	bool cut_here[2]; /* by the branch's own test, not behind it */
	bool visited;
};

struct search {
	const struct policy_node *nodes;
	const struct policy_test *tests;
	struct step *steps;
	size_t count;
};

static const struct cost nothing = {0, 0}, impossible = {UINT32_MAX, 0};

static bool cheaper(struct cost a, struct cost b)
{
	return a.dearest != b.dearest ? a.dearest < b.dearest : a.sum < b.sum;
}

static struct cost both(struct cost a, struct cost b)
{
	struct cost cost = {a.dearest > b.dearest ? a.dearest : b.dearest, a.sum + b.sum};

	return cost;
}

static struct cost branch_cost(struct search *search, size_t number, int taken)
{
	const struct policy_node *node = &search->nodes[number];
	struct cost own, behind;

	if (node->next[taken] < 0)
		return nothing;
	behind = search->steps[node->next[taken]].cost;
	if (node->test[taken] < 0)
		return behind;
	own.dearest = search->tests[node->test[taken]].weight;
	own.sum = own.dearest;
	if (cheaper(behind, own))
		return behind;
	search->steps[number].cut_here[taken] = true;
	return own;
}

static struct cost cost_of(struct search *search, size_t number)
{
	if (search->nodes[number].accepts)
		return impossible;
	return both(branch_cost(search, number, 0), branch_cost(search, number, 1));
}

/* Edges lead forward, so one pass finds all. */
static int collect(struct search *search, uint32_t *cut)
{
	int found = 0;

	search->steps[0].visited = true;
	for (size_t i = 0; i < search->count; i++) {
		const struct policy_node *node = &search->nodes[i];

		if (!search->steps[i].visited)
			continue;
		for (int taken = 0; taken < 2; taken++) {
			if (node->next[taken] < 0)
				continue;
			if (search->steps[i].cut_here[taken])
				cut[found++] = (uint32_t)node->test[taken];
			else
				search->steps[node->next[taken]].visited = true;
		}
	}
	return found;
}

int policy_cut_find(const struct policy_node *nodes, size_t count,
		    const struct policy_test *tests, uint32_t *cut)
{
	struct search search = {.nodes = nodes, .tests = tests, .count = count};
	int ret = -ENOENT;

	if (!count)
		return -ENOENT;
	search.steps = calloc(count, sizeof(*search.steps));
	if (!search.steps)
		return -ENOMEM;
	for (size_t i = count; i-- > 0;)
		search.steps[i].cost = cost_of(&search, i);
	if (search.steps[0].cost.dearest != UINT32_MAX)
		ret = collect(&search, cut);
	free(search.steps);
	return ret;
}

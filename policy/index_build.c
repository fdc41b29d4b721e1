/* SPDX-License-Identifier: MIT */
/* Programs -> tests -> cuts -> tables. */
#include <errno.h>
#include <stdlib.h>

#include "policy/cut.h"
#include "policy/index_model.h"
#include "policy/weigh.h"

/* A program's part of the graph, and its cut. */
struct span {
	size_t first_node, nodes, first_test;
	uint32_t *cut; /* `cuts` tests */
	int cuts;      /* -ENOENT: it has no cut, so its rules are always candidates */
	bool used;
};

struct build {
	const struct policy *policy;
	struct policy_index *index;
	struct span *spans; /* by program */
	struct policy_graph graph;
	struct policy_want *wants;
	size_t want_count, want_room;
};

static int analyse(struct build *build)
{
	const struct policy *policy = build->policy;
	struct policy_graph *graph = &build->graph;

	for (size_t i = 0; i < policy->reachable; i++)
		if (policy->rules[i].program)
			build->spans[policy->rules[i].program->number].used = true;
	for (size_t i = 0; i < policy->program_count; i++) {
		struct span *span = &build->spans[i];
		int ret = 0;

		span->first_node = graph->node_count;
		span->first_test = graph->test_count;
		if (span->used)
			ret = policy_analyse(policy->programs[i], graph);
		if (ret < 0)
			return ret;
		span->nodes = graph->node_count - span->first_node;
	}
	return policy_weigh(graph);
}

static int choose(struct build *build, struct span *span)
{
	const struct policy_graph *graph = &build->graph;
	const struct policy_test *tests = NULL;
	uint32_t *cut, *fitted;

	span->cuts = -ENOENT;
	if (!span->nodes)
		return 0;
	cut = calloc(span->nodes, 2 * sizeof(*cut));
	if (!cut)
		return -ENOMEM;
	if (graph->test)
		tests = graph->test + span->first_test;
	span->cuts =
		policy_cut_find(graph->node + span->first_node, span->nodes, tests, cut);
	if (span->cuts <= 0) {
		free(cut);
		return span->cuts == -ENOMEM ? -ENOMEM : 0;
	}
	fitted = reallocarray(cut, (size_t)span->cuts, sizeof(*cut));
	span->cut = fitted ? fitted : cut;
	return 0;
}

static int choose_all(struct build *build)
{
	int ret = 0;

	for (size_t i = 0; i < build->policy->program_count && ret == 0; i++)
		if (build->spans[i].used)
			ret = choose(build, &build->spans[i]);
	return ret;
}

static int add_want(struct build *build, const struct policy_test *test, uint32_t rule)
{
	struct policy_want *grown = policy_grow(build->wants, build->want_count,
						&build->want_room, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	build->wants = grown;
	build->wants[build->want_count++] = (struct policy_want){
		.load = test->load, .lo = test->lo, .hi = test->hi, .rule = rule};
	return 0;
}

static int add_rule(struct build *build, uint32_t rule)
{
	const struct policy_program *program = build->policy->rules[rule].program;
	const struct span *span = program ? &build->spans[program->number] : NULL;
	int ret = 0;

	if (!span || span->cuts < 0)
		return policy_lists_add(&build->index->lists, rule);
	for (int i = 0; i < span->cuts && ret == 0; i++)
		ret = add_want(build, &build->graph.test[span->first_test + span->cut[i]],
			       rule);
	return ret;
}

/* Rules without a cut make list 1; the others, wants. */
static int add_rules(struct build *build)
{
	struct policy_lists *lists = &build->index->lists;
	int ret = policy_lists_add(lists, POLICY_END);

	for (uint32_t i = 0; i < build->policy->reachable && ret == 0; i++)
		ret = add_rule(build, i);
	if (ret < 0 || lists->count == 1)
		return ret;
	build->index->always = 1;
	build->index->cursors = 1;
	return policy_lists_add(lists, POLICY_END);
}

/* By load; then those of one value before those of many; then value, then rule. */
static int by_want(const void *a, const void *b)
{
	const struct policy_want *one = a, *other = b;
	int order = policy_load_compare(&one->load, &other->load);
	bool wide = one->lo != one->hi, other_wide = other->lo != other->hi;

	if (order)
		return order;
	if (wide != other_wide)
		return wide ? 1 : -1;
	if (one->lo != other->lo)
		return one->lo < other->lo ? -1 : 1;
	return one->rule < other->rule ? -1 : one->rule > other->rule;
}

static bool same_place(struct policy_load a, struct policy_load b)
{
	a.mask = b.mask = 0;
	return !policy_load_compare(&a, &b);
}

/* `wants`: all of one load. */
static int add_table(struct policy_index *index, const struct policy_want *wants,
		     size_t count)
{
	struct policy_table *table = &index->tables[index->count];
	size_t exact = 0;
	int ret;

	table->load = wants->load;
	table->reload = !index->count || !same_place(wants->load, table[-1].load);
	index->count++;
	while (exact < count && wants[exact].lo == wants[exact].hi)
		exact++;
	ret = policy_hash_new(&table->exact, &index->lists, wants, exact);
	if (ret < 0)
		return ret;
	ret = policy_ranges_new(&table->ranges, &index->lists, wants + exact,
				count - exact);
	index->cursors += 1 + policy_ranges_depth(&table->ranges);
	return ret;
}

static size_t same_load(const struct policy_want *wants, size_t count)
{
	size_t same = 1;

	while (same < count && !policy_load_compare(&wants[0].load, &wants[same].load))
		same++;
	return same;
}

static int add_tables(struct build *build)
{
	const struct policy_want *wants = build->wants;
	size_t left = build->want_count, loads = 0, size;
	int ret = 0;

	if (!left)
		return 0;
	qsort(build->wants, left, sizeof(*build->wants), by_want);
	for (size_t at = 0; at < left; at += same_load(wants + at, left - at))
		loads++;
	build->index->tables = calloc(loads, sizeof(*build->index->tables));
	if (!build->index->tables)
		return -ENOMEM;
	for (; left && ret == 0; wants += size, left -= size) {
		size = same_load(wants, left);
		ret = add_table(build->index, wants, size);
	}
	return ret;
}

static int build_all(struct build *build)
{
	int ret = analyse(build);

	if (ret == 0)
		ret = choose_all(build);
	if (ret == 0)
		ret = add_rules(build);
	return ret < 0 ? ret : add_tables(build);
}

int policy_index_new(struct policy_index **index, const struct policy *policy)
{
	struct build build = {.policy = policy};
	int ret = -ENOMEM;

	build.index = calloc(1, sizeof(*build.index));
	build.spans = calloc(policy->program_count + 1, sizeof(*build.spans));
	if (build.index && build.spans)
		ret = build_all(&build);
	free(build.wants);
	policy_graph_free(&build.graph);
	for (size_t i = 0; build.spans && i < policy->program_count; i++)
		free(build.spans[i].cut);
	free(build.spans);
	if (ret < 0) {
		policy_index_free(build.index);
		build.index = NULL;
	}
	*index = build.index;
	return ret;
}

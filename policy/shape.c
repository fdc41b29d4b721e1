/* SPDX-License-Identifier: MIT */
/* delay, loss and the like. Source: netem_parse_opt() of tc, tc-netem(8). */
#include <errno.h>

#include "policy/effect.h"
#include "policy/shape.h"
#include "policy/unit.h"

/* The options of the rule; NULL: no memory. */
static struct netem_options *shape_of(struct policy_rule *rule)
{
	struct policy_effects *effects = policy_effects_of(rule);

	if (!effects)
		return NULL;
	effects->shapes = true;
	return &effects->shape;
}

static int required_share(struct policy_line *line, uint32_t *share)
{
	return policy_unit_share(line, policy_line_word(line), share);
}

/* 1 it was there, 0 not, or told. */
static int optional_share(struct policy_line *line, uint32_t *share)
{
	int ret;

	if (!policy_unit_follows(line))
		return 0;
	ret = required_share(line, share);
	return ret < 0 ? ret : 1;
}

/* PERCENT [CORRELATION] */
static int share_and_correlation(struct policy_line *line, uint32_t *share,
				 uint32_t *correlation)
{
	int ret = required_share(line, share);

	return ret < 0 ? ret : optional_share(line, correlation);
}

/* TIME [JITTER [CORRELATION]] */
int policy_shape_delay(struct policy_line *line, struct policy_rule *rule)
{
	struct netem_options *shape = shape_of(rule);
	int ret;

	if (!shape)
		return -ENOMEM;
	ret = policy_unit_time(line, policy_line_word(line), &shape->delay_ns);
	if (ret < 0 || !policy_unit_follows(line))
		return ret;
	ret = policy_unit_time(line, policy_line_word(line), &shape->jitter_ns);
	return ret < 0 ? ret : optional_share(line, &shape->delay_correlation);
}

/* In the order of the enumeration. */
static const char *const distributions[] = {"uniform", "normal", "pareto", "paretonormal",
					    NULL};

int policy_shape_distribution(struct policy_line *line, struct policy_rule *rule)
{
	struct netem_options *shape = shape_of(rule);
	struct policy_word word = policy_line_word(line);
	const char *near;

	if (!shape)
		return -ENOMEM;
	for (size_t i = 0; distributions[i]; i++) {
		if (!policy_word_is(word, distributions[i]))
			continue;
		shape->distribution = (enum netem_distribution)i;
		return 0;
	}
	near = policy_word_near(word, distributions);
	if (near)
		return policy_line_error(line, word.start,
					 "'%.*s' is no distribution: did you mean '%s'?",
					 policy_word_shown(word), word.start, near);
	return policy_line_error(line, word.start,
				 "which distribution? Write uniform, normal, pareto or "
				 "paretonormal");
}

/* P13 [P31 [P32 [P23 [P14]]]] */
static int loss_state(struct policy_line *line, struct netem_loss_options *loss)
{
	int ret = required_share(line, &loss->p13);

	loss->model = NETEM_LOSS_STATE;
	loss->p31 = NETEM_ALWAYS - loss->p13;
	loss->p23 = NETEM_ALWAYS;
	if (ret == 0)
		ret = optional_share(line, &loss->p31);
	if (ret == 1)
		ret = optional_share(line, &loss->p32);
	if (ret == 1)
		ret = optional_share(line, &loss->p23);
	if (ret == 1)
		ret = optional_share(line, &loss->p14);
	return ret;
}

/* P [R [1-H [1-K]]] */
static int loss_gemodel(struct policy_line *line, struct netem_loss_options *loss)
{
	int ret = required_share(line, &loss->p);

	loss->model = NETEM_LOSS_GEMODEL;
	loss->r = NETEM_ALWAYS - loss->p;
	loss->one_h = NETEM_ALWAYS;
	if (ret == 0)
		ret = optional_share(line, &loss->r);
	if (ret == 1)
		ret = optional_share(line, &loss->one_h);
	if (ret == 1)
		ret = optional_share(line, &loss->one_k);
	return ret;
}

static int loss_random(struct policy_line *line, struct netem_loss_options *loss)
{
	loss->model = NETEM_LOSS_RANDOM;
	return share_and_correlation(line, &loss->random, &loss->correlation);
}

static int bad_model(struct policy_line *line, struct policy_word word)
{
	static const char *const models[] = {"random", "state", "gemodel", NULL};
	const char *near = policy_word_near(word, models);

	if (word.length && near)
		return policy_line_error(line, word.start,
					 "'%.*s' is no model of loss: did you mean '%s'?",
					 policy_word_shown(word), word.start, near);
	return policy_line_error(line, word.start,
				 "how much loss? Write loss 2%%, or loss state or loss "
				 "gemodel with percentages behind it");
}

int policy_shape_loss(struct policy_line *line, struct policy_rule *rule)
{
	struct netem_options *shape = shape_of(rule);
	struct policy_word word = policy_line_peek(line);

	if (!shape)
		return -ENOMEM;
	if (policy_unit_follows(line))
		return loss_random(line, &shape->loss);
	policy_line_word(line);
	if (policy_word_is(word, "random"))
		return loss_random(line, &shape->loss);
	if (policy_word_is(word, "state"))
		return loss_state(line, &shape->loss);
	if (policy_word_is(word, "gemodel"))
		return loss_gemodel(line, &shape->loss);
	return bad_model(line, word);
}

int policy_shape_ecn(struct policy_line *line, struct policy_rule *rule)
{
	struct netem_options *shape = shape_of(rule);

	if (!shape)
		return -ENOMEM;
	shape->ecn = true;
	return 0;
}

int policy_shape_duplicate(struct policy_line *line, struct policy_rule *rule)
{
	struct netem_options *shape = shape_of(rule);

	return shape ? share_and_correlation(line, &shape->duplicate,
					     &shape->duplicate_correlation)
		     : -ENOMEM;
}

int policy_shape_corrupt(struct policy_line *line, struct policy_rule *rule)
{
	struct netem_options *shape = shape_of(rule);

	return shape ? share_and_correlation(line, &shape->corrupt,
					     &shape->corrupt_correlation)
		     : -ENOMEM;
}

int policy_shape_reorder(struct policy_line *line, struct policy_rule *rule)
{
	struct netem_options *shape = shape_of(rule);

	return shape ? share_and_correlation(line, &shape->reorder,
					     &shape->reorder_correlation)
		     : -ENOMEM;
}

/* A number of 1 or more. */
static int count(struct policy_line *line, uint32_t max, uint32_t *number)
{
	struct policy_word word = policy_line_word(line);
	int ret = policy_line_number(line, word, max, number);

	if (ret < 0 || *number)
		return ret;
	return policy_line_error(line, word.start, "0 is too little: 1 to %u is possible",
				 max);
}

int policy_shape_gap(struct policy_line *line, struct policy_rule *rule)
{
	struct netem_options *shape = shape_of(rule);

	return shape ? count(line, UINT32_MAX, &shape->gap) : -ENOMEM;
}

int policy_shape_limit(struct policy_line *line, struct policy_rule *rule)
{
	struct netem_options *shape = shape_of(rule);

	return shape ? count(line, NETEM_LIMIT_MAX, &shape->limit) : -ENOMEM;
}

/* 1 it was there, 0 not, or told. */
static int optional_overhead(struct policy_line *line, int32_t *overhead)
{
	struct policy_word word = policy_line_peek(line);
	bool negative = word.length && *word.start == '-';
	uint32_t number;
	int ret;

	if (!policy_unit_follows(line))
		return 0;
	policy_line_word(line);
	word.start += negative;
	word.length -= negative;
	ret = policy_line_number(line, word, NETEM_OVERHEAD_MAX, &number);
	if (ret < 0)
		return ret;
	*overhead = negative ? -(int32_t)number : (int32_t)number;
	return 1;
}

/* RATE [PACKETOVERHEAD [CELLSIZE [CELLOVERHEAD]]] */
int policy_shape_rate(struct policy_line *line, struct policy_rule *rule)
{
	struct netem_options *shape = shape_of(rule);
	int ret = shape ? policy_unit_rate(line, policy_line_word(line), &shape->rate)
			: -ENOMEM;

	if (ret == 0)
		ret = optional_overhead(line, &shape->packet_overhead);
	if (ret != 1 || !policy_unit_follows(line))
		return ret;
	ret = policy_line_number(line, policy_line_word(line), NETEM_OVERHEAD_MAX,
				 &shape->cell_size);
	return ret < 0 ? ret : optional_overhead(line, &shape->cell_overhead);
}

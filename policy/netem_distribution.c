/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "policy/netem_distribution.h"

#define TABLE_BITS 12
#define TABLE_SIZE (1u << TABLE_BITS)
#define NEWTON_STEPS 8 /* at most; from a neighbour three or four are enough */
#define CLOSE 1e-9

struct netem_table {
	double value[TABLE_SIZE];
};

static double middle_of(uint32_t part)
{
	return (part + 0.5) / TABLE_SIZE;
}

/* Where the normal distribution function is `probability`, by Newton's method. */
static double normal_quantile(double probability, double near)
{
	double step = 1;

	for (int i = 0; i < NEWTON_STEPS && fabs(step) > CLOSE; i++) {
		double is = 0.5 * erfc(-near * M_SQRT1_2);
		double slope = 0.5 * M_2_SQRTPI * M_SQRT1_2 * exp(-0.5 * near * near);

		step = (is - probability) / slope;
		near -= step;
	}
	return near;
}

/* From the middle to the lower end; the upper half is its mirror. */
static void fill_normal(double *value)
{
	double last = 0;

	for (uint32_t i = TABLE_SIZE / 2; i-- > 0;) {
		last = normal_quantile(middle_of(i), last);
		value[i] = last;
		value[TABLE_SIZE - 1 - i] = -last;
	}
}

/* P(X <= x) = 1 - x^-3, which has the mean 3/2 and the variance 3/4. */
static double pareto_quantile(double probability)
{
	return (1 / cbrt(1 - probability) - 1.5) / sqrt(0.75);
}

/* `share` of Pareto's values, the rest of those that stand there. */
static void mix_pareto(double *value, double share)
{
	for (uint32_t i = 0; i < TABLE_SIZE; i++)
		value[i] = (1 - share) * value[i] + share * pareto_quantile(middle_of(i));
}

static void normalise(double *value)
{
	double mean = 0, square = 0, sigma;

	for (uint32_t i = 0; i < TABLE_SIZE; i++)
		mean += value[i] / TABLE_SIZE;
	for (uint32_t i = 0; i < TABLE_SIZE; i++)
		square += (value[i] - mean) * (value[i] - mean) / TABLE_SIZE;
	sigma = sqrt(square);
	for (uint32_t i = 0; i < TABLE_SIZE; i++)
		value[i] = (value[i] - mean) / sigma;
}

int netem_table_new(struct netem_table **table, enum netem_distribution distribution)
{
	struct netem_table *made;

	*table = NULL;
	if (distribution == NETEM_UNIFORM)
		return 0;
	if (distribution > NETEM_PARETONORMAL)
		return -EINVAL;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	if (distribution != NETEM_PARETO)
		fill_normal(made->value);
	if (distribution != NETEM_NORMAL)
		mix_pareto(made->value, distribution == NETEM_PARETO ? 1 : 0.75);
	normalise(made->value);
	*table = made;
	return 0;
}

void netem_table_free(struct netem_table *table)
{
	free(table);
}

double netem_deviation(const struct netem_table *table, uint32_t number)
{
	if (!table)
		return number * 0x1p-31 - 1;
	return table->value[number >> (32 - TABLE_BITS)];
}

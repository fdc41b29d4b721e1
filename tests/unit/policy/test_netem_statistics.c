/* SPDX-License-Identifier: MIT */
/*
 * The shaper over a million draws each: what was measured is within the band around what
 * was asked for in which 99.9 % of all seeds are. The seeds are fixed, so a test that
 * passes does so always.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/netem.h"
#include "policy/netem_random.h"

#define BATCHES 1000
#define BATCH 1000
#define DRAWS (BATCHES * BATCH)
#define BAND 3.2905 /* sigmas to either side: 99.9 % */
#define MS 1000000ull
#define SECOND (1000 * MS)
#define PERCENT (NETEM_ALWAYS / 100.0)

/* A million values, in batches: draws may depend on each other, batches hardly do, so
 * their means tell how sure the mean of all is. */
struct sample {
	double value[DRAWS];
};

static struct sample sample; /* 8 MB: too large for a stack */

static uint32_t share(double percent)
{
	return (uint32_t)(percent * PERCENT + 0.5);
}

static double mean(void)
{
	double sum = 0;

	for (size_t i = 0; i < DRAWS; i++)
		sum += sample.value[i];
	return sum / DRAWS;
}

static double standard_error(void)
{
	double all = mean(), squares = 0;

	for (size_t batch = 0; batch < BATCHES; batch++) {
		double sum = 0;

		for (size_t i = 0; i < BATCH; i++)
			sum += sample.value[batch * BATCH + i];
		squares += (sum / BATCH - all) * (sum / BATCH - all);
	}
	return sqrt(squares / (BATCHES - 1) / BATCHES);
}

static void expect_within(const char *what, double found, double wanted, double error)
{
	double band = BAND * error;

	if (fabs(found - wanted) > band)
		fail_msg("%s: %.6f is not within %.6f +- %.6f", what, found, wanted,
			 band);
}

static void expect_mean(const char *what, double wanted)
{
	expect_within(what, mean(), wanted, standard_error());
}

/* Draws that do not depend on each other: the band is known. */
static void expect_rate(const char *what, double found, double wanted)
{
	expect_within(what, found, wanted, sqrt(wanted * (1 - wanted) / DRAWS));
}

static double autocorrelation(void)
{
	double middle = mean(), together = 0, squares = 0;

	for (size_t i = 0; i < DRAWS; i++)
		squares += (sample.value[i] - middle) * (sample.value[i] - middle);
	for (size_t i = 1; i < DRAWS; i++)
		together += (sample.value[i - 1] - middle) * (sample.value[i] - middle);
	return together / squares;
}

static double sigma(void)
{
	double middle = mean(), squares = 0;

	for (size_t i = 0; i < DRAWS; i++)
		squares += (sample.value[i] - middle) * (sample.value[i] - middle);
	return sqrt(squares / DRAWS);
}

static struct netem *make(const struct netem_options *options, uint64_t seed)
{
	struct netem *netem;

	assert_null(netem_options_error(options));
	assert_int_equal(netem_new(&netem, options, seed), 0);
	return netem;
}

typedef double (*measure_fn)(const struct netem_fate *fate);

/* Each packet comes when the one before is gone, so that no limit is met. */
static void draw(const struct netem_options *options, uint64_t seed, measure_fn measure)
{
	struct netem *netem = make(options, seed);
	struct netem_fate fate;

	for (uint64_t i = 0; i < DRAWS; i++) {
		struct netem_packet packet = {.now_ns = i * SECOND, .length = 1000};

		netem_decide(netem, &packet, &fate);
		sample.value[i] = measure(&fate);
	}
	netem_free(netem);
}

static double is_lost(const struct netem_fate *fate)
{
	return fate->lost;
}

static double is_doubled(const struct netem_fate *fate)
{
	return fate->copies == 2;
}

static double is_corrupted(const struct netem_fate *fate)
{
	return fate->copy[0].corrupted;
}

static double is_reordered(const struct netem_fate *fate)
{
	return fate->copy[0].reordered;
}

static double delay(const struct netem_fate *fate)
{
	return (double)fate->copy[0].delay_ns;
}

static void losses_at_random_have_the_rate_asked_for(void **state)
{
	static const double percents[] = {0.01, 0.1, 1, 10, 30, 50, 99};

	(void)state;
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		struct netem_options options = {
			.loss = {NETEM_LOSS_RANDOM, .random = share(percents[i])}};

		draw(&options, i, is_lost);
		expect_rate("loss random", mean(), percents[i] / 100);
	}
}

/* How much of the time the chain is in each state follows from its balance: as many enter
 * a state as leave it. */
static double rate_of_state(double p13, double p31, double p32, double p23, double p14)
{
	double good = 1, alone = p14, burst = p13 / p31, between = burst * p32 / p23;

	return (alone + burst) / (good + alone + burst + between);
}

static void the_state_machine_loses_what_its_balance_says(void **state)
{
	static const double percents[][5] = {{1, 99, 0, 100, 0},   {10, 90, 0, 100, 0},
					     {2, 30, 0, 100, 0},   {5, 60, 20, 40, 0},
					     {1, 10, 5, 20, 0.5},  {0, 100, 0, 100, 3},
					     {20, 50, 30, 10, 15}, {50, 50, 50, 50, 50}};

	(void)state;
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		const double *p = percents[i];
		struct netem_options options = {
			.loss = {NETEM_LOSS_STATE, .p13 = share(p[0]), .p31 = share(p[1]),
				 .p32 = share(p[2]), .p23 = share(p[3]),
				 .p14 = share(p[4])}};

		draw(&options, 100 + i, is_lost);
		expect_mean("loss state",
			    rate_of_state(p[0] / 100, p[1] / 100, p[2] / 100, p[3] / 100,
					  p[4] / 100));
	}
}

static void gemodel_loses_in_both_states_as_asked(void **state)
{
	static const double percents[][4] = {{1, 99, 100, 0}, {10, 90, 100, 0},
					     {1, 10, 100, 0}, {5, 50, 70, 0},
					     {2, 20, 50, 1},  {30, 10, 20, 5}};

	(void)state;
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		const double *p = percents[i];
		double bad = p[0] / (p[0] + p[1]);
		struct netem_options options = {
			.loss = {NETEM_LOSS_GEMODEL, .p = share(p[0]), .r = share(p[1]),
				 .one_h = share(p[2]), .one_k = share(p[3])}};

		draw(&options, 200 + i, is_lost);
		expect_mean("loss gemodel", (bad * p[2] + (1 - bad) * p[3]) / 100);
	}
}

/* Bursts of Simple Gilbert have 1 / r packets in the mean. */
static void gemodel_loses_in_bursts(void **state)
{
	struct netem_options options = {.loss = {NETEM_LOSS_GEMODEL, .p = share(1),
						 .r = share(20), .one_h = NETEM_ALWAYS}};
	uint32_t bursts = 0;

	(void)state;
	draw(&options, 5, is_lost);
	for (size_t i = 1; i < DRAWS; i++)
		bursts += sample.value[i] > sample.value[i - 1];
	/* each burst is geometric: sigma sqrt(1 - r) / r */
	expect_within("packets of a burst", mean() * DRAWS / bursts, 5,
		      sqrt(0.8) / 0.2 / sqrt(bursts));
}

static void marks_have_the_rate_of_losses(void **state)
{
	struct netem_options options = {.loss = {NETEM_LOSS_RANDOM, .random = share(3)},
					.ecn = true};
	struct netem *netem = make(&options, 11);
	struct netem_stats stats;
	struct netem_fate fate;

	(void)state;
	for (uint64_t i = 0; i < DRAWS; i++) {
		struct netem_packet packet = {.length = 100, .ecn_capable = true};

		netem_decide(netem, &packet, &fate);
	}
	netem_get_stats(netem, 0, &stats);
	assert_int_equal(stats.lost, 0);
	expect_rate("ecn", (double)stats.marked / DRAWS, 0.03);
	netem_free(netem);
}

static void duplicates_corruption_and_reordering_have_their_rates(void **state)
{
	static const double percents[] = {0.1, 1, 25};

	(void)state;
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		uint32_t wanted = share(percents[i]);
		struct netem_options options = {.duplicate = wanted};

		draw(&options, 20 + i, is_doubled);
		expect_rate("duplicate", mean(), percents[i] / 100);
		options = (struct netem_options){.corrupt = wanted};
		draw(&options, 30 + i, is_corrupted);
		expect_rate("corrupt", mean(), percents[i] / 100);
		options = (struct netem_options){.reorder = wanted, .delay_ns = 10};
		draw(&options, 40 + i, is_reordered);
		expect_rate("reorder", mean(), percents[i] / 100);
	}
}

/* What is decided of a packet must not tell what else is: lost ones are not duplicated
 * more often than others. */
static void decisions_of_a_packet_are_independent(void **state)
{
	struct netem_options options = {.delay_ns = 10,
					.duplicate = share(20),
					.corrupt = share(20),
					.reorder = share(20)};
	struct netem *netem = make(&options, 50);
	double all = 0, corrupted = 0, reordered = 0;
	struct netem_fate fate;

	(void)state;
	for (uint64_t i = 0; i < DRAWS; i++) {
		struct netem_packet packet = {.now_ns = i * SECOND, .length = 100};

		netem_decide(netem, &packet, &fate);
		corrupted += fate.copies == 2 && fate.copy[0].corrupted;
		reordered += fate.copy[0].reordered && fate.copy[0].corrupted;
		all += fate.copies == 2 && fate.copy[0].corrupted &&
		       fate.copy[1].corrupted;
	}
	expect_rate("doubled and corrupted", corrupted / DRAWS, 0.04);
	expect_rate("reordered and corrupted", reordered / DRAWS, 0.04);
	expect_rate("both copies corrupted", all / DRAWS, 0.008);
	netem_free(netem);
}

static void each_bit_is_corrupted_as_often(void **state)
{
	struct netem_options options = {.corrupt = NETEM_ALWAYS};
	struct netem *netem = make(&options, 60);
	uint32_t hits[64] = {0};
	struct netem_fate fate;

	(void)state;
	for (uint64_t i = 0; i < DRAWS; i++) {
		struct netem_packet packet = {.length = 8};

		netem_decide(netem, &packet, &fate);
		hits[netem_corrupt_bit(&fate.copy[0], 64)]++;
	}
	/* 4.2 sigmas: of 64 bits all are within the band in 99.9 % of cases, too */
	for (size_t i = 0; i < 64; i++)
		expect_within("a bit", (double)hits[i] / DRAWS, 1 / 64.0,
			      4.2 / BAND * sqrt(63 / 64.0 / 64.0 / DRAWS));
	netem_free(netem);
}

static const double correlations[] = {10, 25, 50, 90};

/* netem's formula makes a row of the first order: neighbours have the correlation that
 * was asked for, and the spread is sqrt((1 - rho) / (1 + rho)) of the uniform one. */
static void numbers_are_correlated_as_asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(correlations) / sizeof(correlations[0]); i++) {
		double rho = correlations[i] / 100;
		struct netem_random random = {i};
		struct netem_correlated numbers;

		netem_correlated_begin(&numbers, share(correlations[i]), &random);
		for (size_t j = 0; j < DRAWS; j++)
			sample.value[j] =
				netem_correlated_next(&numbers, &random) * 0x1p-32;
		expect_within("autocorrelation", autocorrelation(), rho,
			      sqrt((1 - rho * rho) / DRAWS));
		expect_mean("mean", 0.5);
		assert_true(fabs(sigma() / sqrt((1 - rho) / (1 + rho) / 12) - 1) < 0.01);
	}
}

static void numbers_are_independent_otherwise(void **state)
{
	struct netem_random random = {77};
	struct netem_correlated numbers;

	(void)state;
	netem_correlated_begin(&numbers, 0, &random);
	for (size_t i = 0; i < DRAWS; i++)
		sample.value[i] = netem_correlated_next(&numbers, &random) * 0x1p-32;
	expect_within("autocorrelation", autocorrelation(), 0, sqrt(1.0 / DRAWS));
	expect_mean("mean", 0.5);
}

static void correlated_delays_resemble_the_one_before(void **state)
{
	(void)state;
	for (int kind = NETEM_UNIFORM; kind <= NETEM_NORMAL; kind++) {
		for (size_t i = 0; i < sizeof(correlations) / sizeof(correlations[0]);
		     i++) {
			struct netem_options options = {
				.delay_ns = 100 * MS,
				.jitter_ns = 10 * MS,
				.delay_correlation = share(correlations[i]),
				.distribution = (enum netem_distribution)kind};
			double rho = correlations[i] / 100;

			draw(&options, i, delay);
			expect_mean("mean delay", 100.0 * MS);
			/* a table is no straight line, and bends it a little */
			assert_true(fabs(autocorrelation() - rho) <
				    (kind == NETEM_UNIFORM ? 0.004 : 0.03));
		}
	}
}

static void correlated_events_come_together(void **state)
{
	struct netem_options options = {.loss = {NETEM_LOSS_RANDOM, .random = share(30),
						 .correlation = share(50)}};

	(void)state;
	draw(&options, 3, is_lost);
	assert_true(autocorrelation() > 0.2);
	options.loss.correlation = 0;
	draw(&options, 3, is_lost);
	expect_within("autocorrelation", autocorrelation(), 0, sqrt(1.0 / DRAWS));
}

/* The sigma's own band, from the squares: those of a heavy tail vary a lot. */
static void expect_sigma(double wanted)
{
	double middle = mean();

	for (size_t i = 0; i < DRAWS; i++)
		sample.value[i] = (sample.value[i] - middle) *
				  (sample.value[i] - middle) / (wanted * wanted);
	expect_mean("variance", 1);
}

static double at_most(double limit)
{
	size_t count = 0;

	for (size_t i = 0; i < DRAWS; i++)
		count += sample.value[i] <= limit;
	return (double)count / DRAWS;
}

/* 100 ms and 10 ms; Pareto's shares are of P(X <= x) = 1 - x^-3 a sigma around its mean,
 * within two hundredths: its table ends where the definition does not. */
static const struct {
	enum netem_distribution distribution;
	double sigma, below_minus, below_0, below_plus, slack;
} shapes[] = {
	{NETEM_UNIFORM, 0.57735, 0, 0.5, 1, 0},
	{NETEM_NORMAL, 1, 0.158655, 0.5, 0.841345, 0.0002},
	{NETEM_PARETO, 1, 0, 0.703704, 0.924623, 0.02},
};

static void delays_have_the_mean_and_the_spread_of_their_distribution(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct netem_options options = {.delay_ns = 100 * MS,
						.jitter_ns = 10 * MS,
						.distribution = shapes[i].distribution};
		double noise = shapes[i].slack + BAND * 0.0005;

		draw(&options, 300 + i, delay);
		expect_mean("mean delay", 100.0 * MS);
		assert_true(fabs(at_most(90.0 * MS - 1) - shapes[i].below_minus) < noise);
		assert_true(fabs(at_most(100.0 * MS) - shapes[i].below_0) < noise);
		assert_true(fabs(at_most(110.0 * MS) - shapes[i].below_plus) < noise);
		expect_sigma(shapes[i].sigma * 10 * MS);
	}
}

static void a_mixed_delay_is_between_both(void **state)
{
	struct netem_options options = {.delay_ns = 100 * MS,
					.jitter_ns = 10 * MS,
					.distribution = NETEM_PARETONORMAL};

	(void)state;
	draw(&options, 9, delay);
	expect_mean("mean delay", 100.0 * MS);
	assert_true(at_most(90.0 * MS) > 0.01 && at_most(90.0 * MS) < 0.15);
	assert_true(at_most(100.0 * MS) > 0.55 && at_most(100.0 * MS) < 0.70);
	expect_sigma(10.0 * MS);
}

static void jitter_reorders_and_no_delay_is_negative(void **state)
{
	struct netem_options options = {.delay_ns = 5 * MS, .jitter_ns = 10 * MS};
	size_t late = 0, none = 0;

	(void)state;
	draw(&options, 13, delay);
	for (size_t i = 1; i < DRAWS; i++) {
		late += sample.value[i - 1] > sample.value[i] + MS;
		none += sample.value[i] == 0;
		assert_true(sample.value[i] >= 0 && sample.value[i] <= 15.0 * MS);
	}
	assert_true(late > DRAWS / 4);
	expect_rate("cut at 0", (double)none / DRAWS, 0.25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(losses_at_random_have_the_rate_asked_for),
		cmocka_unit_test(the_state_machine_loses_what_its_balance_says),
		cmocka_unit_test(gemodel_loses_in_both_states_as_asked),
		cmocka_unit_test(gemodel_loses_in_bursts),
		cmocka_unit_test(marks_have_the_rate_of_losses),
		cmocka_unit_test(duplicates_corruption_and_reordering_have_their_rates),
		cmocka_unit_test(decisions_of_a_packet_are_independent),
		cmocka_unit_test(each_bit_is_corrupted_as_often),
		cmocka_unit_test(numbers_are_correlated_as_asked),
		cmocka_unit_test(numbers_are_independent_otherwise),
		cmocka_unit_test(correlated_delays_resemble_the_one_before),
		cmocka_unit_test(correlated_events_come_together),
		cmocka_unit_test(
			delays_have_the_mean_and_the_spread_of_their_distribution),
		cmocka_unit_test(a_mixed_delay_is_between_both),
		cmocka_unit_test(jitter_reorders_and_no_delay_is_negative),
	};

	return cmocka_run_group_tests_name("policy netem statistics", tests, NULL, NULL);
}

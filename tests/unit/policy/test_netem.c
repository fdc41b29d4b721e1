/* SPDX-License-Identifier: MIT */
/* The shaper's exact meaning: what needs no statistics. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/netem.h"
#include "policy/netem_distribution.h"

#define MS 1000000ull
#define SECOND (1000 * MS)
#define PERCENT (NETEM_ALWAYS / 100)
#define MBIT 125000u /* bytes a second */

static struct netem *make(const struct netem_options *options, uint64_t seed)
{
	struct netem *netem;

	assert_null(netem_options_error(options));
	assert_int_equal(netem_new(&netem, options, seed), 0);
	return netem;
}

static struct netem_fate decide(struct netem *netem, uint64_t now_ns, uint32_t length)
{
	struct netem_packet packet = {.now_ns = now_ns, .length = length};
	struct netem_fate fate;

	memset(&fate, 0xa5, sizeof(fate));
	netem_decide(netem, &packet, &fate);
	return fate;
}

/* The one copy's delay. */
static uint64_t delay_of(struct netem *netem, uint64_t now_ns, uint32_t length)
{
	struct netem_fate fate = decide(netem, now_ns, length);

	assert_int_equal(fate.copies, 1);
	assert_false(fate.lost);
	return fate.copy[0].delay_ns;
}

static struct netem_stats stats_of(struct netem *netem, uint64_t now_ns)
{
	struct netem_stats stats;

	netem_get_stats(netem, now_ns, &stats);
	return stats;
}

static const struct {
	struct netem_options options;
	const char *words;
} refused[] = {
	{{.ecn = true}, "ecn needs a loss"},
	{{.loss.model = NETEM_LOSS_GEMODEL + 1}, "loss model"},
	{{.loss = {NETEM_LOSS_STATE, .p13 = 60 * PERCENT, .p14 = 41 * PERCENT}}, "p14"},
	{{.loss = {NETEM_LOSS_STATE, .p31 = 60 * PERCENT, .p32 = 41 * PERCENT}}, "p32"},
	{{.delay_ns = NETEM_TIME_MAX_NS + 1}, "an hour"},
	{{.jitter_ns = NETEM_TIME_MAX_NS + 1}, "an hour"},
	{{.distribution = NETEM_PARETONORMAL + 1}, "distribution"},
	{{.delay_ns = 1, .distribution = NETEM_NORMAL}, "needs a delay with a jitter"},
	{{.reorder = 1}, "reorder needs a delay"},
	{{.gap = 2, .jitter_ns = 1}, "reorder needs a delay"},
	{{.rate = 1, .packet_overhead = -65536}, "65535 bytes"},
	{{.rate = 1, .cell_size = 65536}, "65535 bytes"},
	{{.rate = 1, .cell_overhead = 65536}, "65535 bytes"},
	{{.rate = 1, .cell_size = 48, .cell_overhead = -48}, "no bytes left"},
	{{.limit = NETEM_LIMIT_MAX + 1}, "1000000 packets"},
};

static void options_without_a_meaning_are_refused(void **state)
{
	struct netem *netem;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *error = netem_options_error(&refused[i].options);

		assert_non_null(error);
		assert_non_null(strstr(error, refused[i].words));
		assert_int_equal(netem_new(&netem, &refused[i].options, 1), -EINVAL);
		assert_null(netem);
	}
}

static void percentages_that_were_rounded_up_are_accepted(void **state)
{
	struct netem_options options = {
		.loss = {NETEM_LOSS_STATE, .p13 = 0x80000000u, .p14 = 0x80000000u}};

	(void)state;
	netem_free(make(&options, 1));
}

static void without_options_packets_go_on_at_once(void **state)
{
	struct netem_options options = {0};
	struct netem *netem = make(&options, 1);

	(void)state;
	for (uint64_t now = 0; now < 100; now++) {
		struct netem_fate fate = decide(netem, now, 1500);

		assert_int_equal(fate.copies, 1);
		assert_int_equal(fate.copy[0].delay_ns, 0);
		assert_false(fate.lost || fate.overlimit || fate.copy[0].marked ||
			     fate.copy[0].reordered || fate.copy[0].corrupted);
	}
	assert_int_equal(stats_of(netem, 100).packets, 100);
	assert_int_equal(stats_of(netem, 100).bytes, 150000);
	assert_int_equal(stats_of(netem, 100).delayed, 0);
	netem_free(netem);
}

static void a_delay_is_the_one_asked_for(void **state)
{
	struct netem_options options = {.delay_ns = 10 * MS};
	struct netem *netem = make(&options, 1);

	(void)state;
	for (uint64_t now = 0; now < 100 * MS; now += MS)
		assert_int_equal(delay_of(netem, now, 100), 10 * MS);
	netem_free(netem);
}

static void without_jitter_the_order_is_kept_though_the_clock_goes_back(void **state)
{
	struct netem_options options = {.delay_ns = 10 * MS};
	struct netem *netem = make(&options, 1);

	(void)state;
	assert_int_equal(delay_of(netem, 1000, 100), 10 * MS);
	assert_int_equal(delay_of(netem, 900, 100), 10 * MS + 100);
	assert_int_equal(delay_of(netem, 1001, 100), 10 * MS);
	netem_free(netem);
}

static void a_rate_spaces_packets_to_the_nanosecond(void **state)
{
	struct netem_options options = {.rate = MBIT};
	struct netem *netem = make(&options, 1);

	(void)state;
	/* 1000 bytes are 8 ms, one is 8 us */
	assert_int_equal(delay_of(netem, 0, 1000), 8 * MS);
	assert_int_equal(delay_of(netem, 0, 1000), 16 * MS);
	assert_int_equal(delay_of(netem, 3 * MS, 1), 13 * MS + 8000);
	/* the line is free */
	assert_int_equal(delay_of(netem, SECOND, 500), 4 * MS);
	assert_int_equal(delay_of(netem, SECOND + 4 * MS, 500), 4 * MS);
	assert_int_equal(delay_of(netem, SECOND + 8 * MS - 1, 500), 4 * MS + 1);
	netem_free(netem);
}

static void a_rate_that_does_not_divide_rounds_down(void **state)
{
	struct netem_options options = {.rate = 3};
	struct netem *netem = make(&options, 1);

	(void)state;
	assert_int_equal(delay_of(netem, 0, 1), SECOND / 3);
	assert_int_equal(delay_of(netem, 0, 1), 2 * (SECOND / 3));
	netem_free(netem);
}

static void a_rate_begins_where_the_delay_ends(void **state)
{
	struct netem_options options = {.rate = MBIT, .delay_ns = 10 * MS};
	struct netem *netem = make(&options, 1);

	(void)state;
	assert_int_equal(delay_of(netem, 0, 1000), 18 * MS);
	assert_int_equal(delay_of(netem, 5 * MS, 1000), 21 * MS); /* at 18, until 26 */
	assert_int_equal(delay_of(netem, 30 * MS, 1000), 18 * MS);
	netem_free(netem);
}

static const struct {
	int32_t packet_overhead;
	uint32_t cell_size;
	int32_t cell_overhead;
	uint32_t length, wire;
} on_the_wire[] = {
	{0, 0, 0, 1500, 1500},
	{14, 0, 0, 1500, 1514},
	{-14, 0, 0, 1500, 1486},
	{-14, 0, 0, 10, 0},  /* never below nothing */
	{0, 48, 5, 50, 106}, /* tc-netem(8)'s example */
	{0, 48, 5, 48, 53},
	{0, 48, 5, 49, 106},
	{-2, 48, 5, 50, 53},
	{20, 100, 5, 80, 105},
	{20, 100, 5, 81, 210},
	{0, 48, -8, 96, 80},
	{0, 65535, 65535, 65535, 131070},
};

static void overheads_and_cells_count_as_in_netem(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(on_the_wire) / sizeof(on_the_wire[0]); i++) {
		struct netem_options options = {
			.rate = SECOND / 1000, /* a microsecond a byte */
			.packet_overhead = on_the_wire[i].packet_overhead,
			.cell_size = on_the_wire[i].cell_size,
			.cell_overhead = on_the_wire[i].cell_overhead,
		};
		struct netem *netem = make(&options, 1);

		assert_int_equal(delay_of(netem, 0, on_the_wire[i].length),
				 on_the_wire[i].wire * 1000ull);
		netem_free(netem);
	}
}

static void jitter_does_not_reorder_what_a_rate_puts_in_line(void **state)
{
	struct netem_options options = {
		.rate = 100 * MBIT, .delay_ns = 5 * MS, .jitter_ns = 5 * MS};
	struct netem *netem = make(&options, 7);
	uint64_t last = 0;

	(void)state;
	for (uint64_t now = 0; now < SECOND; now += MS) {
		uint64_t at = now + delay_of(netem, now, 125);

		assert_true(at >= last + 10000); /* its 125 bytes */
		last = at;
	}
	netem_free(netem);
}

static void nothing_waits_for_longer_than_a_day(void **state)
{
	struct netem_options options = {.rate = 1};
	struct netem *netem = make(&options, 1);
	uint64_t now = (1ull << 63) - 1;

	(void)state;
	assert_int_equal(delay_of(netem, now, 65535), 65535 * SECOND);
	for (int i = 0; i < 20; i++)
		assert_int_equal(delay_of(netem, now, UINT32_MAX), NETEM_DELAY_MAX_NS);
	netem_free(netem);
}

static void with_a_gap_each_nth_packet_is_reordered(void **state)
{
	for (uint32_t gap = 1; gap < 7; gap++) {
		struct netem_options options = {.delay_ns = 10 * MS, .gap = gap};
		struct netem *netem = make(&options, 1);

		for (uint32_t i = 1; i <= 60; i++) {
			struct netem_fate fate = decide(netem, i * MS, 100);

			assert_int_equal(fate.copy[0].reordered, i % gap == 0);
			assert_int_equal(fate.copy[0].delay_ns, i % gap ? 10 * MS : 0);
		}
		assert_int_equal(stats_of(netem, 0).reordered, 60 / gap);
		netem_free(netem);
	}
	(void)state;
}

/* With a gap of 5 at least four are in order after a reordered one. */
static void a_gap_is_the_least_distance(void **state)
{
	struct netem_options options = {
		.delay_ns = MS, .reorder = 30 * PERCENT, .gap = 5};
	struct netem *netem = make(&options, 5);
	uint32_t since = 0, reordered = 0;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++, since++) {
		if (!decide(netem, i * MS, 100).copy[0].reordered)
			continue;
		assert_true(since >= 4);
		since = UINT32_MAX;
		reordered++;
	}
	assert_in_range(reordered, 1100, 1500); /* 4 + 1 / 0.3 packets apart: 1364 */
	netem_free(netem);
}

static void a_reordered_packet_does_not_wait_for_the_rate(void **state)
{
	struct netem_options options = {.delay_ns = 10 * MS, .rate = MBIT, .gap = 2};
	struct netem *netem = make(&options, 1);

	(void)state;
	assert_int_equal(delay_of(netem, 0, 1000), 18 * MS);
	assert_int_equal(delay_of(netem, 0, 1000), 0);
	assert_int_equal(delay_of(netem, 0, 1000), 26 * MS); /* nor does it take part */
	netem_free(netem);
}

static void no_more_wait_than_the_limit_says(void **state)
{
	struct netem_options options = {.delay_ns = 10, .limit = 3};
	struct netem *netem = make(&options, 1);
	struct netem_fate fate;

	(void)state;
	for (uint64_t now = 0; now < 3; now++)
		assert_int_equal(delay_of(netem, now, 100), 10);
	for (uint64_t now = 3; now < 10; now++) {
		fate = decide(netem, now, 100);
		assert_int_equal(fate.copies, 0);
		assert_true(fate.overlimit);
		assert_false(fate.lost);
	}
	assert_int_equal(delay_of(netem, 10, 100), 10); /* the first has just left */
	assert_int_equal(decide(netem, 10, 100).copies, 0);
	assert_int_equal(stats_of(netem, 10).backlog, 3);
	assert_int_equal(stats_of(netem, 10).overlimit, 8);
	assert_int_equal(stats_of(netem, 12).backlog, 1);
	assert_int_equal(stats_of(netem, 20).backlog, 0);
	netem_free(netem);
}

static void the_limit_is_1000_unless_told(void **state)
{
	struct netem_options options = {.delay_ns = SECOND};
	struct netem *netem = make(&options, 1);
	uint32_t passed = 0;

	(void)state;
	for (int i = 0; i < 2000; i++)
		passed += decide(netem, 0, 100).copies;
	assert_int_equal(passed, 1000);
	netem_free(netem);
}

static void a_duplicate_keeps_to_the_limit(void **state)
{
	struct netem_options options = {
		.delay_ns = 10, .duplicate = NETEM_ALWAYS, .limit = 3};
	struct netem *netem = make(&options, 1);
	struct netem_fate fate;

	(void)state;
	assert_int_equal(decide(netem, 0, 100).copies, 2);
	fate = decide(netem, 0, 100);
	assert_int_equal(fate.copies, 1);
	assert_false(fate.overlimit); /* the packet itself was not */
	fate = decide(netem, 0, 100);
	assert_int_equal(fate.copies, 0);
	assert_true(fate.overlimit);
	assert_int_equal(stats_of(netem, 0).overlimit, 2);
	assert_int_equal(stats_of(netem, 0).duplicated, 1);
	netem_free(netem);
}

/* Departures in any order, held against a plain list of them. */
static void the_backlog_is_what_has_not_left(void **state)
{
	struct netem_options options = {
		.delay_ns = 50000, .jitter_ns = 50000, .limit = 300};
	struct netem *netem = make(&options, 3);
	static uint64_t leaves[20000];
	uint32_t count = 0, full = 0;

	(void)state;
	for (uint64_t now = 0; now < 3000000; now += 150) {
		struct netem_fate fate = decide(netem, now, 100);
		uint32_t waiting = 0;

		if (fate.copies)
			leaves[count++] = now + fate.copy[0].delay_ns;
		for (uint32_t i = 0; i < count; i++)
			waiting += leaves[i] > now;
		assert_int_equal(stats_of(netem, now).backlog, waiting);
		assert_true(waiting <= 300);
		assert_true(!fate.overlimit || waiting == 300);
		full += fate.overlimit;
	}
	assert_true(full > 100);
	netem_free(netem);
}

static void everything_is_lost_at_100_percent_and_nothing_at_0(void **state)
{
	static const struct netem_loss_options always[] = {
		{NETEM_LOSS_RANDOM, .random = NETEM_ALWAYS},
		{NETEM_LOSS_RANDOM, .random = NETEM_ALWAYS, .correlation = 25 * PERCENT},
		{NETEM_LOSS_STATE, .p13 = NETEM_ALWAYS, .p23 = NETEM_ALWAYS},
		{NETEM_LOSS_GEMODEL, .one_h = NETEM_ALWAYS, .one_k = NETEM_ALWAYS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		struct netem_options options = {.loss = always[i]};
		struct netem_options none = {.loss.model = always[i].model};
		struct netem *all = make(&options, i), *nothing = make(&none, i);

		for (int j = 0; j < 10000; j++) {
			struct netem_fate fate = decide(all, 0, 100);

			assert_true(fate.lost && !fate.copies && !fate.overlimit);
			assert_int_equal(decide(nothing, 0, 100).copies, 1);
		}
		assert_int_equal(stats_of(all, 0).lost, 10000);
		netem_free(all);
		netem_free(nothing);
	}
}

/* Models whose way is certain; L is lost. */
static const struct {
	struct netem_loss_options loss;
	const char *fates;
} ways[] = {
	{{NETEM_LOSS_STATE, .p14 = NETEM_ALWAYS}, "L.L.L.L."},
	{{NETEM_LOSS_STATE, .p13 = NETEM_ALWAYS, .p31 = NETEM_ALWAYS}, "L.L.L.L."},
	{{NETEM_LOSS_STATE, .p13 = NETEM_ALWAYS}, "LLLLLLLL"},
	{{NETEM_LOSS_STATE, .p13 = NETEM_ALWAYS, .p32 = NETEM_ALWAYS}, "L......."},
	{{NETEM_LOSS_STATE, .p13 = NETEM_ALWAYS, .p32 = NETEM_ALWAYS,
	  .p23 = NETEM_ALWAYS},
	 "L.L.L.L."},
	{{NETEM_LOSS_GEMODEL, .p = NETEM_ALWAYS, .r = NETEM_ALWAYS,
	  .one_h = NETEM_ALWAYS},
	 ".L.L.L.L"},
	{{NETEM_LOSS_GEMODEL, .p = NETEM_ALWAYS, .one_h = NETEM_ALWAYS}, ".LLLLLLL"},
	{{NETEM_LOSS_GEMODEL, .p = NETEM_ALWAYS, .one_k = NETEM_ALWAYS}, "L......."},
};

static void loss_models_go_from_state_to_state_as_netem_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct netem_options options = {.loss = ways[i].loss};
		struct netem *netem = make(&options, 1);
		char fates[9] = "";

		for (int j = 0; j < 8; j++)
			fates[j] = decide(netem, 0, 100).lost ? 'L' : '.';
		assert_string_equal(fates, ways[i].fates);
		netem_free(netem);
	}
}

static void with_ecn_who_understands_it_is_marked_and_not_lost(void **state)
{
	struct netem_options options = {
		.loss = {NETEM_LOSS_RANDOM, .random = NETEM_ALWAYS}, .ecn = true};
	struct netem *netem = make(&options, 1);
	struct netem_packet packet = {.length = 100, .ecn_capable = true};
	struct netem_fate fate;

	(void)state;
	netem_decide(netem, &packet, &fate);
	assert_int_equal(fate.copies, 1);
	assert_true(fate.copy[0].marked && !fate.lost);
	packet.ecn_capable = false;
	netem_decide(netem, &packet, &fate);
	assert_true(fate.lost && !fate.copies);
	assert_int_equal(stats_of(netem, 0).marked, 1);
	assert_int_equal(stats_of(netem, 0).lost, 1);
	netem_free(netem);
}

static void a_duplicate_has_a_delay_of_its_own(void **state)
{
	struct netem_options options = {
		.delay_ns = 10 * MS, .jitter_ns = 5 * MS, .duplicate = NETEM_ALWAYS};
	struct netem *netem = make(&options, 1);
	uint32_t different = 0;

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		struct netem_fate fate = decide(netem, i * SECOND, 100);

		assert_int_equal(fate.copies, 2);
		different += fate.copy[0].delay_ns != fate.copy[1].delay_ns;
	}
	assert_true(different > 95);
	assert_int_equal(stats_of(netem, 0).duplicated, 100);
	netem_free(netem);
}

static void a_duplicate_leaves_after_the_packet(void **state)
{
	struct netem_options options = {.rate = MBIT, .duplicate = NETEM_ALWAYS};
	struct netem *netem = make(&options, 1);
	struct netem_fate fate = decide(netem, 0, 1000);

	(void)state;
	assert_int_equal(fate.copy[0].delay_ns, 8 * MS);
	assert_int_equal(fate.copy[1].delay_ns, 16 * MS);
	netem_free(netem);
}

/* One is made and one is lost. Source: netem_enqueue(), `count`. What comes next would
 * not be lost, so that a second copy would be seen. */
static void a_packet_lost_and_duplicated_goes_on_once(void **state)
{
	struct netem_options options = {.loss = {NETEM_LOSS_STATE, .p14 = NETEM_ALWAYS},
					.ecn = true,
					.duplicate = NETEM_ALWAYS};
	struct netem *netem = make(&options, 1);
	struct netem_fate fate = decide(netem, 0, 100);

	(void)state;
	assert_int_equal(fate.copies, 1);
	assert_false(fate.lost || fate.copy[0].marked);
	assert_int_equal(stats_of(netem, 0).lost, 0);
	assert_int_equal(stats_of(netem, 0).duplicated, 0);
	netem_free(netem);
}

static void what_is_not_delayed_does_not_wait(void **state)
{
	struct netem_options options = {.duplicate = NETEM_ALWAYS, .limit = 1};
	struct netem *netem = make(&options, 1);

	(void)state;
	assert_int_equal(decide(netem, 0, 100).copies, 2);
	assert_int_equal(stats_of(netem, 0).backlog, 0);
	netem_free(netem);
}

/* The first packet goes on, and all that comes after it is lost. */
static void a_duplicate_may_be_lost_by_itself(void **state)
{
	struct netem_options options = {
		.loss = {NETEM_LOSS_GEMODEL, .p = NETEM_ALWAYS, .one_h = NETEM_ALWAYS},
		.duplicate = NETEM_ALWAYS};
	struct netem *netem = make(&options, 1);
	struct netem_fate fate = decide(netem, 0, 100);

	(void)state;
	assert_int_equal(fate.copies, 1);
	assert_false(fate.lost);
	assert_int_equal(stats_of(netem, 0).lost, 1);
	assert_int_equal(stats_of(netem, 0).duplicated, 0);
	netem_free(netem);
}

static void a_corrupted_bit_is_one_of_the_packet(void **state)
{
	static const uint32_t numbers[] = {0, 1, 0x7fffffff, 0x80000000, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct netem_copy copy = {.random = numbers[i]};

		assert_int_equal(netem_corrupt_bit(&copy, 0), 0);
		assert_int_equal(netem_corrupt_bit(&copy, 1), 0);
		assert_true(netem_corrupt_bit(&copy, 12000) < 12000);
	}
	assert_int_equal(
		netem_corrupt_bit(&(struct netem_copy){.random = UINT32_MAX}, 12000),
		11999);
}

static const struct netem_options everything = {
	.delay_ns = 10 * MS,
	.jitter_ns = 3 * MS,
	.delay_correlation = 25 * PERCENT,
	.distribution = NETEM_PARETONORMAL,
	.loss = {NETEM_LOSS_STATE, .p13 = 5 * PERCENT, .p31 = 50 * PERCENT,
		 .p32 = 10 * PERCENT, .p23 = 30 * PERCENT, .p14 = PERCENT},
	.ecn = true,
	.duplicate = 5 * PERCENT,
	.duplicate_correlation = 10 * PERCENT,
	.corrupt = 5 * PERCENT,
	.corrupt_correlation = 10 * PERCENT,
	.reorder = 10 * PERCENT,
	.reorder_correlation = 10 * PERCENT,
	.gap = 3,
	.rate = 10 * MBIT,
	.packet_overhead = 14,
	.cell_size = 48,
	.cell_overhead = 5,
	.limit = 50,
};

/* The fates of 10,000 packets, as one number. */
static uint64_t fingerprint(uint64_t seed)
{
	struct netem *netem = make(&everything, seed);
	uint64_t sum = 0;

	for (uint64_t i = 0; i < 10000; i++) {
		struct netem_packet packet = {i * MS, (uint32_t)(i % 1500), i & 1};
		struct netem_fate fate;

		netem_decide(netem, &packet, &fate);
		for (uint32_t j = 0; j < fate.copies; j++)
			sum = sum * 31 + fate.copy[j].delay_ns + fate.copy[j].random +
			      fate.copy[j].marked;
		sum = sum * 31 + fate.copies;
	}
	netem_free(netem);
	return sum;
}

static void the_same_seed_brings_the_same_fates(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 5; seed++) {
		assert_true(fingerprint(seed) == fingerprint(seed));
		assert_true(fingerprint(seed) != fingerprint(seed + 1));
	}
}

static void every_packet_is_accounted_for(void **state)
{
	struct netem *netem = make(&everything, 9);
	uint64_t copies = 0, lost = 0, over = 0, doubled = 0, i;
	struct netem_stats stats;

	(void)state;
	for (i = 0; i < 100000; i++) {
		struct netem_fate fate = decide(netem, i * MS / 10, 1000);

		copies += fate.copies;
		lost += fate.lost;
		over += fate.overlimit;
		doubled += fate.copies == 2;
		assert_int_equal(fate.copies == 0, fate.lost || fate.overlimit);
	}
	stats = stats_of(netem, i * MS / 10);
	assert_int_equal(stats.packets, i);
	assert_int_equal(stats.packets + stats.duplicated, copies + lost + over);
	assert_int_equal(stats.duplicated, doubled);
	assert_true(stats.lost > lost && stats.overlimit > over); /* duplicates, too */
	assert_int_equal(stats.delayed + stats.reordered, copies);
	netem_free(netem);
}

/* Quantiles of the normal distribution from any table of it; the parts of Pareto's. */
static void tables_have_the_values_of_their_definitions(void **state)
{
	static const double normal[][2] = {{0.5, 0},          {0.841345, 1},
					   {0.975, 1.959964}, {0.99, 2.326348},
					   {0.158655, -1},    {0.001350, -3}};
	struct netem_table *table;

	(void)state;
	assert_int_equal(netem_table_new(&table, NETEM_NORMAL), 0);
	for (size_t i = 0; i < sizeof(normal) / sizeof(normal[0]); i++) {
		double found = netem_deviation(table, (uint32_t)(normal[i][0] * 0x1p32));

		assert_true(found - normal[i][1] < 0.04 && normal[i][1] - found < 0.04);
	}
	netem_table_free(table);
	assert_int_equal(netem_table_new(&table, NETEM_PARETO), 0);
	assert_true(netem_deviation(table, 0) > -0.65 &&
		    netem_deviation(table, 0) < -0.55);
	assert_true(netem_deviation(table, UINT32_MAX) > 20);
	assert_true(netem_deviation(table, UINT32_MAX) < 24);
	netem_table_free(table);
}

static void tables_grow_with_the_number(void **state)
{
	struct netem_table *table;

	(void)state;
	for (int kind = NETEM_UNIFORM; kind <= NETEM_PARETONORMAL; kind++) {
		double last = -100;

		assert_int_equal(netem_table_new(&table, (enum netem_distribution)kind),
				 0);
		for (uint32_t i = 0; i < 4096; i++) {
			double value = netem_deviation(table, i << 20);

			assert_true(value > last);
			last = value;
		}
		netem_table_free(table);
	}
	assert_int_equal(netem_table_new(&table, NETEM_PARETONORMAL + 1), -EINVAL);
	assert_null(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_without_a_meaning_are_refused),
		cmocka_unit_test(percentages_that_were_rounded_up_are_accepted),
		cmocka_unit_test(without_options_packets_go_on_at_once),
		cmocka_unit_test(a_delay_is_the_one_asked_for),
		cmocka_unit_test(
			without_jitter_the_order_is_kept_though_the_clock_goes_back),
		cmocka_unit_test(a_rate_spaces_packets_to_the_nanosecond),
		cmocka_unit_test(a_rate_that_does_not_divide_rounds_down),
		cmocka_unit_test(a_rate_begins_where_the_delay_ends),
		cmocka_unit_test(overheads_and_cells_count_as_in_netem),
		cmocka_unit_test(jitter_does_not_reorder_what_a_rate_puts_in_line),
		cmocka_unit_test(nothing_waits_for_longer_than_a_day),
		cmocka_unit_test(with_a_gap_each_nth_packet_is_reordered),
		cmocka_unit_test(a_gap_is_the_least_distance),
		cmocka_unit_test(a_reordered_packet_does_not_wait_for_the_rate),
		cmocka_unit_test(no_more_wait_than_the_limit_says),
		cmocka_unit_test(the_limit_is_1000_unless_told),
		cmocka_unit_test(a_duplicate_keeps_to_the_limit),
		cmocka_unit_test(the_backlog_is_what_has_not_left),
		cmocka_unit_test(everything_is_lost_at_100_percent_and_nothing_at_0),
		cmocka_unit_test(loss_models_go_from_state_to_state_as_netem_does),
		cmocka_unit_test(with_ecn_who_understands_it_is_marked_and_not_lost),
		cmocka_unit_test(a_duplicate_has_a_delay_of_its_own),
		cmocka_unit_test(a_duplicate_leaves_after_the_packet),
		cmocka_unit_test(a_packet_lost_and_duplicated_goes_on_once),
		cmocka_unit_test(what_is_not_delayed_does_not_wait),
		cmocka_unit_test(a_duplicate_may_be_lost_by_itself),
		cmocka_unit_test(a_corrupted_bit_is_one_of_the_packet),
		cmocka_unit_test(the_same_seed_brings_the_same_fates),
		cmocka_unit_test(every_packet_is_accounted_for),
		cmocka_unit_test(tables_have_the_values_of_their_definitions),
		cmocka_unit_test(tables_grow_with_the_number),
	};

	return cmocka_run_group_tests_name("policy netem", tests, NULL, NULL);
}

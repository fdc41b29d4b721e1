/* SPDX-License-Identifier: MIT */
/*
 * Options and a row of packets from the input, decided by two shapers of one seed. Both
 * say the same, no copy waits longer than it may, what keeps its order is in order, no
 * more wait than the limit says, and the counts are those of the fates.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/netem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 16 /* small ones are met soon */
#define SIGMAS 25
#define COPIES_MAX 128

struct input {
	const uint8_t *data;
	size_t left;
};

struct check {
	struct netem_options options;
	struct netem *one, *other;
	uint64_t last_ns; /* when the last one leaves that keeps its order */
	uint64_t leaves_ns[COPIES_MAX]; /* of all copies */
	uint32_t copies;
	struct netem_stats counted;
};

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static uint64_t take(struct input *input, uint32_t bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0 && input->left > 0) {
		value = value << 8 | *input->data++;
		input->left--;
	}
	return value;
}

/* Mostly the ends and the middle, where things happen: 0, 100 %, or sixteenths. */
static uint32_t take_probability(struct input *input)
{
	uint32_t pick = (uint32_t)take(input, 1);

	if (pick < 64)
		return 0;
	if (pick == 255)
		return (uint32_t)take(input, 4);
	return pick % 16 == 15 ? NETEM_ALWAYS : pick % 16 << 28;
}

/* A few bits and a shift: of any size, small ones as often as large ones. */
static uint64_t take_time(struct input *input)
{
	uint32_t pick = (uint32_t)take(input, 2);

	return (uint64_t)(pick & 0x3ff) << (pick >> 10 & 0x1f);
}

static void take_loss(struct input *input, struct netem_loss_options *loss)
{
	loss->model = (enum netem_loss_model)(take(input, 1) % 5);
	switch (loss->model) {
	case NETEM_LOSS_RANDOM:
		loss->random = take_probability(input);
		loss->correlation = take_probability(input);
		break;
	case NETEM_LOSS_STATE:
		loss->p13 = take_probability(input);
		loss->p31 = take_probability(input);
		loss->p32 = take_probability(input);
		loss->p23 = take_probability(input);
		loss->p14 = take_probability(input);
		break;
	default:
		loss->p = take_probability(input);
		loss->r = take_probability(input);
		loss->one_h = take_probability(input);
		loss->one_k = take_probability(input);
	}
}

static void take_rate(struct input *input, struct netem_options *options)
{
	options->rate = take_time(input);
	options->packet_overhead = (int32_t)(int16_t)take(input, 2);
	options->cell_size = (uint32_t)take(input, 2);
	options->cell_overhead = (int32_t)(int16_t)take(input, 2);
	if (options->rate % 7 == 6)
		options->rate = take(input, 8);
}

static struct netem_options take_options(struct input *input)
{
	struct netem_options options = {0};
	uint8_t wanted = (uint8_t)take(input, 1);

	if (wanted & 1)
		options.delay_ns = take_time(input);
	if (wanted & 2) {
		options.jitter_ns = take_time(input);
		options.delay_correlation = take_probability(input);
	}
	/* a table takes most of an execution's time */
	if (wanted & 4 && wanted & 8 && wanted & 16 && wanted & 32)
		options.distribution = (enum netem_distribution)(take(input, 1) % 5);
	if (wanted & 8)
		take_loss(input, &options.loss);
	if (wanted & 16) {
		options.duplicate = take_probability(input);
		options.duplicate_correlation = take_probability(input);
	}
	if (wanted & 32) {
		options.reorder = take_probability(input);
		options.reorder_correlation = take_probability(input);
		options.gap = (uint32_t)take(input, 1);
	}
	if (wanted & 64)
		take_rate(input, &options);
	options.corrupt = take_probability(input);
	options.corrupt_correlation = take_probability(input);
	options.ecn = take(input, 1) & 1;
	options.limit = (uint32_t)take(input, 1) % LIMIT + 1;
	return options;
}

static bool keeps_order(const struct netem_options *options)
{
	return options->rate || !options->jitter_ns;
}

static uint64_t most_ns(const struct netem_options *options)
{
	uint64_t most = options->delay_ns + SIGMAS * options->jitter_ns;

	return keeps_order(options) || most > NETEM_DELAY_MAX_NS ? NETEM_DELAY_MAX_NS
								 : most;
}

static void check_copy(struct check *check, const struct netem_packet *packet,
		       const struct netem_copy *copy)
{
	uint64_t at = packet->now_ns + copy->delay_ns;

	expect(copy->delay_ns <= most_ns(&check->options));
	expect(!copy->reordered || !copy->delay_ns);
	expect(!copy->reordered || check->options.reorder || check->options.gap);
	expect(!copy->marked || (check->options.ecn && packet->ecn_capable));
	expect(!copy->corrupted || check->options.corrupt);
	expect(netem_corrupt_bit(copy, packet->length) < packet->length ||
	       !packet->length);
	check->leaves_ns[check->copies++] = at;
	check->counted.corrupted += copy->corrupted;
	check->counted.reordered += copy->reordered;
	check->counted.marked += copy->marked;
	check->counted.delayed += copy->delay_ns != 0;
	if (copy->reordered || !keeps_order(&check->options))
		return;
	expect(at >= check->last_ns || copy->delay_ns == NETEM_DELAY_MAX_NS);
	check->last_ns = at;
}

static void check_stats(const struct check *check, uint64_t now_ns)
{
	const struct netem_stats *counted = &check->counted;
	struct netem_stats stats;
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < check->copies; i++)
		waiting += check->leaves_ns[i] > now_ns;
	netem_get_stats(check->one, now_ns, &stats);
	expect(stats.packets == counted->packets && stats.bytes == counted->bytes);
	expect(stats.corrupted == counted->corrupted);
	expect(stats.reordered == counted->reordered);
	expect(stats.marked == counted->marked && stats.delayed == counted->delayed);
	expect(stats.duplicated == counted->duplicated);
	expect(stats.lost >= counted->lost && stats.overlimit >= counted->overlimit);
	expect(stats.backlog == waiting && waiting <= check->options.limit);
}

static void check_packet(struct check *check, const struct netem_packet *packet)
{
	struct netem_fate fate, same;

	memset(&fate, 0, sizeof(fate));
	memset(&same, 0, sizeof(same));
	netem_decide(check->one, packet, &fate);
	netem_decide(check->other, packet, &same);
	expect(fate.copies <= 2 && fate.copies == same.copies);
	expect((fate.copies == 0) == (fate.lost || fate.overlimit));
	expect(!(fate.lost && fate.overlimit));
	for (uint32_t i = 0; i < fate.copies; i++) {
		expect(fate.copy[i].delay_ns == same.copy[i].delay_ns);
		expect(fate.copy[i].random == same.copy[i].random);
		check_copy(check, packet, &fate.copy[i]);
	}
	check->counted.packets++;
	check->counted.bytes += packet->length;
	check->counted.lost += fate.lost;
	check->counted.overlimit += fate.overlimit;
	check->counted.duplicated += fate.copies == 2;
	check_stats(check, packet->now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct check check = {.options = take_options(&input)};
	struct netem_packet packet = {.now_ns = take_time(&input)};
	uint64_t seed = take(&input, 2);
	int ret = netem_new(&check.one, &check.options, seed);

	expect((ret == 0) == !netem_options_error(&check.options));
	if (ret < 0)
		return 0;
	expect(netem_new(&check.other, &check.options, seed) == 0);
	while (input.left && check.copies + 2 <= COPIES_MAX) {
		uint64_t step = take_time(&input);

		packet.length = (uint32_t)take(&input, 2);
		packet.ecn_capable = packet.length & 1;
		if (packet.length == 0xffff)
			packet.length = UINT32_MAX;
		packet.now_ns += step;
		check_packet(&check, &packet);
	}
	netem_free(check.one);
	netem_free(check.other);
	return 0;
}

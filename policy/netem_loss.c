/* SPDX-License-Identifier: MIT */
#include "policy/netem_loss.h"

void netem_loss_begin(struct netem_loss *loss, const struct netem_loss_options *options,
		      struct netem_random *random)
{
	loss->options = *options;
	loss->state = NETEM_GOOD;
	netem_chance_begin(&loss->random, options->random, options->correlation, random);
}

/* State 1 is left for a loss alone, or for a burst. */
static enum netem_loss_state after_good(const struct netem_loss_options *options,
					uint32_t number)
{
	if (netem_within(number, options->p14))
		return NETEM_LOST_ALONE;
	if (netem_within(number, (uint64_t)options->p14 + options->p13))
		return NETEM_BURST_LOST;
	return NETEM_GOOD;
}

static enum netem_loss_state after_burst_lost(const struct netem_loss_options *options,
					      uint32_t number)
{
	if (netem_within(number, options->p32))
		return NETEM_BURST_RECEIVED;
	if (netem_within(number, (uint64_t)options->p32 + options->p31))
		return NETEM_GOOD;
	return NETEM_BURST_LOST;
}

static enum netem_loss_state after(const struct netem_loss *loss, uint32_t number)
{
	switch (loss->state) {
	case NETEM_GOOD:
		return after_good(&loss->options, number);
	case NETEM_BURST_LOST:
		return after_burst_lost(&loss->options, number);
	case NETEM_BURST_RECEIVED:
		return netem_within(number, loss->options.p23) ? NETEM_BURST_LOST
							       : NETEM_BURST_RECEIVED;
	default: /* nothing is lost alone twice */
		return NETEM_GOOD;
	}
}

/* Source: loss_4state(): the state that is entered decides. */
static bool next_of_state(struct netem_loss *loss, struct netem_random *random)
{
	loss->state = after(loss, netem_random_next(random));
	return loss->state == NETEM_BURST_LOST || loss->state == NETEM_LOST_ALONE;
}

/* Source: loss_gilb_ell(): the state that is left decides. */
static bool next_of_gemodel(struct netem_loss *loss, struct netem_random *random)
{
	const struct netem_loss_options *options = &loss->options;
	bool good = loss->state == NETEM_GOOD;
	uint32_t leave = netem_random_next(random), lose = netem_random_next(random);

	if (netem_within(leave, good ? options->p : options->r))
		loss->state = good ? NETEM_BURST_LOST : NETEM_GOOD;
	return netem_within(lose, good ? options->one_k : options->one_h);
}

bool netem_loss_next(struct netem_loss *loss, struct netem_random *random)
{
	switch (loss->options.model) {
	case NETEM_LOSS_RANDOM:
		return netem_chance_falls(&loss->random, random);
	case NETEM_LOSS_STATE:
		return next_of_state(loss, random);
	case NETEM_LOSS_GEMODEL:
		return next_of_gemodel(loss, random);
	default:
		return false;
	}
}

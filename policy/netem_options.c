/* SPDX-License-Identifier: MIT */
/* Which options make sense together. */
#include <stddef.h>

#include "policy/netem.h"

/* Percentages are rounded: 50 % and 50 % may be one more than 100 %. */
static bool exceeds(uint32_t one, uint32_t other)
{
	return (uint64_t)one + other > (uint64_t)NETEM_ALWAYS + 2;
}

static const char *loss_error(const struct netem_options *options)
{
	const struct netem_loss_options *loss = &options->loss;

	if (options->ecn && loss->model == NETEM_LOSS_NONE)
		return "ecn needs a loss: it marks what would be lost";
	if (loss->model > NETEM_LOSS_GEMODEL)
		return "there is no such loss model";
	if (loss->model != NETEM_LOSS_STATE)
		return NULL;
	if (exceeds(loss->p13, loss->p14))
		return "p13 and p14 together are more than 100 %";
	if (exceeds(loss->p31, loss->p32))
		return "p31 and p32 together are more than 100 %";
	return NULL;
}

static const char *delay_error(const struct netem_options *options)
{
	if (options->delay_ns > NETEM_TIME_MAX_NS ||
	    options->jitter_ns > NETEM_TIME_MAX_NS)
		return "a delay or a jitter is an hour at most";
	if (options->distribution > NETEM_PARETONORMAL)
		return "there is no such distribution";
	if (options->distribution != NETEM_UNIFORM && !options->jitter_ns)
		return "a distribution needs a delay with a jitter";
	if ((options->reorder || options->gap) && !options->delay_ns)
		return "reorder needs a delay: what is not delayed overtakes the rest";
	return NULL;
}

static bool is_small(int64_t bytes)
{
	return bytes >= -NETEM_OVERHEAD_MAX && bytes <= NETEM_OVERHEAD_MAX;
}

static const char *rate_error(const struct netem_options *options)
{
	if (!is_small(options->packet_overhead) || !is_small(options->cell_overhead) ||
	    !is_small(options->cell_size))
		return "an overhead or a cell has 65535 bytes at most";
	if (options->cell_size &&
	    (int64_t)options->cell_size + options->cell_overhead <= 0)
		return "a cell with its overhead has no bytes left";
	return NULL;
}

const char *netem_options_error(const struct netem_options *options)
{
	const char *error = loss_error(options);

	if (!error)
		error = delay_error(options);
	if (!error)
		error = rate_error(options);
	if (!error && options->limit > NETEM_LIMIT_MAX)
		error = "a limit is 1000000 packets at most";
	return error;
}

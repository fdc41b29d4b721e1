/* SPDX-License-Identifier: MIT */
/* The decisions about a packet, in netem's order. Source: netem_enqueue(). */
#include <errno.h>
#include <stdlib.h>

#include "policy/netem.h"
#include "policy/netem_backlog.h"
#include "policy/netem_distribution.h"
#include "policy/netem_loss.h"

#define NS_PER_SECOND 1000000000u

struct netem {
	struct netem_options options;
	struct netem_random random;
	struct netem_chance duplicate, corrupt, reorder;
	struct netem_loss loss;
	struct netem_correlated delay;
	struct netem_table *table;
	struct netem_backlog backlog;
	uint64_t last_ns;  /* when the last one leaves of those that keep their order */
	uint32_t in_order; /* packets since the one that was reordered */
	struct netem_stats stats;
};

static void begin(struct netem *netem, const struct netem_options *given)
{
	struct netem_options *options = &netem->options;
	struct netem_random *random = &netem->random;

	*options = *given;
	if (options->reorder && !options->gap)
		options->gap = 1;
	if (options->gap && !options->reorder)
		options->reorder = NETEM_ALWAYS;
	netem_loss_begin(&netem->loss, &options->loss, random);
	netem_chance_begin(&netem->duplicate, options->duplicate,
			   options->duplicate_correlation, random);
	netem_chance_begin(&netem->corrupt, options->corrupt,
			   options->corrupt_correlation, random);
	netem_chance_begin(&netem->reorder, options->reorder,
			   options->reorder_correlation, random);
	netem_correlated_begin(&netem->delay, options->delay_correlation, random);
}

int netem_new(struct netem **netem, const struct netem_options *options, uint64_t seed)
{
	struct netem *made;
	int ret;

	*netem = NULL;
	if (netem_options_error(options))
		return -EINVAL;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->random.state = seed;
	begin(made, options);
	ret = netem_table_new(&made->table, options->distribution);
	if (ret == 0)
		ret = netem_backlog_begin(&made->backlog, options->limit
								  ? options->limit
								  : NETEM_LIMIT_DEFAULT);
	if (ret < 0) {
		netem_free(made);
		return ret;
	}
	*netem = made;
	return 0;
}

void netem_free(struct netem *netem)
{
	if (!netem)
		return;
	netem_table_free(netem->table);
	netem_backlog_end(&netem->backlog);
	free(netem);
}

/* What is marked instead is not lost. */
static bool is_lost(struct netem *netem, const struct netem_packet *packet, bool *marked)
{
	if (!netem_loss_next(&netem->loss, &netem->random))
		return false;
	if (!netem->options.ecn || !packet->ecn_capable)
		return true;
	*marked = true;
	return false;
}

/* Source: packet_time_ns(). */
static uint64_t wire_time(const struct netem_options *options, uint32_t length)
{
	int64_t bytes = (int64_t)length + options->packet_overhead;
	uint64_t wire;

	if (bytes < 0)
		bytes = 0;
	if (options->cell_size) {
		int64_t cells = (bytes + options->cell_size - 1) / options->cell_size;

		bytes = cells * ((int64_t)options->cell_size + options->cell_overhead);
	}
	wire = (uint64_t)bytes;
	if (wire > UINT64_MAX / NS_PER_SECOND)
		return NETEM_DELAY_MAX_NS;
	wire = wire * NS_PER_SECOND / options->rate;
	return wire < NETEM_DELAY_MAX_NS ? wire : NETEM_DELAY_MAX_NS;
}

static uint64_t pick_delay(struct netem *netem)
{
	const struct netem_options *options = &netem->options;
	int64_t delay = (int64_t)options->delay_ns;
	uint32_t number;

	if (!options->jitter_ns)
		return options->delay_ns;
	number = netem_correlated_next(&netem->delay, &netem->random);
	delay += (int64_t)((double)options->jitter_ns *
			   netem_deviation(netem->table, number));
	return delay > 0 ? (uint64_t)delay : 0;
}

/* With a rate a packet begins when the one before it has left. */
static uint64_t departure(struct netem *netem, const struct netem_packet *packet)
{
	const struct netem_options *options = &netem->options;
	uint64_t latest = packet->now_ns + NETEM_DELAY_MAX_NS;
	uint64_t at = packet->now_ns + pick_delay(netem);

	if ((options->rate || !options->jitter_ns) && at < netem->last_ns)
		at = netem->last_ns;
	if (options->rate)
		at += wire_time(options, packet->length);
	if (at > latest)
		at = latest;
	if (at > netem->last_ns)
		netem->last_ns = at;
	return at;
}

/* Each `gap` packets one may be reordered. */
static bool is_reordered(struct netem *netem)
{
	if (!netem->options.gap || netem->in_order < netem->options.gap - 1 ||
	    !netem_chance_falls(&netem->reorder, &netem->random)) {
		netem->in_order++;
		return false;
	}
	netem->in_order = 0;
	return true;
}

static void delay_copy(struct netem *netem, const struct netem_packet *packet,
		       struct netem_copy *copy)
{
	uint64_t at;

	copy->reordered = is_reordered(netem);
	if (copy->reordered)
		return;
	at = departure(netem, packet);
	copy->delay_ns = at - packet->now_ns;
	if (copy->delay_ns)
		netem_backlog_add(&netem->backlog, at);
}

static void count(struct netem_stats *stats, const struct netem_copy *copy)
{
	stats->marked += copy->marked;
	stats->corrupted += copy->corrupted;
	stats->reordered += copy->reordered;
	stats->delayed += copy->delay_ns != 0;
}

/* A copy that is not lost. */
static void send_copy(struct netem *netem, const struct netem_packet *packet, bool marked,
		      struct netem_fate *fate)
{
	struct netem_copy *copy = &fate->copy[fate->copies];

	*copy = (struct netem_copy){.marked = marked};
	copy->corrupted = netem_chance_falls(&netem->corrupt, &netem->random);
	if (copy->corrupted)
		copy->random = netem_random_next(&netem->random);
	if (netem_backlog_is_full(&netem->backlog)) {
		fate->overlimit |= !fate->copies;
		netem->stats.overlimit++;
		return;
	}
	delay_copy(netem, packet, copy);
	count(&netem->stats, copy);
	fate->copies++;
}

/* The kernel gives a duplicate to netem_enqueue() as any packet, but does not duplicate
 * it again. */
static void send_duplicate(struct netem *netem, const struct netem_packet *packet,
			   bool marked, struct netem_fate *fate)
{
	if (is_lost(netem, packet, &marked)) {
		netem->stats.lost++;
		return;
	}
	send_copy(netem, packet, marked, fate);
	netem->stats.duplicated += fate->copies == 2;
}

void netem_decide(struct netem *netem, const struct netem_packet *packet,
		  struct netem_fate *fate)
{
	bool twice = netem_chance_falls(&netem->duplicate, &netem->random);
	bool marked = false, lost = is_lost(netem, packet, &marked);

	*fate = (struct netem_fate){.lost = lost && !twice};
	netem->stats.packets++;
	netem->stats.bytes += packet->length;
	netem_backlog_pass(&netem->backlog, packet->now_ns);
	if (fate->lost) {
		netem->stats.lost++;
		return;
	}
	send_copy(netem, packet, marked, fate);
	/* One copy is lost and one is made: that is none more, and none less. */
	if (twice && !lost && fate->copies)
		send_duplicate(netem, packet, marked, fate);
}

void netem_get_stats(struct netem *netem, uint64_t now_ns, struct netem_stats *stats)
{
	netem_backlog_pass(&netem->backlog, now_ns);
	*stats = netem->stats;
	stats->backlog = netem->backlog.count;
}

/* SPDX-License-Identifier: MIT */
/*
 * tc-netem(8) for the packets that meet a rule: whether each is lost, how often and when
 * it goes on. Pure: time and seed are passed in, so the same calls have the same results.
 * Any thread, one at a time: the caller has the lock.
 *
 * Words and meaning are netem's, the order of the decisions, too. What is ours:
 *
 * - A delay's correlation is seen: the upper bits of the correlated number choose the
 *   delay. The kernel takes it modulo the jitter, which leaves nothing of it.
 * - The tables of distributions are made from their definitions: see
 *   netem_distribution.h.
 * - The packet itself goes before its duplicate, and both keep to `limit`.
 * - Lengths are those of IP packets, without a link layer: see packet_overhead.
 *
 * Source: net/sched/sch_netem.c, tc-netem(8).
 */
#ifndef POLICY_NETEM_H
#define POLICY_NETEM_H

#include <stdbool.h>
#include <stdint.h>

#define NETEM_ALWAYS UINT32_MAX   /**< 100 %: probabilities are so scaled */
#define NETEM_LIMIT_DEFAULT 1000u /**< what tc takes */
#define NETEM_LIMIT_MAX 1000000u  /**< 8 MB of departures */
#define NETEM_TIME_MAX_NS (3600ull * 1000000000u)   /**< delay and jitter: an hour */
#define NETEM_DELAY_MAX_NS (86400ull * 1000000000u) /**< no packet waits for longer */
#define NETEM_OVERHEAD_MAX 65535 /**< of a packet or cell, and a cell's size */

/** How much later or earlier than `delay_ns`; all have the mean 0. */
enum netem_distribution {
	NETEM_UNIFORM,      /**< within -jitter..jitter */
	NETEM_NORMAL,       /**< jitter is its sigma, as with those that follow */
	NETEM_PARETO,       /**< of shape 3 */
	NETEM_PARETONORMAL, /**< three quarters Pareto, one quarter normal */
};

enum netem_loss_model {
	NETEM_LOSS_NONE,
	NETEM_LOSS_RANDOM,  /**< loss random */
	NETEM_LOSS_STATE,   /**< loss state */
	NETEM_LOSS_GEMODEL, /**< loss gemodel */
};

/**
 * A loss model and its probabilities, of the model in use only. What tc takes for those
 * that are not told: p31 = 1 - p13, p32 = 0, p23 = 1, p14 = 0; r = 1 - p, one_h = 1,
 * one_k = 0.
 */
struct netem_loss_options {
	enum netem_loss_model model;
	uint32_t random, correlation;
	uint32_t p13, p31, p32, p23, p14;
	uint32_t p, r, one_h,
		one_k; /**< one_h: 1 - h, lost while bad; one_k: while good */
};

/** Zero is "not wanted"; probabilities and correlations are of NETEM_ALWAYS. */
struct netem_options {
	uint64_t delay_ns, jitter_ns;
	uint32_t delay_correlation;
	enum netem_distribution distribution;
	struct netem_loss_options loss;
	bool ecn; /**< mark instead of lose, where the packet's sender understands it */
	uint32_t duplicate, duplicate_correlation;
	uint32_t corrupt, corrupt_correlation;
	uint32_t reorder, reorder_correlation;
	uint32_t gap;            /**< 0: 1, if reorder is told; alone: reorder is 100 % */
	uint64_t rate;           /**< bytes a second */
	int32_t packet_overhead; /**< 14: as if Ethernet headers counted */
	uint32_t cell_size;
	int32_t cell_overhead;
	uint32_t limit; /**< packets that may wait at once; 0: NETEM_LIMIT_DEFAULT */
};

/** A packet to decide. */
struct netem_packet {
	uint64_t now_ns;  /**< below 2^63, of a clock that does not go back */
	uint32_t length;  /**< from the IP header on */
	bool ecn_capable; /**< its ECN field is not 0: ECT(0), ECT(1) or CE */
};

/** What becomes of one copy of it. */
struct netem_copy {
	uint64_t delay_ns;
	bool marked;     /**< set its ECN field to CE (3) */
	bool reordered;  /**< it overtakes what waits: delay_ns is 0 */
	bool corrupted;  /**< flip a bit, see netem_corrupt_bit() */
	uint32_t random; /**< where */
};

/** The packet itself is copy 0, its duplicate copy 1, of the bytes as they came. */
struct netem_fate {
	uint8_t copies; /**< 0: it is dropped; 1; 2 */
	bool lost;      /**< it was the loss model */
	bool overlimit; /**< it was the limit */
	struct netem_copy copy[2];
};

/** Since netem_new(), but for `backlog`. */
struct netem_stats {
	uint64_t packets, bytes; /**< that were decided */
	uint64_t lost;           /**< and dropped; duplicates, too */
	uint64_t marked;         /**< instead of lost */
	uint64_t duplicated;     /**< duplicates sent */
	uint64_t corrupted;
	uint64_t reordered;
	uint64_t delayed;   /**< with a delay that is not 0 */
	uint64_t overlimit; /**< dropped by the limit; duplicates, too */
	uint32_t backlog;   /**< that wait now */
};

struct netem;

/**
 * What is wrong with the options, in words that may follow "the rule: "; NULL: nothing.
 * Any thread. Source: netem_parse_opt() of tc, which refuses the same.
 */
const char *netem_options_error(const struct netem_options *options);

/**
 * @param netem out: NULL if it failed
 * @param seed  any: the same one brings the same fates
 * @return 0; -EINVAL see netem_options_error(); -ENOMEM.
 */
int netem_new(struct netem **netem, const struct netem_options *options, uint64_t seed);

/** @param netem may be NULL. */
void netem_free(struct netem *netem);

/**
 * Decides a packet. It counts as waiting until its delay has passed. Without jitter, and
 * with a rate, what is not reordered keeps its order, also if `now_ns` goes back.
 * Source: netem_enqueue().
 */
void netem_decide(struct netem *netem, const struct netem_packet *packet,
		  struct netem_fate *fate);

void netem_get_stats(struct netem *netem, uint64_t now_ns, struct netem_stats *stats);

/** Which one of `bits` bits a corrupted copy has wrong: below `bits`, or 0. */
static inline uint32_t netem_corrupt_bit(const struct netem_copy *copy, uint32_t bits)
{
	return (uint32_t)((uint64_t)copy->random * bits >> 32);
}

#endif

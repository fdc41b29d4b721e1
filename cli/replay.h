/* SPDX-License-Identifier: MIT */
/*
 * `nfqueue replay`: a policy over capture files, as `run` would apply it to the packets.
 * The clock is the capture's: what the policy sees of time are the packets' timestamps.
 */
#ifndef CLI_REPLAY_H
#define CLI_REPLAY_H

#include <stdbool.h>
#include <stdio.h>

#include "capture/set.h"
#include "policy/policy.h"

struct replay_options {
	struct policy *policy;
	const char *output; /* -w; NULL: none */
	bool with_dropped;  /* what is dropped goes to the output, too */
	bool json, quiet, live;
	FILE *out; /* where logs and tables go */
};

/* Of all packets, each once. */
struct replay_counts {
	uint64_t packets, bytes; /* IP packets in the captures */
	uint64_t other;          /* no IP packets */
	uint64_t unqueued;       /* no `queue` line brings them up */
	uint64_t by_flow;        /* the kernel decides them, with their flow */
	uint64_t truncated;    /* a rule wanted to change them, but they are not whole */
	uint64_t unchangeable; /* the same, for another reason */
	uint64_t late;         /* older than the packet before them */
	uint64_t accepted, dropped, repeated, requeued; /* with `unqueued`, `by_flow` */
	uint64_t changed;
	uint64_t made; /* copies, answers, segments */
	uint64_t first_ns, last_ns;
	uint64_t broken; /* files that could not be read to their end */
};

struct replay;

/* Returns 0, or -errno: told. */
int replay_new(struct replay **replay, const struct replay_options *options);
void replay_free(struct replay *replay);

/* Reads a capture file to its end; "-": standard input. Returns 0, or -errno: told. */
int replay_file(struct replay *replay, const char *path);

/* Writes what is still delayed. Returns 0, or -errno: the output failed, told. */
int replay_finish(struct replay *replay);

const struct replay_options *replay_options(const struct replay *replay);
const struct replay_counts *replay_counts(const struct replay *replay);

/* Bytes of the packets that a rule decided, or POLICY_NO_RULE. */
uint64_t replay_rule_bytes(const struct replay *replay, int32_t rule);

/* What a rule did; as policy_scratch_stats() and policy_scratch_error(). */
void replay_rule_stats(const struct replay *replay, int32_t rule,
		       struct policy_rule_stats *stats);
const char *replay_rule_error(const struct replay *replay, int32_t rule);

/* Of the output: what was written. Zeros without one. After replay_finish(). */
void replay_written(const struct replay *replay, struct capture_stats *stats);

#endif

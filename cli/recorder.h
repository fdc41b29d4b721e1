/* SPDX-License-Identifier: MIT */
/* The capture files of a session, by path: several rules may write to one. */
#ifndef CLI_RECORDER_H
#define CLI_RECORDER_H

#include <stdatomic.h>

#include "capture/capture.h"
#include "policy/policy.h"

struct recording;

/* All zero is none. */
struct recorder {
	_Atomic(struct recording *) first; /* grows in front, while threads look */
};

/* Opens the files that the policy names and that are not open yet. One thread at a time.
 * Returns 0; -errno, and `error` (OUTLET_ERROR_MAX bytes) has the words. */
int recorder_prepare(struct recorder *recorder, const struct policy *policy, char *error);

/* Records the packet as it came, and what became of it, for this rule. Any thread. */
void recorder_put(struct recorder *recorder, const struct policy *policy, uint32_t rule,
		  const struct nfqueue_packet *packet,
		  const struct policy_outcome *outcome);

bool recorder_stats(const struct recorder *recorder, struct capture_stats *sum);

/* Nobody puts any more: all is written, and counted. */
void recorder_end(struct recorder *recorder);
void recorder_close(struct recorder *recorder);

#endif

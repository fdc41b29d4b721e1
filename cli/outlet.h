/* SPDX-License-Identifier: MIT */
/*
 * What a policy wants beside a verdict, and where it goes: copies to a raw socket,
 * records to capture files, changed bytes and delays back to the queue.
 */
#ifndef CLI_OUTLET_H
#define CLI_OUTLET_H

#include <nfqueue/inject.h>
#include <nfqueue/nfqueue.h>

#include "capture/capture.h"
#include "policy/policy.h"

#define OUTLET_ERROR_MAX 400

struct outlet;

/* Returns 0 or -ENOMEM. */
int outlet_new(struct outlet **outlet);

/* No thread decides any more: what waits is sent and written, and counted. May be NULL.
 */
void outlet_end(struct outlet *outlet);
void outlet_free(struct outlet *outlet);

/*
 * Opens what the policy needs: raw sockets, capture files. What is open stays so. One
 * thread at a time. Returns 0; -errno, and `error` (OUTLET_ERROR_MAX bytes) has the
 * words.
 */
int outlet_prepare(struct outlet *outlet, const struct policy *policy, char *error);

/* Whether we have sent this packet ourselves: the rules of others brought it up again. */
bool outlet_is_ours(const struct outlet *outlet, const struct nfqueue_packet *packet);

struct outlet_decision {
	struct policy_outcome outcome;
	uint64_t now_ns; /* from when on its delays count */
};

/* Decides the packet, and records it. Any thread, each with its scratch. */
void outlet_decide(struct outlet *outlet, const struct policy *policy,
		   struct policy_scratch *scratch, struct nfqueue_packet *packet,
		   struct outlet_decision *decision);

/* Does what was decided, and returns what a decide function returns. The packet may be
 * gone behind it. */
struct nfqueue_verdict outlet_carry_out(struct outlet *outlet,
					struct nfqueue_packet *packet,
					const struct outlet_decision *decision);

/* Once a second: what is known of interfaces is looked up anew. */
void outlet_tick(struct outlet *outlet);

/* Of all copies; false: there is no injector. `stats->size` must be set. */
bool outlet_inject_stats(struct outlet *outlet, struct nfqueue_injector_stats *stats);

/* Of all captures together; false: there are none. */
bool outlet_capture_stats(struct outlet *outlet, struct capture_stats *stats);

#endif

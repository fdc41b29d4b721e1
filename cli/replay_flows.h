/* SPDX-License-Identifier: MIT */
/* Flows that the kernel decides by itself, after a flow verdict. */
#ifndef CLI_REPLAY_FLOWS_H
#define CLI_REPLAY_FLOWS_H

#include <nfqueue/verdict.h>
#include <nfqueue/view.h>

#include "policy/policy.h"

struct replay_flows;

int replay_flows_new(struct replay_flows **flows); /* 0, or -ENOMEM */
void replay_flows_free(struct replay_flows *flows);

/* The verdict of the packet's flow: NULL if the policy is to be asked. */
const struct nfqueue_verdict *replay_flows_find(struct replay_flows *flows,
						const struct policy_packet *packet);

/* The packet's flow is decided, both directions of it. Returns 0, or -ENOMEM. */
int replay_flows_decide(struct replay_flows *flows, const struct policy_packet *packet,
			struct nfqueue_verdict verdict);

#endif

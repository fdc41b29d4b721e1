/* SPDX-License-Identifier: MIT */
/*
 * How many packets of each flow met a rule that counts them. Bounded: what was seen least
 * recently is forgotten, and counted anew. So a flow is decided late perhaps, never
 * early.
 */
#ifndef POLICY_FLOWS_H
#define POLICY_FLOWS_H

#include <stdbool.h>

#include "policy/policy.h"

/* A flow is looked for in so many bytes of a packet, and no more, whatever is captured:
 * IPv4 with all its options, or IPv6 with some extension headers, and the transport. */
#define POLICY_FLOW_BYTES 128u

struct policy_flows;

/* 0; -ENOMEM; -errno of getrandom(2). */
int policy_flows_new(struct policy_flows **flows);
void policy_flows_free(struct policy_flows *flows);

/*
 * Counts a packet that met `rule`. true: it is the packet `limit` of its flow, 1 or more,
 * or a later one. false too for a packet that does not tell whose it is: not IP, a
 * fragment, cut short before its ports, or an ICMP message that is no echo (the kernel
 * takes an error for a part of the connection that it tells of).
 * Source: nf_conntrack_inet_error().
 */
bool policy_flows_reached(struct policy_flows *flows, uint32_t rule, uint32_t limit,
			  const struct policy_packet *packet);

#endif

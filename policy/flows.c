/* SPDX-License-Identifier: MIT */
/* Counters by flow and rule, in sets of a few, each in the order of last use. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <nfqueue/view.h>

#include "policy/flows.h"

#define WAYS 8u /* flows of a set */
#define SETS (POLICY_FLOWS_MAX / WAYS)

#define PORTS_BYTES 4u /* at the beginning of each header that has ports */
#define TCP_FLAGS_OFFSET 13u
#define ICMP_BYTES 8u
#define ICMP_ECHO 8
#define ICMP_ECHO_REPLY 0
#define ICMPV6_ECHO 128
#define ICMPV6_ECHO_REPLY 129

struct flow_count {
	struct nfqueue_flow flow; /* the lower end as its source */
	uint32_t rule;
	uint32_t hash;
	uint32_t packets;
};

struct policy_flows {
	uint32_t seed;
	struct flow_count sets[SETS][WAYS]; /* the last used first */
};

int policy_flows_new(struct policy_flows **flows)
{
	/* Pages that no flow needs stay the kernel's. */
	struct policy_flows *made = calloc(1, sizeof(*made));

	*flows = NULL;
	if (!made)
		return -ENOMEM;
	if (getrandom(&made->seed, sizeof(made->seed), 0) != sizeof(made->seed)) {
		int err = errno;

		free(made);
		return -err;
	}
	*flows = made;
	return 0;
}

void policy_flows_free(struct policy_flows *flows)
{
	free(flows);
}

static bool is_echo(const struct nfqueue_view *view, uint8_t type)
{
	if (view->ip_version == 4)
		return type == ICMP_ECHO || type == ICMP_ECHO_REPLY;
	return type == ICMPV6_ECHO || type == ICMPV6_ECHO_REPLY;
}

/* Whether the transport header tells whose packet it is, as far as it is there. */
static bool tells_flow(const struct nfqueue_view *view)
{
	uint32_t left = view->length - view->transport_offset;
	const uint8_t *header = view->data + view->transport_offset;

	if (!left || view->flags & NFQUEUE_VIEW_FRAGMENT)
		return false;
	switch (view->protocol) {
	case IPPROTO_TCP:
		return left > TCP_FLAGS_OFFSET;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return left >= PORTS_BYTES;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return left >= ICMP_BYTES && is_echo(view, header[0]);
	default:
		return true;
	}
}

/* Both directions are one flow. */
static void order_ends(struct nfqueue_flow *flow)
{
	struct nfqueue_flow was = *flow;
	int order = memcmp(flow->source, flow->destination, sizeof(flow->source));

	if (order < 0 || (!order && flow->source_port <= flow->destination_port))
		return;
	memcpy(flow->source, was.destination, sizeof(was.source));
	memcpy(flow->destination, was.source, sizeof(was.source));
	flow->source_port = was.destination_port;
	flow->destination_port = was.source_port;
}

/* `begins`: the packet asks for a new connection. */
static bool find_flow(const struct policy_packet *packet, struct nfqueue_flow *flow,
		      bool *begins)
{
	uint32_t length = packet->captured;
	struct nfqueue_view view;
	uint8_t flags;

	if (length > POLICY_FLOW_BYTES)
		length = POLICY_FLOW_BYTES;
	if (nfqueue_view_parse(&view, packet->data, length) < 0 || !tells_flow(&view) ||
	    nfqueue_view_flow(&view, flow) < 0)
		return false;
	order_ends(flow);
	*begins = false;
	if (view.protocol == IPPROTO_TCP) {
		flags = view.data[view.transport_offset + TCP_FLAGS_OFFSET];
		*begins =
			(flags & (NFQUEUE_TCP_SYN | NFQUEUE_TCP_ACK)) == NFQUEUE_TCP_SYN;
	}
	return true;
}

static bool same(const struct flow_count *one, const struct flow_count *other)
{
	return one->hash == other->hash && one->rule == other->rule &&
	       nfqueue_flow_equal(&one->flow, &other->flow);
}

/* The counter that `wanted` names: found, or begun in the place of the one that was used
 * least recently. */
static struct flow_count *use(struct policy_flows *flows, const struct flow_count *wanted)
{
	struct flow_count *set = flows->sets[wanted->hash % SETS], found = *wanted;
	size_t at = 0;

	while (at < WAYS - 1 && !same(&set[at], wanted))
		at++;
	if (same(&set[at], wanted))
		found = set[at];
	memmove(set + 1, set, at * sizeof(*set));
	set[0] = found;
	return set;
}

bool policy_flows_reached(struct policy_flows *flows, uint32_t rule, uint32_t limit,
			  const struct policy_packet *packet)
{
	struct flow_count wanted = {.rule = rule}, *count;
	bool begins;

	if (!find_flow(packet, &wanted.flow, &begins))
		return false;
	wanted.hash = nfqueue_flow_hash(&wanted.flow, flows->seed + rule);
	count = use(flows, &wanted);
	/* The kernel decides the rest of a decided flow, so this is a new one with its
	 * ports. Before that a SYN proves nothing: nobody shall stay by repeating it. */
	if (begins && count->packets >= limit)
		count->packets = 0;
	if (count->packets < limit)
		count->packets++;
	return count->packets >= limit;
}

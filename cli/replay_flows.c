/* SPDX-License-Identifier: MIT */
#include "replay_flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 65536u

struct entry {
	struct nfqueue_flow flow;
	struct nfqueue_verdict verdict;
	struct entry *next;
};

struct replay_flows {
	struct entry *buckets[BUCKETS];
};

int replay_flows_new(struct replay_flows **flows)
{
	*flows = calloc(1, sizeof(**flows));
	return *flows ? 0 : -ENOMEM;
}

void replay_flows_free(struct replay_flows *flows)
{
	for (size_t i = 0; flows && i < BUCKETS; i++)
		while (flows->buckets[i]) {
			struct entry *entry = flows->buckets[i];

			flows->buckets[i] = entry->next;
			free(entry);
		}
	free(flows);
}

static int flow_of(const struct policy_packet *packet, struct nfqueue_flow *flow)
{
	struct nfqueue_view view;

	nfqueue_view_parse(&view, packet->data, packet->captured);
	if (view.flags & NFQUEUE_VIEW_FRAGMENT) /* the kernel puts them together first */
		return -EOPNOTSUPP;
	return nfqueue_view_flow(&view, flow);
}

static struct nfqueue_flow reversed(const struct nfqueue_flow *flow)
{
	struct nfqueue_flow back = *flow;

	memcpy(back.source, flow->destination, sizeof(back.source));
	memcpy(back.destination, flow->source, sizeof(back.destination));
	back.source_port = flow->destination_port;
	back.destination_port = flow->source_port;
	return back;
}

static struct entry *find(struct replay_flows *flows, const struct nfqueue_flow *flow)
{
	struct nfqueue_flow back = reversed(flow);
	struct entry *entry = flows->buckets[nfqueue_flow_hash(flow, 0) % BUCKETS];

	while (entry && !nfqueue_flow_equal(&entry->flow, flow) &&
	       !nfqueue_flow_equal(&entry->flow, &back))
		entry = entry->next;
	return entry;
}

const struct nfqueue_verdict *replay_flows_find(struct replay_flows *flows,
						const struct policy_packet *packet)
{
	struct nfqueue_flow flow;
	struct entry *entry;

	if (flow_of(packet, &flow) < 0)
		return NULL;
	entry = find(flows, &flow);
	return entry ? &entry->verdict : NULL;
}

int replay_flows_decide(struct replay_flows *flows, const struct policy_packet *packet,
			struct nfqueue_verdict verdict)
{
	struct nfqueue_flow flow;
	struct entry *entry, **bucket;

	if (flow_of(packet, &flow) < 0)
		return 0;
	entry = find(flows, &flow);
	if (entry) {
		entry->verdict = verdict;
		return 0;
	}
	entry = malloc(sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	bucket = &flows->buckets[nfqueue_flow_hash(&flow, 0) % BUCKETS];
	*entry = (struct entry){.flow = flow, .verdict = verdict, .next = *bucket};
	*bucket = entry;
	return 0;
}

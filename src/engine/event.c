/* SPDX-License-Identifier: MIT */
/* Events: counts of what was short, told when they have grown. */
#include "engine/engine.h"

static void read_totals(struct nfqueue *queue, uint64_t totals[EVENT_KINDS])
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	nfqueue_stats_get(queue, &stats);
	totals[NFQUEUE_EVENT_QUEUE_FULL] = stats.lost_full;
	totals[NFQUEUE_EVENT_SOCKET_FULL] = stats.lost_socket + stats.passed_socket;
	totals[NFQUEUE_EVENT_HOLD_FULL] = stats.hold_overflow;
	totals[NFQUEUE_EVENT_RING_FULL] = stats.ring_overflow + stats.ring_waits;
	totals[NFQUEUE_EVENT_BUFFER_GREW] = stats.buffer_grown;
}

static void tell(struct nfqueue_engine *engine, uint32_t index)
{
	struct nfqueue *queue = engine->workers[index].queue;
	uint64_t *seen = engine->seen[index].totals;
	uint64_t totals[EVENT_KINDS];

	read_totals(queue, totals);
	for (uint32_t kind = 0; kind < EVENT_KINDS; kind++) {
		const struct nfqueue_event event = {
			.size = sizeof(event),
			.kind = (enum nfqueue_event_kind)kind,
			.queue = nfqueue_number(queue),
			.count = totals[kind] - seen[kind],
			.total = totals[kind],
		};

		if (totals[kind] <= seen[kind])
			continue;
		seen[kind] = totals[kind];
		engine->options.event(engine, &event, engine->options.ctx);
	}
}

void events_tell(struct nfqueue_engine *engine)
{
	for (uint32_t i = 0; engine->options.event && i < engine->count; i++)
		tell(engine, i);
}

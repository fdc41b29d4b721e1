/* SPDX-License-Identifier: MIT */
/*
 * Counts: accepts what comes to a range of queues, and tells each second and at the end
 * what became of the packets. `stats 0 4` reads queues 0 to 3, a thread each; the rule is
 * somebody else's:
 * iptables -A INPUT -j NFQUEUE --queue-balance 0:3 --queue-bypass
 */
#include <nfqueue/nfqueue.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	(void)packet, (void)ctx;
	return NFQUEUE_ACCEPT;
}

/* Called by the thread of nfqueue_run(), while the workers decide. */
static void tick(struct nfqueue_engine *engine, void *ctx)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	(void)ctx;
	nfqueue_engine_stats_get(engine, &stats);
	printf("received %" PRIu64 " waiting %" PRIu64 " lost %" PRIu64 "\n",
	       stats.received, stats.waiting, stats.lost_socket + stats.lost_full);
}

static void print_queue(struct nfqueue *queue)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	nfqueue_stats_get(queue, &stats);
	printf("queue %u received %" PRIu64 " in %" PRIu64 " batches, %" PRIu64
	       " verdict messages in %" PRIu64 " sends\n",
	       nfqueue_number(queue), stats.received, stats.batches, stats.messages,
	       stats.sends);
}

/* All is decided: each packet that was received is in one of these counts. */
static void finished(struct nfqueue_engine *engine, void *ctx)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	(void)ctx;
	for (uint32_t i = 0; i < nfqueue_engine_count(engine); i++)
		print_queue(nfqueue_engine_queue(engine, i));
	nfqueue_engine_stats_get(engine, &stats);
	printf("received %" PRIu64 " = accepted %" PRIu64 " + dropped %" PRIu64
	       " + repeated %" PRIu64 " + requeued %" PRIu64 " + refused %" PRIu64
	       " + flushed %" PRIu64 "\n",
	       stats.received, stats.accepted, stats.dropped, stats.repeated,
	       stats.requeued, stats.refused, stats.flushed);
}

int main(int argc, char **argv)
{
	struct nfqueue_engine_options options = {
		.size = sizeof(options),
		.decide = decide,
		.tick = tick,
		.tick_ms = 1000,
		.finished = finished,
	};

	if (argc != 3) {
		fprintf(stderr, "usage: stats FIRST COUNT\n");
		return 2;
	}
	options.first_queue = (uint32_t)strtoul(argv[1], NULL, 10);
	options.queue_count = (uint32_t)strtoul(argv[2], NULL, 10);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return nfqueue_run(&options) < 0;
}

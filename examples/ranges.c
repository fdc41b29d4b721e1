/* SPDX-License-Identifier: MIT */
/*
 * Drops packets longer than 1,000 bytes, and tells at the end in how many messages the
 * verdicts went out. That there are fewer of them than packets is nothing to ask for: a
 * batch is what the kernel had ready, its verdicts are coalesced into ranges, and no
 * packet waits for others to come. The rule is somebody else's:
 * iptables -A INPUT -p udp -j NFQUEUE --queue-num 0 --queue-bypass
 */
#include <nfqueue/nfqueue.h>

#include <inttypes.h>
#include <stdio.h>

static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	return nfqueue_packet_length(packet) > 1000 ? NFQUEUE_DROP : NFQUEUE_ACCEPT;
}

static void finished(struct nfqueue_engine *engine, void *ctx)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	nfqueue_engine_stats_get(engine, &stats);
	printf("%" PRIu64 " packets, %" PRIu64 " verdict messages\n", stats.received,
	       stats.messages);
}

int main(void)
{
	struct nfqueue_engine_options options = {
		.size = sizeof(options),
		.decide = decide,
		.finished = finished,
	};

	return nfqueue_run(&options) < 0;
}

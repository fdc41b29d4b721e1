/* SPDX-License-Identifier: MIT */
/*
 * Inspects what is heavy to inspect: packets with the word "attack" are dropped. The
 * queue's thread only reads; two others decide, each flow in its order. The rule is
 * somebody else's: iptables -A INPUT -p udp -j NFQUEUE --queue-num 0 --queue-bypass
 */
#define _GNU_SOURCE 1 /* memmem() */
#include <nfqueue/nfqueue.h>

#include <string.h>

#define WORD "attack"

static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	size_t length;
	const uint8_t *data = nfqueue_packet_data(packet, &length);

	if (data && memmem(data, length, WORD, strlen(WORD)))
		return NFQUEUE_DROP;
	return NFQUEUE_ACCEPT;
}

int main(void)
{
	struct nfqueue_worker_options worker = {.size = sizeof(worker), .deciders = 2};
	struct nfqueue_engine_options options = {
		.size = sizeof(options),
		.decide = decide,
		.worker = &worker,
	};

	return nfqueue_run(&options) < 0;
}

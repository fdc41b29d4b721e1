/* SPDX-License-Identifier: MIT */
/* Drops packets longer than 1,000 bytes. A rule sends them here, for example:
 * iptables -A INPUT -p udp -j NFQUEUE --queue-num 0 --queue-bypass */
#include <nfqueue/nfqueue.h>

static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	return nfqueue_packet_length(packet) > 1000 ? NFQUEUE_DROP : NFQUEUE_ACCEPT;
}

int main(void)
{
	struct nfqueue_engine_options options = {
		.size = sizeof(options),
		.decide = decide,
	};

	return nfqueue_run(&options) < 0;
}

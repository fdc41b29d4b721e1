/* SPDX-License-Identifier: MIT */
/*
 * A loop of its own: drops packets longer than 1,000 bytes, and sends the others through
 * their chain once more, with a bit in the mark that says that they were seen. The rule
 * is somebody else's: iptables -A INPUT -p udp -m mark ! --mark 0x100/0x100 -j NFQUEUE
 * --queue-num 0
 */
#include <nfqueue/nfqueue.h>

#include <stdio.h>

#define SEEN 0x100
#define BATCH 64

static struct nfqueue_verdict decide(const struct nfqueue_packet *packet)
{
	if (nfqueue_packet_length(packet) > 1000)
		return NFQUEUE_DROP;
	return nfqueue_verdict_mark(NFQUEUE_REPEAT, nfqueue_packet_mark(packet) | SEEN);
}

/* Verdicts are noted, and sent by the next nfqueue_recv(): one send for all. */
int main(void)
{
	struct nfqueue_options options = {.size = sizeof(options), .copy_range = 128};
	struct nfqueue_packet *packets[BATCH];
	struct nfqueue *queue;
	int count = nfqueue_open(&queue, &options);

	while (count >= 0) {
		count = nfqueue_recv(queue, packets, BATCH, -1);
		for (int i = 0; i < count; i++)
			nfqueue_decide(packets[i], decide(packets[i]));
	}
	fprintf(stderr, "repeat: %s\n", nfqueue_error(queue));
	nfqueue_close(queue);
	return 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * Marks what goes to one UDP port, so that later rules, routes (`ip rule add fwmark 1`)
 * or `tc` can treat it in a way of its own. Four queues, four threads:
 *
 *	iptables -t mangle -A PREROUTING -p udp -j NFQUEUE --queue-balance 0:3
 *--queue-bypass mark 5001
 */
#include <nfqueue/nfqueue.h>

#include <stdio.h>
#include <stdlib.h>

#define MARK 1
#define QUEUES 4

/* IP header with options, extension headers, UDP header: no need to copy more. */
#define HEADERS 128

static int is_udp_to(const struct nfqueue_packet *packet, unsigned int port)
{
	struct nfqueue_view view;
	struct nfqueue_udp udp;
	size_t length;
	const uint8_t *data = nfqueue_packet_data(packet, &length);

	if (nfqueue_view_parse(&view, data, length) < 0)
		return 0;
	return nfqueue_view_udp(&view, &udp) == 0 && udp.destination_port == port;
}

/* Called by four threads at once: it only reads what `ctx` points to. */
static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	const unsigned int *port = ctx;

	if (is_udp_to(packet, *port))
		return nfqueue_verdict_mark(NFQUEUE_ACCEPT, MARK);
	return NFQUEUE_ACCEPT;
}

int main(int argc, char **argv)
{
	unsigned int port = argc == 2 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
	struct nfqueue_options queue = {.size = sizeof(queue), .copy_range = HEADERS};
	struct nfqueue_engine_options options = {
		.size = sizeof(options),
		.queue_count = QUEUES,
		.queue_options = &queue,
		.decide = decide,
		.ctx = &port,
	};

	if (port < 1 || port > 65535) {
		fprintf(stderr, "usage: mark PORT\n");
		return 2;
	}
	return nfqueue_run(&options) < 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Changes a word in what UDP packets carry, and their TTL, so that they go no further
 *than that many routers:
 *
 *	iptables -A OUTPUT -p udp --dport 5000 -j NFQUEUE --queue-num 0 --queue-bypass
 *	edit cat horse         every cat becomes a horse
 *	edit cat horse 3       and is dropped by the third router
 *
 * The new word may be longer or shorter than the old one: lengths and checksums follow. A
 * packet that cannot be changed (a fragment, one that would be too long) goes as it is.
 */
#include <nfqueue/nfqueue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct change {
	const char *from;
	const char *to;
	uint32_t ttl; /* 0: as it is */
};

/* One that fails has changed nothing, and nfqueue_edit_error() says why. */
static void apply(struct nfqueue_edit *edit, const struct change *change)
{
	int count = nfqueue_edit_replace_all(edit, change->from, strlen(change->from),
					     change->to, strlen(change->to));

	if (count < 0)
		fprintf(stderr, "not replaced: %s\n", nfqueue_edit_error(edit));
	if (change->ttl)
		nfqueue_edit_set(edit, NFQUEUE_FIELD_TTL, change->ttl);
}

/* What was changed goes along with the verdict. */
static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	struct nfqueue_edit *edit;

	if (nfqueue_packet_edit(packet, &edit) == 0)
		apply(edit, ctx);
	return NFQUEUE_ACCEPT;
}

int main(int argc, char **argv)
{
	struct change change = {0};
	struct nfqueue_engine_options options = {
		.size = sizeof(options),
		.decide = decide,
		.ctx = &change,
	};

	if (argc < 3 || argc > 4 || !*argv[1]) {
		fprintf(stderr, "usage: edit FROM TO [TTL]\n");
		return 2;
	}
	change.from = argv[1];
	change.to = argv[2];
	if (argc == 4)
		change.ttl = (uint32_t)strtoul(argv[3], NULL, 10);
	return nfqueue_run(&options) < 0;
}

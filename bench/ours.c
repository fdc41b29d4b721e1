/* SPDX-License-Identifier: MIT */
/*
 * Subject `ours`: libnfqueue as a program uses it. Live traffic is decided by
 * nfqueue_run(); a queue that is filled first is drained by a loop over nfqueue_recv(),
 * for the engine's worker, the same loop, would not wait for the filling.
 */
#include <err.h>
#include <stddef.h>

#include <nfqueue/nfqueue.h>

#include "common.h"

#define BATCH 64

static void change(struct nfqueue_packet *packet)
{
	struct nfqueue_edit *edit;

	if (nfqueue_packet_edit(packet, &edit) < 0 ||
	    nfqueue_edit_replace(edit, 0, BENCH_EDIT_LENGTH, BENCH_EDIT,
				 BENCH_EDIT_LENGTH) < 0)
		errx(1, "packet %u cannot be changed", nfqueue_packet_id(packet));
}

static void decide(struct nfqueue_packet *packet, const struct bench_options *options)
{
	enum bench_policy policy = options->policy;

	if (options->edit)
		change(packet);
	if (policy != BENCH_ACCEPT && bench_drops(policy, nfqueue_packet_id(packet)))
		nfqueue_drop(packet);
	else
		nfqueue_accept(packet);
}

static uint32_t decide_batch(struct nfqueue *queue, const struct bench_options *options)
{
	struct nfqueue_packet *packets[BATCH];
	int count = nfqueue_recv(queue, packets, BATCH, -1);

	if (count < 0)
		errx(1, "%s", nfqueue_error(queue));
	for (int i = 0; i < count; i++)
		decide(packets[i], options);
	return (uint32_t)count;
}

static void drain(const struct bench_options *options)
{
	struct nfqueue_options queue_options = {
		.size = sizeof(queue_options),
		.max_length = BENCH_MAX_LENGTH,
		.socket_buffer = BENCH_SOCKET_BUFFER,
	};
	struct bench_time start;
	struct nfqueue *queue;
	uint32_t decided;

	if (nfqueue_open(&queue, &queue_options) < 0)
		errx(1, "%s", nfqueue_error(queue));
	while (bench_ready(options)) {
		decided = 0;
		start = bench_now();
		while (decided < options->drain)
			decided += decide_batch(queue, options);
		nfqueue_flush(queue);
		bench_report(decided, start);
	}
	nfqueue_close(queue);
}

static struct nfqueue_verdict accept_all(struct nfqueue_packet *packet, void *ctx)
{
	return NFQUEUE_ACCEPT;
}

static int started(struct nfqueue_engine *engine, void *ctx)
{
	return bench_ready(ctx) ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct bench_options options;
	struct nfqueue_engine_options engine = {
		.size = sizeof(engine),
		.decide = accept_all,
		.ctx = &options,
		.started = started,
	};

	bench_parse(&options, argc, argv);
	if (!options.drain)
		return nfqueue_run(&engine) < 0;
	drain(&options);
	return 0;
}

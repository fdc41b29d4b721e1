/* SPDX-License-Identifier: MIT */
/* Subject `ours`: libnfqueue, the engine and a decide function, as a program uses it. */
#include <err.h>
#include <stddef.h>

#include <nfqueue/nfqueue.h>

#include "common.h"

struct subject {
	const struct bench_options *options;
	struct nfqueue_engine *engine;
	uint32_t decided;
};

static struct nfqueue_verdict decide_each(struct nfqueue_packet *packet, void *ctx)
{
	struct subject *subject = ctx;
	uint32_t id = nfqueue_packet_id(packet);

	if (++subject->decided == subject->options->drain)
		nfqueue_engine_stop(subject->engine);
	return bench_drops(subject->options->policy, id) ? NFQUEUE_DROP : NFQUEUE_ACCEPT;
}

static struct nfqueue_verdict accept_all(struct nfqueue_packet *packet, void *ctx)
{
	struct subject *subject = ctx;

	if (++subject->decided == subject->options->drain)
		nfqueue_engine_stop(subject->engine);
	return NFQUEUE_ACCEPT;
}

/* The workers start when the queue is filled, so that they are all that is measured. */
static int drain(struct subject *subject, struct nfqueue_engine_options *options)
{
	struct nfqueue_options queue = {
		.size = sizeof(queue),
		.max_length = BENCH_MAX_LENGTH,
		.socket_buffer = BENCH_SOCKET_BUFFER,
	};
	struct bench_time start;
	int error;

	options->queue_options = &queue;
	error = nfqueue_engine_new(&subject->engine, options);
	if (error < 0)
		goto out;
	bench_ready(subject->options);
	start = bench_now();
	error = nfqueue_engine_start(subject->engine);
	if (error < 0)
		goto out;
	error = nfqueue_engine_wait(subject->engine);
	bench_report(subject->decided, start);
out:
	if (error < 0)
		warnx("%s", nfqueue_engine_error(subject->engine));
	nfqueue_engine_free(subject->engine);
	return error;
}

static int started(struct nfqueue_engine *engine, void *ctx)
{
	struct subject *subject = ctx;

	bench_ready(subject->options);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench_options options;
	struct subject subject = {.options = &options};
	struct nfqueue_engine_options engine = {
		.size = sizeof(engine),
		.decide = accept_all,
		.ctx = &subject,
		.started = started,
	};
	int error;

	bench_parse(&options, argc, argv);
	if (options.policy != BENCH_ACCEPT)
		engine.decide = decide_each;
	error = options.drain ? drain(&subject, &engine) : nfqueue_run(&engine);
	return error < 0;
}

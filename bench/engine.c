/* SPDX-License-Identifier: MIT */
/*
 * libnfqueue's engine in all its forms: deciders, several queues, busy polling, flow
 * verdicts with rules of its own, work for each packet. Ends at SIGTERM, and then prints
 * what it has counted.
 */
#include <err.h>
#include <stdatomic.h>
#include <stdio.h>

#include <nfqueue/nfqueue.h>
#include <nfqueue/rules.h>

#include "common.h"

#define FLOW_MASK 0x70000000u

struct program {
	struct bench_options options;
	struct nfqueue_rules *rules;
	atomic_uint seen; /* packets, for flow_after: there is one flow */
};

static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	struct program *program = ctx;
	const struct bench_options *options = &program->options;

	if (options->work_us)
		bench_work(options->work_us);
	if (options->flow_after &&
	    atomic_fetch_add(&program->seen, 1) + 1 >= options->flow_after)
		return NFQUEUE_FLOW_ACCEPT;
	if (options->policy != BENCH_ACCEPT &&
	    bench_drops(options->policy, nfqueue_packet_id(packet)))
		return NFQUEUE_DROP;
	return NFQUEUE_ACCEPT;
}

/* TCP, and what the kernel decides by itself after a flow verdict. */
static int install_rules(struct program *program, struct nfqueue_engine *engine)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.flow_mask = FLOW_MASK};
	struct nfqueue_redirect redirect = {
		.size = sizeof(redirect),
		.hook = NFQUEUE_HOOK_INPUT,
		.match = "tcp",
	};
	struct nfqueue_flow_marks marks;
	int err = nfqueue_rules_open(&program->rules, &options);

	if (err == 0)
		err = nfqueue_rules_add(program->rules, &redirect);
	if (err == 0)
		err = nfqueue_rules_install(program->rules);
	if (err < 0)
		errx(1, "rules: %s", nfqueue_rules_error(program->rules));
	nfqueue_rules_flow_marks(program->rules, &marks);
	return nfqueue_engine_set_flow_marks(engine, &marks);
}

static int started(struct nfqueue_engine *engine, void *ctx)
{
	struct program *program = ctx;

	if (program->options.flow_after && install_rules(program, engine) < 0)
		errx(1, "flow marks");
	return bench_ready(&program->options) ? 0 : -1;
}

static void print_count(const char *name, uint64_t count)
{
	printf(" %s=%llu", name, (unsigned long long)count);
}

static void finished(struct nfqueue_engine *engine, void *ctx)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};
	struct program *program = ctx;

	nfqueue_engine_stats_get(engine, &stats);
	printf("stats");
	print_count("received", stats.received);
	print_count("accepted", stats.accepted);
	print_count("dropped", stats.dropped);
	print_count("held", stats.held);
	print_count("refused", stats.refused);
	print_count("flushed", stats.flushed);
	print_count("malformed", stats.malformed);
	print_count("lost_socket", stats.lost_socket);
	print_count("lost_full", stats.lost_full);
	print_count("passed_socket", stats.passed_socket);
	print_count("ring_overflow", stats.ring_overflow);
	puts("");
	fflush(stdout);
	nfqueue_rules_close(program->rules);
}

int main(int argc, char **argv)
{
	struct program program = {0};
	const struct bench_options *options = &program.options;
	struct nfqueue_options queue = {.size = sizeof(queue)};
	struct nfqueue_worker_options worker = {.size = sizeof(worker)};
	struct nfqueue_engine_options engine = {
		.size = sizeof(engine),
		.decide = decide,
		.ctx = &program,
		.queue_options = &queue,
		.worker = &worker,
		.started = started,
		.finished = finished,
	};

	bench_parse(&program.options, argc, argv);
	engine.queue_count = options->queues;
	queue.busy_poll_us = options->busy_poll_us;
	queue.copy_range = options->copy_range;
	queue.flags = options->fail_open ? NFQUEUE_FAIL_OPEN : 0;
	if (options->large) {
		queue.max_length = BENCH_MAX_LENGTH;
		queue.socket_buffer = BENCH_SOCKET_BUFFER;
	}
	worker.deciders = options->deciders;
	worker.flags = options->pin ? NFQUEUE_WORKER_PIN : 0;
	return nfqueue_run(&engine) < 0;
}

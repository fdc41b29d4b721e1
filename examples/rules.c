/* SPDX-License-Identifier: MIT */
/*
 * A program that brings its own rules: `rules 'udp port 5001'` drops every second packet
 * that the expression matches. Ctrl-C deletes the rules, decides what waits, and only
 * then removes their table; if the program is killed, the kernel removes it.
 */
#include <nfqueue/nfqueue.h>
#include <nfqueue/rules.h>

#include <inttypes.h>
#include <stdio.h>

struct program {
	struct nfqueue_rules *rules;
	const char *match;
	unsigned int packets;
};

static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	struct program *program = ctx;

	(void)packet;
	return program->packets++ % 2 ? NFQUEUE_DROP : NFQUEUE_ACCEPT;
}

/* The queue is open: from here on a packet may meet the rule. */
static int started(struct nfqueue_engine *engine, void *ctx)
{
	struct program *program = ctx;
	struct nfqueue_redirect redirect = {
		.size = sizeof(redirect),
		.hook = NFQUEUE_HOOK_INPUT,
		.match = program->match,
	};
	int err = nfqueue_rules_open(&program->rules, NULL);

	(void)engine;
	if (err == 0)
		err = nfqueue_rules_add(program->rules, &redirect);
	if (err == 0)
		err = nfqueue_rules_install(program->rules);
	if (err < 0)
		fprintf(stderr, "rules: %s\n", nfqueue_rules_error(program->rules));
	return err;
}

static void stopping(struct nfqueue_engine *engine, void *ctx)
{
	struct program *program = ctx;

	(void)engine;
	nfqueue_rules_stop(program->rules);
}

/* Called also when `started` failed, or was never reached. */
static void finished(struct nfqueue_engine *engine, void *ctx)
{
	struct program *program = ctx;
	struct nfqueue_stats stats = {.size = sizeof(stats)};
	uint64_t matched = 0;

	nfqueue_engine_stats_get(engine, &stats);
	if (program->rules &&
	    nfqueue_rules_counter(program->rules, -1, &matched, NULL) == 0)
		printf("matched %" PRIu64 " received %" PRIu64 " accepted %" PRIu64
		       " dropped %" PRIu64 "\n",
		       matched, stats.received, stats.accepted, stats.dropped);
	nfqueue_rules_close(program->rules);
}

int main(int argc, char **argv)
{
	struct program program = {.match = argc == 2 ? argv[1] : NULL};
	struct nfqueue_engine_options options = {
		.size = sizeof(options),
		.decide = decide,
		.ctx = &program,
		.started = started,
		.stopping = stopping,
		.finished = finished,
	};

	if (!program.match) {
		fprintf(stderr, "usage: rules EXPRESSION\n");
		return 2;
	}
	return nfqueue_run(&options) < 0;
}

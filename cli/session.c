/* SPDX-License-Identifier: MIT */
#include "session_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 1000

/* Each queue has a thread of its own that decides. */
static uint32_t thread_of(const struct session *session,
			  const struct nfqueue_packet *packet)
{
	return nfqueue_packet_queue_number(packet) - session->options->first_queue;
}

static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	const struct session *session = ctx;
	const struct session_options *options = session->options;
	struct generation_use use =
		generations_enter(session->generations, thread_of(session, packet));
	struct policy_packet bytes;
	struct policy_result result;
	size_t captured;

	bytes.data = nfqueue_packet_data(packet, &captured);
	bytes.captured = (uint32_t)captured;
	bytes.length = nfqueue_packet_length(packet);
	bytes.mark = nfqueue_packet_mark(packet);
	policy_decide(use.policy, &bytes, use.scratch, &result);
	for (uint32_t i = 0; i < result.log_count && options->log; i++)
		options->log(use.policy, result.logs[i], packet, options->ctx);
	return result.verdict;
}

static int out_of_memory(void)
{
	fputs("nfqueue: out of memory\n", stderr);
	return -ENOMEM;
}

static int on_started(struct nfqueue_engine *engine, void *ctx)
{
	struct session *session = ctx;
	const struct session_options *options = session->options;
	int err;

	session->engine = engine;
	if (generations_new(&session->generations, options->policy,
			    options->queue_count) < 0)
		return out_of_memory();
	err = session_control_open(session);
	if (err == 0)
		err = session_rules_install(session, options->policy);
	if (err < 0)
		return err;
	session->running = true;
	if (options->started)
		options->started(session, options->ctx);
	return session_control_start(session);
}

static void on_tick(struct nfqueue_engine *engine, void *ctx)
{
	struct session *session = ctx;

	(void)engine;
	if (session->options->tick)
		session->options->tick(session, session->options->ctx);
}

/* Rules go first, the table last: removing it makes the kernel drop what still waits. */
static void on_stopping(struct nfqueue_engine *engine, void *ctx)
{
	struct session *session = ctx;

	(void)engine;
	control_stop(session->control);
	if (session->options->stopping)
		session->options->stopping(session, session->options->ctx);
	session_rules_stop(session);
}

static void on_finished(struct nfqueue_engine *engine, void *ctx)
{
	struct session *session = ctx;

	(void)engine;
	control_stop(session->control); /* the start had failed */
	session->drained = true;
	if (session->options->finished && session->running)
		session->options->finished(session, session->options->ctx);
	session_rules_close(session);
}

static void on_error(const char *text, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "nfqueue: %s\n", text);
}

static int run_engine(struct session *session)
{
	const struct session_options *options = session->options;

	session->queue_options = options->queue;
	session->queue_options.size = sizeof(session->queue_options);
	if (session->queue_options.copy_range == 0)
		session->queue_options.copy_range = policy_copy_range(options->policy);
	return nfqueue_run(&(struct nfqueue_engine_options){
		.size = sizeof(struct nfqueue_engine_options),
		.first_queue = options->first_queue,
		.queue_count = options->queue_count,
		.decide = decide,
		.ctx = session,
		.queue_options = &session->queue_options,
		.started = on_started,
		.stopping = on_stopping,
		.finished = on_finished,
		.tick = on_tick,
		.tick_ms = TICK_MS,
		.error = on_error,
	});
}

int session_run(const struct session_options *options)
{
	struct session session = {.options = options};
	int err;

	pthread_mutex_init(&session.lock, NULL);
	session_control_prepare(&session);
	err = run_engine(&session);
	control_close(session.control);
	generations_free(session.generations);
	pthread_mutex_destroy(&session.lock);
	return err;
}

void session_stop(struct session *session)
{
	nfqueue_engine_stop(session->engine);
}

uint64_t session_rule_hits(const struct session *session, int32_t rule)
{
	return generations_hits(session->generations, rule);
}

const struct policy *session_policy(const struct session *session)
{
	return generations_policy(session->generations);
}

uint32_t session_copy_range(const struct session *session)
{
	return session->queue_options.copy_range;
}

const struct session_options *session_options(const struct session *session)
{
	return session->options;
}

bool session_buffer(struct session *session, uint32_t *bytes)
{
	struct nfqueue *queue = nfqueue_engine_queue(session->engine, 0);

	*bytes = nfqueue_socket_buffer(queue);
	return nfqueue_capabilities(queue) & NFQUEUE_CAP_BUFFER;
}

/* SPDX-License-Identifier: MIT */
#include "session_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 1000

/* What is decided may be gone, and is logged before; what the rules of others bring up
 * again has been through this. */
static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	const struct session *session = ctx;
	const struct session_options *options = session->options;
	struct generation_use use =
		generations_enter(session->generations, nfqueue_engine_thread());
	struct outlet_decision decision;

	if (outlet_is_ours(session->outlet, packet))
		return NFQUEUE_ACCEPT;
	outlet_decide(session->outlet, use.policy, use.scratch, packet, &decision);
	for (uint32_t i = 0; i < decision.outcome.log_count && options->log; i++)
		options->log(use.policy, decision.outcome.logs[i], packet, options->ctx);
	return outlet_carry_out(session->outlet, packet, &decision);
}

static int out_of_memory(void)
{
	fputs("nfqueue: out of memory\n", stderr);
	return -ENOMEM;
}

int session_outlet_open(struct session *session)
{
	char error[OUTLET_ERROR_MAX] = "out of memory";
	int err;

	if (session->outlet)
		return 0;
	err = outlet_new(&session->outlet);
	if (err == 0)
		err = outlet_prepare(session->outlet, session->options->policy, error);
	if (err < 0)
		fprintf(stderr, "nfqueue: %s\n", error);
	return err;
}

static int start(struct session *session)
{
	const struct session_options *options = session->options;
	int err = session_outlet_open(session);

	if (err < 0)
		return err;
	if (generations_new(&session->generations, options->policy,
			    nfqueue_engine_threads(session->engine)) < 0)
		return out_of_memory();
	err = session_control_open(session);
	if (err == 0)
		err = session_rules_start(session);
	if (err < 0)
		return err;
	session_sockets_store(session);
	session_counts_begin(session);
	session->running = true;
	if (options->started)
		options->started(session, options->ctx);
	if (options->controlled)
		service_ready();
	return 0;
}

/* A session that was to replace it did not. */
static int go_on(struct session *session)
{
	session_counts_begin(session);
	session->going_on = false;
	return session_flow_marks_set(session);
}

static int on_started(struct nfqueue_engine *engine, void *ctx)
{
	struct session *session = ctx;
	int err = 0;

	session->engine = engine;
	if (!session->running)
		err = start(session);
	else
		err = go_on(session);
	return err < 0 ? err : session_control_start(session);
}

static void on_tick(struct nfqueue_engine *engine, void *ctx)
{
	struct session *session = ctx;

	(void)engine;
	outlet_tick(session->outlet);
	if (session->options->tick)
		session->options->tick(session, session->options->ctx);
}

static void on_event(struct nfqueue_engine *engine, const struct nfqueue_event *event,
		     void *ctx)
{
	struct session *session = ctx;

	(void)engine;
	if (session->options->event)
		session->options->event(session, event, session->options->ctx);
}

/* What waits in the kernel is for who has the sockets next. */
static bool leaves_packets(const struct session *session)
{
	return session->leaving || session_is_handing_over(session);
}

/* Rules go first, the table last: removing it makes the kernel drop what still waits. */
static void on_stopping(struct nfqueue_engine *engine, void *ctx)
{
	struct session *session = ctx;

	(void)engine;
	control_stop(session->control);
	if (session_is_handing_over(session))
		return;
	if (session->options->controlled)
		service_stopping();
	if (session->options->stopping)
		session->options->stopping(session, session->options->ctx);
	if (!leaves_packets(session))
		session_rules_stop(session);
}

static void report(struct session *session)
{
	outlet_end(session->outlet);
	if (session->options->finished && session->running)
		session->options->finished(session, session->options->ctx);
}

/* A start that failed leaves what it inherited to the next one. */
static void on_finished(struct nfqueue_engine *engine, void *ctx)
{
	struct session *session = ctx;

	(void)engine;
	control_stop(session->control); /* the start had failed */
	if (session_is_handing_over(session) && !session_sockets_give(session)) {
		session->going_on = true;
		return;
	}
	if (session->life == SESSION_REPLACED || session->leaving ||
	    (!session->running && session->life == SESSION_INHERITED)) {
		session->life = session->leaving ? SESSION_LEFT : session->life;
		report(session);
		nfqueue_rules_release(session->rules);
		session->rules = NULL;
		return;
	}
	session->drained = true;
	report(session);
	session_rules_close(session);
	session_sockets_forget(session);
}

static void on_error(const char *text, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "nfqueue: %s\n", text);
}

static int run_engine(struct session *session)
{
	const struct session_options *options = session->options;
	int err;

	session->queue_options.copy_range = session->copy_range;
	err = nfqueue_run(&(struct nfqueue_engine_options){
		.size = sizeof(struct nfqueue_engine_options),
		.first_queue = options->first_queue,
		.queue_count = options->queue_count,
		.decide = decide,
		.ctx = session,
		.queue_options = &session->queue_options,
		.worker = options->worker.size ? &options->worker : NULL,
		.sockets = session->sockets.queues,
		.started = on_started,
		.stopping = on_stopping,
		.finished = on_finished,
		.tick = on_tick,
		.tick_ms = TICK_MS,
		.event = on_event,
		.error = on_error,
	});
	if (!session->going_on)
		inherited_drop_queues(&session->sockets); /* the engine's */
	return err;
}

static int run(struct session *session)
{
	const struct session_options *options = session->options;
	int err;

	session->queue_options = options->queue;
	session->queue_options.size = sizeof(session->queue_options);
	session->copy_range = session_wanted_copy_range(session, options->policy);
	session_control_prepare(session);
	err = session_sockets_take(session);
	/* At once, so that the next one that wants to replace somebody finds us. */
	if (err == 0 && session->life == SESSION_REPLACING)
		err = session_control_open(session);
	if (err < 0)
		return err;
	do
		err = run_engine(session);
	while (session->going_on);
	return err;
}

int session_run(const struct session_options *options)
{
	struct session session = {.options = options, .successor = -1};
	int err;

	pthread_mutex_init(&session.lock, NULL);
	err = run(&session);
	control_close(session.control);
	generations_free(session.generations);
	outlet_free(session.outlet);
	inherited_free(&session.sockets);
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

void session_rule_stats(const struct session *session, int32_t rule,
			struct policy_rule_stats *stats)
{
	generations_stats(session->generations, rule, stats);
}

const char *session_rule_error(const struct session *session, int32_t rule)
{
	return generations_error(session->generations, rule);
}

const struct policy *session_policy(const struct session *session)
{
	return generations_policy(session->generations);
}

uint32_t session_copy_range(const struct session *session)
{
	return session->copy_range;
}

uint32_t session_wanted_copy_range(const struct session *session,
				   const struct policy *policy)
{
	uint32_t wanted = session->options->queue.copy_range;

	return wanted ? wanted : policy_copy_range(policy);
}

enum session_life session_life(const struct session *session)
{
	return session->life;
}

pid_t session_other(const struct session *session)
{
	return session->other;
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

/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS 1000
#define DEFAULT_MAX_LENGTH 4096 /* of nfqueue_options */

struct session {
	const struct session_options *options;
	struct nfqueue_options queue_options;
	struct nfqueue_engine *engine;
	struct nfqueue_rules *rules;       /* NULL: the policy has no queue line */
	struct policy_scratch **scratches; /* one a queue */
	uint64_t unseen;                   /* told so far, and what the look before */
	uint64_t unseen_before;            /* gave: see count_unseen() */
	bool running;                      /* it has started as it should */
	bool drained;                      /* nothing is under way any more */
};

static struct policy_scratch *scratch_of(const struct session *session,
					 const struct nfqueue_packet *packet)
{
	return session->scratches[nfqueue_packet_queue_number(packet) -
				  session->options->first_queue];
}

static struct nfqueue_verdict decide(struct nfqueue_packet *packet, void *ctx)
{
	const struct session *session = ctx;
	const struct session_options *options = session->options;
	struct policy_packet bytes;
	struct policy_result result;
	size_t captured;

	bytes.data = nfqueue_packet_data(packet, &captured);
	bytes.captured = (uint32_t)captured;
	bytes.length = nfqueue_packet_length(packet);
	bytes.mark = nfqueue_packet_mark(packet);
	policy_decide(options->policy, &bytes, scratch_of(session, packet), &result);
	for (uint32_t i = 0; i < result.log_count && options->log; i++)
		options->log(options->policy, result.logs[i], packet, options->ctx);
	return result.verdict;
}

static int rules_failed(const struct session *session, int err)
{
	fprintf(stderr, "nfqueue: %s\n", nfqueue_rules_error(session->rules));
	return err;
}

static int add_redirect(const struct session *session, const struct policy_redirect *from)
{
	const struct session_options *options = session->options;
	const struct nfqueue_redirect redirect = {
		.size = sizeof(redirect),
		.family = from->family,
		.hook = from->hook,
		.match = from->match,
		.first_queue = (uint16_t)options->first_queue,
		.queue_count = (uint16_t)options->queue_count,
		.flags = options->redirect_flags,
	};
	int err = nfqueue_rules_add(session->rules, &redirect);

	return err < 0 ? rules_failed(session, err) : 0;
}

static int install_rules(struct session *session)
{
	const struct session_options *options = session->options;
	const struct nfqueue_rules_options rules = {
		.size = sizeof(rules),
		.on_crash = options->on_crash,
	};
	size_t count = policy_redirect_count(options->policy);
	int err;

	if (count == 0)
		return 0;
	err = nfqueue_rules_open(&session->rules, &rules);
	if (err < 0)
		return rules_failed(session, err);
	for (size_t i = 0; i < count; i++) {
		err = add_redirect(session, policy_redirect_get(options->policy, i));
		if (err < 0)
			return err;
	}
	err = nfqueue_rules_install(session->rules);
	return err < 0 ? rules_failed(session, err) : 0;
}

static int on_started(struct nfqueue_engine *engine, void *ctx)
{
	struct session *session = ctx;
	int err;

	session->engine = engine;
	err = install_rules(session);
	if (err < 0)
		return err;
	session->running = true;
	if (session->options->started)
		session->options->started(session, session->options->ctx);
	return 0;
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
	if (session->options->stopping)
		session->options->stopping(session, session->options->ctx);
	if (session->rules && nfqueue_rules_stop(session->rules) < 0)
		rules_failed(session, 0);
}

static void on_finished(struct nfqueue_engine *engine, void *ctx)
{
	struct session *session = ctx;

	(void)engine;
	session->drained = true;
	if (session->options->finished && session->running)
		session->options->finished(session, session->options->ctx);
	nfqueue_rules_close(session->rules);
	session->rules = NULL;
}

static void on_error(const char *text, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "nfqueue: %s\n", text);
}

static int make_scratches(struct session *session)
{
	uint32_t count = session->options->queue_count;
	int err = 0;

	session->scratches = calloc(count, sizeof(struct policy_scratch *));
	if (!session->scratches)
		return -ENOMEM;
	for (uint32_t i = 0; i < count && err == 0; i++)
		err = policy_scratch_new(&session->scratches[i],
					 session->options->policy);
	return err;
}

static void free_scratches(struct session *session)
{
	for (uint32_t i = 0; session->scratches && i < session->options->queue_count; i++)
		policy_scratch_free(session->scratches[i]);
	free(session->scratches);
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
	int err = make_scratches(&session);

	if (err < 0)
		fprintf(stderr, "nfqueue: out of memory\n");
	else
		err = run_engine(&session);
	free_scratches(&session);
	return err;
}

void session_stop(struct session *session)
{
	nfqueue_engine_stop(session->engine);
}

/* Not less than wait in the kernel unreceived; in a user namespace nobody can look. */
static uint64_t waiting_at_most(const struct session *session,
				const struct nfqueue_stats *queue)
{
	const struct nfqueue_options *options = &session->queue_options;
	uint32_t length = options->max_length ? options->max_length : DEFAULT_MAX_LENGTH;

	if (session->drained)
		return queue->waiting > queue->held ? queue->waiting - queue->held : 0;
	if (nfqueue_kernel_queues(NULL, 0) >= 0)
		return queue->waiting;
	return (uint64_t)length * session->options->queue_count;
}

/*
 * A full queue consumes no id, and where it fails open it counts nowhere in the kernel:
 * only the rule's counter has seen the packet. While packets are under way this may be
 * told late, but never too high: the rule's counter is read first, what waits next, so
 * that a packet that moves on meanwhile is subtracted twice, and what a look gives (a
 * packet may be between rule and queue) is told when the next one confirms it.
 */
static uint64_t count_unseen(struct session *session, const struct session_counts *counts,
			     uint64_t waiting)
{
	const struct nfqueue_stats *queue = &counts->queue;
	uint64_t seen = queue->received + queue->lost_full + queue->lost_socket +
			queue->passed_socket + waiting;
	uint64_t unseen = counts->rule_packets > seen ? counts->rule_packets - seen : 0;
	uint64_t before = session->unseen_before;
	uint64_t sure = unseen < before ? unseen : before;

	session->unseen_before = unseen;
	if (session->drained)
		return unseen;
	if (sure > session->unseen)
		session->unseen = sure;
	return session->unseen;
}

/* Without fail open it was lost, in a user namespace, where its counter cannot be read.
 */
static void add_unseen(struct session *session, struct session_counts *counts,
		       uint64_t unseen)
{
	struct nfqueue *queue = nfqueue_engine_queue(session->engine, 0);

	if (nfqueue_capabilities(queue) & NFQUEUE_FAIL_OPEN)
		counts->passed += unseen;
	else
		counts->queue.lost_full += unseen;
}

void session_counts(struct session *session, struct session_counts *counts)
{
	struct nfqueue_stats earlier = {.size = sizeof(earlier)};

	*counts = (struct session_counts){.queue.size = sizeof(counts->queue)};
	counts->has_rules =
		session->rules && nfqueue_rules_counter(session->rules, -1,
							&counts->rule_packets, NULL) == 0;
	nfqueue_engine_stats_get(session->engine, &earlier);
	nfqueue_engine_stats_get(session->engine, &counts->queue);
	counts->passed = counts->queue.passed_socket;
	if (counts->has_rules)
		add_unseen(session, counts,
			   count_unseen(session, counts,
					waiting_at_most(session, &earlier)));
	counts->lost = counts->queue.lost_full + counts->queue.lost_socket;
}

uint64_t session_rule_hits(const struct session *session, int32_t rule)
{
	uint64_t hits = 0;

	for (uint32_t i = 0; i < session->options->queue_count; i++)
		hits += policy_scratch_hits(session->scratches[i], rule);
	return hits;
}

const struct session_options *session_options(const struct session *session)
{
	return session->options;
}

const char *session_rules_text(struct session *session, char *text, size_t size)
{
	text[0] = '\0';
	if (session->rules)
		nfqueue_rules_text(session->rules, text, size);
	return text;
}

bool session_buffer(struct session *session, uint32_t *bytes)
{
	struct nfqueue *queue = nfqueue_engine_queue(session->engine, 0);

	*bytes = nfqueue_socket_buffer(queue);
	return nfqueue_capabilities(queue) & NFQUEUE_CAP_BUFFER;
}

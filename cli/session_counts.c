/* SPDX-License-Identifier: MIT */
/* Every packet of a session, counted once. */
#include "session_state.h"

#define DEFAULT_MAX_LENGTH 4096 /* of nfqueue_options */

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

/* What waits is counted by the rules, and is ours. Rather too little is ours than too
 * much: what comes between the two looks. */
void session_counts_begin(struct session *session)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	session->unseen = 0;
	session->unseen_before = 0;
	session->rules_before = 0;
	if (session->life == SESSION_FRESH && !session->going_on)
		return;
	nfqueue_engine_stats_get(session->engine, &stats);
	if (session->rules &&
	    nfqueue_rules_counter(session->rules, -1, &session->rules_before, NULL) == 0)
		session->rules_before -= stats.waiting < session->rules_before
						 ? stats.waiting
						 : session->rules_before;
}

static bool read_rules(struct session *session, struct session_counts *counts)
{
	if (!session->rules ||
	    nfqueue_rules_counter(session->rules, -1, &counts->rule_packets, NULL) < 0)
		return false;
	counts->rule_packets -= counts->rule_packets < session->rules_before
					? counts->rule_packets
					: session->rules_before;
	return true;
}

/* What went out beside the verdicts. */
static void read_outlet(struct session *session, struct session_counts *counts)
{
	const struct policy *policy = generations_policy(session->generations);

	counts->copies.size = sizeof(counts->copies);
	counts->has_copies = outlet_inject_stats(session->outlet, &counts->copies);
	counts->has_captures = outlet_capture_stats(session->outlet, &counts->captures);
	counts->streams.size = sizeof(counts->streams);
	counts->has_streams = policy_stream_stats(policy, &counts->streams) == 0;
}

void session_counts(struct session *session, struct session_counts *counts)
{
	struct nfqueue_stats earlier = {.size = sizeof(earlier)};

	pthread_mutex_lock(&session->lock);
	*counts = (struct session_counts){.queue.size = sizeof(counts->queue)};
	counts->has_rules = read_rules(session, counts);
	counts->has_flows =
		session_has_flows(session) &&
		nfqueue_rules_flow_counter(session->rules, &counts->flow_accepted,
					   &counts->flow_dropped) == 0;
	nfqueue_engine_stats_get(session->engine, &earlier);
	nfqueue_engine_stats_get(session->engine, &counts->queue);
	counts->passed = counts->queue.passed_socket;
	if (counts->has_rules)
		add_unseen(session, counts,
			   count_unseen(session, counts,
					waiting_at_most(session, &earlier)));
	counts->lost = counts->queue.lost_full + counts->queue.lost_socket;
	read_outlet(session, counts);
	counts->reloads = generations_count(session->generations);
	counts->earlier = generations_earlier(session->generations);
	pthread_mutex_unlock(&session->lock);
}

/* SPDX-License-Identifier: MIT */
#include "report_json.h"

#include "json.h"

#include <stdio.h>
#include <time.h>

static cJSON *new_object(const char *type)
{
	cJSON *object = cJSON_CreateObject();
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	cJSON_AddStringToObject(object, "type", type);
	cJSON_AddNumberToObject(object, "time",
				(double)now.tv_sec + (double)now.tv_nsec / 1e9);
	return object;
}

static void add_outlet(cJSON *object, const struct session_counts *counts)
{
	if (counts->has_copies) {
		json_add(object, "copies_sent", counts->copies.sent);
		json_add(object, "copies_failed", counts->copies.failed);
		json_add(object, "copies_overflow", counts->copies.overflow);
		json_add(object, "copies_waiting", counts->copies.waiting);
	}
	if (counts->has_captures) {
		json_add(object, "recorded", counts->captures.packets);
		json_add(object, "record_lost", counts->captures.lost);
		json_add(object, "record_failed", counts->captures.failed);
	}
	if (counts->has_streams) {
		json_add(object, "streams", counts->streams.flows);
		json_add(object, "streams_one_sided", counts->streams.one_sided);
	}
}

static void add_counts(cJSON *object, uint64_t seconds,
		       const struct session_counts *counts)
{
	const struct nfqueue_stats *queue = &counts->queue;
	const struct {
		const char *name;
		uint64_t count;
	} rows[] = {
		{"seconds", seconds},
		{"received", queue->received},
		{"bytes", queue->bytes},
		{"accepted", queue->accepted},
		{"dropped", queue->dropped},
		{"repeated", queue->repeated},
		{"requeued", queue->requeued},
		{"modified", queue->modified},
		{"held", queue->held},
		{"waiting", queue->waiting},
		{"defaulted", queue->defaulted},
		{"refused", queue->refused},
		{"flushed", queue->flushed},
		{"truncated", queue->truncated},
		{"malformed", queue->malformed},
		{"lost", counts->lost},
		{"lost_full", queue->lost_full},
		{"lost_socket", queue->lost_socket},
		{"passed", counts->passed},
		{"enobufs", queue->enobufs},
		{"ring_overflow", queue->ring_overflow},
		{"hold_overflow", queue->hold_overflow},
		{"buffer_grown", queue->buffer_grown},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		json_add(object, rows[i].name, rows[i].count);
	if (counts->has_rules)
		json_add(object, "rule_packets", counts->rule_packets);
	add_outlet(object, counts);
	if (!counts->has_flows)
		return;
	json_add(object, "flows_accepted", queue->flow_accepted);
	json_add(object, "flows_dropped", queue->flow_dropped);
	json_add(object, "kernel_accepted", counts->flow_accepted);
	json_add(object, "kernel_dropped", counts->flow_dropped);
}

void report_json_counters(uint64_t seconds, const struct session_counts *counts)
{
	cJSON *object = new_object("counters");

	add_counts(object, seconds, counts);
	json_print(object);
}

static void add_effects(cJSON *object, const struct session *session, int32_t rule)
{
	struct policy_rule_stats stats;

	session_rule_stats(session, rule, &stats);
	json_add_rule_stats(object, &stats, session_rule_error(session, rule));
}

static cJSON *rules_array(const struct session *session)
{
	const struct policy *policy = session_policy(session);
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; i < policy_rule_count(policy); i++) {
		cJSON *rule = cJSON_CreateObject();

		cJSON_AddStringToObject(rule, "rule", policy_rule_text(policy, i));
		json_add(rule, "line", policy_rule_line(policy, i));
		json_add(rule, "packets", session_rule_hits(session, (int32_t)i));
		add_effects(rule, session, (int32_t)i);
		cJSON_AddItemToArray(array, rule);
	}
	return array;
}

void report_json_summary(const struct session *session, uint64_t seconds,
			 const struct session_counts *counts)
{
	cJSON *object = new_object("summary");

	add_counts(object, seconds, counts);
	cJSON_AddItemToObject(object, "rules", rules_array(session));
	json_add(object, "no_rule", session_rule_hits(session, POLICY_NO_RULE));
	if (session_life(session) == SESSION_REPLACED)
		json_add(object, "replaced_by", (uint64_t)session_other(session));
	json_add(object, "reloads", counts->reloads);
	json_add(object, "earlier_policies", counts->earlier);
	json_print(object);
}

static const char *const event_names[] = {
	[NFQUEUE_EVENT_QUEUE_FULL] = "queue_full",
	[NFQUEUE_EVENT_SOCKET_FULL] = "socket_full",
	[NFQUEUE_EVENT_HOLD_FULL] = "hold_full",
	[NFQUEUE_EVENT_RING_FULL] = "ring_full",
	[NFQUEUE_EVENT_BUFFER_GREW] = "buffer_grew",
};

void report_json_event(const struct nfqueue_event *event)
{
	cJSON *object = new_object("event");
	const char *kind = "other";

	if (event->kind < sizeof(event_names) / sizeof(*event_names))
		kind = event_names[event->kind];
	cJSON_AddStringToObject(object, "kind", kind);
	json_add(object, "queue", event->queue);
	json_add(object, "count", event->count);
	json_add(object, "total", event->total);
	json_print(object);
}

void report_json_reload(const char *text, const char *error)
{
	cJSON *object = new_object("reload");

	cJSON_AddBoolToObject(object, "ok", *error == '\0');
	cJSON_AddStringToObject(object, "text", text);
	cJSON_AddStringToObject(object, "error", error);
	json_print(object);
}

void report_json_log(const struct policy *policy, uint32_t rule,
		     const struct nfqueue_packet *packet, const char *text)
{
	cJSON *object = new_object("log");

	json_add(object, "line", policy_rule_line(policy, rule));
	cJSON_AddStringToObject(object, "text", policy_rule_log_text(policy, rule));
	json_add(object, "queue", nfqueue_packet_queue_number(packet));
	json_add(object, "id", nfqueue_packet_id(packet));
	json_add(object, "mark", nfqueue_packet_mark(packet));
	json_add(object, "length", nfqueue_packet_length(packet));
	cJSON_AddStringToObject(object, "packet", text);
	json_print(object);
}

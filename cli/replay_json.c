/* SPDX-License-Identifier: MIT */
#include "replay_json.h"

#include "json.h"

static cJSON *new_object(const char *type)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "type", type);
	return object;
}

void replay_json_log(const struct replay_options *options, uint32_t rule,
		     const struct policy_packet *packet, uint64_t time_ns,
		     const char *text)
{
	const struct policy *policy = options->policy;
	cJSON *object = new_object("log");

	cJSON_AddNumberToObject(object, "time", (double)time_ns / 1e9);
	json_add(object, "line", policy_rule_line(policy, rule));
	cJSON_AddStringToObject(object, "text", policy_rule_log_text(policy, rule));
	json_add(object, "length", packet->length);
	cJSON_AddStringToObject(object, "packet", text);
	json_print_to(options->out, object);
}

static void add_counts(cJSON *object, const struct replay_counts *counts)
{
	const struct {
		const char *name;
		uint64_t count;
	} rows[] = {
		{"packets", counts->packets},
		{"bytes", counts->bytes},
		{"not_ip", counts->other},
		{"not_queued", counts->unqueued},
		{"by_flow", counts->by_flow},
		{"accepted", counts->accepted},
		{"dropped", counts->dropped},
		{"repeated", counts->repeated},
		{"requeued", counts->requeued},
		{"modified", counts->changed},
		{"made", counts->made},
		{"truncated", counts->truncated},
		{"unchangeable", counts->unchangeable},
		{"out_of_order", counts->late},
		{"broken_files", counts->broken},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		json_add(object, rows[i].name, rows[i].count);
	cJSON_AddNumberToObject(object, "first", (double)counts->first_ns / 1e9);
	cJSON_AddNumberToObject(object, "last", (double)counts->last_ns / 1e9);
}

static void add_rule_counts(cJSON *object, const struct replay *replay, int32_t rule)
{
	struct policy_rule_stats stats;

	replay_rule_stats(replay, rule, &stats);
	json_add(object, "packets", stats.hits);
	json_add(object, "bytes", replay_rule_bytes(replay, rule));
	json_add_rule_stats(object, &stats, replay_rule_error(replay, rule));
}

static cJSON *rules_array(const struct replay *replay)
{
	const struct policy *policy = replay_options(replay)->policy;
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; i < policy_rule_count(policy); i++) {
		cJSON *rule = cJSON_CreateObject();

		cJSON_AddStringToObject(rule, "rule", policy_rule_text(policy, i));
		json_add(rule, "line", policy_rule_line(policy, i));
		add_rule_counts(rule, replay, (int32_t)i);
		cJSON_AddItemToArray(array, rule);
	}
	return array;
}

void replay_json_summary(const struct replay *replay)
{
	cJSON *object = new_object("summary"), *rest = cJSON_CreateObject();
	struct capture_stats written;

	add_counts(object, replay_counts(replay));
	if (replay_options(replay)->output) {
		replay_written(replay, &written);
		json_add(object, "written", written.packets);
	}
	cJSON_AddItemToObject(object, "rules", rules_array(replay));
	add_rule_counts(rest, replay, POLICY_NO_RULE);
	cJSON_AddItemToObject(object, "no_rule", rest);
	json_print_to(replay_options(replay)->out, object);
}

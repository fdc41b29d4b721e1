/* SPDX-License-Identifier: MIT */
#include "replay_report.h"

#include <inttypes.h>

#include "number.h"
#include "rule_stats.h"

void replay_report_notes(const struct replay_options *options)
{
	const struct policy *policy = options->policy;
	bool records = false;

	for (size_t i = 0; i < policy_rule_count(policy); i++)
		records |= policy_rule_capture(policy, i) != NULL;
	if (policy_redirect_count(policy))
		fputs("a capture does not tell the hook: what a 'queue' line matches "
		      "comes up at any\n",
		      stderr);
	if (records)
		fputs("'log to' writes no file here: -w FILE does\n", stderr);
}

static void print_count(FILE *out, const char *name, uint64_t count, const char *remark)
{
	char text[32];

	fprintf(out, "  %-20s %15s%s%s\n", name, number_text(count, text),
		*remark ? "   " : "", remark);
}

static void print_totals(FILE *out, const struct replay_counts *counts)
{
	const struct {
		const char *name;
		uint64_t count;
		const char *remark;
		bool always;
	} rows[] = {
		{"packets", counts->packets, "", true},
		{"bytes", counts->bytes, "", true},
		{"accepted", counts->accepted, "", true},
		{"dropped", counts->dropped, "", true},
		{"repeated", counts->repeated, "", false},
		{"requeued", counts->requeued, "handed to another queue", false},
		{"changed", counts->changed, "", false},
		{"made", counts->made, "copies, answers, segments", false},
		{"not queued", counts->unqueued, "no 'queue' line matches: accepted",
		 false},
		{"decided with flows", counts->by_flow, "in the kernel", false},
		{"not IP", counts->other, "left out", false},
		{"truncated", counts->truncated,
		 "could not be changed: capture them with a larger snap length", false},
		{"not changed", counts->unchangeable, "no change is possible", false},
		{"out of order", counts->late, "older than those before: taken as equal",
		 false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].count || rows[i].always)
			print_count(out, rows[i].name, rows[i].count, rows[i].remark);
}

static void print_rule(FILE *out, const struct replay *replay, int32_t rule,
		       const char *text)
{
	struct policy_rule_stats stats;
	char packets[32], bytes[32], effects[RULE_STATS_TEXT_MAX];

	replay_rule_stats(replay, rule, &stats);
	fprintf(out, "  %15s  %15s  %s\n", number_text(stats.hits, packets),
		number_text(replay_rule_bytes(replay, rule), bytes), text);
	rule_stats_text(&stats, replay_rule_error(replay, rule), effects,
			sizeof(effects));
	if (*effects)
		fprintf(out, "  %15s  %15s    %s\n", "", "", effects);
}

static void print_rules(FILE *out, const struct replay *replay)
{
	const struct policy *policy = replay_options(replay)->policy;
	struct policy_rule_stats rest;

	fprintf(out, "\n  %15s  %15s  rule\n", "packets", "bytes");
	for (size_t i = 0; i < policy_rule_count(policy); i++)
		print_rule(out, replay, (int32_t)i, policy_rule_text(policy, i));
	replay_rule_stats(replay, POLICY_NO_RULE, &rest);
	if (rest.hits || rest.changed)
		print_rule(out, replay, POLICY_NO_RULE, "(no rule: accepted)");
}

static void print_output(FILE *out, const struct replay *replay)
{
	const char *path = replay_options(replay)->output;
	struct capture_stats written;
	char text[32];

	if (!path)
		return;
	replay_written(replay, &written);
	fprintf(out, "\n  %s packets written to %s\n", number_text(written.packets, text),
		path);
}

void replay_report(const struct replay *replay)
{
	FILE *out = replay_options(replay)->out;

	print_totals(out, replay_counts(replay));
	print_rules(out, replay);
	print_output(out, replay);
}

/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/reader.h"
#include "replay_checksum.h"
#include "replay_filter.h"
#include "replay_flows.h"
#include "replay_log.h"
#include "replay_output.h"
#include "replay_progress.h"

#define CODE_BITS 0xffu

struct replay {
	struct replay_options options;
	struct replay_counts counts;
	struct policy_scratch *scratch;
	struct replay_filter *filter;
	struct replay_flows *flows;   /* NULL: flow verdicts are plain ones */
	struct replay_output *output; /* NULL: none is wanted */
	struct replay_progress progress;
	struct nfqueue_edit *edit;
	uint64_t *rule_bytes; /* one a rule, and one for no rule */
	struct capture_stats written;
	uint64_t now_ns;    /* never goes back */
	const char *opened; /* the file, until its first packet */
};

/* The packet that is under way. */
struct current {
	struct replay *replay;
	const struct capture_packet *captured;
	struct policy_packet packet;
	uint32_t skb_info;
	const char *rule; /* who decided; or why nobody was asked */
};

int replay_new(struct replay **replay, const struct replay_options *options)
{
	struct replay *made = calloc(1, sizeof(*made));
	size_t rules = policy_rule_count(options->policy);
	int err = -ENOMEM;

	*replay = made;
	if (!made)
		return err;
	made->options = *options;
	made->rule_bytes = calloc(rules + 1, sizeof(*made->rule_bytes));
	if (made->rule_bytes)
		err = policy_scratch_new(&made->scratch, options->policy);
	if (err == 0)
		err = replay_filter_new(&made->filter, options->policy);
	/* as with `run`: who makes no rules has no flow marks */
	if (err == 0 && policy_has_flow_verdicts(options->policy) &&
	    policy_redirect_count(options->policy))
		err = replay_flows_new(&made->flows);
	if (err == 0)
		err = nfqueue_edit_new(&made->edit);
	if (err < 0)
		fprintf(stderr, "nfqueue: cannot begin: %s\n", strerror(-err));
	if (err == 0 && options->output)
		err = replay_output_new(&made->output, options->output);
	return err;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	replay_output_free(replay->output);
	nfqueue_edit_free(replay->edit);
	replay_flows_free(replay->flows);
	replay_filter_free(replay->filter);
	policy_scratch_free(replay->scratch);
	free(replay->rule_bytes);
	free(replay);
}

/* policy_env.edit */
static struct nfqueue_edit *begin_edit(void *ctx)
{
	struct current *current = ctx;
	struct replay *replay = current->replay;
	const struct policy_packet *packet = &current->packet;

	if (packet->captured < packet->length)
		replay->counts.truncated++;
	else if (nfqueue_edit_begin(replay->edit, packet->data, packet->captured,
				    packet->length, current->skb_info) < 0)
		replay->counts.unchangeable++;
	else
		return replay->edit;
	return NULL;
}

static uint8_t hook_of(const struct link_found *link)
{
	if (link->hook != LINK_NO_HOOK)
		return link->hook;
	if (link->outgoing)
		return NFQUEUE_HOOK_OUTPUT;
	return link->incoming ? NFQUEUE_HOOK_INPUT : CAPTURE_NO_HOOK;
}

/* What goes to the output for this packet, or besides it. The interfaces of the captures
 * are those of another machine: their numbers say nothing here. */
static struct capture_record record_of(const struct current *current)
{
	const struct link_found *link = &current->captured->link;
	struct capture_record record = {.time_ns = current->replay->now_ns,
					.data = current->packet.data,
					.captured = current->packet.captured,
					.length = current->packet.length,
					.vlan_protocol = link->vlan_protocol,
					.vlan_tci = link->vlan_tci,
					.hook = hook_of(link),
					.hw_address_length = link->hw_address_length,
					.verdict = NFQUEUE_ACCEPT,
					.comment = current->rule};

	memcpy(record.hw_address, link->hw_address, sizeof(record.hw_address));
	return record;
}

static int write_record(struct replay *replay, const struct capture_record *record)
{
	bool dropped = (record->verdict.code & CODE_BITS) == NFQUEUE_VERDICT_DROP &&
		       record->fate == CAPTURE_DECIDED;

	if (!replay->output || (dropped && !replay->options.with_dropped))
		return 0;
	return replay_output_put(replay->output, record);
}

static const char *const copy_words[] = {
	[POLICY_COPY_REJECT] = "reject",   [POLICY_COPY_INJECT] = "inject",
	[POLICY_COPY_SEGMENT] = "segment", [POLICY_COPY_DUPLICATE] = "duplicate",
	[POLICY_COPY_REST] = "rest",
};

/* An answer goes the other way, and the sender's hardware address is not its own. */
static void turn_around(struct capture_record *record)
{
	record->hw_address_length = 0;
	if (record->hook == NFQUEUE_HOOK_INPUT)
		record->hook = NFQUEUE_HOOK_OUTPUT;
	else if (record->hook == NFQUEUE_HOOK_OUTPUT)
		record->hook = NFQUEUE_HOOK_INPUT;
}

static int write_copy(const struct current *current, const struct policy_copy *copy)
{
	struct capture_record record = record_of(current);
	char comment[CAPTURE_COMMENT_MAX];

	current->replay->counts.made++;
	snprintf(comment, sizeof(comment), "%s: %s", copy_words[copy->kind],
		 current->rule);
	record.comment = comment;
	record.fate = CAPTURE_MADE;
	record.data = copy->data;
	record.captured = copy->length;
	record.length = copy->length;
	record.time_ns += copy->delay_ns;
	if (copy->kind == POLICY_COPY_REJECT)
		turn_around(&record);
	return write_record(current->replay, &record);
}

/* The packet with its changes. */
static int write_changed(const struct current *current,
			 const struct policy_outcome *outcome,
			 struct capture_record *record)
{
	struct replay *replay = current->replay;
	size_t length;
	int err;

	record->verdict = outcome->verdict;
	record->time_ns += outcome->delay_ns;
	record->fate = outcome->resent ? CAPTURE_TAKEN : CAPTURE_DECIDED;
	if (!outcome->changed || outcome->resent)
		return write_record(replay, record);
	replay->counts.changed++;
	err = nfqueue_edit_commit(replay->edit);
	if (err < 0)
		return err;
	record->data = nfqueue_edit_data(replay->edit, &length);
	record->captured = (uint32_t)length;
	record->length = (uint32_t)length;
	return write_record(replay, record);
}

static void count_verdict(struct replay_counts *counts, struct nfqueue_verdict verdict)
{
	switch (verdict.code & CODE_BITS) {
	case NFQUEUE_VERDICT_DROP:
		counts->dropped++;
		break;
	case NFQUEUE_VERDICT_REPEAT:
		counts->repeated++;
		break;
	case NFQUEUE_VERDICT_QUEUE:
		counts->requeued++;
		break;
	default:
		counts->accepted++;
	}
}

/* A packet that the policy is not asked for. */
static int pass(struct current *current, struct nfqueue_verdict verdict, const char *why)
{
	struct capture_record record;

	current->rule = why;
	record = record_of(current);
	record.verdict = verdict;
	count_verdict(&current->replay->counts, verdict);
	return write_record(current->replay, &record);
}

static void print_logs(const struct current *current,
		       const struct policy_outcome *outcome)
{
	const struct replay_options *options = &current->replay->options;

	for (uint32_t i = 0; i < outcome->log_count; i++) {
		replay_progress_erase(&current->replay->progress);
		replay_log(options, outcome->logs[i], &current->packet,
			   current->captured->time_ns);
	}
}

static bool is_among(uint32_t rule, const uint32_t *rules, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (rules[i] == rule)
			return true;
	return false;
}

/* The rules that the packet met on its way, and the one that decided it. */
static void count_rules(struct current *current, const struct policy_outcome *outcome)
{
	struct replay *replay = current->replay;
	const struct policy *policy = replay->options.policy;
	size_t slot =
		outcome->rule < 0 ? policy_rule_count(policy) : (size_t)outcome->rule;

	current->rule = outcome->rule < 0 ? "no rule" : policy_rule_text(policy, slot);
	replay->rule_bytes[slot] += current->packet.length;
	for (uint32_t i = 0; i < outcome->log_count; i++)
		if ((int32_t)outcome->logs[i] != outcome->rule)
			replay->rule_bytes[outcome->logs[i]] += current->packet.length;
	for (uint32_t i = 0; i < outcome->capture_count; i++)
		if ((int32_t)outcome->captures[i] != outcome->rule &&
		    !is_among(outcome->captures[i], outcome->logs, outcome->log_count))
			replay->rule_bytes[outcome->captures[i]] +=
				current->packet.length;
}

static int keep_flow(struct current *current, struct nfqueue_verdict verdict)
{
	if (!current->replay->flows || !(verdict.set & NFQUEUE_SET_FLOW))
		return 0;
	verdict.set &= ~NFQUEUE_SET_FLOW;
	return replay_flows_decide(current->replay->flows, &current->packet, verdict);
}

/* Those in front of the packet, or behind it. */
static int write_copies(const struct current *current,
			const struct policy_outcome *outcome, bool behind)
{
	int err = 0;

	for (uint32_t i = 0; err == 0 && i < outcome->copy_count; i++)
		if ((outcome->copies[i].kind == POLICY_COPY_REST) == behind)
			err = write_copy(current, &outcome->copies[i]);
	return err;
}

static int write_outcome(const struct current *current,
			 const struct policy_outcome *outcome)
{
	struct capture_record record = record_of(current);
	int err = write_copies(current, outcome, false);

	if (err == 0)
		err = write_changed(current, outcome, &record);
	return err < 0 ? err : write_copies(current, outcome, true);
}

static int decide(struct current *current)
{
	struct replay *replay = current->replay;
	struct policy_env env = {
		.now_ns = replay->now_ns, .edit = begin_edit, .ctx = current};
	struct policy_outcome outcome;
	int err;

	current->skb_info = replay_checksum_info(&current->packet);
	env.skb_info = current->skb_info;
	policy_apply(replay->options.policy, &current->packet, replay->scratch, &env,
		     &outcome);
	count_rules(current, &outcome);
	count_verdict(&replay->counts, outcome.resent ? NFQUEUE_ACCEPT : outcome.verdict);
	print_logs(current, &outcome);
	err = keep_flow(current, outcome.verdict);
	return err < 0 ? err : write_outcome(current, &outcome);
}

static int replay_packet(struct current *current)
{
	struct replay *replay = current->replay;
	const struct nfqueue_verdict *verdict = NULL;

	if (!replay_filter_match(replay->filter, &current->packet)) {
		replay->counts.unqueued++;
		return pass(current, NFQUEUE_ACCEPT, "no 'queue' line matches");
	}
	if (replay->flows)
		verdict = replay_flows_find(replay->flows, &current->packet);
	if (verdict) {
		replay->counts.by_flow++;
		return pass(current, *verdict, "decided with its flow");
	}
	return decide(current);
}

static void check_order(struct replay *replay, uint64_t time_ns)
{
	if (replay->opened && time_ns < replay->now_ns && !replay->options.quiet)
		fprintf(stderr,
			"%s begins before the end of the file before it: give captures "
			"in the order of time\n",
			replay->opened);
	replay->opened = NULL;
}

/* The clock of the policy never goes back, and no delayed packet is due before it. */
static int set_clock(struct replay *replay, uint64_t time_ns)
{
	struct replay_counts *counts = &replay->counts;

	check_order(replay, time_ns);
	if (counts->packets == 1)
		counts->first_ns = time_ns;
	if (time_ns < replay->now_ns)
		counts->late++;
	else
		replay->now_ns = time_ns;
	counts->last_ns = replay->now_ns;
	return replay->output ? replay_output_until(replay->output, replay->now_ns) : 0;
}

static int take_packet(struct replay *replay, const struct capture_packet *captured)
{
	struct current current = {.replay = replay,
				  .captured = captured,
				  .packet = {.data = captured->data,
					     .captured = captured->captured,
					     .length = captured->length,
					     .mark = captured->link.mark}};
	int err;

	replay->counts.packets++;
	replay->counts.bytes += captured->length;
	err = set_clock(replay, captured->time_ns);
	return err < 0 ? err : replay_packet(&current);
}

static int read_all(struct replay *replay, struct capture_reader *reader, char *error)
{
	struct capture_packet packet;
	int ret;

	while ((ret = capture_reader_next(reader, &packet, error)) > CAPTURE_END) {
		if (ret == CAPTURE_OTHER)
			replay->counts.other++;
		else
			ret = take_packet(replay, &packet);
		if (ret < 0)
			return ret;
		replay_progress(&replay->progress, reader, replay->counts.packets);
	}
	return ret;
}

int replay_file(struct replay *replay, const char *path)
{
	char error[CAPTURE_READER_ERROR_MAX];
	struct capture_reader *reader;
	int err = capture_reader_open(&reader, path, error);

	replay->progress.live = replay->options.live;
	replay->opened = path;
	if (err == 0) {
		*error = '\0';
		err = read_all(replay, reader, error);
	}
	capture_reader_close(reader);
	replay_progress_erase(&replay->progress);
	if (err == -ENOMEM)
		fprintf(stderr, "nfqueue: no memory\n");
	else if (err < 0 && *error)
		fprintf(stderr, "nfqueue: %s\n", error);
	replay->counts.broken += err < 0;
	return err;
}

int replay_finish(struct replay *replay)
{
	if (!replay->output)
		return 0;
	return replay_output_close(replay->output, &replay->written);
}

const struct replay_options *replay_options(const struct replay *replay)
{
	return &replay->options;
}

const struct replay_counts *replay_counts(const struct replay *replay)
{
	return &replay->counts;
}

uint64_t replay_rule_bytes(const struct replay *replay, int32_t rule)
{
	size_t slot = rule < 0 ? policy_rule_count(replay->options.policy) : (size_t)rule;

	return replay->rule_bytes[slot];
}

void replay_rule_stats(const struct replay *replay, int32_t rule,
		       struct policy_rule_stats *stats)
{
	*stats = (struct policy_rule_stats){.size = sizeof(*stats)};
	policy_scratch_stats(replay->scratch, rule, stats);
}

const char *replay_rule_error(const struct replay *replay, int32_t rule)
{
	return policy_scratch_error(replay->scratch, rule);
}

void replay_written(const struct replay *replay, struct capture_stats *stats)
{
	*stats = replay->written;
}

/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "number.h"
#include "report_json.h"
#include "rule_stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define RULES_TEXT_MAX 16384
#define PACKET_TEXT_MAX 512

/* Erases the live line, which stands without a line feed at its end. */
#define ERASE_LINE "\r\033[K"
/* A terminal narrower than the line cuts it: wrapped, only its last row would be erased.
 */
#define WRAP_OFF "\033[?7l"
#define WRAP_ON "\033[?7h"

static void print_buffer_hint(struct session *session)
{
	char text[32];
	uint32_t bytes;

	if (session_buffer(session, &bytes))
		return;
	fprintf(stderr,
		"socket buffer: only %s bytes, less than max length x copy range: under "
		"load it "
		"may fill first. Raise net.core.rmem_max, or run with CAP_NET_ADMIN in "
		"the first "
		"user namespace\n",
		number_text(bytes, text));
}

static const char *const hook_names[] = {
	[NFQUEUE_HOOK_PREROUTING] = "prerouting",   [NFQUEUE_HOOK_INPUT] = "input",
	[NFQUEUE_HOOK_FORWARD] = "forward",         [NFQUEUE_HOOK_OUTPUT] = "output",
	[NFQUEUE_HOOK_POSTROUTING] = "postrouting",
};

static void print_redirects(const struct policy *policy)
{
	size_t count = policy_redirect_count(policy);

	if (count == 0)
		fputs("no 'queue HOOK' line: deciding what other rules send to it\n",
		      stderr);
	for (size_t i = 0; i < count; i++) {
		const struct policy_redirect *redirect = policy_redirect_get(policy, i);

		fprintf(stderr, "rule installed at %s: %s\n", hook_names[redirect->hook],
			*redirect->match ? redirect->match : "every packet");
	}
}

static void print_life(const struct session *session)
{
	switch (session_life(session)) {
	case SESSION_FRESH:
		break;
	case SESSION_INHERITED:
		fputs("it goes on with the sockets that the service manager has kept\n",
		      stderr);
		break;
	case SESSION_REPLACING:
		fprintf(stderr, "it replaces process %d\n", (int)session_other(session));
		break;
	case SESSION_REPLACED:
		fprintf(stderr, "replaced by process %d\n", (int)session_other(session));
		break;
	case SESSION_LEFT:
		fputs("the sockets are left to the service manager\n", stderr);
		break;
	}
}

static void print_start(struct session *session, bool verbose)
{
	const struct session_options *options = session_options(session);
	char rules[RULES_TEXT_MAX];

	fprintf(stderr, "queue %u", options->first_queue);
	if (options->queue_count > 1)
		fprintf(stderr, "-%u", options->first_queue + options->queue_count - 1);
	fprintf(stderr, ", %zu rules, copy range %u bytes\n",
		policy_rule_count(options->policy), session_copy_range(session));
	print_buffer_hint(session);
	print_redirects(options->policy);
	if (verbose)
		fputs(session_rules_text(session, rules, sizeof(rules)), stderr);
	print_life(session);
	fputs("Ctrl-C ends it\n", stderr);
}

void report_started(struct session *session, void *ctx)
{
	const struct report *report = ctx;

	setvbuf(stdout, NULL, _IOLBF, 0); /* each line for who reads it from a pipe */
	if (report->style != REPORT_JSON && !report->quiet)
		print_start(session, report->verbose);
}

static void print_live(struct report *report, const struct session_counts *now)
{
	uint64_t rate = now->queue.received - report->last.queue.received;
	char numbers[6][32];

	fprintf(stderr,
		ERASE_LINE WRAP_OFF "%" PRIu64 " s  received %s (%s/s)  accepted %s  "
				    "dropped %s  lost %s  passed %s  "
				    "waiting %" PRIu64 WRAP_ON,
		report->seconds, number_text(now->queue.received, numbers[0]),
		number_text(rate, numbers[1]),
		number_text(now->queue.accepted, numbers[2]),
		number_text(now->queue.dropped, numbers[3]),
		number_text(now->lost, numbers[4]), number_text(now->passed, numbers[5]),
		now->queue.waiting);
	fflush(stderr);
}

void report_tick(struct session *session, void *ctx)
{
	struct report *report = ctx;
	struct session_counts now;

	report->seconds++;
	if (report->style == REPORT_PLAIN || report->quiet)
		return;
	session_counts(session, &now);
	if (report->style == REPORT_JSON)
		report_json_counters(report->seconds, &now);
	else
		print_live(report, &now);
	report->last = now;
}

static void print_count(const char *name, uint64_t count, const char *remark)
{
	char text[32];

	printf("  %-20s %15s%s%s\n", name, number_text(count, text), *remark ? "   " : "",
	       remark);
}

/* Always shown: what people look for. */
static void print_totals(const struct session_counts *counts)
{
	const struct nfqueue_stats *queue = &counts->queue;

	print_count("received", queue->received, "");
	print_count("accepted", queue->accepted, "");
	print_count("dropped", queue->dropped, "");
	print_count("lost", counts->lost,
		    queue->lost_socket ? "socket buffer full: raise --socket-buffer"
		    : queue->lost_full
			    ? "queue full: raise --max-length, or use more queues"
			    : "");
	print_count("passed uninspected", counts->passed, "");
	if (counts->has_rules)
		print_count("counted by the rules", counts->rule_packets, "");
}

/* The rest of their flows was decided in the kernel. */
static void print_flows(const struct session_counts *counts)
{
	if (!counts->has_flows)
		return;
	print_count("flows accepted", counts->queue.flow_accepted, "");
	print_count("flows dropped", counts->queue.flow_dropped, "");
	print_count("accepted with them", counts->flow_accepted, "in the kernel");
	print_count("dropped with them", counts->flow_dropped, "in the kernel");
}

/* What went out beside the verdicts. */
static void print_outlet(const struct session_counts *counts)
{
	const struct nfqueue_injector_stats *copies = &counts->copies;
	const struct capture_stats *captures = &counts->captures;

	if (counts->queue.modified)
		print_count("changed", counts->queue.modified, "with other bytes");
	if (counts->has_copies) {
		print_count("sent besides", copies->sent, "copies, answers, segments");
		if (copies->failed + copies->overflow)
			print_count("not sent", copies->failed + copies->overflow, "");
	}
	if (counts->has_captures) {
		print_count("recorded", captures->packets, "");
		if (captures->lost + captures->failed)
			print_count("not recorded", captures->lost + captures->failed,
				    "the disk was too slow, or full");
	}
	if (counts->has_streams && counts->streams.one_sided)
		print_count("one-sided", counts->streams.one_sided,
			    "not changed: let the queue lines bring up both "
			    "directions of a connection");
}

/* Shown only when it happened. */
static void print_rare(const struct nfqueue_stats *queue)
{
	const struct {
		const char *name;
		uint64_t count;
		const char *remark;
	} rows[] = {
		{"repeated", queue->repeated, ""},
		{"requeued", queue->requeued, "handed to another queue"},
		{"undecided", queue->defaulted, "got the default verdict"},
		{"refused", queue->refused, "the kernel refused the verdict"},
		{"flushed", queue->flushed, "gone when the verdict came"},
		{"queue full", queue->lost_full, "times, with a packet lost"},
		{"socket full", queue->lost_socket, "times, with a packet lost"},
		{"deciders behind", queue->ring_overflow,
		 "no room in a ring: got the overload verdict"},
		{"delays full", queue->hold_overflow,
		 "too many were delayed: sent at once, or dropped"},
		{"buffer grown", queue->buffer_grown, "times"},
		{"malformed", queue->malformed, "could not be decoded"},
		{"overflows", queue->enobufs, "of the socket buffer"},
		{"left waiting", queue->waiting, "the stop took too long: dropped"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].count)
			print_count(rows[i].name, rows[i].count, rows[i].remark);
}

static void print_effects(const struct session *session, int32_t rule)
{
	struct policy_rule_stats stats;
	char text[RULE_STATS_TEXT_MAX];

	session_rule_stats(session, rule, &stats);
	rule_stats_text(&stats, session_rule_error(session, rule), text, sizeof(text));
	if (*text)
		printf("  %15s    %s\n", "", text);
}

static void print_rules(const struct session *session,
			const struct session_counts *counts)
{
	const struct policy *policy = session_policy(session);
	uint64_t rest = session_rule_hits(session, POLICY_NO_RULE);
	char text[32];

	printf("\n  %15s  rule\n", "packets");
	for (size_t i = 0; i < policy_rule_count(policy); i++) {
		printf("  %15s  %s\n",
		       number_text(session_rule_hits(session, (int32_t)i), text),
		       policy_rule_text(policy, i));
		print_effects(session, (int32_t)i);
	}
	if (rest)
		printf("  %15s  (no rule: accepted)\n", number_text(rest, text));
	if (counts->reloads)
		printf("  %15s  (the policies before the last reload)\n",
		       number_text(counts->earlier, text));
}

void report_finished(struct session *session, void *ctx)
{
	const struct report *report = ctx;
	struct session_counts counts;

	if (report->quiet)
		return;
	session_counts(session, &counts);
	if (report->style == REPORT_JSON) {
		report_json_summary(session, report->seconds, &counts);
		return;
	}
	if (report->style == REPORT_LIVE)
		fputs(ERASE_LINE, stderr);
	if (session_life(session) >= SESSION_REPLACED)
		print_life(session);
	print_totals(&counts);
	print_flows(&counts);
	print_outlet(&counts);
	print_rare(&counts.queue);
	print_rules(session, &counts);
	fflush(stdout);
}

static const char *const event_texts[] = {
	[NFQUEUE_EVENT_QUEUE_FULL] = "the kernel's queue was full: lost, packets",
	[NFQUEUE_EVENT_SOCKET_FULL] = "the socket's buffer was full: packets",
	[NFQUEUE_EVENT_HOLD_FULL] = "too many packets held: not held",
	[NFQUEUE_EVENT_RING_FULL] = "the deciders were behind: packets",
	[NFQUEUE_EVENT_BUFFER_GREW] = "the socket's buffer was enlarged: times",
};

void report_event(struct session *session, const struct nfqueue_event *event, void *ctx)
{
	const struct report *report = ctx;
	const char *text = "packets found no room";

	(void)session;
	if (report->quiet)
		return;
	if (event->kind < sizeof(event_texts) / sizeof(*event_texts))
		text = event_texts[event->kind];
	if (report->style == REPORT_JSON) {
		report_json_event(event);
		return;
	}
	if (report->style == REPORT_LIVE)
		fputs(ERASE_LINE, stderr);
	fprintf(stderr, "queue %u: %s %" PRIu64 ", %" PRIu64 " so far\n", event->queue,
		text, event->count, event->total);
}

void report_reloaded(struct session *session, const char *text, const char *error,
		     void *ctx)
{
	const struct report *report = ctx;

	(void)session;
	if (report->style == REPORT_JSON)
		report_json_reload(text, error);
	if (*error == '\0' && (report->style == REPORT_JSON || report->quiet))
		return;
	if (report->style == REPORT_LIVE)
		fputs(ERASE_LINE, stderr);
	fputs(text, stderr);
	if (*error)
		fprintf(stderr, "nfqueue: %s\n", error);
	else
		fputs("reloaded\n", stderr);
}

static void packet_text(const struct nfqueue_packet *packet, char *text, size_t size)
{
	struct nfqueue_view view;
	const uint8_t *data;
	size_t length;

	data = nfqueue_packet_data(packet, &length);
	nfqueue_view_parse(&view, data, length);
	nfqueue_view_text(&view, text, size);
}

void report_log(const struct policy *policy, uint32_t rule,
		const struct nfqueue_packet *packet, void *ctx)
{
	const struct report *report = ctx;
	const char *label = policy_rule_log_text(policy, rule);
	char text[PACKET_TEXT_MAX], clock[16];
	struct timespec now;
	struct tm local;

	packet_text(packet, text, sizeof(text));
	if (report->style == REPORT_JSON) {
		report_json_log(policy, rule, packet, text);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	if (report->style == REPORT_LIVE)
		fputs(ERASE_LINE, stderr);
	printf("%s.%06ld %s%s%s\n", clock, now.tv_nsec / 1000, label, *label ? " " : "",
	       text);
}

/* SPDX-License-Identifier: MIT */
/* The actions. A new one is a parse function and a row of the table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/action.h"
#include "policy/change.h"
#include "policy/flows.h"
#include "policy/record.h"
#include "policy/shape.h"

#define LOG_BYTES 128u /* what a log line tells of stands in the headers */

static int parse_accept(struct policy_line *line, struct policy_rule *rule)
{
	rule->verdict = NFQUEUE_ACCEPT;
	return 0;
}

static int parse_drop(struct policy_line *line, struct policy_rule *rule)
{
	rule->verdict = NFQUEUE_DROP;
	return 0;
}

/* [after N]. The packet that decides is N for `nth` 0, else the one behind it. */
static int parse_after(struct policy_line *line, struct policy_rule *rule, uint32_t nth)
{
	struct policy_word word = policy_line_peek(line);
	uint32_t after;
	int ret;

	if (!policy_word_is(word, "after"))
		return 0;
	policy_line_word(line);
	word = policy_line_word(line);
	if (!word.length || policy_word_is(word, "if"))
		return policy_line_error(line, word.start,
					 "how many packets? Write after N, 1 to %u",
					 POLICY_AFTER_MAX);
	ret = policy_line_number(line, word, POLICY_AFTER_MAX, &after);
	if (ret < 0)
		return ret;
	if (!after)
		return policy_line_error(line, word.start,
					 "no flow has a packet 0: leave out 'after' to "
					 "decide with the first, or write 1 to %u",
					 POLICY_AFTER_MAX);
	rule->limit = after + nth;
	policy_rule_needs(rule, POLICY_FLOW_BYTES);
	return 0;
}

static int parse_flow_accept(struct policy_line *line, struct policy_rule *rule)
{
	rule->verdict = NFQUEUE_FLOW_ACCEPT;
	return parse_after(line, rule, 0);
}

static int parse_flow_drop(struct policy_line *line, struct policy_rule *rule)
{
	rule->verdict = NFQUEUE_FLOW_DROP;
	return parse_after(line, rule, 1);
}

/* V or V/M, without blanks. */
static int parse_mark_value(struct policy_line *line, struct policy_rule *rule)
{
	struct policy_word at = policy_line_peek(line), value, mask;
	const char *slash;
	uint32_t mark;
	int ret;

	if (!at.length || policy_word_is(at, "if"))
		return policy_line_error(line, at.start,
					 "a mark is missing: mark V or mark V/M");
	policy_line_word(line);
	slash = memchr(at.start, '/', at.length);
	value.start = at.start;
	value.length = slash ? (size_t)(slash - at.start) : at.length;
	ret = policy_line_number(line, value, UINT32_MAX, &mark);
	if (ret < 0)
		return ret;
	rule->mark_mask = UINT32_MAX;
	if (slash) {
		mask.start = slash + 1;
		mask.length = at.length - value.length - 1;
		ret = policy_line_number(line, mask, UINT32_MAX, &rule->mark_mask);
		if (ret < 0)
			return ret;
	}
	rule->verdict = nfqueue_verdict_mark(rule->verdict, mark & rule->mark_mask);
	return 0;
}

static int parse_mark(struct policy_line *line, struct policy_rule *rule)
{
	rule->verdict = NFQUEUE_ACCEPT;
	return parse_mark_value(line, rule);
}

static int parse_repeat(struct policy_line *line, struct policy_rule *rule)
{
	rule->verdict = NFQUEUE_REPEAT;
	if (!policy_word_is(policy_line_peek(line), "mark"))
		return 0;
	policy_line_word(line);
	return parse_mark_value(line, rule);
}

static int parse_queue(struct policy_line *line, struct policy_rule *rule)
{
	uint32_t number;
	int ret = policy_line_number(line, policy_line_word(line), UINT16_MAX, &number);

	if (ret < 0)
		return ret;
	rule->verdict = nfqueue_verdict_queue((uint16_t)number);
	return 0;
}

/* ["TEXT"] [to FILE ...]: without TEXT, what goes to a file prints no line. */
static int parse_log(struct policy_line *line, struct policy_rule *rule)
{
	int ret = 0;

	if (line->next < line->end && *line->next == '"')
		ret = policy_line_quoted(line, &rule->log_text);
	else if (!policy_word_is(policy_line_peek(line), "to"))
		rule->log_text = strdup("");
	if (ret == 0 && rule->log_text)
		policy_rule_needs(rule, LOG_BYTES);
	if (ret == 0 && policy_word_is(policy_line_peek(line), "to")) {
		policy_line_word(line);
		return policy_record_parse(line, rule);
	}
	return ret == 0 && !rule->log_text ? -ENOMEM : ret;
}

/* The whole packet is sent back, or elsewhere. */
static struct policy_effects *whole_effects_of(struct policy_rule *rule)
{
	policy_rule_needs(rule, POLICY_COPY_RANGE_MAX);
	return policy_effects_of(rule);
}

static int parse_set(struct policy_line *line, struct policy_rule *rule)
{
	struct policy_effects *effects = whole_effects_of(rule);

	return effects ? policy_change_set(line, &effects->own) : -ENOMEM;
}

static int parse_replace(struct policy_line *line, struct policy_rule *rule)
{
	struct policy_effects *effects = whole_effects_of(rule);

	return effects ? policy_change_replace(line, &effects->own) : -ENOMEM;
}

static struct policy_changes *add_copy(struct policy_rule *rule)
{
	struct policy_effects *effects = whole_effects_of(rule);
	void *grown = effects ? policy_grow(effects->copies, effects->copy_count,
					    &effects->copy_room, sizeof(*effects->copies))
			      : NULL;

	if (!grown)
		return NULL;
	effects->copies = grown;
	effects->copies[effects->copy_count] = (struct policy_changes){0};
	return &effects->copies[effects->copy_count++];
}

/* set and replace, up to `then` or another word. */
static int parse_inject(struct policy_line *line, struct policy_rule *rule)
{
	struct policy_word word = policy_line_peek(line);
	struct policy_changes *copy = add_copy(rule);
	int ret = copy ? 0 : -ENOMEM;

	while (ret == 0) {
		word = policy_line_peek(line);
		if (!policy_word_is(word, "set") && !policy_word_is(word, "replace"))
			break;
		policy_line_word(line);
		ret = policy_word_is(word, "set") ? policy_change_set(line, copy)
						  : policy_change_replace(line, copy);
	}
	if (ret < 0)
		return ret;
	if (!policy_changes_any(copy))
		return policy_line_error(line, word.start,
					 "what is other in the copy? Write inject set "
					 "FIELD VALUE, or duplicate 100%% for one that "
					 "is the same");
	if (policy_word_is(word, "then"))
		policy_line_word(line);
	return 0;
}

static int bad_reject(struct policy_line *line, struct policy_word word)
{
	static const char *const types[] = {
		"tcp-reset",        "net-unreachable",   "host-unreachable",
		"port-unreachable", "proto-unreachable", "net-prohibited",
		"host-prohibited",  "admin-prohibited",  NULL};
	const char *near = policy_word_near(word, types);

	if (word.length && near)
		return policy_line_error(line, word.start,
					 "'%.*s' is no type of reject: did you mean "
					 "'%s'?",
					 policy_word_shown(word), word.start, near);
	return policy_line_error(line, word.start,
				 "reject with what? There are tcp-reset, "
				 "net-unreachable, host-unreachable, "
				 "port-unreachable, proto-unreachable, "
				 "net-prohibited, host-prohibited and admin-prohibited");
}

static int parse_reject_type(struct policy_line *line, enum nfqueue_reject *how)
{
	struct policy_word word = policy_line_word(line);
	char *text = policy_copy_text(word.start, word.length);
	int found = text ? nfqueue_reject_find(text) : -ENOMEM;

	free(text);
	if (found >= 0)
		*how = (enum nfqueue_reject)found;
	return found == -ENOENT ? bad_reject(line, word) : found;
}

/* [[with] TYPE] */
static int parse_reject(struct policy_line *line, struct policy_rule *rule)
{
	struct policy_effects *effects = whole_effects_of(rule);
	bool with = policy_word_is(policy_line_peek(line), "with");
	struct policy_word word;

	if (!effects)
		return -ENOMEM;
	rule->verdict = NFQUEUE_DROP;
	effects->rejects = true;
	if (with)
		policy_line_word(line);
	word = policy_line_peek(line);
	if (!with &&
	    (!word.length || policy_action_find(word) || policy_word_is(word, "if")))
		return 0;
	return parse_reject_type(line, &effects->reject);
}

/* These copy the packet, or change it. */
static int parse_duplicate(struct policy_line *line, struct policy_rule *rule)
{
	policy_rule_needs(rule, POLICY_COPY_RANGE_MAX);
	return policy_shape_duplicate(line, rule);
}

static int parse_corrupt(struct policy_line *line, struct policy_rule *rule)
{
	policy_rule_needs(rule, POLICY_COPY_RANGE_MAX);
	return policy_shape_corrupt(line, rule);
}

static int parse_ecn(struct policy_line *line, struct policy_rule *rule)
{
	policy_rule_needs(rule, POLICY_COPY_RANGE_MAX);
	return policy_shape_ecn(line, rule);
}

#define SHAPES (POLICY_PASSES | POLICY_SHAPES)
#define MORE " [ACTION ...] [if EXPR]"

static const struct policy_action actions[] = {
	{"accept", "accept [if EXPR]", POLICY_VERDICT, parse_accept},
	{"drop", "drop [if EXPR]", POLICY_VERDICT, parse_drop},
	{"reject", "reject [TYPE] [if EXPR]", POLICY_VERDICT, parse_reject},
	{"flow-accept", "flow-accept [after N] [if EXPR]", POLICY_VERDICT,
	 parse_flow_accept},
	{"flow-drop", "flow-drop [after N] [if EXPR]", POLICY_VERDICT, parse_flow_drop},
	{"mark", "mark V[/M] [if EXPR]", POLICY_VERDICT, parse_mark},
	{"repeat", "repeat [mark V[/M]] [if EXPR]", POLICY_VERDICT, parse_repeat},
	{"queue", "queue N [if EXPR]", POLICY_VERDICT, parse_queue},
	{"log",
	 "log [\"TEXT\"] [to FILE [snap BYTES] [size SIZE] [every TIME] [keep N]]" MORE,
	 POLICY_LOGS, parse_log},
	{"set", "set FIELD VALUE" MORE, POLICY_OFTEN | POLICY_PASSES, parse_set},
	{"replace", "replace \"FROM\" \"TO\"" MORE, POLICY_OFTEN | POLICY_PASSES,
	 parse_replace},
	{"inject",
	 "inject set FIELD VALUE [set ...] [replace ...] [then ACTION ...] "
	 "[if EXPR]",
	 POLICY_OFTEN, parse_inject},
	{"delay", "delay TIME [JITTER [CORRELATION]] [distribution NAME]" MORE, SHAPES,
	 policy_shape_delay},
	{"distribution", "distribution NAME" MORE, SHAPES, policy_shape_distribution},
	{"loss",
	 "loss PERCENT [CORRELATION], loss state P13 [P31 [P32 [P23 [P14]]]] or loss "
	 "gemodel P [R [1-H [1-K]]], and [ecn]" MORE,
	 SHAPES, policy_shape_loss},
	{"ecn", "loss PERCENT ecn" MORE, SHAPES, parse_ecn},
	{"duplicate", "duplicate PERCENT [CORRELATION]" MORE, SHAPES, parse_duplicate},
	{"corrupt", "corrupt PERCENT [CORRELATION]" MORE, SHAPES, parse_corrupt},
	{"reorder", "reorder PERCENT [CORRELATION] [gap N]" MORE, SHAPES,
	 policy_shape_reorder},
	{"gap", "gap N" MORE, SHAPES, policy_shape_gap},
	{"rate", "rate RATE [OVERHEAD [CELLSIZE [CELLOVERHEAD]]]" MORE, SHAPES,
	 policy_shape_rate},
	{"limit", "limit N" MORE, SHAPES, policy_shape_limit},
};

#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

const struct policy_action *policy_action_find(struct policy_word word)
{
	for (size_t i = 0; i < ACTION_COUNT; i++)
		if (policy_word_is(word, actions[i].word))
			return &actions[i];
	return NULL;
}

_Static_assert(ACTION_COUNT <= 32, "their numbers are bits");

size_t policy_action_number(const struct policy_action *action)
{
	return (size_t)(action - actions);
}

const char *policy_action_near(struct policy_word word)
{
	const char *words[ACTION_COUNT + 1] = {0};

	for (size_t i = 0; i < ACTION_COUNT; i++)
		words[i] = actions[i].word;
	return policy_word_near(word, words);
}

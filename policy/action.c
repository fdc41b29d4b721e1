/* SPDX-License-Identifier: MIT */
/* The actions. A new one is a parse function and a row of the table. */
#include <errno.h>
#include <string.h>

#include "policy/action.h"
#include "policy/flows.h"

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
	rule->copy = POLICY_FLOW_BYTES;
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

static int parse_log(struct policy_line *line, struct policy_rule *rule)
{
	rule->copy = LOG_BYTES;
	if (line->next < line->end && *line->next == '"')
		return policy_line_quoted(line, &rule->log_text);
	rule->log_text = strdup("");
	return rule->log_text ? 0 : -ENOMEM;
}

static const struct policy_action actions[] = {
	{"accept", "accept [if EXPR]", parse_accept},
	{"drop", "drop [if EXPR]", parse_drop},
	{"flow-accept", "flow-accept [after N] [if EXPR]", parse_flow_accept},
	{"flow-drop", "flow-drop [after N] [if EXPR]", parse_flow_drop},
	{"repeat", "repeat [mark V[/M]] [if EXPR]", parse_repeat},
	{"mark", "mark V[/M] [if EXPR]", parse_mark},
	{"queue", "queue N [if EXPR]", parse_queue},
	{"log", "log [\"TEXT\"] [if EXPR]", parse_log},
};

#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

const struct policy_action *policy_action_find(struct policy_word word)
{
	for (size_t i = 0; i < ACTION_COUNT; i++)
		if (policy_word_is(word, actions[i].word))
			return &actions[i];
	return NULL;
}

const char *policy_action_near(struct policy_word word)
{
	const char *words[ACTION_COUNT + 1] = {0};

	for (size_t i = 0; i < ACTION_COUNT; i++)
		words[i] = actions[i].word;
	return policy_word_near(word, words);
}

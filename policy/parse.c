/* SPDX-License-Identifier: MIT */
/* A line -> a rule or a redirection. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/action.h"
#include "policy/effect.h"
#include "policy/parse.h"
#include "policy/program.h"
#include "policy/record.h"

/* The kernel takes no longer match. Source: XT_BPF_MAX_NUM_INSTR. */
#define MATCH_INSTRUCTIONS_MAX 64u

static const struct {
	const char *word;
	enum nfqueue_hook hook;
} hooks[] = {
	{"input", NFQUEUE_HOOK_INPUT},
	{"forward", NFQUEUE_HOOK_FORWARD},
	{"output", NFQUEUE_HOOK_OUTPUT},
	{"prerouting", NFQUEUE_HOOK_PREROUTING},
	{"postrouting", NFQUEUE_HOOK_POSTROUTING},
};

#define QUEUE_USAGE                                                                 \
	"queue with input, forward, output, prerouting or postrouting to see that " \
	"traffic, or queue N to hand packets on"

#define HOOK_COUNT (sizeof(hooks) / sizeof(hooks[0]))

static const struct {
	const char *word;
	enum nfqueue_rules_family family;
} families[] = {
	{"inet", NFQUEUE_FAMILY_INET},
	{"ip", NFQUEUE_FAMILY_IPV4},
	{"ip6", NFQUEUE_FAMILY_IPV6},
};

#define FAMILY_COUNT (sizeof(families) / sizeof(families[0]))

void policy_rule_free(struct policy_rule *rule)
{
	free(rule->text);
	free(rule->log_text);
	policy_record_free(rule->capture);
	policy_effects_free(rule->effects);
}

/* pcap often names the word it stumbled over: 'unknown host 'nosuch''. */
static const char *place_of(const char *why, struct policy_word expression)
{
	const char *open = strchr(why, '\''),
		   *close = open ? strchr(open + 1, '\'') : NULL;
	const char *found;

	if (!close || close == open + 1)
		return expression.start;
	found = memmem(expression.start, expression.length, open + 1,
		       (size_t)(close - open - 1));
	return found ? found : expression.start;
}

static int bad_expression(struct policy_line *line, struct policy_word expression,
			  const char *why)
{
	return policy_line_error(line, place_of(why, expression),
				 "bad expression: %s: see pcap-filter(7); packets begin "
				 "with their IP header here",
				 why);
}

/* [if EXPR] and nothing else, up to the end of the line. */
static int parse_condition(struct policy_line *line, const char *usage,
			   struct policy_word *expression,
			   const struct policy_program **program)
{
	struct policy_word word = policy_line_word(line);
	char why[POLICY_WHY_MAX];
	int ret;

	*expression = (struct policy_word){word.start, 0};
	*program = NULL;
	if (!word.length)
		return 0;
	if (!policy_word_is(word, "if"))
		return policy_line_error(line, word.start,
					 "'%.*s' is not expected here: write %s",
					 policy_word_shown(word), word.start, usage);
	*expression = policy_line_rest(line);
	if (!expression->length)
		return policy_line_error(line, word.start,
					 "an expression is missing: say which packets "
					 "are meant, or leave out 'if'");
	ret = policy_program_get(line->policy, expression->start, expression->length,
				 program, why);
	if (ret == -EINVAL)
		return bad_expression(line, *expression, why);
	if (ret == 0 && (*program)->loops)
		return policy_line_error(line, expression->start,
					 "protochain loops, and there are packets for "
					 "which it never ends: test the headers that are "
					 "meant, as in ip6[6] = 0 and ip6[40] = 6");
	return ret;
}

/* Rules see the packet alone; the kernel's match in a queue line sees more. */
static int check_rule(struct policy_line *line, struct policy_word expression,
		      const struct policy_program *program)
{
	if (!program || !program->outside)
		return 0;
	return policy_line_error(line, expression.start,
				 "inbound, outbound and ifindex are not in the packet: "
				 "ask for them in a queue line");
}

static char *line_text(const struct policy_line *line, const char *start)
{
	return policy_copy_text(start, (size_t)(line->end - start));
}

static int add_rule(struct policy *policy, const struct policy_rule *rule)
{
	void *grown = policy_grow(policy->rules, policy->rule_count, &policy->rule_room,
				  sizeof(*policy->rules));

	if (!grown)
		return -ENOMEM;
	policy->rules = grown;
	policy->rules[policy->rule_count++] = *rule;
	return 0;
}

/* What a rule has said so far. */
struct said {
	const struct policy_action *verdict, *passes; /* NULL: none */
	const char *passes_at, *shape_at;
	uint32_t actions; /* bits by policy_action_number() */
	bool more;        /* than logs */
};

static int say(struct policy_line *line, struct said *said,
	       const struct policy_action *action, const char *where)
{
	uint32_t bit = 1u << policy_action_number(action);

	if (said->actions & bit && !(action->is & POLICY_OFTEN))
		return policy_line_error(line, where,
					 "'%s' stands here twice: leave one out",
					 action->word);
	if (action->is & POLICY_VERDICT && said->verdict)
		return policy_line_error(line, where,
					 "'%s' is a second verdict, behind '%s': a rule "
					 "has one",
					 action->word, said->verdict->word);
	said->actions |= bit;
	said->more |= !(action->is & POLICY_LOGS);
	if (action->is & POLICY_VERDICT)
		said->verdict = action;
	if (action->is & POLICY_PASSES && !said->passes) {
		said->passes = action;
		said->passes_at = where;
	}
	if (action->is & POLICY_SHAPES && !said->shape_at)
		said->shape_at = where;
	return 0;
}

/* What each action may say, but not all together. */
static int check_said(struct policy_line *line, const struct said *said,
		      const struct policy_rule *rule)
{
	bool drops = rule->verdict.code == NFQUEUE_VERDICT_DROP && !rule->limit;
	const char *error;

	if (said->verdict && drops && said->passes)
		return policy_line_error(line, said->passes_at,
					 "'%s' does nothing to a packet that '%s' drops: "
					 "leave one out",
					 said->passes->word, said->verdict->word);
	if (!said->shape_at)
		return 0;
	error = netem_options_error(&rule->effects->shape);
	return error ? policy_line_error(line, said->shape_at, "%s", error) : 0;
}

static int unknown_action(struct policy_line *line, struct policy_word word)
{
	const char *near = policy_word_is(word, "if") ? NULL : policy_action_near(word);

	if (!word.length || !near)
		return 0; /* parse_condition() tells */
	return policy_line_error(line, word.start,
				 "'%.*s' is no action: did you mean '%s'?",
				 policy_word_shown(word), word.start, near);
}

/* All up to `if`. `action`, the first, stands at `where`; out: the last. */
static int parse_actions(struct policy_line *line, const struct policy_action **action,
			 const char *where, struct policy_rule *rule)
{
	const struct policy_action *next = *action;
	struct said said = {0};
	struct policy_word word;
	int ret = 0;

	for (; next; next = policy_action_find(word)) {
		if (said.actions) /* the first one is read already */
			where = policy_line_word(line).start;
		*action = next;
		ret = say(line, &said, next, where);
		if (ret == 0)
			ret = next->parse(line, rule);
		if (ret < 0)
			return ret;
		word = policy_line_peek(line);
	}
	rule->decides = said.more;
	if (rule->decides && !said.verdict)
		rule->verdict = NFQUEUE_ACCEPT;
	ret = unknown_action(line, word);
	return ret < 0 ? ret : check_said(line, &said, rule);
}

static int parse_rule(struct policy_line *line, const struct policy_action *action,
		      const char *start)
{
	struct policy_rule rule = {.line = line->shown};
	struct policy_word expression;
	int ret = parse_actions(line, &action, start, &rule);

	if (ret < 0)
		goto out;
	ret = parse_condition(line, action->usage, &expression, &rule.program);
	if (ret < 0)
		goto out;
	ret = check_rule(line, expression, rule.program);
	if (ret < 0)
		goto out;
	ret = -ENOMEM;
	rule.text = line_text(line, start);
	if (!rule.text)
		goto out;
	ret = add_rule(line->policy, &rule);
	if (ret == 0)
		return 0;
out:
	policy_rule_free(&rule);
	return ret;
}

/* What only the kernel minds. */
static int check_match(struct policy_line *line, struct policy_word expression,
		       const struct policy_program *program)
{
	if (!program)
		return 0;
	if (program->code.bf_len > MATCH_INSTRUCTIONS_MAX)
		return policy_line_error(line, expression.start,
					 "this match has %u instructions, the kernel "
					 "takes %u: split it into several queue lines",
					 program->code.bf_len, MATCH_INSTRUCTIONS_MAX);
	return 0;
}

static int add_redirect(struct policy_line *line, struct policy_redirect *redirect,
			struct policy_word expression, const char *start)
{
	struct policy *policy = line->policy;
	void *grown = policy_grow(policy->redirects, policy->redirect_count,
				  &policy->redirect_room, sizeof(*policy->redirects));

	if (!grown)
		return -ENOMEM;
	policy->redirects = grown;
	redirect->text = line_text(line, start);
	redirect->match = policy_copy_text(expression.start, expression.length);
	redirect->line = line->shown;
	/* Counted in any case: policy_free() frees what there is. */
	policy->redirects[policy->redirect_count++] = *redirect;
	return redirect->text && redirect->match ? 0 : -ENOMEM;
}

static int parse_redirect(struct policy_line *line, enum nfqueue_hook hook,
			  const char *start)
{
	struct policy_redirect redirect = {.hook = hook};
	struct policy_word word = policy_line_peek(line), expression;
	const struct policy_program *program;
	int ret;

	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		if (!policy_word_is(word, families[i].word))
			continue;
		redirect.family = families[i].family;
		policy_line_word(line);
		break;
	}
	ret = parse_condition(line, "queue HOOK [inet|ip|ip6] [if EXPR]", &expression,
			      &program);
	if (ret < 0)
		return ret;
	ret = check_match(line, expression, program);
	if (ret < 0)
		return ret;
	return add_redirect(line, &redirect, expression, start);
}

static int bad_hook(struct policy_line *line, struct policy_word word)
{
	const char *names[HOOK_COUNT + 1] = {0}, *near;

	for (size_t i = 0; i < HOOK_COUNT; i++)
		names[i] = hooks[i].word;
	near = policy_word_near(word, names);
	if (!word.length)
		return policy_line_error(line, word.start,
					 "queue what? Write " QUEUE_USAGE);
	if (near)
		return policy_line_error(line, word.start,
					 "'%.*s' is no hook: did you mean '%s'?",
					 policy_word_shown(word), word.start, near);
	return policy_line_error(
		line, word.start,
		"'%.*s' is no hook and no queue number: write " QUEUE_USAGE,
		policy_word_shown(word), word.start);
}

/* `queue` with a hook brings traffic up; with a number, it is an action. */
static int parse_queue(struct policy_line *line, const struct policy_action *action,
		       const char *start)
{
	struct policy_word word = policy_line_peek(line);

	for (size_t i = 0; i < HOOK_COUNT; i++) {
		if (!policy_word_is(word, hooks[i].word))
			continue;
		policy_line_word(line);
		return parse_redirect(line, hooks[i].hook, start);
	}
	if (word.length && word.start[0] >= '0' && word.start[0] <= '9')
		return parse_rule(line, action, start);
	return bad_hook(line, word);
}

static int bad_action(struct policy_line *line, struct policy_word word)
{
	const char *near = policy_action_near(word);

	if (near)
		return policy_line_error(line, word.start,
					 "'%.*s' is no action: did you mean '%s'?",
					 policy_word_shown(word), word.start, near);
	return policy_line_error(line, word.start,
				 "'%.*s' is no action: there are accept, drop, "
				 "reject, flow-accept, flow-drop, mark, repeat, queue, "
				 "log, set, replace, inject, delay, loss, duplicate, "
				 "corrupt, reorder and rate",
				 policy_word_shown(word), word.start);
}

int policy_parse_line(struct policy_line *line)
{
	const struct policy_action *action;
	struct policy_word word;
	int ret = policy_line_begin(line);

	if (ret <= 0)
		return ret;
	word = policy_line_word(line);
	action = policy_action_find(word);
	if (!action)
		return bad_action(line, word);
	if (policy_word_is(word, "queue"))
		return parse_queue(line, action, word.start);
	return parse_rule(line, action, word.start);
}

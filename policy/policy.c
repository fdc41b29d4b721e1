/* SPDX-License-Identifier: MIT */
/* A policy: loaded, asked about, freed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/analysis.h"
#include "policy/index.h"
#include "policy/parse.h"
#include "policy/prepare.h"
#include "policy/program.h"
#include "policy/source.h"

#define RULES_MAX (1u << 24) /* far below what the index counts with */

static int load_line(struct policy *policy, const char *source, uint32_t number,
		     uint32_t shown, const char *text, size_t length)
{
	struct policy_line line = {.policy = policy,
				   .source = source,
				   .number = number,
				   .shown = shown,
				   .text = text,
				   .length = length,
				   .next = text,
				   .end = text + length};
	int ret = policy_parse_line(&line);

	if (ret == 0 && policy->rule_count > RULES_MAX)
		ret = policy_line_error(&line, text, "more than %u rules: leave some out",
					RULES_MAX);
	return ret == -ENOMEM ? ret : 0;
}

/* Line by line, to the end or to the last error we keep. `argument` 0: a file. */
static int load_text(struct policy *policy, const char *source, uint32_t argument,
		     const char *text, size_t size)
{
	const char *end = text + size, *line_end;
	uint32_t number = 1;
	int ret = 0;

	while (text < end && ret == 0 && policy->error_count < POLICY_ERRORS_MAX &&
	       policy->rule_count <= RULES_MAX) {
		line_end = memchr(text, '\n', (size_t)(end - text));
		if (!line_end)
			line_end = end;
		ret = load_line(policy, source, number, argument ? argument : number,
				text, (size_t)(line_end - text));
		text = line_end + 1;
		number++;
	}
	return ret;
}

static void find_reachable(struct policy *policy)
{
	const struct policy_rule *rule;
	size_t i = 0;

	while (i < policy->rule_count) {
		rule = &policy->rules[i++];
		if (!rule->program && rule->decides)
			break;
	}
	policy->reachable = i;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void policy_rule_needs(struct policy_rule *rule, uint32_t bytes)
{
	rule->copy = larger(rule->copy, bytes);
}

static void find_copy_range(struct policy *policy)
{
	uint32_t bytes = 1; /* 0 would be all of it: nfqnl_set_mode() */

	for (size_t i = 0; i < policy->reachable; i++) {
		const struct policy_rule *rule = &policy->rules[i];

		bytes = larger(bytes, rule->copy);
		if (rule->program)
			bytes = larger(bytes, rule->program->reads);
	}
	policy->copy_range = bytes;
}

static int finish(struct policy *policy)
{
	int ret;

	policy_program_loaded(policy);
	if (policy->error_count)
		return -EINVAL;
	find_reachable(policy);
	find_copy_range(policy);
	ret = policy_effects_prepare(policy);
	return ret < 0 ? ret : policy_index_new(&policy->index, policy);
}

/* The out-parameter is NULL only for -ENOMEM. */
static int hand_out(struct policy **out, struct policy *policy, int ret)
{
	if (ret == 0)
		ret = finish(policy);
	if (ret == -ENOMEM) {
		policy_free(policy);
		policy = NULL;
	}
	*out = policy;
	return ret;
}

int policy_new_from_text(struct policy **policy, const char *source, const void *text,
			 size_t size)
{
	struct policy *made = calloc(1, sizeof(*made));
	const char *start = text;
	int ret;

	*policy = NULL;
	if (!made)
		return -ENOMEM;
	if (size >= 3 && !memcmp(start, "\xef\xbb\xbf", 3)) { /* byte order mark */
		start += 3;
		size -= 3;
	}
	ret = size ? load_text(made, source, 0, start, size) : 0;
	return hand_out(policy, made, ret);
}

static int unreadable(struct policy **policy, const char *path, int error)
{
	struct policy *made = calloc(1, sizeof(*made));
	char *text = NULL;
	int ret = made ? error : -ENOMEM;

	if (made && asprintf(&text, "%s: cannot read it: %s", path,
			     error == -EFBIG ? "more than 64 MiB: is this the right file?"
					     : strerror(-error)) < 0)
		ret = -ENOMEM;
	else if (made)
		made->errors[made->error_count++] = text;
	return hand_out(policy, made, ret);
}

int policy_new_from_file(struct policy **policy, const char *path)
{
	char *text;
	size_t size;
	int ret = policy_source_read(path, POLICY_FILE_MAX, &text, &size);

	*policy = NULL;
	if (ret == -ENOMEM)
		return ret;
	if (ret < 0)
		return unreadable(policy, path, ret);
	ret = policy_new_from_text(policy, strcmp(path, "-") ? path : "standard input",
				   text, size);
	free(text);
	return ret;
}

int policy_new_from_lines(struct policy **policy, const char *const *lines, size_t count)
{
	struct policy *made = calloc(1, sizeof(*made));
	char source[32];
	int ret = 0;

	*policy = NULL;
	if (!made)
		return -ENOMEM;
	for (size_t i = 0; i < count && ret == 0; i++) {
		snprintf(source, sizeof(source), "rule %zu", i + 1);
		ret = load_text(made, source, (uint32_t)i + 1, lines[i],
				strlen(lines[i]));
	}
	return hand_out(policy, made, ret);
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	policy_program_loaded(policy);
	policy_index_free(policy->index);
	policy_streams_drop(policy->streams);
	for (size_t i = 0; i < policy->rule_count; i++)
		policy_rule_free(&policy->rules[i]);
	for (size_t i = 0; i < policy->redirect_count; i++) {
		free((void *)(uintptr_t)policy->redirects[i].text);
		free((void *)(uintptr_t)policy->redirects[i].match);
	}
	for (size_t i = 0; i < policy->program_count; i++)
		policy_program_free(policy->programs[i]);
	for (size_t i = 0; i < policy->error_count; i++)
		free(policy->errors[i]);
	free(policy->rules);
	free(policy->redirects);
	free(policy->programs);
	free(policy);
}

size_t policy_error_count(const struct policy *policy)
{
	return policy->error_count;
}

const char *policy_error(const struct policy *policy, size_t index)
{
	return index < policy->error_count ? policy->errors[index] : NULL;
}

size_t policy_redirect_count(const struct policy *policy)
{
	return policy->redirect_count;
}

const struct policy_redirect *policy_redirect_get(const struct policy *policy,
						  size_t index)
{
	return index < policy->redirect_count ? &policy->redirects[index] : NULL;
}

size_t policy_rule_count(const struct policy *policy)
{
	return policy->rule_count;
}

const char *policy_rule_text(const struct policy *policy, size_t index)
{
	return index < policy->rule_count ? policy->rules[index].text : NULL;
}

uint32_t policy_rule_line(const struct policy *policy, size_t index)
{
	return index < policy->rule_count ? policy->rules[index].line : 0;
}

const char *policy_rule_log_text(const struct policy *policy, size_t index)
{
	return index < policy->rule_count ? policy->rules[index].log_text : NULL;
}

const struct policy_capture *policy_rule_capture(const struct policy *policy,
						 size_t index)
{
	return index < policy->rule_count ? policy->rules[index].capture : NULL;
}

int policy_rule_decides(const struct policy *policy, size_t index)
{
	return index < policy->rule_count && policy->rules[index].decides;
}

int policy_rule_unreachable(const struct policy *policy, size_t index)
{
	return index >= policy->reachable && index < policy->rule_count;
}

int policy_has_flow_verdicts(const struct policy *policy)
{
	for (size_t i = 0; i < policy->reachable; i++)
		if (policy->rules[i].verdict.set & NFQUEUE_SET_FLOW)
			return 1;
	return 0;
}

uint32_t policy_copy_range(const struct policy *policy)
{
	return policy->copy_range;
}

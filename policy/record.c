/* SPDX-License-Identifier: MIT */
/* log ... to FILE: what is recorded. Who has the policy writes the files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/record.h"
#include "policy/unit.h"

static int parse_path(struct policy_line *line, const char **path)
{
	struct policy_word word = policy_line_peek(line);
	char *text = NULL;
	int ret = 0;

	if (!word.length || policy_word_is(word, "if"))
		return policy_line_error(line, word.start,
					 "a file is missing: write log to FILE");
	if (*word.start == '"') {
		ret = policy_line_quoted(line, &text);
	} else {
		policy_line_word(line);
		text = policy_copy_text(word.start, word.length);
	}
	if (ret < 0)
		return ret;
	*path = text;
	if (!text)
		return -ENOMEM;
	return *text ? 0 : policy_line_error(line, word.start, "a file has a name");
}

static int parse_snap(struct policy_line *line, struct policy_capture *capture)
{
	struct policy_word word = policy_line_word(line);
	int ret = policy_line_number(line, word, POLICY_COPY_RANGE_MAX, &capture->snap);

	if (ret < 0 || capture->snap)
		return ret;
	return policy_line_error(line, word.start,
				 "0 bytes tell nothing: leave out 'snap' to record all "
				 "of the packet");
}

static int parse_size(struct policy_line *line, struct policy_capture *capture)
{
	return policy_unit_size(line, policy_line_word(line), &capture->size_max);
}

static int parse_every(struct policy_line *line, struct policy_capture *capture)
{
	return policy_unit_period(line, policy_line_word(line), &capture->every_s);
}

static int parse_keep(struct policy_line *line, struct policy_capture *capture)
{
	struct policy_word word = policy_line_word(line);
	int ret = policy_line_number(line, word, UINT32_MAX, &capture->keep);

	if (ret < 0 || capture->keep)
		return ret;
	return policy_line_error(line, word.start,
				 "0 files hold nothing: leave out 'keep' to keep all");
}

static const struct {
	const char *word;
	int (*parse)(struct policy_line *line, struct policy_capture *capture);
} options[] = {
	{"snap", parse_snap},
	{"size", parse_size},
	{"every", parse_every},
	{"keep", parse_keep},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static size_t find_option(struct policy_word word)
{
	size_t i = 0;

	while (i < OPTION_COUNT && !policy_word_is(word, options[i].word))
		i++;
	return i;
}

/* In any order, each once. */
static int parse_options(struct policy_line *line, struct policy_capture *capture)
{
	bool said[OPTION_COUNT] = {0};
	struct policy_word word;
	int ret = 0;
	size_t i;

	while (ret == 0 && (i = find_option(policy_line_peek(line))) < OPTION_COUNT) {
		word = policy_line_word(line);
		if (said[i])
			return policy_line_error(line, word.start,
						 "'%s' stands here twice: leave one out",
						 options[i].word);
		said[i] = true;
		ret = options[i].parse(line, capture);
	}
	return ret;
}

static bool same_options(const struct policy_capture *a, const struct policy_capture *b)
{
	return a->snap == b->snap && a->size_max == b->size_max &&
	       a->every_s == b->every_s && a->keep == b->keep;
}

/* Rules that record to the same file share it. */
static int check_shared(struct policy_line *line, const char *where,
			const struct policy_capture *capture)
{
	const struct policy *policy = line->policy;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct policy_capture *other = policy->rules[i].capture;

		if (other && !strcmp(other->path, capture->path) &&
		    !same_options(other, capture))
			return policy_line_error(line, where,
						 "line %u records to this file with "
						 "other options: write the same here, "
						 "or another file",
						 policy->rules[i].line);
	}
	return 0;
}

int policy_record_parse(struct policy_line *line, struct policy_rule *rule)
{
	struct policy_capture *capture = calloc(1, sizeof(*capture));
	const char *where = line->next;
	int ret;

	rule->capture = capture;
	if (!capture)
		return -ENOMEM;
	ret = parse_path(line, &capture->path);
	if (ret == 0)
		ret = parse_options(line, capture);
	if (ret == 0)
		ret = check_shared(line, where, capture);
	policy_rule_needs(rule, capture->snap ? capture->snap : POLICY_COPY_RANGE_MAX);
	return ret;
}

void policy_record_free(struct policy_capture *capture)
{
	if (capture)
		free((void *)(uintptr_t)capture->path);
	free(capture);
}

/* SPDX-License-Identifier: MIT */
/* set FIELD VALUE; replace "FROM" "TO" */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/action.h"
#include "policy/change.h"

#define NAME_MAX_BYTES 63u /* more than the longest name of a field, or an address */

/* The word as a string, if it is no longer than names are; else "". */
static const char *word_text(struct policy_word word, char text[NAME_MAX_BYTES + 1])
{
	size_t length = word.length <= NAME_MAX_BYTES ? word.length : 0;

	memcpy(text, word.start, length);
	text[length] = '\0';
	return text;
}

static void field_names(const char *names[NFQUEUE_FIELD_COUNT + 1])
{
	size_t count = 0;

	for (int field = 0; field < NFQUEUE_FIELD_COUNT; field++)
		names[count++] = nfqueue_field_name((enum nfqueue_field)field);
	names[count] = NULL;
}

/* Told with all names: there is no other place to look for them but the manual. */
static int name_fields(struct policy_line *line, struct policy_word word,
		       const char *const *names)
{
	char all[512] = "", *at = all;

	for (; *names; names++)
		at += snprintf(at, (size_t)(all + sizeof(all) - at), "%s%s",
			       at == all  ? ""
			       : names[1] ? ", "
					  : " and ",
			       *names);
	if (!word.length || policy_word_is(word, "if"))
		return policy_line_error(line, word.start,
					 "set what? Write set FIELD VALUE; there are %s",
					 all);
	return policy_line_error(line, word.start, "'%.*s' is no field: there are %s",
				 policy_word_shown(word), word.start, all);
}

static int bad_field(struct policy_line *line, struct policy_word word)
{
	const char *names[NFQUEUE_FIELD_COUNT + 1], *near;

	field_names(names);
	if (policy_action_find(word))
		return policy_line_error(line, word.start,
					 "'%.*s' is no field, but an action: write it "
					 "without 'set'",
					 policy_word_shown(word), word.start);
	near = policy_word_near(word, names);
	if (near)
		return policy_line_error(line, word.start,
					 "'%.*s' is no field: did you mean '%s'?",
					 policy_word_shown(word), word.start, near);
	return name_fields(line, word, names);
}

static int parse_address(struct policy_line *line, struct policy_word word,
			 struct policy_set *set)
{
	char text[NAME_MAX_BYTES + 1];

	word_text(word, text);
	set->address_length = 4;
	if (inet_pton(AF_INET, text, set->address) == 1)
		return 0;
	set->address_length = 16;
	if (inet_pton(AF_INET6, text, set->address) == 1)
		return 0;
	return policy_line_error(line, word.start,
				 "'%.*s' is no address: write one like 192.0.2.1 or "
				 "2001:db8::1",
				 policy_word_shown(word), word.start);
}

/* A word that is no number, of a field whose values have names. */
static int bad_name(struct policy_line *line, struct policy_word word,
		    const char *const *names)
{
	const char *near = policy_word_near(word, names);

	if (near)
		return policy_line_error(line, word.start,
					 "'%.*s' is no value: did you mean '%s'?",
					 policy_word_shown(word), word.start, near);
	return policy_line_error(line, word.start,
				 "'%.*s' is no value: write a number, or a name like %s",
				 policy_word_shown(word), word.start, names[1]);
}

static int parse_value(struct policy_line *line, struct policy_word word,
		       struct policy_set *set)
{
	const char *const *names = policy_value_names(set->field);
	int value = policy_value_named(set->field, word);

	if (value >= 0) {
		set->value = (uint32_t)value;
		return 0;
	}
	if (names && (*word.start < '0' || *word.start > '9'))
		return bad_name(line, word, names);
	return policy_line_number(line, word, nfqueue_field_max(set->field), &set->value);
}

static int add_set(struct policy_changes *changes, const struct policy_set *set)
{
	void *grown = policy_grow(changes->sets, changes->set_count, &changes->set_room,
				  sizeof(*changes->sets));

	if (!grown)
		return -ENOMEM;
	changes->sets = grown;
	changes->sets[changes->set_count++] = *set;
	return 0;
}

int policy_change_set(struct policy_line *line, struct policy_changes *changes)
{
	struct policy_word name = policy_line_word(line), value;
	char text[NAME_MAX_BYTES + 1];
	int field = nfqueue_field_find(word_text(name, text)), ret;
	struct policy_set set = {.field = (enum nfqueue_field)field};

	if (field < 0)
		return bad_field(line, name);
	value = policy_line_word(line);
	if (!value.length || policy_word_is(value, "if"))
		return policy_line_error(line, value.start, "to what? Write set %s VALUE",
					 text);
	if (nfqueue_field_max(set.field))
		ret = parse_value(line, value, &set);
	else
		ret = parse_address(line, value, &set);
	return ret < 0 ? ret : add_set(changes, &set);
}

static int parse_bytes(struct policy_line *line, const char *what, uint8_t **bytes,
		       size_t *length)
{
	if (line->next == line->end || *line->next != '"')
		return policy_line_error(line, line->next,
					 "%s is missing: write replace \"FROM\" \"TO\", "
					 "both in quotation marks",
					 what);
	return policy_line_bytes(line, bytes, length);
}

/* Longer ones are not found, or not put in. Source: nfqueue/stream.h. */
static int check_length(struct policy_line *line, const char *where, size_t length,
			size_t max)
{
	if (length <= max)
		return 0;
	return policy_line_error(line, where, "%zu bytes are too many: up to %zu", length,
				 max);
}

static int parse_from(struct policy_line *line, struct nfqueue_stream_pattern *pattern)
{
	const char *where = line->next;
	uint8_t *from = NULL;
	int ret = parse_bytes(line, "what to look for", &from, &pattern->from_length);

	pattern->from = from;
	if (ret == 0 && !pattern->from_length)
		ret = policy_line_error(line, where,
					"nothing is everywhere: write what is to be "
					"replaced");
	return ret < 0 ? ret
		       : check_length(line, where, pattern->from_length,
				      NFQUEUE_STREAM_KEEP_MAX);
}

static int parse_to(struct policy_line *line, struct nfqueue_stream_pattern *pattern)
{
	const char *where = line->next;
	uint8_t *to = NULL;
	int ret = parse_bytes(line, "what to put in its place", &to, &pattern->to_length);

	pattern->to = to;
	return ret < 0 ? ret
		       : check_length(line, where, pattern->to_length,
				      NFQUEUE_STREAM_CHANGE_MAX);
}

static int add_pattern(struct policy_changes *changes,
		       const struct nfqueue_stream_pattern *pattern)
{
	void *grown = policy_grow(changes->patterns, changes->pattern_count,
				  &changes->pattern_room, sizeof(*changes->patterns));

	if (!grown)
		return -ENOMEM;
	changes->patterns = grown;
	changes->patterns[changes->pattern_count++] = *pattern;
	return 0;
}

int policy_change_replace(struct policy_line *line, struct policy_changes *changes)
{
	struct nfqueue_stream_pattern pattern = {0};
	int ret = parse_from(line, &pattern);

	if (ret == 0)
		ret = parse_to(line, &pattern);
	if (ret == 0)
		ret = add_pattern(changes, &pattern);
	if (ret == 0)
		return 0;
	free((void *)(uintptr_t)pattern.from);
	free((void *)(uintptr_t)pattern.to);
	return ret;
}

/* SPDX-License-Identifier: MIT */
/* One line under the parser: a cursor over its words, and errors that point into it. */
#ifndef POLICY_LINE_H
#define POLICY_LINE_H

#include "policy/model.h"

/* A piece of the line; not terminated. */
struct policy_word {
	const char *start;
	size_t length;
};

struct policy_line {
	struct policy *policy;
	const char *source; /* what errors call the file */
	uint32_t number;    /* of the line in its source */
	uint32_t shown;     /* what the rule's line number will be */
	const char *text;   /* the whole line, for errors */
	size_t length;
	const char *next; /* the cursor */
	const char *end;  /* behind the last word, comment cut off */
};

/* Checks the bytes, cuts off the comment, and sets the cursor to the first word.
 * 1 there are words, 0 the line is blank, -EINVAL (told), -ENOMEM. */
int policy_line_begin(struct policy_line *line);

/* The next word; length 0 at the end of the line. peek leaves the cursor alone. */
struct policy_word policy_line_word(struct policy_line *line);
struct policy_word policy_line_peek(const struct policy_line *line);

/* All that is left. */
struct policy_word policy_line_rest(struct policy_line *line);

/* How many bytes of a word an error quotes, for %.*s. */
int policy_word_shown(struct policy_word word);

bool policy_word_is(struct policy_word word, const char *text);

/* Notes an error at `where`, inside the line. -EINVAL, or -ENOMEM. */
int policy_line_error(struct policy_line *line, const char *where, const char *format,
		      ...) __attribute__((format(printf, 3, 4)));

/* The number that `word` is, no more than `max`; errors are told. */
int policy_line_number(struct policy_line *line, struct policy_word word, uint32_t max,
		       uint32_t *number);

/* A "quoted text" at the cursor, its escapes resolved. 0 or told. */
int policy_line_quoted(struct policy_line *line, char **text);

/* Bytes in quotation marks at the cursor, with the escapes \xNN, \r, \n, \t, \" and \\.
 * 0 or told. */
int policy_line_bytes(struct policy_line *line, uint8_t **bytes, size_t *length);

/* A word that may have been meant, of `words` up to NULL; NULL if none is near. */
const char *policy_word_near(struct policy_word word, const char *const *words);

/* How many bytes the UTF-8 character at `text` has; 0 if it is none. */
size_t policy_utf8(const char *text, size_t length);

#endif

/* SPDX-License-Identifier: MIT */
/* Errors: where, what, the line, a caret. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/line.h"

/* Characters of a line that an error shows, around the place it is about. */
#define SHOWN_BEFORE 60
#define SHOWN_AFTER 40

static size_t character(const char *at, const char *end)
{
	size_t size = policy_utf8(at, (size_t)(end - at));

	return size ? size : 1;
}

static size_t column_of(const char *start, const char *where, const char *end)
{
	size_t column = 1;

	while (start < where) {
		start += character(start, end);
		column++;
	}
	return column;
}

/* What a terminal could take for a command, and broken bytes, become '?'. */
static void show(FILE *out, const char *at, const char *end)
{
	size_t size = policy_utf8(at, (size_t)(end - at));
	unsigned char byte = (unsigned char)*at;

	if (byte == '\t')
		fputc(' ', out);
	else if (!size || byte < 0x20 || byte == 0x7f)
		fputc('?', out);
	else
		fwrite(at, 1, size, out);
}

static void show_line(FILE *out, const struct policy_line *line, size_t column)
{
	size_t first = column > SHOWN_BEFORE ? column - SHOWN_BEFORE : 1;
	size_t last = column + SHOWN_AFTER, caret = column - first;
	const char *at = line->text, *end = line->text + line->length;

	fputs(first > 1 ? "\n ..." : "\n    ", out);
	for (size_t i = 1; at < end && i <= last; i++) {
		if (i >= first)
			show(out, at, end);
		at += character(at, end);
	}
	fprintf(out, "%s\n    %*s^", at < end ? "..." : "", (int)caret, "");
}

int policy_line_error(struct policy_line *line, const char *where, const char *format,
		      ...)
{
	struct policy *policy = line->policy;
	size_t column = column_of(line->text, where, line->text + line->length), size;
	char *text = NULL;
	va_list arguments;
	FILE *out;

	if (policy->error_count == POLICY_ERRORS_MAX)
		return -EINVAL;
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	fprintf(out, "%s:%u:%zu: ", line->source, line->number, column);
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	show_line(out, line, column);
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	policy->errors[policy->error_count++] = text;
	return -EINVAL;
}

/* SPDX-License-Identifier: MIT */
/* A line and its words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/line.h"

/* Bytes of a word that an error quotes. */
#define SHOWN_MAX 40

static bool blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* A `#` begins the comment, unless it stands in a quoted text. */
static const char *comment_of(const char *at, const char *end)
{
	bool quoted = false;

	for (; at < end; at++) {
		if (quoted && *at == '\\' && at + 1 < end)
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (*at == '#' && !quoted)
			break;
	}
	return at;
}

static int check_byte(struct policy_line *line, const char *at, size_t *size)
{
	unsigned char byte = (unsigned char)*at;

	*size = policy_utf8(at, (size_t)(line->end - at));
	if (!byte)
		return policy_line_error(line, at,
					 "a NUL byte: a policy is text; is this "
					 "the right file?");
	if (byte == '\r')
		return policy_line_error(line, at,
					 "a carriage return inside the line: end "
					 "lines with a line feed");
	if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
		return policy_line_error(line, at, "control character 0x%02x: remove it",
					 byte);
	if (!*size)
		return policy_line_error(line, at,
					 "byte 0x%02x is not UTF-8: save the text "
					 "as UTF-8",
					 byte);
	return 0;
}

/* Comments may hold any bytes but NUL, which tells that the file is no text. */
static int check_bytes(struct policy_line *line)
{
	const char *nul = memchr(line->text, 0, line->length);
	size_t size;
	int ret;

	for (const char *at = line->text; at < line->end; at += size) {
		ret = check_byte(line, at, &size);
		if (ret < 0)
			return ret;
	}
	return nul ? check_byte(line, nul, &size) : 0;
}

int policy_line_begin(struct policy_line *line)
{
	int ret;

	if (line->length && line->text[line->length - 1] == '\r')
		line->length--;
	if (line->length > POLICY_LINE_MAX)
		return policy_line_error(line, line->text + POLICY_LINE_MAX,
					 "the line is longer than %u bytes: split "
					 "it into several rules",
					 POLICY_LINE_MAX);
	line->next = line->text;
	line->end = comment_of(line->text, line->text + line->length);
	ret = check_bytes(line);
	if (ret < 0)
		return ret;
	while (line->end > line->next && blank(line->end[-1]))
		line->end--;
	while (line->next < line->end && blank(*line->next))
		line->next++;
	return line->next < line->end;
}

struct policy_word policy_line_peek(const struct policy_line *line)
{
	struct policy_word word = {line->next, 0};

	while (word.start + word.length < line->end && !blank(word.start[word.length]))
		word.length++;
	return word;
}

static void advance(struct policy_line *line, size_t size)
{
	line->next += size;
	while (line->next < line->end && blank(*line->next))
		line->next++;
}

struct policy_word policy_line_word(struct policy_line *line)
{
	struct policy_word word = policy_line_peek(line);

	advance(line, word.length);
	return word;
}

struct policy_word policy_line_rest(struct policy_line *line)
{
	struct policy_word rest = {line->next, (size_t)(line->end - line->next)};

	line->next = line->end;
	return rest;
}

bool policy_word_is(struct policy_word word, const char *text)
{
	return word.length == strlen(text) && !memcmp(word.start, text, word.length);
}

int policy_word_shown(struct policy_word word)
{
	size_t shown = 0;

	while (shown < word.length && shown < SHOWN_MAX)
		shown += policy_utf8(word.start + shown, word.length - shown);
	return (int)shown;
}

static int digit_of(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return 16;
}

/* 0, -EINVAL no number, -ERANGE more than `max`. */
static int number_of(struct policy_word word, uint32_t max, uint32_t *number)
{
	bool hex = word.length > 2 && word.start[0] == '0' && (word.start[1] | 32) == 'x';
	int base = hex ? 16 : 10;
	uint64_t value = 0;

	if (!word.length)
		return -EINVAL;
	for (size_t i = hex ? 2 : 0; i < word.length; i++) {
		int digit = digit_of(word.start[i]);

		if (digit >= base)
			return -EINVAL;
		if (value <= max)
			value = value * (uint64_t)base + (uint64_t)digit;
	}
	*number = (uint32_t)value;
	return value > max ? -ERANGE : 0;
}

int policy_line_number(struct policy_line *line, struct policy_word word, uint32_t max,
		       uint32_t *number)
{
	int ret = number_of(word, max, number);

	if (!word.length)
		return policy_line_error(line, word.start, "a number is missing");
	if (ret == -EINVAL)
		return policy_line_error(line, word.start,
					 "'%.*s' is no number: write it decimal, or "
					 "hexadecimal with 0x",
					 policy_word_shown(word), word.start);
	if (ret == -ERANGE)
		return policy_line_error(line, word.start,
					 "%.*s is too large: 0 to %u is possible",
					 policy_word_shown(word), word.start, max);
	return 0;
}

static int unclosed(struct policy_line *line, const char *start)
{
	return policy_line_error(line, start,
				 "the text has no end: close it with "
				 "a quotation mark");
}

int policy_line_quoted(struct policy_line *line, char **text)
{
	const char *start = line->next, *at = start + 1;
	char *out = malloc((size_t)(line->end - start));
	size_t size = 0;

	if (!out)
		return -ENOMEM;
	for (; at < line->end && *at != '"'; at++) {
		if (*at == '\\' && at + 1 < line->end && (at[1] == '"' || at[1] == '\\'))
			at++;
		out[size++] = *at;
	}
	if (at == line->end) {
		free(out);
		return unclosed(line, start);
	}
	out[size] = '\0';
	*text = out;
	advance(line, (size_t)(at + 1 - start));
	return 0;
}

/* The byte that an escape stands for. How many characters it has, or told. */
static int escape(struct policy_line *line, const char *at, uint8_t *byte)
{
	static const char letters[] = "rnt\"\\", bytes[] = "\r\n\t\"\\";
	size_t left = (size_t)(line->end - at);
	const char *letter = left > 1 ? strchr(letters, at[1]) : NULL;

	if (letter && *letter) {
		*byte = (uint8_t)bytes[letter - letters];
		return 2;
	}
	if (left < 4 || at[1] != 'x' || digit_of(at[2]) > 15 || digit_of(at[3]) > 15)
		return policy_line_error(line, at,
					 "this escape does not exist: there are \\xNN "
					 "(a byte, hexadecimal), \\r, \\n, \\t, \\\" "
					 "and \\\\");
	*byte = (uint8_t)(digit_of(at[2]) << 4 | digit_of(at[3]));
	return 4;
}

int policy_line_bytes(struct policy_line *line, uint8_t **bytes, size_t *length)
{
	const char *start = line->next, *at = start + 1;
	uint8_t *out = malloc((size_t)(line->end - start));
	size_t size = 0;
	int step = out ? 0 : -ENOMEM;

	while (step >= 0 && at < line->end && *at != '"') {
		step = 1;
		out[size] = (uint8_t)*at;
		if (*at == '\\')
			step = escape(line, at, &out[size]);
		at += step > 0 ? step : 0;
		size++;
	}
	if (step >= 0 && at == line->end)
		step = unclosed(line, start);
	if (step < 0) {
		free(out);
		return step;
	}
	*bytes = out;
	*length = size;
	advance(line, (size_t)(at + 1 - start));
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* strtoull() takes signs and blanks: a number here begins with a digit. */
static int read_digits(const char *text, char **end, uint64_t *value)
{
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, end, base);
	return errno ? -EINVAL : 0;
}

int number_parse(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t value;
	char *end;

	if (read_digits(text, &end, &value) < 0 || *end || value < min || value > max)
		return -EINVAL;
	*out = (uint32_t)value;
	return 0;
}

static unsigned int unit_shift(const char *unit)
{
	switch (tolower((unsigned char)*unit)) {
	case '\0':
		return 0;
	case 'k':
		return 10;
	case 'm':
		return 20;
	case 'g':
		return 30;
	default:
		return 64;
	}
}

int size_parse(const char *text, uint32_t max, uint32_t *out)
{
	unsigned int shift;
	uint64_t value;
	char *end;

	if (read_digits(text, &end, &value) < 0)
		return -EINVAL;
	shift = unit_shift(end);
	if (shift > 30 || (*end && end[1]) || value > (uint64_t)max >> shift)
		return -EINVAL;
	*out = (uint32_t)(value << shift);
	return 0;
}

int queue_range_parse(const char *text, uint32_t *first, uint32_t *count)
{
	uint64_t low, high;
	char *end;

	if (read_digits(text, &end, &low) < 0 || low > UINT16_MAX)
		return -EINVAL;
	high = low;
	if (*end == '-' && read_digits(end + 1, &end, &high) < 0)
		return -EINVAL;
	if (*end || high < low || high > UINT16_MAX)
		return -EINVAL;
	*first = (uint32_t)low;
	*count = (uint32_t)(high - low + 1);
	return 0;
}

const char *number_text(uint64_t number, char *text)
{
	char digits[24];
	size_t length, out = 0;

	length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number);
	for (size_t i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text[out++] = ',';
		text[out++] = digits[i];
	}
	text[out] = '\0';
	return text;
}

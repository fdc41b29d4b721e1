/* SPDX-License-Identifier: MIT */
#include "demo_table.h"

#include "number.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WHAT_COLUMNS 48

static struct demo_row *add(struct demo_table *table, const char *what, va_list arguments)
{
	struct demo_row *row = &table->rows[table->count];

	if (table->count + 1 < DEMO_ROWS_MAX)
		table->count++;
	*row = (struct demo_row){.section = table->section, .checked = true};
	vsnprintf(row->what, sizeof(row->what), what, arguments);
	return row;
}

void demo_table_numbers(struct demo_table *table, uint64_t expected, uint64_t seen,
			const char *what, ...)
{
	struct demo_row *row;
	va_list arguments;

	va_start(arguments, what);
	row = add(table, what, arguments);
	va_end(arguments);
	row->expected = expected;
	row->seen = seen;
}

void demo_table_texts(struct demo_table *table, const char *expected, const char *seen,
		      const char *what, ...)
{
	struct demo_row *row;
	va_list arguments;

	va_start(arguments, what);
	row = add(table, what, arguments);
	va_end(arguments);
	row->expected_text = expected;
	row->seen_text = seen;
}

void demo_table_not_checked(struct demo_table *table, const char *why, const char *what,
			    ...)
{
	struct demo_row *row;
	va_list arguments;

	va_start(arguments, what);
	row = add(table, what, arguments);
	va_end(arguments);
	row->checked = false;
	row->why_not = why;
}

static bool holds(const struct demo_row *row)
{
	if (row->expected_text)
		return strcmp(row->expected_text, row->seen_text) == 0;
	return row->expected == row->seen;
}

struct demo_score demo_table_score(const struct demo_table *table)
{
	struct demo_score score = {0};

	for (size_t i = 0; i < table->count; i++) {
		const struct demo_row *row = &table->rows[i];

		score.unchecked += !row->checked;
		score.held += row->checked && holds(row);
		score.failed += row->checked && !holds(row);
	}
	return score;
}

static void print_row(const struct demo_row *row, bool colour)
{
	const char *start = !colour ? "" : holds(row) ? "\033[32m" : "\033[1;31m";
	char numbers[2][32];

	if (!row->checked) {
		printf("  %-*s not checked: %s\n", WHAT_COLUMNS, row->what, row->why_not);
		return;
	}
	printf("  %-*s %12s %12s  %s%s%s\n", WHAT_COLUMNS, row->what,
	       row->expected_text ? row->expected_text
				  : number_text(row->expected, numbers[0]),
	       row->expected_text ? row->seen_text : number_text(row->seen, numbers[1]),
	       start, holds(row) ? "ok" : "WRONG", colour ? "\033[0m" : "");
}

void demo_table_print(const struct demo_table *table, bool colour)
{
	const char *section = NULL;

	for (size_t i = 0; i < table->count; i++) {
		const struct demo_row *row = &table->rows[i];

		if (!section || strcmp(section, row->section) != 0)
			printf("%s%-*s %12s %12s\n", section ? "\n" : "",
			       WHAT_COLUMNS + 2, row->section, "expected", "seen");
		section = row->section;
		print_row(row, colour);
	}
}

static cJSON *row_object(const struct demo_row *row)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "section", row->section);
	cJSON_AddStringToObject(object, "what", row->what);
	if (!row->checked) {
		cJSON_AddNullToObject(object, "ok");
		cJSON_AddStringToObject(object, "not_checked", row->why_not);
		return object;
	}
	if (row->expected_text) {
		cJSON_AddStringToObject(object, "expected", row->expected_text);
		cJSON_AddStringToObject(object, "seen", row->seen_text);
	} else {
		cJSON_AddNumberToObject(object, "expected", (double)row->expected);
		cJSON_AddNumberToObject(object, "seen", (double)row->seen);
	}
	cJSON_AddBoolToObject(object, "ok", holds(row));
	return object;
}

cJSON *demo_table_json(const struct demo_table *table)
{
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; i < table->count; i++)
		cJSON_AddItemToArray(array, row_object(&table->rows[i]));
	return array;
}

/* SPDX-License-Identifier: MIT */
/* What was expected and what was seen, for people and as JSON. */
#ifndef CLI_DEMO_TABLE_H
#define CLI_DEMO_TABLE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEMO_ROWS_MAX 48

struct demo_row {
	const char *section;
	char what[80];
	bool checked;
	const char *why_not; /* if not checked */
	/* Words, or numbers where the words are NULL. */
	const char *expected_text, *seen_text;
	uint64_t expected, seen;
};

struct demo_table {
	const char *section; /* of the rows to come */
	size_t count;
	struct demo_row rows[DEMO_ROWS_MAX];
};

/* Each adds a row; the texts are constant. `what` is a format with the text in it. */
void demo_table_numbers(struct demo_table *table, uint64_t expected, uint64_t seen,
			const char *what, ...) __attribute__((format(printf, 4, 5)));
void demo_table_texts(struct demo_table *table, const char *expected, const char *seen,
		      const char *what, ...) __attribute__((format(printf, 4, 5)));
void demo_table_not_checked(struct demo_table *table, const char *why, const char *what,
			    ...) __attribute__((format(printf, 3, 4)));

/* How many rows hold, do not, or were not checked. */
struct demo_score {
	size_t held, failed, unchecked;
};

struct demo_score demo_table_score(const struct demo_table *table);

void demo_table_print(const struct demo_table *table, bool colour);
cJSON *demo_table_json(const struct demo_table *table);

#endif

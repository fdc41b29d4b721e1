/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "json.h"

#include <nfqueue/rules.h>

#include <errno.h>
#include <unistd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"  nfqueue rules list [--json]\n"
	"  nfqueue rules clean\n"
	"\n"
	"list shows the tables of rules that nfqueue programs have in this network "
	"namespace,\n"
	"and whose they are. clean removes those that a dead program left behind, which "
	"happens\n"
	"with --on-crash closed only: what they match is blocked until then.\n"
	"\n"
	"      --json   an array of objects\n"
	"  -h, --help\n";

static int failed(const char *what, int err)
{
	if (err == -EPERM)
		fprintf(stderr,
			"nfqueue: cannot %s: CAP_NET_ADMIN is needed: run it as root\n",
			what);
	else
		fprintf(stderr, "nfqueue: cannot %s: %s\n", what, strerror(-err));
	return exit_code_for(err);
}

static const char *crash_text(const struct nfqueue_rules_table *row)
{
	return row->on_crash == NFQUEUE_ON_CRASH_CLOSED ? "closed" : "open";
}

static void print_human(const struct nfqueue_rules_table *rows, int count)
{
	if (count == 0) {
		puts("no rules of nfqueue programs in this network namespace");
		return;
	}
	printf("%-32s %-24s %s\n", "table (inet)", "owner", "on crash");
	for (int i = 0; i < count; i++) {
		char owner[40] = "dead: 'rules clean'";

		if (rows[i].pid)
			snprintf(owner, sizeof(owner), "%s (%d)", rows[i].process,
				 rows[i].pid);
		else if (rows[i].port_id)
			snprintf(owner, sizeof(owner), "(not visible)");
		printf("%-32s %-24s %s\n", rows[i].name, owner, crash_text(&rows[i]));
	}
}

static void print_json(const struct nfqueue_rules_table *rows, int count)
{
	cJSON *array = cJSON_CreateArray();

	for (int i = 0; i < count; i++) {
		cJSON *object = cJSON_CreateObject();

		cJSON_AddStringToObject(object, "table", rows[i].name);
		cJSON_AddNumberToObject(object, "pid", rows[i].pid);
		cJSON_AddStringToObject(object, "name", rows[i].process);
		cJSON_AddStringToObject(object, "on_crash", crash_text(&rows[i]));
		cJSON_AddItemToArray(array, object);
	}
	json_print(array);
}

static int list(bool json)
{
	struct nfqueue_rules_table *rows;
	int count = nfqueue_rules_list(NULL, 0), again;

	if (count < 0)
		return failed("list the rules", count);
	rows = calloc((size_t)count + 1, sizeof(*rows));
	if (!rows)
		return failed("list the rules", -ENOMEM);
	again = nfqueue_rules_list(rows, (size_t)count);
	if (again < count)
		count = again;
	if (count >= 0 && json)
		print_json(rows, count);
	else if (count >= 0)
		print_human(rows, count);
	free(rows);
	return count < 0 ? failed("list the rules", count) : EXIT_DONE;
}

static int clean(void)
{
	int count = nfqueue_rules_clean();

	if (count < 0)
		return failed("clean the rules", count);
	printf("%d %s removed\n", count, count == 1 ? "table" : "tables");
	return EXIT_DONE;
}

static int rules_main(int argc, char **argv)
{
	bool json;
	int code = take_json_option(&command_rules, argc, argv, &json);

	if (code >= 0)
		return code;
	if (optind + 1 != argc)
		return usage_error(&command_rules, "say 'list' or 'clean'");
	if (strcmp(argv[optind], "list") == 0)
		return list(json);
	if (strcmp(argv[optind], "clean") == 0 && !json)
		return clean();
	return usage_error(&command_rules, "'%s': say 'list' or 'clean'", argv[optind]);
}

const struct command command_rules = {
	.name = "rules",
	.summary = "rules that nfqueue programs have, or left behind",
	.help = help,
	.main = rules_main,
};

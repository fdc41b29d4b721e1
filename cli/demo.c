/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "demo_check.h"
#include "demo_net.h"
#include "demo_run.h"
#include "demo_table.h"
#include "json.h"
#include "number.h"

#include <errno.h>
#include <unistd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"  nfqueue demo [--json]\n"
	"\n"
	"Makes two network namespaces of its own, joined by a veth pair, with TCP and "
	"UDP\n"
	"servers in one and clients in the other, over IPv4 and IPv6. Runs a policy "
	"there "
	"as\n"
	"'nfqueue run' would, sends real traffic through it, and checks on both sides "
	"that what\n"
	"was to be accepted, marked and dropped really was, and that traffic flows "
	"freely "
	"when\n"
	"it has ended. Takes a few seconds and touches nothing else.\n"
	"\n"
	"Needs no root where ordinary users may make user namespaces, and the 'ip' "
	"command of\n"
	"iproute2.\n"
	"\n"
	"      --json   one JSON object\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 all was as it should be, 1 something was not, 4 no privilege,\n"
	"5 not supported by this kernel.\n";

/* In the order of enum demo_rule, behind the queue line. */
#define QUEUE_LINE                                                                   \
	"queue input if tcp dst port 8080 or tcp dst port 23 or udp dst port 53 or " \
	"udp dst port 9"

static const char *const policy_lines[] = {
	QUEUE_LINE,
	"drop if tcp dst port 23",
	"mark 7 if udp dst port 53",
	"drop if udp dst port 9",
	"accept",
};

#define POLICY_LINES (sizeof(policy_lines) / sizeof(*policy_lines))

static void print_intro(const struct demo_net *net)
{
	printf("Servers at 10.45.0.1%s and clients at 10.45.0.2%s, in network namespaces "
	       "of\n"
	       "their own. Between them, where the packets come in to the servers, this "
	       "policy:\n\n",
	       net->ipv6 ? ", fd45::1" : "", net->ipv6 ? ", fd45::2" : "");
	for (size_t i = 0; i < POLICY_LINES; i++)
		printf("  %s\n", policy_lines[i]);
	putchar('\n');
	fflush(stdout);
}

static uint64_t dropped(const struct demo_run *run)
{
	return run->hits[DEMO_DROP_TELNET] + run->hits[DEMO_DROP_DISCARD];
}

static void print_conclusion(const struct demo_run *run, struct demo_score score)
{
	char numbers[3][32];

	if (score.failed) {
		printf("\n%zu of %zu checks are wrong: please report this table and the "
		       "kernel's version.\n",
		       score.failed, score.failed + score.held);
		return;
	}
	printf("\nAll %zu checks hold: %s packets accepted, %s marked and accepted, %s "
	       "dropped in %.1f s",
	       score.held, number_text(run->hits[DEMO_ACCEPT], numbers[0]),
	       number_text(run->hits[DEMO_MARK_DNS], numbers[1]),
	       number_text(dropped(run), numbers[2]), run->seconds);
	if (score.unchecked)
		printf("; %zu not checked", score.unchecked);
	puts(".");
}

static void print_human(const struct demo_run *run, const struct demo_table *table)
{
	bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");

	demo_table_print(table, colour);
	print_conclusion(run, demo_table_score(table));
}

static void print_json(const struct demo_run *run, const struct demo_table *table)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddBoolToObject(object, "ok", demo_table_score(table).failed == 0);
	cJSON_AddNumberToObject(object, "seconds", run->seconds);
	cJSON_AddNumberToObject(object, "accepted", (double)run->hits[DEMO_ACCEPT]);
	cJSON_AddNumberToObject(object, "marked", (double)run->hits[DEMO_MARK_DNS]);
	cJSON_AddNumberToObject(object, "dropped", (double)dropped(run));
	cJSON_AddItemToObject(object, "policy",
			      cJSON_CreateStringArray(policy_lines, POLICY_LINES));
	cJSON_AddItemToObject(object, "checks", demo_table_json(table));
	json_print(object);
}

static int show(bool json, const struct demo_net *net, const struct policy *policy)
{
	struct demo_table table = {0};
	struct demo_run run;
	int err;

	if (!json)
		print_intro(net);
	err = demo_run(&run, net, policy);
	if (err < 0)
		return exit_code_for(err);
	demo_check(&table, &run, net, policy);
	if (json)
		print_json(&run, &table);
	else
		print_human(&run, &table);
	return demo_table_score(&table).failed ? EXIT_FAILED : EXIT_DONE;
}

static int load_policy(struct policy **policy)
{
	int err = policy_new_from_lines(policy, policy_lines, POLICY_LINES);

	for (size_t i = 0; i < policy_error_count(*policy); i++)
		fprintf(stderr, "%s\n", policy_error(*policy, i));
	if (err == -ENOMEM)
		fputs("nfqueue: out of memory\n", stderr);
	return err;
}

static int demo(bool json)
{
	struct policy *policy = NULL;
	struct demo_net net;
	int code, err;

	err = load_policy(&policy);
	if (err == 0)
		err = demo_net_open(&net);
	if (err < 0) {
		policy_free(policy);
		return exit_code_for(err);
	}
	code = show(json, &net, policy);
	demo_net_close(&net);
	policy_free(policy);
	return code;
}

static int demo_main(int argc, char **argv)
{
	bool json;
	int code = take_json_option(&command_demo, argc, argv, &json);

	if (code >= 0)
		return code;
	if (optind < argc)
		return usage_error(&command_demo, "'%s' is not wanted here",
				   argv[optind]);
	return demo(json);
}

const struct command command_demo = {
	.name = "demo",
	.summary = "the whole thing on real traffic, in namespaces of its own",
	.help = help,
	.main = demo_main,
};

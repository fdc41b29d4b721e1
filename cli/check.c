/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy.h"

static const char help[] =
	"  nfqueue check FILE...\n"
	"\n"
	"Reads policies as 'nfqueue run -f' would, and tells their errors with file, "
	"line and\n"
	"column. Needs no privilege and touches nothing. '-' is standard input.\n"
	"\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 all are good, 1 there are errors, 2 usage.\n"
	"\n"
	"Example:\n"
	"  nfqueue check /etc/nfqueue/*.nfq\n";

static void warn_unreachable(const struct policy *policy, const char *path)
{
	for (size_t i = 0; i < policy_rule_count(policy); i++)
		if (policy_rule_unreachable(policy, i))
			fprintf(stderr,
				"%s:%u: warning: never reached: a rule before it, "
				"without 'if', "
				"decides everything\n",
				path, policy_rule_line(policy, i));
}

static int check_file(const char *path)
{
	struct policy *policy;
	int err = policy_new_from_file(&policy, path);

	if (err < 0) {
		load_failed(policy, err, path);
	} else {
		warn_unreachable(policy, path);
		printf("%s: %zu rules, %zu queue lines, copy range %u bytes%s\n", path,
		       policy_rule_count(policy), policy_redirect_count(policy),
		       policy_copy_range(policy),
		       policy_has_flow_verdicts(policy) ? ", flow verdicts" : "");
	}
	policy_free(policy);
	return err < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int check_main(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	int option, code = EXIT_DONE;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return command_print_help(&command_check);
		return usage_error(&command_check, "an unknown option");
	}
	if (optind == argc)
		return usage_error(&command_check, "which file?");
	for (int i = optind; i < argc; i++)
		if (check_file(argv[i]) != EXIT_DONE)
			code = EXIT_FAILED;
	return code;
}

const struct command command_check = {
	.name = "check",
	.summary = "find the errors of a policy",
	.help = help,
	.main = check_main,
};

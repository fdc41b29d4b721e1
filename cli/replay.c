/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "load.h"
#include "number.h"
#include "replay_json.h"
#include "replay_report.h"

static const char help[] =
	"  nfqueue replay [OPTIONS] -f FILE CAPTURE...\n"
	"  nfqueue replay [OPTIONS] RULE... CAPTURE\n"
	"  nfqueue replay [OPTIONS] RULE... -- CAPTURE...\n"
	"\n"
	"Tells what a policy would have done to the packets of capture files (pcap or\n"
	"pcapng; '-' is standard input), one file after the other. It is the policy of\n"
	"'nfqueue run', and decides as there; the clock is that of the captures. It "
	"needs\n"
	"no privilege, and sends nothing.\n"
	"\n"
	"'queue HOOK' lines choose packets, at whatever hook; without any, all packets "
	"are\n"
	"decided. 'log to FILE' writes no file.\n"
	"\n"
	"  -f, --file FILE    read the policy from FILE; '-' is standard input\n"
	"  -w, --write FILE   write the packets that go on, as they would go on: "
	"changed,\n"
	"                     delayed, with copies and answers, as pcapng; '-' is "
	"standard\n"
	"                     output\n"
	"      --dropped      write those that are dropped, too\n"
	"      --seed N       what is random is so by this number [1]\n"
	"      --json         one JSON object for each logged packet, and a summary\n"
	"      --quiet        no summary and no notes\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 done, 1 a file cannot be read to its end, or be written, 2 "
	"usage.\n"
	"\n"
	"Examples:\n"
	"  nfqueue replay -f policy.nfq yesterday.pcap\n"
	"  nfqueue replay 'drop if udp port 53' 'log if tcp' -- a.pcapng b.pcapng\n"
	"  nfqueue replay -w out.pcapng 'delay 10ms loss 1%' in.pcap\n"
	"  tcpdump -c 1000 -w - | nfqueue replay -f policy.nfq -w - - | tshark -r -\n";

struct arguments {
	struct replay_options replay;
	const char *file;
	uint32_t seed;
	char **rules, **captures;
	int rule_count, capture_count;
};

enum { OPTION_DROPPED = 256, OPTION_SEED, OPTION_JSON, OPTION_QUIET };

static const struct option long_options[] = {
	{"file", required_argument, NULL, 'f'},
	{"write", required_argument, NULL, 'w'},
	{"dropped", no_argument, NULL, OPTION_DROPPED},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"json", no_argument, NULL, OPTION_JSON},
	{"quiet", no_argument, NULL, OPTION_QUIET},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int take_option(struct arguments *arguments, int option)
{
	switch (option) {
	case 'f':
		arguments->file = optarg;
		return EXIT_DONE;
	case 'w':
		arguments->replay.output = optarg;
		return EXIT_DONE;
	case OPTION_DROPPED:
		arguments->replay.with_dropped = true;
		return EXIT_DONE;
	case OPTION_SEED:
		if (number_parse(optarg, 0, UINT32_MAX, &arguments->seed) == 0)
			return EXIT_DONE;
		return usage_error(&command_replay,
				   "--seed %s: a number from 0 to 4294967295", optarg);
	case OPTION_JSON:
		arguments->replay.json = true;
		return EXIT_DONE;
	case OPTION_QUIET:
		arguments->replay.quiet = true;
		return EXIT_DONE;
	default: /* getopt has said what is wrong */
		fprintf(stderr, "Try: nfqueue replay --help\n");
		return EXIT_USAGE;
	}
}

/* getopt_long() moves what is no option behind all options, and so loses where "--"
 * stood: what is behind it is taken away first. Returns how many arguments are in front.
 */
static int split(struct arguments *arguments, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0) {
			arguments->captures = argv + i + 1;
			arguments->capture_count = argc - i - 1;
			return i;
		}
	return argc;
}

static int too_few(const struct arguments *arguments)
{
	return usage_error(
		&command_replay, "%s",
		arguments->file || arguments->rule_count
			? "which capture?"
			: "give rules, or a policy with -f FILE; then captures");
}

/* Rules, captures, or both: see the help. */
static int take_words(struct arguments *arguments, int count, char **words)
{
	bool separated = arguments->captures != NULL;

	if (arguments->file && separated && count)
		return usage_error(&command_replay,
				   "rules and -f FILE together: put '%s' into %s",
				   words[0], arguments->file);
	if (!separated) {
		int captures = arguments->file ? count : count > 0;

		arguments->captures = words + count - captures;
		arguments->capture_count = captures;
		count -= captures;
	}
	arguments->rules = words;
	arguments->rule_count = count;
	if ((!arguments->file && !count) || !arguments->capture_count)
		return too_few(arguments);
	return EXIT_DONE;
}

static bool is_stdio(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

/* One standard input cannot be two things. */
static int check_stdin(const struct arguments *arguments)
{
	int users = is_stdio(arguments->file);

	for (int i = 0; i < arguments->capture_count; i++)
		users += is_stdio(arguments->captures[i]);
	if (users > 1)
		return usage_error(&command_replay, "'-' can be one file only");
	return EXIT_DONE;
}

static int load(struct arguments *arguments)
{
	struct policy **policy = &arguments->replay.policy;
	int code = load_policy(policy, arguments->file,
			       (const char *const *)arguments->rules,
			       (size_t)arguments->rule_count);
	int err;

	if (code != EXIT_DONE)
		return code;
	err = policy_seed(*policy, arguments->seed);
	return err < 0 ? load_failed(*policy, err,
				     arguments->file ? arguments->file : "the rules")
		       : EXIT_DONE;
}

/* A file that is broken does not keep the others from being read; an output that cannot
 * be written does. */
static int replay_all(struct replay *replay, const struct arguments *arguments)
{
	int code = EXIT_DONE;

	for (int i = 0; i < arguments->capture_count; i++) {
		int err = replay_file(replay, arguments->captures[i]);

		if (err < 0)
			code = EXIT_FAILED;
		if (err == -EIO || err == -ENOMEM)
			break;
	}
	return replay_finish(replay) < 0 ? EXIT_FAILED : code;
}

static int replay_policy(struct arguments *arguments)
{
	struct replay_options *options = &arguments->replay;
	struct replay *replay;
	int code = EXIT_FAILED;

	options->out = is_stdio(options->output) ? stderr : stdout;
	options->live = isatty(STDERR_FILENO) && !options->quiet && !options->json;
	if (!options->quiet && !options->json)
		replay_report_notes(options);
	if (replay_new(&replay, options) == 0) {
		code = replay_all(replay, arguments);
		if (options->json)
			replay_json_summary(replay);
		else if (!options->quiet)
			replay_report(replay);
	}
	replay_free(replay);
	return code;
}

static int replay_main(int argc, char **argv)
{
	struct arguments arguments = {.seed = 1};
	int option, code = EXIT_DONE;
	int count = split(&arguments, argc, argv);

	while ((option = getopt_long(count, argv, "f:w:h", long_options, NULL)) != -1) {
		if (option == 'h')
			return command_print_help(&command_replay);
		code = take_option(&arguments, option);
		if (code != EXIT_DONE)
			return code;
	}
	code = take_words(&arguments, count - optind, argv + optind);
	if (code == EXIT_DONE)
		code = check_stdin(&arguments);
	if (code == EXIT_DONE)
		code = load(&arguments);
	if (code == EXIT_DONE)
		code = replay_policy(&arguments);
	policy_free(arguments.replay.policy);
	return code;
}

const struct command command_replay = {
	.name = "replay",
	.summary = "what a policy would do to a capture file",
	.help = help,
	.main = replay_main,
};

/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "load.h"
#include "number.h"
#include "report.h"
#include "session.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"  nfqueue run [OPTIONS] RULE...\n"
	"  nfqueue run [OPTIONS] -f FILE\n"
	"\n"
	"Decides packets by a policy until Ctrl-C. A policy is one rule a line (here: "
	"an\n"
	"argument); the first that matches wins, and what no rule decides is accepted:\n"
	"\n"
	"  queue HOOK [inet|ip|ip6] [if EXPR]   which traffic comes up, and where: "
	"input,\n"
	"                                       forward, output, prerouting, "
	"postrouting\n"
	"  accept | drop           [if EXPR]\n"
	"  flow-accept [after N]   [if EXPR]    accept, and the rest of the flow in "
	"the kernel;\n"
	"                                       after N: from its packet N on\n"
	"  flow-drop [after N]     [if EXPR]    drop it so; after N: once N packets "
	"have passed\n"
	"  mark V[/M]              [if EXPR]    accept, with this packet mark\n"
	"  repeat [mark V[/M]]     [if EXPR]    through the same hook again\n"
	"  queue N                 [if EXPR]    hand over to queue N\n"
	"  log [\"TEXT\"]            [if EXPR]    print the packet, go on with the next "
	"rule\n"
	"  log to FILE             [if EXPR]    record it and its verdict in a pcapng "
	"file\n"
	"\n"
	"A rule may also change packets, answer them, and be a bad network; several "
	"words "
	"of\n"
	"these in one rule do all of it (nfqueue-policy(5) has them all):\n"
	"\n"
	"  set FIELD VALUE                      a header field\n"
	"  replace \"FROM\" \"TO\"                  payload of any length, in UDP and in "
	"TCP streams\n"
	"  reject [TYPE]                        drop, and tell the sender\n"
	"  inject set FIELD VALUE ...           send a changed copy first\n"
	"  delay T [JITTER], loss P, duplicate P, corrupt P, reorder P, rate R\n"
	"                                       as in tc-netem(8)\n"
	"\n"
	"EXPR is a tcpdump expression (pcap-filter(7)). The rules of the 'queue HOOK' "
	"lines are\n"
	"installed at the start and removed at the end, however the program ends. "
	"Without such\n"
	"a line, it decides what rules of others send to the queue.\n"
	"\n"
	"  -f, --file FILE          read the policy from FILE; '-' is standard input\n"
	"  -q, --queue N[-M]        queue number, or a range to balance over, a thread "
	"each [0]\n"
	"      --on-crash WHAT      open: if this program dies, traffic passes "
	"[default];\n"
	"                           closed: it stays blocked until 'nfqueue rules "
	"clean'\n"
	"      --fail-open          accept, uninspected, what finds the queue full\n"
	"      --max-length N       packets that may wait in a queue, 1 to 65536 [4096]\n"
	"      --copy-range N       bytes copied of each packet [what the policy reads]\n"
	"      --socket-buffer SIZE bytes, k, M or G behind it [max length x copy "
	"range]\n"
	"      --batch N            packets received at once, 1 to 1024 [64]\n"
	"      --deciders N         threads that decide for each queue, by flow, 0 to "
	"250\n"
	"                           [0: the one that receives]\n"
	"      --ring N             packets that may wait for a decider [1024]\n"
	"      --overload WHAT      a decider's ring is full: wait, so that the queue "
	"fills\n"
	"                           [default]; drop; accept, uninspected\n"
	"      --busy-poll USEC     look for packets so long before a sleep: less "
	"latency,\n"
	"                           more CPU\n"
	"      --pin                each thread stays on a CPU of its own\n"
	"      --socket-buffer-max SIZE\n"
	"                           what the socket buffer may grow to when it is full\n"
	"      --flow-mask MASK     bits of marks for flow verdicts [0xf0000000]\n"
	"      --replace            take over from a running nfqueue with these queues: "
	"it\n"
	"                           ends, and no packet is lost\n"
	"      --no-gso             have large packets cut into segments first\n"
	"      --fanout             choose the queue by CPU instead of by flow\n"
	"      --json               one JSON object a second, and a summary\n"
	"      --quiet              no counters and no summary\n"
	"  -v, --verbose            show the rules as nft and iptables users know them\n"
	"  -h, --help\n"
	"\n"
	"Examples:\n"
	"  nfqueue run 'queue input if tcp port 23' 'drop if tcp dst port 23'\n"
	"  nfqueue run 'queue output if udp port 53' 'log' 'drop if host 10.0.0.9'\n"
	"  nfqueue run 'queue output if host 10.0.0.9' 'delay 50ms 10ms loss 2%'\n"
	"  nfqueue run -q 0-3 --fail-open -f policy.nfq\n";

/* More threads than any machine has CPUs for. */
#define QUEUES_MAX 1024u

/* The callbacks' ctx is the report, the first member. */
struct run_arguments {
	struct report report;
	struct session_options session;
	const char *file;
};

enum {
	OPTION_ON_CRASH = 256,
	OPTION_FAIL_OPEN,
	OPTION_MAX_LENGTH,
	OPTION_COPY_RANGE,
	OPTION_SOCKET_BUFFER,
	OPTION_BATCH,
	OPTION_NO_GSO,
	OPTION_FANOUT,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_DECIDERS,
	OPTION_RING,
	OPTION_OVERLOAD,
	OPTION_BUSY_POLL,
	OPTION_PIN,
	OPTION_SOCKET_BUFFER_MAX,
	OPTION_FLOW_MASK,
	OPTION_REPLACE,
};

static const struct option options[] = {
	{"file", required_argument, NULL, 'f'},
	{"queue", required_argument, NULL, 'q'},
	{"on-crash", required_argument, NULL, OPTION_ON_CRASH},
	{"fail-open", no_argument, NULL, OPTION_FAIL_OPEN},
	{"max-length", required_argument, NULL, OPTION_MAX_LENGTH},
	{"copy-range", required_argument, NULL, OPTION_COPY_RANGE},
	{"socket-buffer", required_argument, NULL, OPTION_SOCKET_BUFFER},
	{"batch", required_argument, NULL, OPTION_BATCH},
	{"no-gso", no_argument, NULL, OPTION_NO_GSO},
	{"fanout", no_argument, NULL, OPTION_FANOUT},
	{"deciders", required_argument, NULL, OPTION_DECIDERS},
	{"ring", required_argument, NULL, OPTION_RING},
	{"overload", required_argument, NULL, OPTION_OVERLOAD},
	{"busy-poll", required_argument, NULL, OPTION_BUSY_POLL},
	{"pin", no_argument, NULL, OPTION_PIN},
	{"socket-buffer-max", required_argument, NULL, OPTION_SOCKET_BUFFER_MAX},
	{"flow-mask", required_argument, NULL, OPTION_FLOW_MASK},
	{"replace", no_argument, NULL, OPTION_REPLACE},
	{"json", no_argument, NULL, OPTION_JSON},
	{"quiet", no_argument, NULL, OPTION_QUIET},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int take_number(const char *name, uint32_t min, uint32_t max, uint32_t *out)
{
	if (number_parse(optarg, min, max, out) == 0)
		return EXIT_DONE;
	return usage_error(&command_run, "%s %s: a number from %u to %u", name, optarg,
			   min, max);
}

static int take_queues(struct session_options *session)
{
	if (queue_range_parse(optarg, &session->first_queue, &session->queue_count) < 0)
		return usage_error(&command_run,
				   "--queue %s: a number from 0 to 65535, or a range N-M",
				   optarg);
	if (session->queue_count > QUEUES_MAX)
		return usage_error(&command_run,
				   "--queue %s: at most %u queues, a thread each; one a "
				   "CPU is best",
				   optarg, QUEUES_MAX);
	return EXIT_DONE;
}

static int take_on_crash(struct session_options *session)
{
	if (strcmp(optarg, "open") == 0)
		session->on_crash = NFQUEUE_ON_CRASH_OPEN;
	else if (strcmp(optarg, "closed") == 0)
		session->on_crash = NFQUEUE_ON_CRASH_CLOSED;
	else
		return usage_error(&command_run, "--on-crash %s: 'open' or 'closed'",
				   optarg);
	return EXIT_DONE;
}

static int take_size(const char *name, uint32_t *out)
{
	if (size_parse(optarg, INT32_MAX, out) == 0)
		return EXIT_DONE;
	return usage_error(&command_run, "%s %s: bytes, like 8M", name, optarg);
}

static int take_overload(struct nfqueue_worker_options *worker)
{
	static const struct {
		const char *word;
		enum nfqueue_overload overload;
	} words[] = {
		{"wait", NFQUEUE_OVERLOAD_WAIT},
		{"drop", NFQUEUE_OVERLOAD_DROP},
		{"accept", NFQUEUE_OVERLOAD_ACCEPT},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(optarg, words[i].word) == 0) {
			worker->overload = words[i].overload;
			return EXIT_DONE;
		}
	return usage_error(&command_run, "--overload %s: 'wait', 'drop' or 'accept'",
			   optarg);
}

/* The rules' library says what else is wrong with a mask. */
static int take_flow_mask(struct session_options *session)
{
	if (number_parse(optarg, 3, UINT32_MAX, &session->flow_mask) == 0)
		return EXIT_DONE;
	return usage_error(
		&command_run,
		"--flow-mask %s: bits of a mark, at least two, like 0xf0000000", optarg);
}

/* How the threads work. */
static int take_worker_option(struct session_options *session, int option)
{
	struct nfqueue_worker_options *worker = &session->worker;

	worker->size = sizeof(*worker);
	switch (option) {
	case OPTION_DECIDERS:
		return take_number("--deciders", 0, 250, &worker->deciders);
	case OPTION_RING:
		return take_number("--ring", 1, 65536, &worker->ring_size);
	case OPTION_OVERLOAD:
		return take_overload(worker);
	case OPTION_PIN:
		worker->flags |= NFQUEUE_WORKER_PIN;
		return EXIT_DONE;
	default: /* getopt has said what is wrong */
		fprintf(stderr, "Try: nfqueue run --help\n");
		return EXIT_USAGE;
	}
}

static int take_option(struct run_arguments *arguments, int option)
{
	struct nfqueue_options *queue = &arguments->session.queue;

	switch (option) {
	case 'f':
		arguments->file = optarg;
		return EXIT_DONE;
	case 'q':
		return take_queues(&arguments->session);
	case OPTION_ON_CRASH:
		return take_on_crash(&arguments->session);
	case OPTION_FAIL_OPEN:
		queue->flags |= NFQUEUE_FAIL_OPEN;
		queue->required |= NFQUEUE_FAIL_OPEN;
		return EXIT_DONE;
	case OPTION_MAX_LENGTH:
		return take_number("--max-length", 1, 65536, &queue->max_length);
	case OPTION_COPY_RANGE:
		return take_number("--copy-range", 1, 65535, &queue->copy_range);
	case OPTION_SOCKET_BUFFER:
		return take_size("--socket-buffer", &queue->socket_buffer);
	case OPTION_SOCKET_BUFFER_MAX:
		return take_size("--socket-buffer-max", &queue->socket_buffer_max);
	case OPTION_BUSY_POLL:
		return take_number("--busy-poll", 0, 1000000, &queue->busy_poll_us);
	case OPTION_FLOW_MASK:
		return take_flow_mask(&arguments->session);
	case OPTION_REPLACE:
		arguments->session.replace = true;
		return EXIT_DONE;
	case OPTION_BATCH:
		return take_number("--batch", 1, 1024, &queue->batch_size);
	case OPTION_NO_GSO:
		queue->flags |= NFQUEUE_NO_GSO;
		return EXIT_DONE;
	case OPTION_FANOUT:
		arguments->session.redirect_flags |= NFQUEUE_REDIRECT_FANOUT;
		return EXIT_DONE;
	case OPTION_JSON:
		arguments->report.style = REPORT_JSON;
		return EXIT_DONE;
	case OPTION_QUIET:
		arguments->report.quiet = true;
		return EXIT_DONE;
	case 'v':
		arguments->report.verbose = true;
		return EXIT_DONE;
	default:
		return take_worker_option(&arguments->session, option);
	}
}

static int load_again(struct policy **policy, void *ctx)
{
	const struct run_arguments *arguments = ctx;

	return policy_new_from_file(policy, arguments->file);
}

static int run_policy(struct run_arguments *arguments)
{
	struct session_options *session = &arguments->session;
	int err;

	session->started = report_started;
	session->tick = report_tick;
	session->finished = report_finished;
	session->log = report_log;
	session->event = report_event;
	session->reloaded = report_reloaded;
	session->controlled = true;
	session->terminal = arguments->report.style == REPORT_LIVE;
	if (arguments->file && strcmp(arguments->file, "-") != 0)
		session->load = load_again;
	session->source = arguments->file;
	session->ctx = &arguments->report;
	err = session_run(session);
	return err == -EINVAL ? EXIT_USAGE : exit_code_for(err);
}

static int run_main(int argc, char **argv)
{
	struct run_arguments arguments = {.session.queue_count = 1};
	struct policy *policy = NULL;
	int option, code = EXIT_DONE;

	arguments.report.style = isatty(STDERR_FILENO) ? REPORT_LIVE : REPORT_PLAIN;
	while ((option = getopt_long(argc, argv, "f:q:vh", options, NULL)) != -1) {
		if (option == 'h')
			return command_print_help(&command_run);
		code = take_option(&arguments, option);
		if (code != EXIT_DONE)
			return code;
	}
	if (!arguments.file && optind == argc)
		return usage_error(&command_run, "give rules, or a policy with -f FILE");
	if (arguments.file && optind < argc)
		return usage_error(&command_run,
				   "rules and -f FILE together: put '%s' into %s",
				   argv[optind], arguments.file);
	code = load_policy(&policy, arguments.file, (const char *const *)argv + optind,
			   (size_t)(argc - optind));
	arguments.session.policy = policy;
	if (code == EXIT_DONE)
		code = run_policy(&arguments);
	policy_free(policy);
	return code;
}

const struct command command_run = {
	.name = "run",
	.summary = "decide packets by a policy",
	.help = help,
	.main = run_main,
};

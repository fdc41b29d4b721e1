/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "exec_libraries.h"
#include "exec_program.h"
#include "number.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As env(1) and the shells have them. */
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NO_PROGRAM 127

/* The kernel doubles what is asked for, in an int. */
#define BUFFER_MAX (1u << 30)

static const char help[] =
	"  nfqueue exec [OPTIONS] -- PROGRAM [ARGUMENTS]\n"
	"\n"
	"Runs a program that exists on our libnetfilter_queue.so.1 and libipq.so.0 in "
	"place of\n"
	"the distribution's. It is not changed, nor is anything installed: the loader is "
	"told to\n"
	"look in our folder first (LD_LIBRARY_PATH). The program replaces nfqueue, so "
	"its "
	"process\n"
	"id, signals and exit status are its own.\n"
	"\n"
	"Without options the program gets what it asked the kernel for. With them, "
	"more:\n"
	"      --gso           TCP comes in packets of up to 64 KiB, as the kernel has "
	"them, not\n"
	"                      cut to the network's size: far fewer packets. For "
	"programs "
	"that\n"
	"                      look at packets, not for those that change them\n"
	"      --rcvbuf SIZE   a socket buffer of SIZE bytes (k, M, G), up to 1G, so "
	"that "
	"bursts\n"
	"                      are not lost. The default holds few large packets: use it "
	"with --gso\n"
	"      --stats         at exit, to standard error, for each queue: packets, "
	"verdicts sent,\n"
	"                      verdicts that the kernel refused, packets lost, never "
	"decided\n"
	"  -h, --help\n"
	"\n"
	"No effect on programs with a netlink socket of their own (libmnl) nor, for "
	"--gso, "
	"on those\n"
	"of libipq. A warning tells where the loader will not take our libraries: a "
	"program that is\n"
	"static, setuid, has capabilities, or names a library by its path.\n"
	"\n"
	"Exit status: the program's; 1 our libraries are not there, 2 usage, 126 the "
	"program\n"
	"cannot be executed, 127 there is no such program.\n"
	"\n"
	"Examples:\n"
	"  nfqueue exec -- dhcpoptinj -d -f -q 42 -o 0C66697265\n"
	"  nfqueue exec --gso --rcvbuf 64M --stats -- ./my-filter\n";

struct options {
	bool gso;
	bool stats;
	uint32_t receive_buffer; /* bytes; 0: as the program has it */
};

/* Returns -1: go on; else the exit status. */
static int take_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {{"gso", no_argument, NULL, 'g'},
					      {"rcvbuf", required_argument, NULL, 'r'},
					      {"stats", no_argument, NULL, 's'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	int option;

	while ((option = getopt_long(argc, argv, "+h", known, NULL)) != -1) {
		if (option == 'h')
			return command_print_help(&command_exec);
		if (option == 'g')
			options->gso = true;
		else if (option == 's')
			options->stats = true;
		else if (option != 'r')
			return usage_error(&command_exec, "an option that it has not");
		else if (size_parse(optarg, BUFFER_MAX, &options->receive_buffer) < 0 ||
			 options->receive_buffer == 0)
			return usage_error(&command_exec,
					   "--rcvbuf is 1 to 1G bytes, like 64M, not "
					   "'%s'",
					   optarg);
	}
	if (optind == argc)
		return usage_error(&command_exec, "which program?");
	return -1;
}

/* One that an outer `nfqueue exec` has set is not ours. */
static int set_number(const char *name, uint32_t value)
{
	char text[16];

	if (value == 0)
		return unsetenv(name);
	snprintf(text, sizeof(text), "%u", value);
	return setenv(name, text, 1);
}

static int set_environment(const struct options *options, const char *folders)
{
	const char *given = getenv("LD_LIBRARY_PATH");
	char *path;
	int rc;

	if (asprintf(&path, "%s%s%s", folders, given && *given ? ":" : "",
		     given ? given : "") < 0)
		return -1;
	rc = setenv("LD_LIBRARY_PATH", path, 1);
	free(path);
	if (rc < 0 || set_number("NFQUEUE_EXEC_GSO", options->gso) < 0 ||
	    set_number("NFQUEUE_EXEC_STATS", options->stats) < 0)
		return -1;
	return set_number("NFQUEUE_EXEC_RCVBUF", options->receive_buffer);
}

/* Returns only if it fails: with the exit status. */
static int replace_us(char **argv)
{
	int err;

	execvp(argv[0], argv);
	err = errno;
	fprintf(stderr, "nfqueue exec: cannot execute %s: %s\n", argv[0], strerror(err));
	return err == ENOENT || err == ENOTDIR ? EXIT_NO_PROGRAM : EXIT_CANNOT_EXECUTE;
}

static int exec_main(int argc, char **argv)
{
	struct options options = {0};
	char folders[EXEC_FOLDERS_MAX];
	int code = take_options(argc, argv, &options);

	if (code >= 0)
		return code;
	if (exec_find_libraries(folders) < 0)
		return EXIT_FAILED;
	exec_check_program(argv[optind]);
	if (set_environment(&options, folders) < 0) {
		fprintf(stderr, "nfqueue exec: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	return replace_us(argv + optind);
}

const struct command command_exec = {
	.name = "exec",
	.summary = "an existing program on our libnetfilter_queue, and better",
	.help = help,
	.main = exec_main,
};

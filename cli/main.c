/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <nfqueue/version.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
	&command_run,  &command_reload, &command_flows, &command_check, &command_replay,
	&command_stat, &command_rules,  &command_demo,  &command_exec,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(*commands))

static void print_commands(FILE *out)
{
	fputs("nfqueue decides Linux packets in user space.\n\n"
	      "  nfqueue COMMAND [OPTIONS] ...\n\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n"
	      "  nfqueue COMMAND --help   all about a command, with examples\n"
	      "  nfqueue --version\n\n"
	      "A first try, which needs no root and touches nothing:   nfqueue demo\n\n"
	      "Exit status: 0 done, 1 failed, 2 usage, 3 queue busy, 4 no privilege,\n"
	      "5 not supported by this kernel.\n",
	      out);
}

int command_print_help(const struct command *command)
{
	printf("nfqueue %s - %s\n\n%s", command->name, command->summary, command->help);
	return EXIT_DONE;
}

int usage_error(const struct command *command, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "nfqueue %s: ", command->name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nTry: nfqueue %s --help\n", command->name);
	return EXIT_USAGE;
}

int exit_code_for(int error)
{
	switch (error) {
	case -EBUSY:
		return EXIT_BUSY;
	case -EPERM:
	case -EACCES:
		return EXIT_PRIVILEGE;
	case -EOPNOTSUPP:
	case -EPROTONOSUPPORT:
		return EXIT_NOT_SUPPORTED;
	default:
		return error < 0 ? EXIT_FAILED : EXIT_DONE;
	}
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	fprintf(stderr, "nfqueue: there is no command '%s'\n\n", name);
	print_commands(stderr);
	return EXIT_USAGE;
}

static int help(const char *name)
{
	const struct command *command;

	if (!name) {
		print_commands(stdout);
		return EXIT_DONE;
	}
	command = find_command(name);
	return command ? command_print_help(command) : unknown_command(name);
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("nfqueue %s\n", nfqueue_version());
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	command = find_command(argv[1]);
	return command ? command->main(argc - 1, argv + 1) : unknown_command(argv[1]);
}

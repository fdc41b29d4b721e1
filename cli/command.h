/* SPDX-License-Identifier: MIT */
/* What a command of the nfqueue program is. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>

/* What the program's exit status says. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_BUSY = 3,         /* another process owns the queue, or the table */
	EXIT_PRIVILEGE = 4,    /* no CAP_NET_ADMIN */
	EXIT_NOT_SUPPORTED = 5 /* this kernel lacks it */
};

struct command {
	const char *name;
	const char *summary;                /* one line, for the list of commands */
	const char *help;                   /* all of it, for `nfqueue NAME --help` */
	int (*main)(int argc, char **argv); /* argv[0] is the command's name */
};

extern const struct command command_run;
extern const struct command command_reload;
extern const struct command command_flows;
extern const struct command command_check;
extern const struct command command_replay;
extern const struct command command_stat;
extern const struct command command_rules;
extern const struct command command_demo;
extern const struct command command_exec;

/* The exit status for an error of the library. */
int exit_code_for(int error);

/* Tells what is wrong with the arguments and where to read on. Returns EXIT_USAGE. */
int usage_error(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* `nfqueue NAME --help`. Returns EXIT_DONE. */
int command_print_help(const struct command *command);

/* Takes the options of a command that has --json and --help only; optind is behind them.
 * Returns -1: go on; else the exit status. */
int take_json_option(const struct command *command, int argc, char **argv, bool *json);

#endif

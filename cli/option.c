/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <getopt.h>
#include <stddef.h>

int take_json_option(const struct command *command, int argc, char **argv, bool *json)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	int option;

	*json = false;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return command_print_help(command);
		if (option != 'j')
			return usage_error(command, "an unknown option");
		*json = true;
	}
	return -1;
}

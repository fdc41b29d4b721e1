/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <unistd.h>

static const char help[] =
	"  nfqueue reload [-q N]\n"
	"\n"
	"Has a running 'nfqueue run -f FILE' read its policy again, as SIGHUP does, and "
	"says\n"
	"what changed. All threads decide by the new policy from their next packet on; "
	"no "
	"packet\n"
	"is lost. If the new policy has errors they are told here, and the old one goes "
	"on.\n"
	"What was decided for whole flows (flow-accept, flow-drop) comes up again.\n"
	"\n"
	"  -q, --queue N   first queue of the program [the only one that runs]\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 the new policy is in force, 1 it is not.\n";

static int reload_main(int argc, char **argv)
{
	uint32_t queue;
	int code = client_options(&command_reload, argc, argv, &queue, NULL);

	if (code >= 0)
		return code;
	if (optind < argc)
		return usage_error(&command_reload, "'%s' is not wanted here",
				   argv[optind]);
	return client_request(queue, "reload", NULL, NULL);
}

const struct command command_reload = {
	.name = "reload",
	.summary = "have a running program read its policy again",
	.help = help,
	.main = reload_main,
};

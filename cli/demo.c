/* SPDX-License-Identifier: MIT */
#include "command.h"

static int demo_main(int argc, char **argv)
{
	(void)argc, (void)argv;
	return EXIT_FAILED;
}

const struct command command_demo = {
	.name = "demo",
	.summary = "the whole thing on real traffic, in namespaces of its own",
	.help = "",
	.main = demo_main,
};

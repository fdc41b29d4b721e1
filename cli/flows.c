/* SPDX-License-Identifier: MIT */
#include "client.h"
#include "json.h"
#include "number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"  nfqueue flows [-q N] [--json]\n"
	"  nfqueue flows flush [-q N]\n"
	"\n"
	"flow-accept and flow-drop decide the rest of a connection in the kernel. "
	"Without "
	"a word,\n"
	"this shows how many packets the kernel has decided so for a running 'nfqueue "
	"run';\n"
	"'flush' has those flows come up again.\n"
	"\n"
	"  -q, --queue N   first queue of the program [the only one that runs]\n"
	"      --json      an object\n"
	"  -h, --help\n";

static void print_line(const char *line, void *ctx)
{
	size_t name = strcspn(line, " ");
	char text[32];

	(void)ctx;
	printf("%-10.*s %15s packets, in the kernel\n", (int)name, line,
	       number_text(strtoull(line + name, NULL, 10), text));
}

static void add_line(const char *line, void *ctx)
{
	char name[16];
	unsigned long long count;

	if (sscanf(line, "%15s %llu", name, &count) == 2)
		cJSON_AddNumberToObject(ctx, name, (double)count);
}

static int show(uint32_t queue, bool json)
{
	cJSON *object;
	int code;

	if (!json)
		return client_request(queue, "flows", print_line, NULL);
	object = cJSON_CreateObject();
	code = client_request(queue, "flows", add_line, object);
	if (code == EXIT_DONE)
		json_print(object);
	else
		cJSON_Delete(object);
	return code;
}

static int flows_main(int argc, char **argv)
{
	bool json = false;
	uint32_t queue;
	int code = client_options(&command_flows, argc, argv, &queue, &json);

	if (code >= 0)
		return code;
	if (optind == argc)
		return show(queue, json);
	if (optind + 1 == argc && strcmp(argv[optind], "flush") == 0 && !json)
		return client_request(queue, "flows flush", NULL, NULL);
	return usage_error(&command_flows, "'%s': say 'flush', or nothing", argv[optind]);
}

const struct command command_flows = {
	.name = "flows",
	.summary = "flows that the kernel decides; 'flush' has them come up again",
	.help = help,
	.main = flows_main,
};

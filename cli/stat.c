/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "json.h"
#include "number.h"

#include <nfqueue/queue.h>

#include <errno.h>
#include <unistd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"  nfqueue stat [--json]\n"
	"\n"
	"Shows every queue of this network namespace as the kernel has it: who owns it, "
	"how\n"
	"many packets wait for a verdict, what is copied of each, and what was dropped:\n"
	"  full     the queue held as many packets as its max length allows\n"
	"  refused  the owner's socket buffer was full, so the packet was never seen\n"
	"A queue that fails open counts neither: see 'passed uninspected' in 'nfqueue "
	"run'.\n"
	"\n"
	"      --json   an array of objects\n"
	"  -h, --help\n";

static const char *const copy_modes[] = {"none: all is dropped", "metadata", "packets"};

static const char *copy_mode(uint32_t mode)
{
	return mode < sizeof(copy_modes) / sizeof(*copy_modes) ? copy_modes[mode]
							       : "unknown";
}

static void print_human(const struct nfqueue_kernel_queue *rows, int count)
{
	if (count == 0) {
		puts("no queue is open in this network namespace");
		return;
	}
	printf("%6s  %-24s %9s %12s %12s %12s  %s\n", "queue", "owner", "waiting", "full",
	       "refused", "last id", "copies");
	for (int i = 0; i < count; i++) {
		const struct nfqueue_kernel_queue *row = &rows[i];
		char owner[40] = "(not visible)", texts[4][32];

		if (row->pid)
			snprintf(owner, sizeof(owner), "%s (%d)", row->name, row->pid);
		printf("%6u  %-24s %9s %12s %12s %12s  %s", row->queue, owner,
		       number_text(row->waiting, texts[0]),
		       number_text(row->dropped_full, texts[1]),
		       number_text(row->dropped_socket, texts[2]),
		       number_text(row->last_id, texts[3]), copy_mode(row->copy_mode));
		if (row->copy_mode == 2)
			printf(", %u bytes", row->copy_range);
		putchar('\n');
	}
}

static cJSON *row_object(const struct nfqueue_kernel_queue *row)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddNumberToObject(object, "queue", row->queue);
	cJSON_AddNumberToObject(object, "pid", row->pid);
	cJSON_AddStringToObject(object, "name", row->name);
	cJSON_AddNumberToObject(object, "port_id", row->port_id);
	cJSON_AddNumberToObject(object, "waiting", row->waiting);
	cJSON_AddStringToObject(object, "copy_mode", copy_mode(row->copy_mode));
	cJSON_AddNumberToObject(object, "copy_range", row->copy_range);
	cJSON_AddNumberToObject(object, "dropped_full", row->dropped_full);
	cJSON_AddNumberToObject(object, "dropped_socket", row->dropped_socket);
	cJSON_AddNumberToObject(object, "last_id", row->last_id);
	return object;
}

static void print_json(const struct nfqueue_kernel_queue *rows, int count)
{
	cJSON *array = cJSON_CreateArray();

	for (int i = 0; i < count; i++)
		cJSON_AddItemToArray(array, row_object(&rows[i]));
	json_print(array);
}

/* Queues may come between the two looks: so many rows as both know of. */
static int read_queues(struct nfqueue_kernel_queue **rows)
{
	int count = nfqueue_kernel_queues(NULL, 0), again;

	if (count < 0)
		return count;
	*rows = calloc((size_t)count + 1, sizeof(**rows));
	if (!*rows)
		return -ENOMEM;
	again = nfqueue_kernel_queues(*rows, (size_t)count);
	return again < count ? again : count;
}

static int failed(int err)
{
	switch (err) {
	case -ENOENT:
		fputs("nfqueue: this kernel has no nfnetlink_queue here: modprobe "
		      "nfnetlink_queue\n",
		      stderr);
		return EXIT_NOT_SUPPORTED;
	case -EACCES:
	case -EPERM:
		fputs("nfqueue: the kernel shows its table of queues to root only, "
		      "outside of user namespaces: run it as root\n",
		      stderr);
		return EXIT_PRIVILEGE;
	default:
		fprintf(stderr, "nfqueue: cannot read the kernel's table of queues: %s\n",
			strerror(-err));
		return exit_code_for(err);
	}
}

static int show(bool json)
{
	struct nfqueue_kernel_queue *rows = NULL;
	int count = read_queues(&rows);

	if (count < 0)
		return failed(count);
	if (json)
		print_json(rows, count);
	else
		print_human(rows, count);
	free(rows);
	return EXIT_DONE;
}

static int stat_main(int argc, char **argv)
{
	bool json;
	int code = take_json_option(&command_stat, argc, argv, &json);

	if (code >= 0)
		return code;
	if (optind < argc)
		return usage_error(&command_stat, "'%s' is not wanted here",
				   argv[optind]);
	return show(json);
}

const struct command command_stat = {
	.name = "stat",
	.summary = "the kernel's queues: owners, depth, drops",
	.help = help,
	.main = stat_main,
};

/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <libgen.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "example.h"
#include "netns.h"

/* --- running an example ----------------------------------------------------------- */

const char *example_directory, *example_library;
int example_input = -1;

static void execute(const char *name, const char *const *arguments, int output)
{
	char path[512];
	const char *argv[8] = {path};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/%s", example_directory, name);
	for (int i = 0; i < 6 && arguments[i]; i++)
		argv[i + 1] = arguments[i];
	if (example_library)
		setenv("LD_LIBRARY_PATH", dirname(strdup(example_library)), 1);
	if (example_input >= 0)
		dup2(example_input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execv(path, (char *const *)(uintptr_t)argv);
	perror(path);
	_exit(127);
}

void start(struct example *child, const char *name, const char *const *arguments)
{
	int ends[2];

	netns_need_queue();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child->pid = fork();
	if (child->pid == 0)
		execute(name, arguments, ends[1]);
	assert_true(child->pid > 0);
	child->output = ends[0];
	close(ends[1]);
}

bool table_of_queues_readable(void)
{
	return access("/proc/net/netfilter/nfnetlink_queue", R_OK) == 0;
}

/* A queue without a copy mode, as it is at first on the classic API, drops packets. */
static bool copies(uint16_t number)
{
	struct netns_queue_row row;

	return netns_queue_row(number, &row) && row.copy_mode != 0;
}

void wait_for_queue(uint16_t number, uint32_t waiting)
{
	uint64_t end = netns_now() + WAIT_MS;

	if (!table_of_queues_readable()) {
		netns_sleep(UNSEEN_MS);
		return;
	}
	while (!copies(number)) {
		assert_true(netns_now() < end);
		netns_sleep(1);
	}
	assert_true(netns_queue_waits(number, waiting, WAIT_MS));
}

void read_output(struct example *child)
{
	size_t length = 0;
	ssize_t got;

	do {
		got = read(child->output, child->text + length, OUTPUT_MAX - 1 - length);
		length += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	child->text[length] = '\0';
	close(child->output);
}

void finish(struct example *child, int signal)
{
	kill(child->pid, signal);
	read_output(child);
	assert_int_equal(waitpid(child->pid, &child->status, 0), child->pid);
	child->pid = 0;
}

void finish_cleanly(struct example *child)
{
	finish(child, SIGINT);
	if (child->status != 0)
		fail_msg("wait status 0x%x: %s", child->status, child->text);
}

void assert_says(const struct example *child, const char *text)
{
	if (!strstr(child->text, text))
		fail_msg("it does not say: %s\nbut: %s", text, child->text);
}

void assert_runs_on_library(const struct example *child)
{
	char line[1024], path[64];
	bool found = false;
	FILE *maps;

	if (!example_library)
		return;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)child->pid);
	maps = fopen(path, "r");
	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps))
		found = strstr(line, example_library);
	fclose(maps);
	assert_true(found);
}

struct example example;

int clean_up(void **state)
{
	if (example.pid)
		finish(&example, SIGKILL);
	return netns_try("iptables -w -F; iptables -w -t mangle -F");
}

/* --- traffic ---------------------------------------------------------------------- */

struct link open_link(uint16_t port)
{
	struct link link;

	link.server = netns_udp_server(NULL, "127.0.0.1", port);
	link.client = netns_udp_client(NULL, "127.0.0.1", port);
	return link;
}

void close_link(struct link *link)
{
	close(link->server);
	close(link->client);
}

uint32_t arrived(const struct link *link, uint32_t count, int timeout_ms)
{
	struct netns_tally tally;

	netns_udp_collect(link->server, 0, count, timeout_ms, &tally, NULL);
	assert_int_equal(tally.foreign + tally.duplicate, 0);
	return tally.received;
}

uint32_t arrivals(const struct link *link, uint32_t count, size_t length, int timeout_ms)
{
	netns_udp_send_long(link->client, 0, count, length);
	return arrived(link, count, timeout_ms);
}

void send_at_once(const struct link *link, uint32_t count)
{
	int status;

	assert_int_equal(kill(example.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(example.pid, &status, WUNTRACED), example.pid);
	assert_true(WIFSTOPPED(status));
	netns_udp_send(link->client, 0, count);
	wait_for_queue(0, count);
	assert_int_equal(kill(example.pid, SIGCONT), 0);
}

/* SPDX-License-Identifier: MIT */
#include "client.h"

#include "control.h"
#include "number.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A large policy takes seconds to compile. */
#define ANSWER_TIMEOUT_S 60
#define ANSWER_LINE_MAX 4096
#define SESSIONS_MAX 16 /* that are named when there is a choice */

struct sessions {
	size_t count; /* more than SESSIONS_MAX, perhaps */
	uint32_t queues[SESSIONS_MAX];
};

static void add_session(struct sessions *sessions, uint32_t queue)
{
	if (sessions->count < SESSIONS_MAX)
		sessions->queues[sessions->count] = queue;
	sessions->count++;
}

/* Source: unix_seq_show(): an abstract name begins with '@'; 10000 is __SO_ACCEPTCON. */
static void find_sessions(struct sessions *sessions)
{
	FILE *table = fopen("/proc/self/net/unix", "re");
	char line[512];
	uint32_t queue;
	int flags, end;

	*sessions = (struct sessions){0};
	while (table && fgets(line, sizeof(line), table)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%*s %*s %*s %x %*s %*s %*s @nfqueue/%" SCNu32 "%n",
			   (unsigned int *)&flags, &queue, &end) == 2 &&
		    line[end] == '\0' && flags & 0x10000)
			add_session(sessions, queue);
	}
	if (table)
		fclose(table);
}

static void tell_sessions(const struct sessions *sessions)
{
	if (sessions->count == 0) {
		fputs("nfqueue: no nfqueue run in this network namespace\n", stderr);
		return;
	}
	fputs("nfqueue: name one by its first queue:", stderr);
	for (size_t i = 0; i < sessions->count && i < SESSIONS_MAX; i++)
		fprintf(stderr, " -q %" PRIu32, sessions->queues[i]);
	fputs("\n", stderr);
}

int client_connect(uint32_t queue)
{
	struct sockaddr_un address;
	socklen_t length = control_address(&address, queue);
	int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (connection < 0)
		return -errno;
	control_set_timeout(connection, ANSWER_TIMEOUT_S);
	if (connect(connection, (struct sockaddr *)&address, length) < 0) {
		err = errno == ECONNREFUSED ? -ENOENT : -errno;
		close(connection);
		return err;
	}
	if (control_trusts(connection))
		return connection;
	close(connection);
	return -EPERM;
}

static int connect_failed(uint32_t queue, int err)
{
	struct sessions sessions;

	if (err == -EPERM) {
		fprintf(stderr,
			"nfqueue: the nfqueue run of queue %" PRIu32
			" is another user's: run this as root\n",
			queue);
		return EXIT_PRIVILEGE;
	}
	if (err != -ENOENT) {
		fprintf(stderr, "nfqueue: cannot reach queue %" PRIu32 ": %s\n", queue,
			strerror(-err));
		return EXIT_FAILED;
	}
	fprintf(stderr, "nfqueue: no nfqueue run has %" PRIu32 " as its first queue\n",
		queue);
	find_sessions(&sessions);
	if (sessions.count)
		tell_sessions(&sessions);
	return EXIT_FAILED;
}

struct text {
	FILE *stream;
	char *data;
	size_t size;
};

static int read_answer(int connection, FILE *text, char *line, size_t size)
{
	for (;;) {
		int length = control_read_line(connection, line, size);

		if (length < 0)
			return length;
		if (line[0] != ' ')
			return 0;
		fprintf(text, "%s\n", line + 1);
	}
}

static void hand_on(char *text, client_line_fn line, void *ctx)
{
	char *rest;

	for (char *at = strtok_r(text, "\n", &rest); at; at = strtok_r(NULL, "\n", &rest))
		line(at, ctx);
}

static int answer_failed(int err)
{
	/* It closes the connection of a user whom it does not trust, without a word. */
	if (err == -EPIPE || err == -ECONNRESET) {
		fputs("nfqueue: no answer: the program ends, or is another user's\n",
		      stderr);
		return EXIT_FAILED;
	}
	fprintf(stderr, "nfqueue: no answer: %s\n",
		err == -EAGAIN ? "it took too long" : strerror(-err));
	return EXIT_FAILED;
}

static int take_answer(int connection, client_line_fn line, void *ctx)
{
	struct text text = {0};
	char last[ANSWER_LINE_MAX];
	int code = EXIT_FAILED, err;

	text.stream = open_memstream(&text.data, &text.size);
	if (!text.stream) {
		fputs("nfqueue: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	err = read_answer(connection, text.stream, last, sizeof(last));
	fclose(text.stream);
	if (err < 0) {
		code = answer_failed(err);
	} else if (strcmp(last, "ok") != 0) {
		fputs(text.data, stderr);
		fprintf(stderr, "nfqueue: %s\n",
			strncmp(last, "error ", 6) == 0 ? last + 6 : last);
	} else {
		code = EXIT_DONE;
		if (line)
			hand_on(text.data, line, ctx);
		else
			fputs(text.data, stdout);
	}
	free(text.data);
	return code;
}

static int choose(uint32_t *queue)
{
	struct sessions sessions;

	if (*queue != CLIENT_ONLY)
		return EXIT_DONE;
	find_sessions(&sessions);
	if (sessions.count != 1) {
		tell_sessions(&sessions);
		return EXIT_FAILED;
	}
	*queue = sessions.queues[0];
	return EXIT_DONE;
}

int client_request(uint32_t queue, const char *request, client_line_fn line, void *ctx)
{
	int code = choose(&queue), connection;

	if (code != EXIT_DONE)
		return code;
	connection = client_connect(queue);
	if (connection < 0)
		return connect_failed(queue, connection);
	if (control_write(connection, request, strlen(request)) &&
	    control_write(connection, "\n", 1))
		code = take_answer(connection, line, ctx);
	else
		code = answer_failed(-EPIPE);
	close(connection);
	return code;
}

int client_options(const struct command *command, int argc, char **argv, uint32_t *queue,
		   bool *json)
{
	/* The first one only for commands that have it. */
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{"queue", required_argument, NULL, 'q'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	uint32_t count; /* the first queue is what names a session */
	int option;

	*queue = CLIENT_ONLY;
	while ((option = getopt_long(argc, argv, "q:h", json ? options : options + 1,
				     NULL)) != -1) {
		if (option == 'h')
			return command_print_help(command);
		if (option == 'j')
			*json = true;
		else if (option != 'q')
			return usage_error(command, "an unknown option");
		else if (queue_range_parse(optarg, queue, &count) < 0)
			return usage_error(
				command,
				"--queue %s: a number from 0 to 65535, or a range N-M",
				optarg);
	}
	return -1;
}

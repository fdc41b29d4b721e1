/* SPDX-License-Identifier: MIT */
/* What a running session is asked: by 'nfqueue reload' and the like, and by signals. */
#include "session_state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int control_signals[] = {SIGHUP, 0};

typedef enum control_next (*request_fn)(struct session *session, const char *words,
					struct control_answer *answer, int connection);

/* The answer is the caller's; the program's own output tells of it, too. */
static void reload(struct session *session, struct control_answer *answer)
{
	const struct session_options *options = session->options;
	FILE *caller = answer->text;
	char *text = NULL;
	size_t size;

	answer->text = open_memstream(&text, &size);
	if (!answer->text) {
		answer->text = caller;
		snprintf(answer->error, sizeof(answer->error), "out of memory");
		return;
	}
	session_reload(session, answer);
	fclose(answer->text);
	answer->text = caller;
	if (caller)
		fputs(text, caller);
	if (options->reloaded)
		options->reloaded(session, text, answer->error, options->ctx);
	free(text);
}

static enum control_next on_reload(struct session *session, const char *words,
				   struct control_answer *answer, int connection)
{
	(void)words;
	(void)connection;
	reload(session, answer);
	return CONTROL_DONE;
}

static const struct {
	const char *name; /* one that begins another one comes behind it */
	request_fn serve;
} requests[] = {
	{"reload", on_reload},
};

static enum control_next on_request(const char *line, struct control_answer *answer,
				    int connection, void *ctx)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		size_t length = strlen(requests[i].name);

		if (strncmp(line, requests[i].name, length) == 0 &&
		    (line[length] == '\0' || line[length] == ' '))
			return requests[i].serve(ctx, line + length, answer, connection);
	}
	snprintf(answer->error, sizeof(answer->error),
		 "this program, of nfqueue %s, does not know '%s'", nfqueue_version(),
		 line);
	return CONTROL_DONE;
}

/* A terminal that was closed sends SIGHUP, too: that is an end. */
static bool terminal_is_gone(const struct session *session)
{
	return session->options->terminal && !isatty(STDERR_FILENO);
}

static void on_signal(int number, void *ctx)
{
	struct session *session = ctx;
	struct control_answer answer = {0};

	(void)number;
	if (terminal_is_gone(session))
		session_stop(session);
	else
		reload(session, &answer);
}

void session_control_prepare(struct session *session)
{
	session->handlers = (struct control_handlers){.request = on_request,
						      .signalled = on_signal,
						      .signals = control_signals,
						      .ctx = session};
	if (session->options->controlled)
		control_block_signals(&session->handlers);
}

int session_control_open(struct session *session)
{
	const struct session_options *options = session->options;

	if (!options->controlled || session->control)
		return 0;
	return control_open(&session->control, options->first_queue, &session->handlers);
}

int session_control_start(struct session *session)
{
	return session->control ? control_start(session->control) : 0;
}

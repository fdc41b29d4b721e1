/* SPDX-License-Identifier: MIT */
/* What a running session is asked: by 'nfqueue reload' and the like, and by signals. */
#include "session_state.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int control_signals[] = {SIGHUP, SIGUSR2, 0};

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

static bool knows_flows(const struct session *session, struct control_answer *answer)
{
	if (session_has_flows(session))
		return true;
	snprintf(answer->error, sizeof(answer->error),
		 "no flow is decided in the kernel: the policy has neither flow-accept "
		 "nor flow-drop, or no queue line");
	return false;
}

static void rules_refused(const struct session *session, struct control_answer *answer)
{
	snprintf(answer->error, sizeof(answer->error), "%s",
		 nfqueue_rules_error(session->rules));
}

static enum control_next on_flows(struct session *session, const char *words,
				  struct control_answer *answer, int connection)
{
	uint64_t accepted, dropped;

	(void)words;
	(void)connection;
	pthread_mutex_lock(&session->lock);
	if (knows_flows(session, answer)) {
		if (nfqueue_rules_flow_counter(session->rules, &accepted, &dropped) == 0)
			fprintf(answer->text,
				"accepted %" PRIu64 "\ndropped %" PRIu64 "\n", accepted,
				dropped);
		else
			rules_refused(session, answer);
	}
	pthread_mutex_unlock(&session->lock);
	return CONTROL_DONE;
}

static enum control_next on_flush(struct session *session, const char *words,
				  struct control_answer *answer, int connection)
{
	(void)words;
	(void)connection;
	pthread_mutex_lock(&session->lock);
	if (knows_flows(session, answer)) {
		if (session_flows_flush(session) == 0)
			fputs("decided flows come up again\n", answer->text);
		else
			rules_refused(session, answer);
	}
	pthread_mutex_unlock(&session->lock);
	return CONTROL_DONE;
}

/* What a new one wants, in its own words. */
struct wanted {
	uint32_t first, count, mask;
	char crash[8];
};

static bool same_sockets(const struct session *session, const struct wanted *wanted,
			 struct control_answer *answer)
{
	const struct session_options *options = session->options;

	if (wanted->first == options->first_queue &&
	    wanted->count == options->queue_count &&
	    strcmp(wanted->crash, session_crash_text(session)) == 0)
		return true;
	snprintf(answer->error, sizeof(answer->error),
		 "it has queues %" PRIu32 "-%" PRIu32 " and --on-crash %s, and you want "
		 "%" PRIu32 "-%" PRIu32 " and --on-crash %s",
		 options->first_queue, options->first_queue + options->queue_count - 1,
		 session_crash_text(session), wanted->first,
		 wanted->first + wanted->count - 1, wanted->crash);
	return false;
}

static bool same_mask(struct session *session, const struct wanted *wanted,
		      struct control_answer *answer)
{
	struct nfqueue_flow_marks marks = {0};

	pthread_mutex_lock(&session->lock);
	if (session->rules)
		nfqueue_rules_flow_marks(session->rules, &marks);
	pthread_mutex_unlock(&session->lock);
	if (!marks.mask || !wanted->mask || marks.mask == wanted->mask)
		return true;
	snprintf(answer->error, sizeof(answer->error),
		 "it has --flow-mask %#" PRIx32 ", and you want %#" PRIx32, marks.mask,
		 wanted->mask);
	return false;
}

static bool may_replace(struct session *session, const char *words,
			struct control_answer *answer)
{
	struct wanted wanted;

	if (sscanf(words, " %" SCNu32 " %" SCNu32 " %7s %" SCNu32, &wanted.first,
		   &wanted.count, wanted.crash, &wanted.mask) != 4) {
		snprintf(answer->error, sizeof(answer->error), "what is this?");
		return false;
	}
	return same_sockets(session, &wanted, answer) &&
	       same_mask(session, &wanted, answer);
}

/* The thread that runs the session does the rest, when the workers have ended. */
static enum control_next on_replace(struct session *session, const char *words,
				    struct control_answer *answer, int connection)
{
	if (!may_replace(session, words, answer))
		return CONTROL_DONE;
	session->successor = connection;
	nfqueue_engine_release(session->engine);
	return CONTROL_KEEP;
}

static const struct {
	const char *name; /* a longer one before one that it begins with */
	request_fn serve;
} requests[] = {
	{"reload", on_reload},
	{"flows flush", on_flush},
	{"flows", on_flows},
	{"replace", on_replace},
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

/* Only who keeps the sockets open can be left with them. */
static void leave(struct session *session)
{
	if (!service_managed()) {
		session_stop(session);
		return;
	}
	session->leaving = true;
	nfqueue_engine_release(session->engine);
}

static void on_signal(int number, void *ctx)
{
	struct session *session = ctx;
	struct control_answer answer = {0};

	if (number == SIGUSR2)
		leave(session);
	else if (terminal_is_gone(session))
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

/* SPDX-License-Identifier: MIT */
/* The sockets of a session outlive it, so that what waits in the kernel is not lost. */
#include "session_state.h"

#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *session_crash_text(const struct session *session)
{
	return session->options->on_crash == NFQUEUE_ON_CRASH_CLOSED ? "closed" : "open";
}

/* What can be known to fail is found out before anything is touched. */
static int replace_another(struct session *session)
{
	char error[600];
	int err = session_rules_try(session->options);

	if (err == 0)
		err = session_outlet_open(session);
	if (err < 0)
		return err;
	if (nfqueue_rules_list(NULL, 0) == -EPERM) {
		fputs("nfqueue: CAP_NET_ADMIN is needed: run it as root\n", stderr);
		return -EPERM;
	}
	err = handover_take(&session->sockets, session_crash_text(session),
			    session_flow_mask(session->options, session->options->policy),
			    &session->other, error, sizeof(error));
	if (err < 0)
		fprintf(stderr, "nfqueue: cannot replace: %s\n", error);
	if (err > 0)
		session->life = SESSION_REPLACING;
	return err < 0 ? err : 0;
}

int session_sockets_take(struct session *session)
{
	const struct session_options *options = session->options;

	if (inherited_init(&session->sockets, options->first_queue,
			   options->queue_count) < 0)
		return -ENOMEM;
	if (!options->controlled)
		return 0;
	if (service_take(&session->sockets) > 0) {
		session->life = SESSION_INHERITED;
		session->rules_stored = session->sockets.rules >= 0;
		return 0;
	}
	return options->replace ? replace_another(session) : 0;
}

void session_rules_store(struct session *session)
{
	if (!session->options->controlled || !session->rules || session->rules_stored)
		return;
	service_store(INHERITED_RULES, nfqueue_rules_fd(session->rules));
	session->rules_stored = true;
}

/* Those that came from the store are in it still. */
void session_sockets_store(struct session *session)
{
	const struct session_options *options = session->options;
	char name[INHERITED_NAME_SIZE];

	if (!options->controlled)
		return;
	for (uint32_t i = 0; i < options->queue_count; i++) {
		if (session->life == SESSION_INHERITED && session->sockets.queues[i] >= 0)
			continue;
		inherited_queue_name(name, options->first_queue + i);
		service_store(name, nfqueue_fd(nfqueue_engine_queue(session->engine, i)));
	}
	session_rules_store(session);
}

void session_sockets_forget(struct session *session)
{
	const struct session_options *options = session->options;
	char name[INHERITED_NAME_SIZE];

	if (!options->controlled)
		return;
	for (uint32_t i = 0; i < options->queue_count; i++) {
		inherited_queue_name(name, options->first_queue + i);
		service_forget(name);
	}
	if (session->rules_stored)
		service_forget(INHERITED_RULES);
	session->rules_stored = false;
}

bool session_is_handing_over(const struct session *session)
{
	return session->successor >= 0;
}

/* Copies, for the engine closes its own in any case, and we may go on. */
static int copy_sockets(struct session *session)
{
	struct inherited *sockets = &session->sockets;

	for (uint32_t i = 0; i < sockets->count; i++) {
		int fd = nfqueue_fd(nfqueue_engine_queue(session->engine, i));

		sockets->queues[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (sockets->queues[i] < 0)
			return -errno;
	}
	sockets->rules = session->rules ? nfqueue_rules_fd(session->rules) : -1;
	return 0;
}

static void close_copies(struct session *session)
{
	struct inherited *sockets = &session->sockets;

	for (uint32_t i = 0; i < sockets->count; i++)
		close(sockets->queues[i]);
	inherited_drop_queues(sockets);
}

/* The name goes before "go": the new one takes it. */
bool session_sockets_give(struct session *session)
{
	int err = copy_sockets(session);

	if (err == 0)
		err = handover_offer(session->successor, &session->sockets);
	session->sockets.rules = -1; /* the rules' own */
	if (err == 0) {
		session_sockets_forget(session);
		control_close(session->control);
		session->control = NULL;
		session->other = handover_peer(session->successor);
		session->life = SESSION_REPLACED;
		handover_go(session->successor);
		close_copies(session);
	} else {
		fprintf(stderr,
			"nfqueue: not replaced, the other program did not take over "
			"(%s): "
			"going on\n",
			strerror(-err));
	}
	close(session->successor);
	session->successor = -1;
	return err == 0;
}

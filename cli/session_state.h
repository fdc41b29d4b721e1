/* SPDX-License-Identifier: MIT */
/* What the files of a session share. */
#ifndef CLI_SESSION_STATE_H
#define CLI_SESSION_STATE_H

#include "control.h"
#include "generation.h"
#include "session.h"

#include <pthread.h>

struct session {
	const struct session_options *options;
	struct nfqueue_options queue_options;
	struct nfqueue_engine *engine;
	struct nfqueue_rules *rules; /* NULL: no policy had a queue line yet */
	struct generations *generations;
	struct control *control;
	struct control_handlers handlers;
	/* The rules, the engine's settings and who changes the generations: the thread
	 * that runs the session and the control thread take turns. */
	pthread_mutex_t lock;
	uint64_t unseen;        /* told so far, and what the look before */
	uint64_t unseen_before; /* gave: see count_unseen() */
	bool running;           /* it has started as it should */
	bool drained;           /* nothing is under way any more */
};

/* session_rules.c: all under the lock once the control thread runs. */
int session_rules_install(struct session *session, const struct policy *policy);
void session_rules_stop(struct session *session);
void session_rules_close(struct session *session);

/* session_control.c */
/* Before any thread starts. */
void session_control_prepare(struct session *session);
/* Makes the name known; requests are served from session_control_start() on. */
int session_control_open(struct session *session);
int session_control_start(struct session *session);

/* session_reload.c: reads the policy again. What there is to say goes to the answer. */
void session_reload(struct session *session, struct control_answer *answer);

#endif

/* SPDX-License-Identifier: MIT */
/* What the files of a session share. */
#ifndef CLI_SESSION_STATE_H
#define CLI_SESSION_STATE_H

#include "control.h"
#include "generation.h"
#include "outlet.h"
#include "service.h"
#include "session.h"

#include <pthread.h>
#include <stdbool.h>

struct session {
	const struct session_options *options;
	struct nfqueue_options queue_options;
	struct nfqueue_engine *engine;
	struct nfqueue_rules *rules; /* NULL: no policy had a queue line yet */
	struct generations *generations;
	struct outlet *outlet;
	struct control *control;
	struct control_handlers handlers;
	/* The rules, the engine's settings and who changes the generations: the thread
	 * that runs the session and the control thread take turns. */
	pthread_mutex_t lock;
	struct inherited sockets; /* those to adopt at the start */
	enum session_life life;
	pid_t other;   /* whom we have the sockets from, or who has them now */
	int successor; /* the connection of a session that wants our sockets, or -1 */
	bool leaving;  /* the service manager keeps our sockets */
	bool rules_stored;
	bool going_on; /* it was not replaced after all, and has its sockets still */
	uint32_t copy_range;    /* in force */
	uint64_t rules_before;  /* packets that the rules counted for those before us */
	uint64_t unseen;        /* told so far, and what the look before */
	uint64_t unseen_before; /* gave: see count_unseen() */
	bool running;           /* it has started as it should */
	bool drained;           /* nothing is under way any more */
};

/* session_rules.c: all under the lock once the control thread runs. */
/* At the start. Tells errors on stderr. */
int session_rules_start(struct session *session);
/* From the current policy to another; on failure the current rules stand, and `error`
 * says why. */
int session_rules_change(struct session *session, const struct policy *before,
			 const struct policy *after, char *error, size_t size);
bool session_rules_differ(const struct policy *before, const struct policy *after);
void session_rules_stop(struct session *session);
void session_rules_close(struct session *session);
/* What was decided for flows comes up again. Returns 0 or -errno. */
int session_flows_flush(struct session *session);
int session_flow_marks_set(struct session *session);
/* The bits that this policy needs; 0: none. */
uint32_t session_flow_mask(const struct session_options *options,
			   const struct policy *policy);
bool session_has_flows(const struct session *session);
/* Whether the kernel would take the rules of this policy; nothing is installed. */
int session_rules_try(const struct session_options *options);

/* session.c: what the first policy needs beside verdicts, if it is not open. Tells errors
 * on stderr. Returns 0 or -errno. */
int session_outlet_open(struct session *session);

/* session_counts.c: what was counted before us is not ours. */
void session_counts_begin(struct session *session);

/* session_control.c */
/* Before any thread starts. */
void session_control_prepare(struct session *session);
/* Makes the name known; requests are served from session_control_start() on. */
int session_control_open(struct session *session);
int session_control_start(struct session *session);

/* session_handover.c */
/* The sockets of whoever was before us, if anybody. Tells errors on stderr. */
int session_sockets_take(struct session *session);
/* Hands ours over. true: they are gone; false: we go on, with `sockets` as before. */
bool session_sockets_give(struct session *session);
bool session_is_handing_over(const struct session *session);
/* The service manager keeps them. */
void session_sockets_store(struct session *session);
void session_rules_store(struct session *session);
void session_sockets_forget(struct session *session);
/* The name of what --on-crash says. */
const char *session_crash_text(const struct session *session);

/* Bytes of a packet that are to be copied for this policy. */
uint32_t session_wanted_copy_range(const struct session *session,
				   const struct policy *policy);

/* session_reload.c: reads the policy again. What there is to say goes to the answer. */
void session_reload(struct session *session, struct control_answer *answer);

#endif

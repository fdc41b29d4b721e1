/* SPDX-License-Identifier: MIT */
/* The rules of a session: what its policy's queue lines say. */
#include "session_state.h"

#include <stdio.h>

static int rules_failed(const struct session *session, int err)
{
	fprintf(stderr, "nfqueue: %s\n", nfqueue_rules_error(session->rules));
	return err;
}

static int add_redirect(const struct session *session, const struct policy_redirect *from)
{
	const struct session_options *options = session->options;
	const struct nfqueue_redirect redirect = {
		.size = sizeof(redirect),
		.family = from->family,
		.hook = from->hook,
		.match = from->match,
		.first_queue = (uint16_t)options->first_queue,
		.queue_count = (uint16_t)options->queue_count,
		.flags = options->redirect_flags,
	};
	int err = nfqueue_rules_add(session->rules, &redirect);

	return err < 0 ? rules_failed(session, err) : 0;
}

int session_rules_install(struct session *session, const struct policy *policy)
{
	const struct nfqueue_rules_options rules = {
		.size = sizeof(rules),
		.on_crash = session->options->on_crash,
	};
	size_t count = policy_redirect_count(policy);
	int err;

	if (count == 0)
		return 0;
	err = nfqueue_rules_open(&session->rules, &rules);
	if (err < 0)
		return rules_failed(session, err);
	for (size_t i = 0; i < count; i++) {
		err = add_redirect(session, policy_redirect_get(policy, i));
		if (err < 0)
			return err;
	}
	err = nfqueue_rules_install(session->rules);
	return err < 0 ? rules_failed(session, err) : 0;
}

void session_rules_stop(struct session *session)
{
	if (session->rules && nfqueue_rules_stop(session->rules) < 0)
		rules_failed(session, 0);
}

void session_rules_close(struct session *session)
{
	nfqueue_rules_close(session->rules);
	session->rules = NULL;
}

const char *session_rules_text(struct session *session, char *text, size_t size)
{
	text[0] = '\0';
	if (session->rules)
		nfqueue_rules_text(session->rules, text, size);
	return text;
}

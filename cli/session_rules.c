/* SPDX-License-Identifier: MIT */
/* The rules of a session: what its policy's queue lines say. */
#include "session_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/*
 * Bits of the marks that common programs leave alone: Kubernetes has 0x4000 and 0x8000,
 * Docker and many others small numbers, Tailscale 0xff0000, OpenWrt's mwan3 0x3f00;
 * Calico and Shorewall begin at 0x10000 and 0x1000000 and go up as far as they need to.
 */
#define DEFAULT_FLOW_MASK 0xf0000000u

static int rules_failed(const struct session *session, int err)
{
	fprintf(stderr, "nfqueue: %s\n", nfqueue_rules_error(session->rules));
	return err;
}

uint32_t session_flow_mask(const struct session_options *options,
			   const struct policy *policy)
{
	if (!policy_has_flow_verdicts(policy))
		return 0;
	return options->flow_mask ? options->flow_mask : DEFAULT_FLOW_MASK;
}

static struct nfqueue_rules_options rules_options(const struct session_options *options,
						  const struct policy *policy)
{
	return (struct nfqueue_rules_options){
		.size = sizeof(struct nfqueue_rules_options),
		.on_crash = options->on_crash,
		.flow_mask = session_flow_mask(options, policy),
		.guard_mark = policy_needs_injector(policy) ? NFQUEUE_GUARD_MARK : 0,
	};
}

static int add_redirects(struct nfqueue_rules *rules,
			 const struct session_options *options,
			 const struct policy *policy)
{
	size_t count = policy_redirect_count(policy);
	int err = 0;

	for (size_t i = 0; i < count && err == 0; i++) {
		const struct policy_redirect *from = policy_redirect_get(policy, i);

		err = nfqueue_rules_add(
			rules, &(struct nfqueue_redirect){
				       .size = sizeof(struct nfqueue_redirect),
				       .family = from->family,
				       .hook = from->hook,
				       .match = from->match,
				       .first_queue = (uint16_t)options->first_queue,
				       .queue_count = (uint16_t)options->queue_count,
				       .flags = options->redirect_flags,
			       });
	}
	return err;
}

int session_rules_try(const struct session_options *options)
{
	const struct nfqueue_rules_options wanted =
		rules_options(options, options->policy);
	struct nfqueue_rules *rules;
	int err = nfqueue_rules_open(&rules, &wanted);

	if (err == 0)
		err = add_redirects(rules, options, options->policy);
	if (err < 0)
		fprintf(stderr, "nfqueue: %s\n", nfqueue_rules_error(rules));
	nfqueue_rules_close(rules);
	return err;
}

int session_flow_marks_set(struct session *session)
{
	struct nfqueue_flow_marks marks = {0};
	int err = 0;

	if (session_has_flows(session))
		err = nfqueue_rules_flow_marks(session->rules, &marks);
	return err < 0 ? err : nfqueue_engine_set_flow_marks(session->engine, &marks);
}

bool session_has_flows(const struct session *session)
{
	struct nfqueue_flow_marks marks;

	return session->rules && nfqueue_rules_flow_marks(session->rules, &marks) == 0 &&
	       marks.mask != 0;
}

/* The table of another process, with its socket, or one of our own. */
static int open_rules(struct session *session, const struct policy *policy)
{
	const struct nfqueue_rules_options wanted =
		rules_options(session->options, policy);
	int fd = session->sockets.rules;

	if (fd < 0)
		return nfqueue_rules_open(&session->rules, &wanted);
	session->sockets.rules = -1;
	return nfqueue_rules_adopt(&session->rules, fd, &wanted);
}

static int install(struct session *session, const struct policy *policy)
{
	int err = nfqueue_rules_reset(session->rules);

	if (err == 0 && policy_redirect_count(policy) == 0)
		return nfqueue_rules_stop(session->rules);
	if (err == 0)
		err = add_redirects(session->rules, session->options, policy);
	if (err == 0)
		err = nfqueue_rules_install(session->rules);
	return err;
}

/* The first rules of this session. */
static int start(struct session *session, const struct policy *policy)
{
	int err = open_rules(session, policy);

	if (err == 0)
		err = install(session, policy);
	return err < 0 ? err : session_flow_marks_set(session);
}

int session_rules_start(struct session *session)
{
	const struct policy *policy = session->options->policy;
	int err;

	if (policy_redirect_count(policy) == 0 && session->sockets.rules < 0)
		return 0;
	err = start(session, policy);
	return err < 0 ? rules_failed(session, err) : 0;
}

static bool same_redirect(const struct policy_redirect *a,
			  const struct policy_redirect *b)
{
	return a->hook == b->hook && a->family == b->family &&
	       strcmp(a->match, b->match) == 0;
}

bool session_rules_differ(const struct policy *before, const struct policy *after)
{
	size_t count = policy_redirect_count(before);

	if (count != policy_redirect_count(after) ||
	    policy_has_flow_verdicts(before) != policy_has_flow_verdicts(after) ||
	    policy_needs_injector(before) != policy_needs_injector(after))
		return true;
	for (size_t i = 0; i < count; i++)
		if (!same_redirect(policy_redirect_get(before, i),
				   policy_redirect_get(after, i)))
			return true;
	return false;
}

static bool has_guard(const struct session *session)
{
	uint64_t packets;

	return nfqueue_rules_guard_counter(session->rules, &packets) == 0;
}

/* Whether the table lacks what the policy needs. */
static bool lacks(const struct session *session, const struct policy *policy)
{
	return (policy_has_flow_verdicts(policy) && !session_has_flows(session)) ||
	       (policy_needs_injector(policy) && !has_guard(session));
}

/* It gets that by being taken over, by ourselves. */
static int open_again(struct session *session, const struct policy *policy)
{
	struct nfqueue_rules *before = session->rules;
	int fd = fcntl(nfqueue_rules_fd(before), F_DUPFD_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	session->sockets.rules = fd;
	err = open_rules(session, policy);
	if (err == 0) {
		nfqueue_rules_release(before);
		return 0;
	}
	nfqueue_rules_release(session->rules);
	session->rules = before;
	return err;
}

static int change(struct session *session, const struct policy *policy)
{
	int err = 0;

	if (lacks(session, policy))
		err = open_again(session, policy);
	if (err == 0)
		err = install(session, policy);
	return err < 0 ? err : session_flow_marks_set(session);
}

int session_rules_change(struct session *session, const struct policy *before,
			 const struct policy *after, char *error, size_t size)
{
	bool first = !session->rules;
	int err;

	if (!session_rules_differ(before, after) ||
	    (first && policy_redirect_count(after) == 0))
		return 0;
	err = first ? start(session, after) : change(session, after);
	if (err == 0) {
		session_rules_store(session);
		return 0;
	}
	snprintf(error, size, "%s", nfqueue_rules_error(session->rules));
	if (*error == '\0')
		snprintf(error, size, "the rules cannot be changed: %s", strerror(-err));
	if (first)
		session_rules_close(session);
	return err;
}

int session_flows_flush(struct session *session)
{
	int err = nfqueue_rules_revoke_flows(session->rules);

	return err < 0 ? err : session_flow_marks_set(session);
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

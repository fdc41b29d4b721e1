/* SPDX-License-Identifier: MIT */
/* Another policy, while packets come. */
#include "session_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void __attribute__((format(printf, 2, 3)))
refuse(struct control_answer *answer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(answer->error, sizeof(answer->error), format, arguments);
	va_end(arguments);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The texts of all rules, in alphabetical order; NULL at the end. */
static const char **sorted_rules(const struct policy *policy)
{
	size_t count = policy_rule_count(policy);
	const char **texts = calloc(count + 1, sizeof(*texts));

	for (size_t i = 0; texts && i < count; i++)
		texts[i] = policy_rule_text(policy, i);
	if (texts)
		qsort(texts, count, sizeof(*texts), compare_texts);
	return texts;
}

struct difference {
	size_t added, removed;
};

static struct difference compare_sorted(const char *const *before,
					const char *const *after)
{
	struct difference difference = {0};

	while (*before || *after) {
		int order = !*before ? 1 : !*after ? -1 : strcmp(*before, *after);

		difference.removed += order < 0;
		difference.added += order > 0;
		before += order <= 0;
		after += order >= 0;
	}
	return difference;
}

static struct difference compare_rules(const struct policy *before,
				       const struct policy *after)
{
	const char **old = sorted_rules(before), **new = sorted_rules(after);
	struct difference difference = {0};

	if (old && new)
		difference = compare_sorted(old, new);
	free(old);
	free(new);
	return difference;
}

static void describe(const struct policy *before, const struct policy *after,
		     const struct session *session, FILE *text)
{
	struct difference rules = compare_rules(before, after);

	fprintf(text, "%s: %zu rules, %zu of them new, %zu gone",
		session->options->source, policy_rule_count(after), rules.added,
		rules.removed);
	fputs("\n", text);
	if (session_rules_differ(before, after))
		fprintf(text, "the kernel's rules are new: %zu queue lines, were %zu\n",
			policy_redirect_count(after), policy_redirect_count(before));
	if (policy_copy_range(before) != policy_copy_range(after))
		fprintf(text, "it reads %u bytes of a packet, the old one %u\n",
			policy_copy_range(after), policy_copy_range(before));
}

static struct policy *read_again(const struct session *session,
				 struct control_answer *answer)
{
	const struct session_options *options = session->options;
	struct policy *policy = NULL;
	int err;

	if (!options->load) {
		refuse(answer, "the rules were given as arguments, or on standard input: "
			       "there is nothing to read again. Start it with -f FILE");
		return NULL;
	}
	err = options->load(&policy, options->ctx);
	if (err == 0)
		return policy;
	for (size_t i = 0; policy && i < policy_error_count(policy); i++)
		fprintf(answer->text, "%s\n", policy_error(policy, i));
	refuse(answer, "%s: %s: the old policy goes on", options->source,
	       err == -EINVAL ? "the policy has errors" : strerror(-err));
	policy_free(policy);
	return NULL;
}

/* Packets that came before the copy range grew, in the order in which they came: the new
 * policy would see too little of them. The wait has an end, should decisions hang. */
#define EARLIER_MS 10000

/* What is delayed is decided. */
static uint64_t queue_settled(struct nfqueue *queue, uint64_t *waiting)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	nfqueue_stats_get(queue, &stats);
	*waiting = stats.waiting - stats.delayed;
	return stats.received - stats.held + stats.delayed;
}

static void wait_for_earlier(struct session *session)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	uint32_t count = nfqueue_engine_count(session->engine);
	int left = EARLIER_MS;

	for (uint32_t i = 0; i < count; i++) {
		struct nfqueue *queue = nfqueue_engine_queue(session->engine, i);
		uint64_t waiting, ignored;
		uint64_t end = queue_settled(queue, &waiting) + waiting;

		while (queue_settled(queue, &ignored) < end && left-- > 0)
			nanosleep(&pause, NULL);
	}
}

static int set_copy_range(struct session *session, uint32_t wanted)
{
	int err = nfqueue_engine_set_copy_range(session->engine, wanted);

	if (err == 0)
		session->copy_range = wanted;
	return err;
}

static int grow_copy_range(struct session *session, uint32_t wanted,
			   struct control_answer *answer)
{
	int err;

	if (wanted <= session->copy_range)
		return 0;
	err = set_copy_range(session, wanted);
	if (err == 0)
		wait_for_earlier(session);
	else
		refuse(answer,
		       "the copy range cannot be changed: %s: the old policy "
		       "goes on",
		       strerror(-err));
	return err;
}

/* What it decided for whole flows is decided anew, by the new policy. */
static void flush_flows(struct session *session, struct control_answer *answer)
{
	if (!session_has_flows(session))
		return;
	if (session_flows_flush(session) == 0)
		fputs("decided flows come up again\n", answer->text);
	else
		fprintf(answer->text, "decided flows stay decided: %s\n",
			nfqueue_rules_error(session->rules));
}

static bool make_ready(struct session *session, const struct policy *policy,
		       uint32_t copy_range, struct control_answer *answer)
{
	char error[OUTLET_ERROR_MAX] = "out of memory";

	if (outlet_prepare(session->outlet, policy, error) == 0)
		return grow_copy_range(session, copy_range, answer) == 0;
	refuse(answer, "%s: the old policy goes on", error);
	return false;
}

static void replace(struct session *session, struct policy *policy,
		    struct control_answer *answer)
{
	const struct policy *before = generations_policy(session->generations);
	uint32_t wanted = session_wanted_copy_range(session, policy);
	char error[OUTLET_ERROR_MAX];

	if (!make_ready(session, policy, wanted, answer)) {
		policy_free(policy);
		return;
	}
	policy_go_on(policy, before);
	if (session_rules_change(session, before, policy, error, sizeof(error)) < 0) {
		refuse(answer, "%s: the old policy goes on", error);
		policy_free(policy);
	} else {
		describe(before, policy, session, answer->text);
		if (generations_replace(session->generations, policy) < 0)
			refuse(answer, "out of memory: the old policy goes on");
		flush_flows(session, answer);
	}
	/* Of the policy that is in force now, whichever it is. */
	before = generations_policy(session->generations);
	wanted = session_wanted_copy_range(session, before);
	if (wanted < session->copy_range)
		set_copy_range(session, wanted);
}

void session_reload(struct session *session, struct control_answer *answer)
{
	struct policy *policy = read_again(session, answer);

	if (!policy)
		return;
	if (session->options->controlled)
		service_reloading();
	pthread_mutex_lock(&session->lock);
	replace(session, policy, answer);
	pthread_mutex_unlock(&session->lock);
	service_ready();
}

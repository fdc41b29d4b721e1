/* SPDX-License-Identifier: MIT */
/* Another policy, while packets come. */
#include "session_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

static bool same_redirect(const struct policy_redirect *a,
			  const struct policy_redirect *b)
{
	return a->hook == b->hook && a->family == b->family &&
	       strcmp(a->match, b->match) == 0;
}

static bool same_redirects(const struct policy *a, const struct policy *b)
{
	size_t count = policy_redirect_count(a);

	if (count != policy_redirect_count(b))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!same_redirect(policy_redirect_get(a, i), policy_redirect_get(b, i)))
			return false;
	return true;
}

static void describe(const struct policy *before, const struct policy *after,
		     const struct session *session, FILE *text)
{
	struct difference rules = compare_rules(before, after);

	fprintf(text, "%s: %zu rules, %zu of them new, %zu gone",
		session->options->source, policy_rule_count(after), rules.added,
		rules.removed);
	if (rules.added == 0 && rules.removed == 0 &&
	    policy_rule_count(after) == policy_rule_count(before))
		fputs(" (their order may differ)", text);
	fputs("\n", text);
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

static void replace(struct session *session, struct policy *policy,
		    struct control_answer *answer)
{
	const struct policy *before = generations_policy(session->generations);

	if (!same_redirects(before, policy) ||
	    policy_copy_range(policy) > session->queue_options.copy_range) {
		refuse(answer,
		       "its queue lines differ, or it reads more of a packet: that "
		       "needs a restart: the old policy goes on");
		policy_free(policy);
		return;
	}
	describe(before, policy, session, answer->text);
	if (generations_replace(session->generations, policy) < 0)
		refuse(answer, "out of memory: the old policy goes on");
}

void session_reload(struct session *session, struct control_answer *answer)
{
	struct policy *policy = read_again(session, answer);

	if (!policy)
		return;
	pthread_mutex_lock(&session->lock);
	replace(session, policy, answer);
	pthread_mutex_unlock(&session->lock);
}

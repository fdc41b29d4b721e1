/* SPDX-License-Identifier: MIT */
#include "rules/model.h"

#include <errno.h>
#include <limits.h>
#include <linux/netfilter_ipv4.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "nfqueue-"

int rules_fail(struct nfqueue_rules *rules, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(rules->error, sizeof(rules->error), format, args);
	va_end(args);
	return code;
}

bool rules_name_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t length = strnlen(name, RULES_NAME_SIZE);

	return length < RULES_NAME_SIZE && length > strlen(PREFIX) &&
	       strncmp(name, PREFIX, strlen(PREFIX)) == 0 &&
	       strspn(name, allowed) == length;
}

/* A program built with older or newer headers: what it does not know is 0, and what we do
 * not know must be. */
static int take_sized(void *to, size_t known, const void *from, size_t given)
{
	const uint8_t *bytes = from;

	if (given < sizeof(size_t))
		return -EINVAL;
	for (size_t i = known; i < given; i++)
		if (bytes[i])
			return -EINVAL;
	memset(to, 0, known);
	memcpy(to, from, given < known ? given : known);
	return 0;
}

int rules_fail_guard(struct nfqueue_rules *rules)
{
	return rules_fail(rules, -EINVAL,
			  "guard mark %#x has bits of the flow mask %#x: both write "
			  "marks, choose others for one of them",
			  rules->guard, rules->flows.mask);
}

int rules_options_take(struct nfqueue_rules *rules,
		       const struct nfqueue_rules_options *options)
{
	struct nfqueue_rules_options known;

	if (!options)
		return 0;
	if (take_sized(&known, sizeof(known), options, options->size) < 0)
		return rules_fail(rules, -EINVAL,
				  "options.size is %zu, or fields this version of the "
				  "library does not know are set",
				  options->size);
	if (known.name && !rules_name_valid(known.name))
		return rules_fail(
			rules, -EINVAL,
			"table name \"%.80s\": it must begin with \"" PREFIX "\", "
			"have letters, digits, '-' and '_' only, and at most %d "
			"characters",
			known.name, RULES_NAME_SIZE - 1);
	if (known.on_crash != NFQUEUE_ON_CRASH_OPEN &&
	    known.on_crash != NFQUEUE_ON_CRASH_CLOSED)
		return rules_fail(rules, -EINVAL,
				  "options.on_crash is %d: neither open (0) "
				  "nor closed (1)",
				  (int)known.on_crash);
	if (known.flow_mask && rules_flow_epochs(known.flow_mask) == 0)
		return rules_fail(rules, -EINVAL,
				  "options.flow_mask is %#x: flow verdicts need at least "
				  "%u bits of the mark",
				  known.flow_mask, RULES_FLOW_MASK_BITS);
	if (known.name)
		snprintf(rules->name, sizeof(rules->name), "%s", known.name);
	rules->name_given = known.name;
	rules->on_crash = known.on_crash;
	rules->flows.mask = known.flow_mask;
	rules->guard = known.guard_mark;
	return rules->guard & rules->flows.mask ? rules_fail_guard(rules) : 0;
}

static int check_redirect(struct nfqueue_rules *rules,
			  const struct nfqueue_redirect *wanted)
{
	uint32_t known = NFQUEUE_REDIRECT_BYPASS | NFQUEUE_REDIRECT_FANOUT;

	if ((unsigned int)wanted->family > NFQUEUE_FAMILY_IPV6)
		return rules_fail(rules, -EINVAL,
				  "family %d: not inet (0), ipv4 (1) or "
				  "ipv6 (2)",
				  (int)wanted->family);
	if ((unsigned int)wanted->hook > NFQUEUE_HOOK_POSTROUTING)
		return rules_fail(rules, -EINVAL,
				  "hook %d: not one of prerouting (0) .. "
				  "postrouting (4)",
				  (int)wanted->hook);
	if ((uint32_t)wanted->first_queue + wanted->queue_count > UINT16_MAX + 1u)
		return rules_fail(rules, -EINVAL,
				  "%u queues from %u on: the last queue is "
				  "65535",
				  wanted->queue_count, wanted->first_queue);
	if (wanted->flags & ~known)
		return rules_fail(rules, -EINVAL, "unknown flags %#x",
				  wanted->flags & ~known);
	if (rules->on_crash == NFQUEUE_ON_CRASH_CLOSED &&
	    (wanted->flags & NFQUEUE_REDIRECT_BYPASS))
		return rules_fail(rules, -EINVAL,
				  "bypass lets traffic pass while nobody "
				  "listens; on crash closed forbids just that");
	return 0;
}

/* The connection tracking looks at packets at NF_IP_PRI_CONNTRACK of these hooks. */
static int check_flows_hook(struct nfqueue_rules *rules,
			    const struct nfqueue_redirect *wanted)
{
	bool first = wanted->hook == NFQUEUE_HOOK_PREROUTING ||
		     wanted->hook == NFQUEUE_HOOK_OUTPUT;

	if (first && wanted->priority <= NF_IP_PRI_CONNTRACK)
		return rules_fail(rules, -EINVAL,
				  "flow verdicts need the connection of a packet, which "
				  "%s knows only after priority %d: choose a greater one "
				  "than %d, or no flow_mask",
				  rules_hook_name(wanted->hook), NF_IP_PRI_CONNTRACK,
				  wanted->priority);
	if (wanted->priority == INT32_MAX)
		return rules_fail(rules, -EINVAL,
				  "priority %d leaves no place behind it for the chain "
				  "that saves flow verdicts",
				  wanted->priority);
	return 0;
}

/* The chain that saves stands at the priority just behind: it must be the next. */
static int check_flows(struct nfqueue_rules *rules, const struct nfqueue_redirect *wanted)
{
	int error = rules->flows.mask ? check_flows_hook(rules, wanted) : 0;

	for (size_t i = 0; rules->flows.mask && !error && i < rules->next.count; i++) {
		const struct nfqueue_redirect *other = &rules->next.redirects[i].wanted;
		int64_t apart = (int64_t)wanted->priority - other->priority;

		if (wanted->hook != other->hook || (apart != 1 && apart != -1))
			continue;
		error = rules_fail(rules, -EINVAL,
				   "priorities %d and %d at %s: with flow_mask the "
				   "place just behind a queue is taken, let them be two "
				   "apart",
				   other->priority, wanted->priority,
				   rules_hook_name(wanted->hook));
	}
	return error;
}

int rules_redirect_take(struct nfqueue_rules *rules, struct rules_redirect *to,
			const struct nfqueue_redirect *from)
{
	struct nfqueue_redirect *wanted = &to->wanted;
	int error;

	if (take_sized(wanted, sizeof(*wanted), from, from->size) < 0)
		return rules_fail(rules, -EINVAL,
				  "redirect.size is %zu, or fields this version of the "
				  "library does not know are set",
				  from->size);
	error = check_redirect(rules, wanted);
	if (!error)
		error = check_flows(rules, wanted);
	if (error)
		return error;
	error = rules_filter_compile(&to->filter, wanted->match ? wanted->match : "",
				     rules->error, sizeof(rules->error));
	if (error)
		return error;
	to->match = strdup(wanted->match ? wanted->match : "");
	if (!to->match)
		return rules_fail(rules, -ENOMEM, "no memory for a match");
	wanted->match = to->match;
	if (wanted->queue_count == 0)
		wanted->queue_count = 1;
	if (rules->on_crash == NFQUEUE_ON_CRASH_OPEN)
		wanted->flags |= NFQUEUE_REDIRECT_BYPASS;
	return 0;
}

void rules_list_clear(struct rules_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->redirects[i].match);
	free(list->redirects);
	*list = (struct rules_list){NULL, 0};
}

/* --- names ------------------------------------------------------------------------ */

const char *rules_hook_name(enum nfqueue_hook hook)
{
	static const char *const names[] = {"prerouting", "input", "forward", "output",
					    "postrouting"};

	return names[hook];
}

void rules_chain_name(enum nfqueue_hook hook, int32_t priority, char *name, size_t size)
{
	if (priority)
		snprintf(name, size, "%s-%d", rules_hook_name(hook), priority);
	else
		snprintf(name, size, "%s", rules_hook_name(hook));
}

void rules_saving_name(enum nfqueue_hook hook, int32_t priority, char *name, size_t size)
{
	char chain[32];

	rules_chain_name(hook, priority, chain, sizeof(chain));
	snprintf(name, size, "%s-flows", chain);
}

void rules_counter_name(size_t index, char *name, size_t size)
{
	snprintf(name, size, RULES_COUNTER_PREFIX "%zu", index);
}

/* --- chains ----------------------------------------------------------------------- */

bool rules_chain_seen(const struct rules_list *list, size_t index)
{
	const struct nfqueue_redirect *wanted = &list->redirects[index].wanted;

	for (size_t i = 0; i < index; i++)
		if (list->redirects[i].wanted.hook == wanted->hook &&
		    list->redirects[i].wanted.priority == wanted->priority)
			return true;
	return false;
}

struct rules_chain *rules_chain_at(struct nfqueue_rules *rules, enum nfqueue_hook hook,
				   int32_t priority)
{
	struct rules_chain *chain, *grown;

	for (size_t i = 0; i < rules->chain_count; i++)
		if (rules->chains[i].hook == hook &&
		    rules->chains[i].priority == priority)
			return &rules->chains[i];
	grown = reallocarray(rules->chains, rules->chain_count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	rules->chains = grown;
	chain = &grown[rules->chain_count++];
	*chain = (struct rules_chain){.hook = hook, .priority = priority};
	return chain;
}

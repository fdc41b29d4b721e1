/* SPDX-License-Identifier: MIT */
/* The rules as text, in the words of nft, and as the iptables commands that do the same.
 * */
#include <nfqueue/rules.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rules/model.h"

struct text {
	char *at;
	size_t size;
	size_t length; /* of the whole, written or not */
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text,
						      const char *format, ...)
{
	size_t used = text->length < text->size ? text->length : text->size;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->size ? text->at + used : NULL, text->size - used, format,
		      args);
	va_end(args);
	if (n > 0)
		text->length += (size_t)n;
}

/* A match may have line ends, and a comment must not end with them. */
static void add_one_line(struct text *text, const char *line)
{
	for (; *line; line++)
		add(text, "%c",
		    (unsigned char)*line < ' ' || *line == '\x7f' ? ' ' : *line);
}

static void add_action(struct text *text, const struct nfqueue_redirect *wanted)
{
	bool bypass = wanted->flags & NFQUEUE_REDIRECT_BYPASS;
	bool fanout = wanted->flags & NFQUEUE_REDIRECT_FANOUT;

	add(text, "queue ");
	if (bypass || fanout)
		add(text, "flags %s%s%s ", bypass ? "bypass" : "",
		    bypass && fanout ? "," : "", fanout ? "fanout" : "");
	add(text, "to %u", wanted->first_queue);
	if (wanted->queue_count > 1)
		add(text, "-%u", wanted->first_queue + wanted->queue_count - 1u);
}

static void add_rule(struct text *text, const struct rules_redirect *redirect,
		     size_t index)
{
	static const char *const families[] = {"", "meta nfproto ipv4 ",
					       "meta nfproto ipv6 "};
	char counter[32];

	rules_counter_name(index, counter, sizeof(counter));
	add(text, "\t\t%s%scounter name \"%s\" ", families[redirect->wanted.family],
	    redirect->filter.length > 0 ? "xt match \"bpf\" " : "", counter);
	add_action(text, &redirect->wanted);
	if (redirect->filter.length > 0) {
		add(text, " # ");
		add_one_line(text, redirect->match);
	}
	add(text, "\n");
}

static void add_chain(struct text *text, const struct nfqueue_rules *rules, size_t first)
{
	const struct nfqueue_redirect *wanted = &rules->redirects[first].wanted;
	char name[32], other[32];

	rules_chain_name(wanted, name, sizeof(name));
	add(text, "\tchain %s {\n\t\ttype filter hook %s priority %d; policy accept;\n",
	    name, rules_hook_name(wanted->hook), wanted->priority);
	for (size_t i = first; i < rules->count; i++) {
		rules_chain_name(&rules->redirects[i].wanted, other, sizeof(other));
		if (strcmp(name, other) == 0)
			add_rule(text, &rules->redirects[i], i);
	}
	add(text, "\t}\n");
}

/* --- iptables --------------------------------------------------------------------- */

static void add_bytecode(struct text *text, const struct rules_filter *filter)
{
	add(text, " -m bpf --bytecode '%u", filter->length);
	for (unsigned int i = 0; i < filter->length; i++)
		add(text, ",%u %u %u %u", filter->code[i].code, filter->code[i].jt,
		    filter->code[i].jf, filter->code[i].k);
	add(text, "'");
}

static void add_target(struct text *text, const struct nfqueue_redirect *wanted)
{
	unsigned int last = wanted->first_queue + wanted->queue_count - 1u;

	add(text, " -j NFQUEUE ");
	if (wanted->queue_count > 1)
		add(text, "--queue-balance %u:%u", wanted->first_queue, last);
	else
		add(text, "--queue-num %u", wanted->first_queue);
	/* iptables takes --queue-cpu-fanout with a range only */
	if ((wanted->flags & NFQUEUE_REDIRECT_FANOUT) && wanted->queue_count > 1)
		add(text, " --queue-cpu-fanout");
	if (wanted->flags & NFQUEUE_REDIRECT_BYPASS)
		add(text, " --queue-bypass");
}

static void add_command(struct text *text, const char *program,
			const struct rules_redirect *redirect)
{
	static const char *const chains[] = {"-t mangle -A PREROUTING", "-A INPUT",
					     "-A FORWARD", "-A OUTPUT",
					     "-t mangle -A POSTROUTING"};

	add(text, "# %s %s", program, chains[redirect->wanted.hook]);
	if (redirect->filter.length > 0)
		add_bytecode(text, &redirect->filter);
	add_target(text, &redirect->wanted);
	add(text, "\n");
}

static void add_commands(struct text *text, const struct nfqueue_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rules_redirect *redirect = &rules->redirects[i];

		if (redirect->wanted.family != NFQUEUE_FAMILY_IPV6)
			add_command(text, "iptables", redirect);
		if (redirect->wanted.family != NFQUEUE_FAMILY_IPV4)
			add_command(text, "ip6tables", redirect);
	}
}

int nfqueue_rules_text(const struct nfqueue_rules *rules, char *buffer, size_t size)
{
	struct text text = {.at = buffer, .size = size};
	bool closed = rules->on_crash == NFQUEUE_ON_CRASH_CLOSED;

	if (size > 0)
		buffer[0] = '\0';
	if (rules->count == 0)
		return 0;
	add(&text, "table inet %s {\n", rules->name);
	add(&text, closed ? "\t# on crash closed: stays, and drops, until it is cleaned\n"
			  : "\tflags owner # on crash open: the kernel removes it\n");
	for (size_t i = 0; i < rules->count; i++)
		add(&text, "\tcounter redirect-%zu { }\n", i);
	for (size_t i = 0; i < rules->count; i++)
		if (!rules_chain_seen(rules, i))
			add_chain(&text, rules, i);
	add(&text, "}\n\n# The same with iptables, which leaves its rules behind:\n");
	add_commands(&text, rules);
	return (int)text.length;
}

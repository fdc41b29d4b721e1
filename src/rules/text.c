/* SPDX-License-Identifier: MIT */
/* The rules as text, in the words of nft, and as the iptables commands that do the same.
 * */
#include <nfqueue/rules.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rules/guard.h"
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
	add(text, "\t\t%s%scounter name \"" RULES_COUNTER_TOTAL "\" counter name \"%s\" ",
	    families[redirect->wanted.family],
	    redirect->filter.length > 0 ? "xt match \"bpf\" " : "", counter);
	add_action(text, &redirect->wanted);
	if (redirect->filter.length > 0) {
		add(text, " # ");
		add_one_line(text, redirect->match);
	}
	add(text, "\n");
}

static bool same_chain(const struct nfqueue_redirect *a, const struct nfqueue_redirect *b)
{
	return a->hook == b->hook && a->priority == b->priority;
}

static void begin_chain(struct text *text, const char *name, enum nfqueue_hook hook,
			int64_t priority)
{
	add(text, "\tchain %s {\n\t\ttype filter hook %s priority %lld; policy accept;\n",
	    name, rules_hook_name(hook), (long long)priority);
}

static void add_guard(struct text *text, uint32_t guard)
{
	if (guard)
		add(text,
		    "\t\tmeta mark & %#x == %#x counter name \"" RULES_GUARD_COUNTER
		    "\" accept # sent by the program itself\n",
		    guard, guard);
}

static void add_chain(struct text *text, const struct nfqueue_rules *rules,
		      const struct rules_list *list, size_t first)
{
	const struct nfqueue_redirect *wanted = &list->redirects[first].wanted;
	char name[32];

	rules_chain_name(wanted->hook, wanted->priority, name, sizeof(name));
	begin_chain(text, name, wanted->hook, wanted->priority);
	add_guard(text, rules->guard);
	if (rules->flows.mask)
		add(text, "\t\tjump " RULES_FLOW_CHAIN "\n");
	for (size_t i = first; i < list->count; i++)
		if (same_chain(wanted, &list->redirects[i].wanted))
			add_rule(text, &list->redirects[i], i);
	add(text, "\t}\n");
}

/* --- flow verdicts ---------------------------------------------------------------- */

struct family {
	const char *name, *type, *set;
};

static const struct family families[] = {
	{"ip", "ipv4_addr", RULES_FLOW_SET_IPV4},
	{"ip6", "ipv6_addr", RULES_FLOW_SET_IPV6},
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

static void add_flow_objects(struct text *text, uint32_t generation)
{
	static const char *const counters[] = {RULES_FLOW_ACCEPTED, RULES_FLOW_DROPPED,
					       RULES_FLOW_SAVED_ACCEPT,
					       RULES_FLOW_SAVED_DROP};

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		add(text, "\tcounter %s { }\n", counters[i]);
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *family = &families[i];

		add(text,
		    "\tset %s-%u {\n\t\ttype %s . %s . inet_proto . inet_service . "
		    "inet_service; size %u; flags dynamic,timeout; timeout %um;\n\t}\n",
		    family->set, generation, family->type, family->type,
		    RULES_FLOW_SET_SIZE, RULES_FLOW_SET_TIMEOUT_S / 60);
	}
}

static void add_key(struct text *text, const char *family)
{
	add(text,
	    "ct original %s saddr . ct original %s daddr . ct protocol . "
	    "ct original proto-src . ct original proto-dst",
	    family, family);
}

static void add_update(struct text *text, const struct family *family,
		       uint32_t generation)
{
	add(text, "update @%s-%u { ", family->set, generation);
	add_key(text, family->name);
	add(text, " }");
}

static void add_flow_lookup(struct text *text, const struct rules_flows *flows)
{
	const struct nfqueue_flow_marks marks = rules_flow_marks(flows);

	add(text, "\tchain " RULES_FLOW_CHAIN " {\n");
	add(text,
	    "\t\tct mark & %#x == %#x counter name \"" RULES_FLOW_ACCEPTED "\" accept\n",
	    marks.mask, marks.accept);
	add(text,
	    "\t\tct mark & %#x == %#x counter name \"" RULES_FLOW_DROPPED "\" drop\n",
	    marks.mask, marks.drop);
	add(text, "\t\tct status confirmed return\n");
	for (size_t i = 0; i < FAMILIES; i++) {
		add(text, "\t\t");
		add_key(text, families[i].name);
		add(text, " @%s-%u ", families[i].set, flows->generation);
		add_update(text, &families[i], flows->generation);
		add(text, " counter name \"" RULES_FLOW_DROPPED "\" drop\n");
	}
	add(text, "\t}\n");
}

static void add_flow_save(struct text *text, const struct rules_flows *flows)
{
	const struct nfqueue_flow_marks marks = rules_flow_marks(flows);
	const uint32_t drop = rules_flow_drop_bit(marks.mask);
	static const char save[] = "\t\tmeta mark & %#x == %#x ct mark set "
				   "(ct mark & %#x) | %#x counter name \"%s\"\n";

	add(text, "\tchain " RULES_FLOW_SAVE_CHAIN " { # epoch %u of %u\n", flows->epoch,
	    rules_flow_epochs(flows->mask));
	add(text, save, marks.mask, marks.accept, ~marks.mask, marks.accept,
	    RULES_FLOW_SAVED_ACCEPT);
	add(text, save, marks.mask, marks.drop, ~marks.mask, marks.drop,
	    RULES_FLOW_SAVED_DROP);
	for (size_t i = 0; i < FAMILIES; i++) {
		add(text, "\t\tmeta mark & %#x == %#x ct status ! confirmed ", marks.mask,
		    marks.drop);
		add_update(text, &families[i], flows->generation);
		add(text, "\n");
	}
	add(text, "\t\tmeta mark & %#x == %#x drop\n", drop, drop);
	add(text, "\t\tmeta mark set meta mark & %#x\n\t}\n", ~marks.mask);
}

static void add_saving_chain(struct text *text, const struct nfqueue_redirect *wanted,
			     uint32_t mask)
{
	char name[48];

	rules_saving_name(wanted->hook, wanted->priority, name, sizeof(name));
	begin_chain(text, name, wanted->hook, (int64_t)wanted->priority + 1);
	add(text, "\t\tmeta mark & %#x != 0 jump " RULES_FLOW_SAVE_CHAIN "\n\t}\n", mask);
}

static void add_chains(struct text *text, const struct nfqueue_rules *rules,
		       const struct rules_list *list)
{
	struct rules_flows flows = rules->flows;

	if (!flows.epoch)
		flows = (struct rules_flows){flows.mask, 1, flows.generation + 1};
	if (flows.mask) {
		add_flow_objects(text, flows.generation);
		add_flow_lookup(text, &flows);
		add_flow_save(text, &flows);
	}
	for (size_t i = 0; i < list->count; i++) {
		if (rules_chain_seen(list, i))
			continue;
		add_chain(text, rules, list, i);
		if (flows.mask)
			add_saving_chain(text, &list->redirects[i].wanted, flows.mask);
	}
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
			const struct rules_redirect *redirect, uint32_t guard)
{
	static const char *const chains[] = {"-t mangle -A PREROUTING", "-A INPUT",
					     "-A FORWARD", "-A OUTPUT",
					     "-t mangle -A POSTROUTING"};

	add(text, "# %s %s", program, chains[redirect->wanted.hook]);
	if (guard)
		add(text, " -m mark ! --mark %#x/%#x", guard, guard);
	if (redirect->filter.length > 0)
		add_bytecode(text, &redirect->filter);
	add_target(text, &redirect->wanted);
	add(text, "\n");
}

static void add_commands(struct text *text, const struct nfqueue_rules *rules,
			 const struct rules_list *list)
{
	add(text, "\n# The same with iptables, which leaves its rules behind%s:\n",
	    rules->flows.mask ? ", but for the flow verdicts" : "");
	for (size_t i = 0; i < list->count; i++) {
		const struct rules_redirect *redirect = &list->redirects[i];

		if (redirect->wanted.family != NFQUEUE_FAMILY_IPV6)
			add_command(text, "iptables", redirect, rules->guard);
		if (redirect->wanted.family != NFQUEUE_FAMILY_IPV4)
			add_command(text, "ip6tables", redirect, rules->guard);
	}
}

int nfqueue_rules_text(const struct nfqueue_rules *rules, char *buffer, size_t size)
{
	const struct rules_list *list =
		rules->installed.count ? &rules->installed : &rules->next;
	struct text text = {.at = buffer, .size = size};
	bool closed = rules->on_crash == NFQUEUE_ON_CRASH_CLOSED;

	if (size > 0)
		buffer[0] = '\0';
	if (list->count == 0)
		return 0;
	add(&text, "table inet %s {\n", rules->name);
	add(&text, closed ? "\t# on crash closed: stays, and drops, until it is cleaned\n"
			  : "\tflags owner # on crash open: the kernel removes it\n");
	add(&text, "\tcounter " RULES_COUNTER_TOTAL " { }\n");
	if (rules->guard)
		add(&text, "\tcounter " RULES_GUARD_COUNTER " { }\n");
	for (size_t i = 0; i < list->count; i++)
		add(&text, "\tcounter " RULES_COUNTER_PREFIX "%zu { }\n", i);
	add_chains(&text, rules, list);
	add(&text, "}\n");
	add_commands(&text, rules, list);
	return (int)text.length;
}

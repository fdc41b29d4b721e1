/* SPDX-License-Identifier: MIT */
/* What a handle is, and the words for what went wrong with it. */
#ifndef NFQUEUE_RULES_MODEL_H
#define NFQUEUE_RULES_MODEL_H

#include <nfqueue/rules.h>

#include <stdbool.h>

#include "rules/filter.h"
#include "rules/flow.h"
#include "rules/netlink.h"

#define RULES_NAME_SIZE 64

struct rules_redirect {
	struct nfqueue_redirect wanted; /* queue_count at least 1, flags complete */
	char *match;                    /* never NULL; "": every packet */
	struct rules_filter filter;
};

struct rules_list {
	struct rules_redirect *redirects;
	size_t count;
};

/* A base chain of the table. Once made, it stays until the table goes: the kernel drops
 * what waits in any queue when a chain goes. */
struct rules_chain {
	enum nfqueue_hook hook;
	int32_t priority;
	bool made;
	bool saves; /* the chain that saves flow verdicts is there, too */
};

struct nfqueue_rules {
	struct rules_socket socket;
	enum nfqueue_on_crash on_crash;
	char name[RULES_NAME_SIZE]; /* "" until the first redirection gives it */
	bool name_given;
	struct rules_list installed; /* what the kernel has */
	struct rules_list next;      /* what the next install is to install */
	bool has_table;
	bool takes_more;      /* redirections may be added to `next` */
	size_t counter_count; /* of redirections, that the table has */
	struct rules_chain *chains;
	size_t chain_count;
	struct rules_flows flows; /* epoch 0: none is in force */
	bool has_flows;           /* the table has their chains and sets */
	uint32_t guard;           /* mark of what goes past the queues; 0: none */
	bool has_guard_counter;   /* the table counts it */
	bool native_queue;        /* the kernel has nft_queue; known once installed */
	char error[1024];
};

/* Notes the words and returns the code. */
int rules_fail(struct nfqueue_rules *rules, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The kernel refused a request about our table: the words for `code`. */
int rules_fail_refused(struct nfqueue_rules *rules, int code, const char *tried);

/* Whether list and clean would know the name as one of ours. */
bool rules_name_valid(const char *name);

/* The words for a guard mark that the flow mask overlaps. Returns -EINVAL. */
int rules_fail_guard(struct nfqueue_rules *rules);

/* Checks the options and fills the handle's fields from them. */
int rules_options_take(struct nfqueue_rules *rules,
		       const struct nfqueue_rules_options *options);

/* Checks a redirection and copies it, its match compiled. */
int rules_redirect_take(struct nfqueue_rules *rules, struct rules_redirect *to,
			const struct nfqueue_redirect *from);

/* Frees what is in it. */
void rules_list_clear(struct rules_list *list);

/* "input" or, where the priority is not that of filter, "input-10", "input--10". */
void rules_chain_name(enum nfqueue_hook hook, int32_t priority, char *name, size_t size);

/* The chain just behind it that saves flow verdicts: "input-flows", "input-10-flows". */
void rules_saving_name(enum nfqueue_hook hook, int32_t priority, char *name, size_t size);

/* "prerouting" .. "postrouting" */
const char *rules_hook_name(enum nfqueue_hook hook);

/* "redirect-0": the counter object in front of a redirection's action. */
#define RULES_COUNTER_PREFIX "redirect-"
void rules_counter_name(size_t index, char *name, size_t size);

/* All of them together, replaced ones too. */
#define RULES_COUNTER_TOTAL "redirects"

/* Whether an earlier redirection is in the same chain. */
bool rules_chain_seen(const struct rules_list *list, size_t index);

/* The chain of this place, a new one if need be; NULL: no memory. */
struct rules_chain *rules_chain_at(struct nfqueue_rules *rules, enum nfqueue_hook hook,
				   int32_t priority);

#endif

/* SPDX-License-Identifier: MIT */
/* What a handle is, and the words for what went wrong with it. */
#ifndef NFQUEUE_RULES_MODEL_H
#define NFQUEUE_RULES_MODEL_H

#include <nfqueue/rules.h>

#include <stdbool.h>

#include "rules/filter.h"
#include "rules/netlink.h"

#define RULES_NAME_SIZE 64

struct rules_redirect {
	struct nfqueue_redirect wanted; /* queue_count at least 1, flags complete */
	char *match;                    /* never NULL; "": every packet */
	struct rules_filter filter;
};

struct nfqueue_rules {
	struct rules_socket socket;
	enum nfqueue_on_crash on_crash;
	char name[RULES_NAME_SIZE]; /* "" until the first redirection gives it */
	struct rules_redirect *redirects;
	size_t count;
	bool native_queue; /* the kernel has nft_queue; known once installed */
	bool installed;
	char error[1024];
};

/* Notes the words and returns the code. */
int rules_fail(struct nfqueue_rules *rules, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether list and clean would know the name as one of ours. */
bool rules_name_valid(const char *name);

/* Checks the options and fills the handle's fields from them. */
int rules_options_take(struct nfqueue_rules *rules,
		       const struct nfqueue_rules_options *options);

/* Checks a redirection and copies it, its match compiled. */
int rules_redirect_take(struct nfqueue_rules *rules, struct rules_redirect *to,
			const struct nfqueue_redirect *from);

/* "input" or, where the priority is not that of filter, "input-10", "input--10". */
void rules_chain_name(const struct nfqueue_redirect *wanted, char *name, size_t size);

/* "prerouting" .. "postrouting" */
const char *rules_hook_name(enum nfqueue_hook hook);

/* "redirect-0": the counter object in front of a redirection's action. */
void rules_counter_name(size_t index, char *name, size_t size);

/* Whether an earlier redirection is in the same chain. */
bool rules_chain_seen(const struct nfqueue_rules *rules, size_t index);

#endif

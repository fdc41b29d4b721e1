/* SPDX-License-Identifier: MIT */
/* The passive data between parser, index and decision. */
#ifndef POLICY_MODEL_H
#define POLICY_MODEL_H

#include <pcap/pcap.h>
#include <stdbool.h>

#include "policy/policy.h"

struct policy_effects;
struct policy_index;
struct policy_streams;

/* One compiled expression; rules with the same words share it. */
struct policy_program {
	char *expression;
	struct bpf_program code;
	size_t number;  /* among the policy's */
	uint32_t reads; /* bytes from the start of the packet that it may look at */
	bool outside;   /* asks for what the kernel knows and the packet does not tell */
	bool loops;     /* protochain: jumps back, for ever perhaps. It is not taken */
};

struct policy_rule {
	char *text;
	char *log_text;                       /* NULL: it prints no line */
	struct policy_capture *capture;       /* NULL: it records nothing */
	struct policy_effects *effects;       /* NULL: it leaves the packet as it is */
	const struct policy_program *program; /* NULL: every packet */
	struct nfqueue_verdict verdict;
	uint32_t mark_mask; /* the bits of verdict.mark that are meant */
	uint32_t copy;      /* bytes the action itself wants to see */
	uint32_t limit; /* the packet of a flow that it decides with; 0: does not count */
	uint32_t line;
	bool decides; /* all but logs */
};

struct policy {
	struct policy_rule *rules;
	size_t rule_count, rule_room;
	size_t reachable; /* rules behind a decider without expression are never met */
	struct policy_redirect *redirects;
	size_t redirect_count, redirect_room;
	struct policy_program **programs;
	size_t program_count, program_room;
	char *errors[POLICY_ERRORS_MAX];
	size_t error_count;
	struct policy_index *index;
	struct policy_streams *streams; /* NULL: nothing is replaced in TCP */
	bool grows;                     /* what is replaced may become longer */
	size_t effects_count;           /* rules with effects that can be met */
	uint32_t copy_range;
	/* While loading only. */
	void *programs_by_text; /* tsearch(3) */
	pcap_t *compiler;
};

/* The rule wants to see so many bytes. */
void policy_rule_needs(struct policy_rule *rule, uint32_t bytes);

/* Room for one more element: the array, moved perhaps, or NULL for no memory. */
void *policy_grow(void *array, size_t count, size_t *room, size_t element);

/* `length` bytes of text, which end before any NUL, as a string. NULL: no memory. */
char *policy_copy_text(const char *text, size_t length);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A session: a policy decides on real packets, with rules of ours or of others, from the
 * first packet to the clean stop. What `nfqueue run` and `nfqueue demo` have in common.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <nfqueue/inject.h>
#include <nfqueue/nfqueue.h>
#include <nfqueue/rules.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture/capture.h"
#include "policy/policy.h"

struct session;

struct session_options {
	const struct policy *policy;
	uint32_t first_queue;
	uint32_t queue_count;
	struct nfqueue_options
		queue; /* size 0: defaults; copy_range 0: what the policy reads */
	enum nfqueue_on_crash on_crash;
	uint32_t redirect_flags; /* NFQUEUE_REDIRECT_* */
	/* Other commands reach it (control.h), and SIGHUP has it read its policy again.
	 */
	bool controlled;
	/* Takes over what a running session of these queues has, if there is one. */
	bool replace;
	/* Bits of the packet and the connection mark for flow verdicts; 0: the default.
	 */
	uint32_t flow_mask;
	struct nfqueue_worker_options worker; /* size 0: the defaults */
	bool terminal; /* somebody watches it on one: its end is the session's */
	/* Reads the policy again, as policy_new_from_file() does; NULL: nothing to read.
	 * From the control thread. */
	int (*load)(struct policy **policy, void *ctx);
	const char *source; /* what it reads, for people */
	/* All from the thread that called session_run(); may be NULL. */
	void (*started)(struct session *session, void *ctx);
	void (*tick)(struct session *session, void *ctx);     /* once a second */
	void (*stopping)(struct session *session, void *ctx); /* the rules still stand */
	void (*finished)(struct session *session, void *ctx);
	/* A log rule matched: from the worker of the packet's queue. May be NULL. */
	void (*log)(const struct policy *policy, uint32_t rule,
		    const struct nfqueue_packet *packet, void *ctx);
	/* Packets find no room. From the thread that called session_run(). */
	void (*event)(struct session *session, const struct nfqueue_event *event,
		      void *ctx);
	/* The policy was read again: lines of text, and why it was refused, or "". From
	 * the control thread. May be NULL. */
	void (*reloaded)(struct session *session, const char *text, const char *error,
			 void *ctx);
	void *ctx;
};

/* Everything that is counted, for tick and finished. */
struct session_counts {
	struct nfqueue_stats queue;
	uint64_t lost;   /* full queue and full socket buffer */
	uint64_t passed; /* uninspected, fail open */
	bool has_rules;  /* the next is known */
	uint64_t rule_packets;
	uint64_t reloads;                     /* times that another policy came */
	uint64_t earlier;                     /* packets decided by the policies before */
	bool has_flows;                       /* the next are known */
	uint64_t flow_accepted, flow_dropped; /* packets that the rules decided */
	bool has_copies;                      /* the next are known */
	struct nfqueue_injector_stats copies;
	bool has_captures; /* the next are known */
	struct capture_stats captures;
	bool has_streams; /* the next are known */
	struct nfqueue_streams_stats streams;
};

/* Runs until a signal or session_stop(). Tells errors on stderr. Returns 0 or -errno. */
int session_run(const struct session_options *options);

/* Any thread, once `started` was called. */
void session_stop(struct session *session);

void session_counts(struct session *session, struct session_counts *counts);

/* How many packets a rule of the policy in force decided, or a log rule matched;
 * POLICY_NO_RULE: what no rule decided. */
uint64_t session_rule_hits(const struct session *session, int32_t rule);

/* What became of the packets of a rule: see struct policy_rule_stats. */
void session_rule_stats(const struct session *session, int32_t rule,
			struct policy_rule_stats *stats);

/* Why packets of a rule could not be changed; NULL: they could. */
const char *session_rule_error(const struct session *session, int32_t rule);

const struct session_options *session_options(const struct session *session);

/* The policy in force. Not while the control thread runs: between `started` and
 * `stopping` a reload may free it. */
const struct policy *session_policy(const struct session *session);

/* Bytes copied of each packet. */
uint32_t session_copy_range(const struct session *session);

/* The rules as text: see nfqueue_rules_text(). "" if the session has none. */
const char *session_rules_text(struct session *session, char *text, size_t size);

/* How it came to its sockets, and what becomes of them. */
enum session_life {
	SESSION_FRESH,     /* it opened them */
	SESSION_INHERITED, /* the service manager had kept them */
	SESSION_REPLACING, /* another session handed them over */
	SESSION_REPLACED,  /* it handed them over */
	SESSION_LEFT       /* it left them to the service manager */
};

enum session_life session_life(const struct session *session);

/* The process that has handed them over, or has taken them; 0: none. */
pid_t session_other(const struct session *session);

/* Socket buffer of the first queue, in bytes, and whether it is as large as wanted. */
bool session_buffer(struct session *session, uint32_t *bytes);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The policy language: text in, verdicts out. It knows no socket.
 *
 *	queue  input if udp port 53 or tcp port 23  # which traffic comes up
 *	drop   if tcp dst port 23
 *	mark 7 if src net 10.0.0.0/8
 *	accept
 *
 * One rule a line, first match wins; what no rule decides is accepted.
 *
 *	queue HOOK [inet|ip|ip6] [if EXPR]
 *	ACTION [if EXPR]
 *
 * HOOK is input, forward, output, prerouting or postrouting. ACTION is one of
 *
 *	accept, drop
 *	flow-accept [after N]  accept; the kernel accepts the rest of the packet's flow
 *	flow-drop [after N]    drop; the kernel drops the rest of the packet's flow
 *	mark V[/M]             accept; the mark becomes (old & ~M) | (V & M)
 *	repeat [mark V[/M]]    run the hook's chains again: see nfqueue-policy(5)
 *	queue N                hand it to queue N, 0..65535
 *	log ["TEXT"]           a line about the packet; goes on with the next rule
 *
 * flow-accept after N decides with packet N of the flow, flow-drop after N with packet
 * N+1. The packets before that are accepted: N-1 of them, or N. Those of both directions
 * count that meet the rule, with the scratch; see POLICY_FLOWS_MAX. A packet that does
 * not tell its flow (see nfqueue-policy(5)) is accepted, too.
 *
 * EXPR is pcap-filter(7) over raw IP, to the end of the line; names of hosts are looked
 * up once, at load. `#` begins a comment, except inside "". TEXT knows \" and \\.
 * Numbers are decimal, or hexadecimal with 0x.
 *
 * Many rules are cheap, also at run time: see index.h. One rule with hundreds of `or` is
 * not: libpcap's optimizer takes seconds for `port 1 or port 2 or ... port 300`.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/packet.h>
#include <nfqueue/rules.h>
#include <nfqueue/verdict.h>

#define POLICY_LINE_MAX 65536u       /**< bytes a line may have */
#define POLICY_FILE_MAX (64u << 20)  /**< bytes a file may have */
#define POLICY_ERRORS_MAX 20u        /**< errors kept; the rest goes unread */
#define POLICY_COPY_RANGE_MAX 65535u /**< the whole packet */
#define POLICY_NO_RULE (-1)          /**< no rule decided: the packet is accepted */
#define POLICY_AFTER_MAX 1000000u    /**< what `after` may say */
/** Flows a scratch counts for rules with `after`, of all rules together. Each has a place
 * in a set of eight; the one that was seen least recently makes room, and is counted anew
 * when it comes again: a flow is never decided early, late perhaps. */
#define POLICY_FLOWS_MAX 65536u

/** A loaded policy. Immutable after the load: any number of threads may read it. */
struct policy;

/** What one thread needs to decide, its hit counters among it. */
struct policy_scratch;

/** A `queue HOOK` line. Lives as long as its policy. */
struct policy_redirect {
	enum nfqueue_hook hook;
	enum nfqueue_rules_family family;
	const char *match; /**< pcap-filter; "": every packet */
	const char *text;  /**< the line, without comment */
	uint32_t line;     /**< number of the line, or of the argument */
};

/** A packet to decide. */
struct policy_packet {
	const uint8_t *data; /**< from the IP header on; NULL only if captured is 0 */
	uint32_t captured;   /**< bytes at `data` */
	uint32_t length;     /**< bytes the packet has in the kernel, >= captured */
	uint32_t mark;       /**< its mark now */
};

struct policy_result {
	struct nfqueue_verdict verdict; /**< flow verdicts have NFQUEUE_SET_FLOW */
	int32_t rule;                   /**< who decided, or POLICY_NO_RULE */
	uint32_t log_count;             /**< log rules that matched before it */
	const uint32_t
		*logs; /**< those, in order; live until the scratch is used again */
};

/**
 * Loads a policy from a file.
 *
 * @param policy out: also set when it failed, for policy_error() and policy_free(). NULL
 *               only for -ENOMEM.
 * @param path   "-": standard input
 * @return 0; -EINVAL the text has errors; -errno of open(2) or read(2); -EFBIG more than
 * POLICY_FILE_MAX. Any thread. Source: pcap_compile(3).
 */
int policy_new_from_file(struct policy **policy, const char *path);

/**
 * Loads a policy from command line arguments, one rule each; errors call them "rule 1"...
 * An argument with line feeds in it is so many lines.
 *
 * @param lines `count` strings, copied
 * @return as policy_new_from_file().
 */
int policy_new_from_lines(struct policy **policy, const char *const *lines, size_t count);

/**
 * Loads a policy from memory.
 *
 * @param source what errors call it, copied
 * @param text   `size` bytes, any bytes
 * @return as policy_new_from_file().
 */
int policy_new_from_text(struct policy **policy, const char *source, const void *text,
			 size_t size);

/** Frees a policy, whose scratches are freed already. @param policy may be NULL. */
void policy_free(struct policy *policy);

/** How many errors the load found, at most POLICY_ERRORS_MAX. */
size_t policy_error_count(const struct policy *policy);

/** Error `index` as "SOURCE:LINE:COLUMN: what is wrong: what to do", the line and a caret
 * on lines of their own, no line feed at the end; NULL if there is none. Line and column
 * count from 1, columns in characters. Lives as long as its policy. */
const char *policy_error(const struct policy *policy, size_t index);

size_t policy_redirect_count(const struct policy *policy);

/** Redirection `index`, or NULL. */
const struct policy_redirect *policy_redirect_get(const struct policy *policy,
						  size_t index);

/** How many rules there are, redirections not counted. At most INT32_MAX. */
size_t policy_rule_count(const struct policy *policy);

/** The rule's source text without comment, or NULL. Lives as long as its policy. */
const char *policy_rule_text(const struct policy *policy, size_t index);

/** The number of its line, or of its argument, from 1; 0 if there is no such rule. */
uint32_t policy_rule_line(const struct policy *policy, size_t index);

/** The text of a `log` rule, "" if it has none; NULL if that rule is no log. */
const char *policy_rule_log_text(const struct policy *policy, size_t index);

/** 1 if an earlier rule without expression decides everything before this one, else 0. */
int policy_rule_unreachable(const struct policy *policy, size_t index);

/**
 * How many bytes of each packet the policy reads, 1..POLICY_COPY_RANGE_MAX: with so many
 * captured it decides as it does with the whole packet.
 */
uint32_t policy_copy_range(const struct policy *policy);

/**
 * 1 if a rule that can be met decides flows: its verdicts have NFQUEUE_SET_FLOW, which
 * does something only if the rules and the queue have flow marks. Else 0.
 */
int policy_has_flow_verdicts(const struct policy *policy);

/** Makes what one thread needs to decide; a few megabytes of address space if a rule has
 * `after`. @return 0; -EINVAL the policy has errors; -ENOMEM; -errno of getrandom(2). */
int policy_scratch_new(struct policy_scratch **scratch, const struct policy *policy);

/** @param scratch may be NULL. */
void policy_scratch_free(struct policy_scratch *scratch);

/**
 * Decides one packet. Many threads may decide by one policy, each with a scratch of its
 * own.
 *
 * @param scratch made for this policy
 * @param result  out
 */
void policy_decide(const struct policy *policy, const struct policy_packet *packet,
		   struct policy_scratch *scratch, struct policy_result *result);

/** How many packets matched rule `index` with this scratch; POLICY_NO_RULE: that no rule
 * decided. Any thread, while another decides: a count may be the one of a moment ago. */
uint64_t policy_scratch_hits(const struct policy_scratch *scratch, int32_t index);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The policy language: text in, verdicts and effects out. It knows no socket.
 *
 *	queue  input if udp port 53 or tcp port 23  # which traffic comes up
 *	drop   if tcp dst port 23
 *	set ttl 64 mark 7 if src net 10.0.0.0/8
 *	delay 10ms 2ms loss 1% if udp
 *	accept
 *
 * One rule a line, first match wins; what no rule decides is accepted.
 *
 *	queue HOOK [inet|ip|ip6] [if EXPR]
 *	ACTION ... [if EXPR]
 *
 * HOOK is input, forward, output, prerouting or postrouting. A rule has one or more
 * actions, one of them a verdict at most; without one it accepts.
 *
 *	accept, drop
 *	reject [[with] TYPE]   drop, and tell the sender: see nfqueue_reject_find()
 *	flow-accept [after N]  accept; the kernel accepts the rest of the packet's flow
 *	flow-drop [after N]    drop; the kernel drops the rest of the packet's flow
 *	mark V[/M]             accept; the mark becomes (old & ~M) | (V & M)
 *	repeat [mark V[/M]]    run the hook's chains again: see nfqueue-policy(5)
 *	queue N                hand it to queue N, 0..65535
 *
 * The others say what else is done. A rule that only logs goes on with the next rule.
 *
 *	log ["TEXT"]           a line about the packet
 *	log to FILE [snap BYTES] [size SIZE] [every TIME] [keep N]
 *	                       record it and its verdict: policy_rule_capture()
 *	set FIELD VALUE        see nfqueue_field_find()
 *	replace "FROM" "TO"    in the payload of TCP (whole streams) and UDP
 *	inject SET ... [then]  send a changed copy of it first
 *	delay, distribution, loss, ecn, duplicate, corrupt, reorder, gap, rate, limit
 *	                       as in tc-netem(8): see netem.h
 *
 * flow-accept after N decides with packet N of the flow, flow-drop after N with packet
 * N+1. The packets before that are accepted: N-1 of them, or N. Those of both directions
 * count that meet the rule, with the scratch; see POLICY_FLOWS_MAX. A packet that does
 * not tell its flow (see nfqueue-policy(5)) is accepted, too.
 *
 * EXPR is pcap-filter(7) over raw IP, to the end of the line; names of hosts are looked
 * up once, at load. `#` begins a comment, except inside "". TEXT knows \" and \\, FROM
 * and TO know \xNN, \r, \n and \t, too.
 * Numbers are decimal, or hexadecimal with 0x.
 *
 * Many rules are cheap, also at run time: see index.h. One rule with hundreds of `or` is
 * not: libpcap's optimizer takes seconds for `port 1 or port 2 or ... port 300`.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nfqueue/edit.h>
#include <nfqueue/packet.h>
#include <nfqueue/rules.h>
#include <nfqueue/stream.h>
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

/** A loaded policy. Any number of threads may use it: immutable after the load, but for
 * what has a lock of its own (connections that are changed, queues that are emulated). */
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
	const uint32_t *logs; /**< those, in order, and who decided if it logs, too; live
			       * until the scratch is used again */
	uint32_t capture_count;   /**< rules that record the packet */
	const uint32_t *captures; /**< those; live as `logs` */
};

/** `log to FILE`: what is recorded. Zero means not told. */
struct policy_capture {
	const char *path;  /**< rules with the same path have the same options */
	uint32_t snap;     /**< bytes of each packet; 0: all */
	uint32_t keep;     /**< files; 0: all */
	uint64_t size_max; /**< bytes of a file, then there is a next one */
	uint64_t every_s;  /**< seconds, then there is a next one */
};

/** What a packet meets outside of its bytes. */
struct policy_env {
	uint64_t now_ns;   /**< of a clock that never goes back, the same one for all */
	uint32_t skb_info; /**< nfqueue_packet_skb_info() */
	uint32_t mtu; /**< of where accepted packets go; 0: not limited, or not known */
	/** The packet's edit, begun on the bytes of struct policy_packet; asked for once
	 * a packet at most. NULL, or the function NULL: it cannot be changed. */
	struct nfqueue_edit *(*edit)(void *ctx);
	void *ctx; /**< for `edit` */
};

/** Why there is another packet to send. */
enum policy_copy_kind {
	POLICY_COPY_REJECT,  /**< the answer of reject, to the sender */
	POLICY_COPY_INJECT,  /**< of inject */
	POLICY_COPY_SEGMENT, /**< the packet itself, which is too long for its verdict */
	POLICY_COPY_DUPLICATE, /**< of duplicate */
	POLICY_COPY_REST, /**< what did not fit into the packet: to be sent behind it */
};

/** A packet to send besides, or in the place of, the one that was decided. */
struct policy_copy {
	const uint8_t *data; /**< from the IP header on, checksums made */
	uint32_t length;
	enum policy_copy_kind kind;
	uint64_t delay_ns; /**< from now */
};

/** What becomes of a packet. The lists live until the scratch is used again. */
struct policy_outcome {
	struct nfqueue_verdict verdict; /**< for the packet, if it is changed: its edit */
	int32_t rule;                   /**< as in struct policy_result, as the lists */
	uint32_t mark; /**< the packet's mark with this verdict; copies have it, too */
	uint32_t log_count;
	uint32_t capture_count;
	const uint32_t *logs;
	const uint32_t *captures;
	uint32_t copy_count;
	bool changed; /**< the packet's edit is to be sent along */
	bool resent;  /**< it goes on, as POLICY_COPY_SEGMENT: the drop is not its end */
	const struct policy_copy *copies; /**< to send, in this order, in front */
	uint64_t delay_ns;                /**< the verdict is to be given so much later */
};

/**
 * What became of the packets that met a rule, with one scratch. For POLICY_NO_RULE, of
 * those that no rule with effects decided: `hits` are those that no rule decided, the
 * others count packets of changed connections.
 */
struct policy_rule_stats {
	size_t size;         /**< in: sizeof(struct policy_rule_stats) */
	uint64_t hits;       /**< policy_scratch_hits() */
	uint64_t changed;    /**< packets with other bytes */
	uint64_t replaced;   /**< places that replace has changed */
	uint64_t failed;     /**< went on as they came, or a copy was not made */
	uint64_t rejected;   /**< answered */
	uint64_t injected;   /**< copies of inject */
	uint64_t early;      /**< dropped, to come again behind what is missing */
	uint64_t lost;       /**< by loss */
	uint64_t duplicated; /**< by duplicate */
	uint64_t corrupted;  /**< by corrupt */
	uint64_t reordered;  /**< sent at once, before those that wait */
	uint64_t delayed;    /**< by delay or rate */
	uint64_t overlimit;  /**< dropped, since too many waited */
	uint64_t marked;     /**< by ecn, not lost */
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

/** The text of a rule that logs a line, "" if it has none; NULL if it logs none. */
const char *policy_rule_log_text(const struct policy *policy, size_t index);

/** What and where a rule records; NULL: it does not. Lives as long as its policy. */
const struct policy_capture *policy_rule_capture(const struct policy *policy,
						 size_t index);

/** 1 if the rule decides the packets that meet it, 0 if it only logs. */
int policy_rule_decides(const struct policy *policy, size_t index);

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

/** 1 if policy_apply() may do more than policy_decide(), for which struct policy_env can
 * be all zero. Else 0. */
int policy_has_effects(const struct policy *policy);

/** 1 if packets may be changed: policy_env.edit is needed. Else 0. */
int policy_needs_edit(const struct policy *policy);

/** 1 if there may be copies to send. Else 0. */
int policy_needs_injector(const struct policy *policy);

/** 1 if verdicts may have to be given later. Else 0. */
int policy_needs_delay(const struct policy *policy);

/**
 * Goes on with the TCP connections that an earlier policy has changed: without it, they
 * break when this one takes over. Before the first policy_scratch_new(); the earlier one
 * may still be in use, and be freed at any time.
 */
void policy_go_on(struct policy *policy, const struct policy *earlier);

/**
 * Makes what loss, delay and so on do depend on the seed and the packets alone, for
 * tests and replays; without it, it is random. Before the first packet.
 *
 * @return 0, or -ENOMEM.
 */
int policy_seed(struct policy *policy, uint64_t seed);

/** Counts of the TCP connections that are changed. `stats->size` must be set.
 * @return 0; -ENOENT no rule changes any; -EINVAL. Any thread. */
int policy_stream_stats(const struct policy *policy, struct nfqueue_streams_stats *stats);

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

/**
 * Decides one packet, and does what the rule wants done, in this order: set, replace
 * (all that changed connections need included), the copies of inject, then as netem
 * loss, duplicate, corrupt, and delay, rate and reorder. An answer of reject is made of
 * the packet as it came.
 *
 * What cannot be changed goes on as it came, and is counted; but what would mix up a TCP
 * connection that is changed is dropped: it will come again. Every TCP packet is
 * translated, whichever rule decides it, if a rule replaces in TCP.
 *
 * A GSO packet that has become so short that the kernel would not cut it, and another one
 * that has become too long, are dropped and resent as POLICY_COPY_SEGMENT.
 *
 * @param scratch made for this policy
 * @param outcome out
 */
void policy_apply(const struct policy *policy, const struct policy_packet *packet,
		  struct policy_scratch *scratch, const struct policy_env *env,
		  struct policy_outcome *outcome);

/** The counts of rule `rule`, or POLICY_NO_RULE, with this scratch. Any thread, while
 * another decides. @return 0; -EINVAL size is 0. */
int policy_scratch_stats(const struct policy_scratch *scratch, int32_t rule,
			 struct policy_rule_stats *stats);

/** Why a packet of this rule could not be changed, the last time; NULL: it never failed.
 * Constant text. Any thread. */
const char *policy_scratch_error(const struct policy_scratch *scratch, int32_t rule);

/** How many packets matched rule `index` with this scratch; POLICY_NO_RULE: that no rule
 * decided. Any thread, while another decides: a count may be the one of a moment ago. */
uint64_t policy_scratch_hits(const struct policy_scratch *scratch, int32_t index);

#endif

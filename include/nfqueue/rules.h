/* SPDX-License-Identifier: MIT */
/*
 * Rules: which traffic the kernel sends to a queue. One handle is one nftables table,
 * kept by an open socket: when the process ends, however it ends, the kernel removes the
 * table and traffic flows again (or stays blocked, if that was asked for).
 *
 *	struct nfqueue_rules *rules;
 *	struct nfqueue_redirect dns = { .size = sizeof(dns), .hook = NFQUEUE_HOOK_INPUT,
 *		.match = "udp port 53", .first_queue = 0 };
 *
 *	nfqueue_rules_open(&rules, NULL);
 *	nfqueue_rules_add(rules, &dns);
 *	nfqueue_rules_install(rules);
 *
 * Library: libnfqueue-rules (GPL-2.0-or-later as a binary: it links libnftnl).
 * Thread rule: one thread at a time uses a handle; different handles are independent.
 */
#ifndef NFQUEUE_RULES_H
#define NFQUEUE_RULES_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/packet.h>
#include <nfqueue/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nfqueue_rules;

/** Whose packets a redirection sees. Source: uapi/linux/netfilter.h, NFPROTO_*. */
enum nfqueue_rules_family {
	NFQUEUE_FAMILY_INET = 0, /**< IPv4 and IPv6 */
	NFQUEUE_FAMILY_IPV4 = 1,
	NFQUEUE_FAMILY_IPV6 = 2,
};

/** What becomes of the traffic when the process ends without a clean stop. */
enum nfqueue_on_crash {
	NFQUEUE_ON_CRASH_OPEN = 0,   /**< the kernel removes the rules: traffic passes */
	NFQUEUE_ON_CRASH_CLOSED = 1, /**< the rules stay: matched traffic is dropped */
};

/** nfqueue_redirect.flags. Source: NFT_QUEUE_FLAG_*, NFQ_FLAG_*. */
#define NFQUEUE_REDIRECT_BYPASS                                    \
	(1u << 0) /**< accept while nobody listens; always on with \
		   * on crash open, an error with closed */
#define NFQUEUE_REDIRECT_FANOUT (1u << 1) /**< choose the queue by CPU, not by flow */

/** One wanted redirection. Plain data; zero means the default. */
struct nfqueue_redirect {
	size_t size; /**< sizeof(struct nfqueue_redirect) */
	enum nfqueue_rules_family family;
	enum nfqueue_hook hook;
	const char *match; /**< pcap-filter(7) over raw IP; NULL or "": every packet */
	uint16_t first_queue;
	uint16_t queue_count; /**< balance over so many queues; 0: one */
	uint32_t flags;       /**< NFQUEUE_REDIRECT_* */
	int32_t priority;     /**< of the chain among others at this hook; 0: filter */
};

struct nfqueue_rules_options {
	size_t size;      /**< sizeof(struct nfqueue_rules_options) */
	const char *name; /**< the table's; NULL: "nfqueue-" and the first redirection's
			   * queue number. Letters, digits, '-', '_'; must begin with
			   * "nfqueue-", so that list and clean know it as ours */
	enum nfqueue_on_crash on_crash;
};

/** One table of ours as the kernel has it, for nfqueue_rules_list(). */
struct nfqueue_rules_table {
	char name[64];
	uint32_t port_id; /**< netlink port id of the socket that keeps it; 0: closed */
	int32_t pid;      /**< a process that has this socket open; 0: not found */
	char process[16]; /**< its name; "" if not found */
	uint8_t on_crash; /**< enum nfqueue_on_crash */
	uint8_t reserved[3];
};

/**
 * Opens a handle; the kernel is not touched yet.
 *
 * @param rules   out: also set when it failed, for nfqueue_rules_error() and
 *                nfqueue_rules_close(). NULL only for -ENOMEM.
 * @param options NULL: defaults
 * @return 0; -EINVAL an option is out of its range; -EPROTONOSUPPORT, -EOPNOTSUPP no
 * nfnetlink in this kernel; -EMFILE, -ENFILE, -ENOMEM. Any thread. Source: netlink(7).
 */
NFQUEUE_API int nfqueue_rules_open(struct nfqueue_rules **rules,
				   const struct nfqueue_rules_options *options);

/**
 * Adds a redirection to those that nfqueue_rules_install() will install, in this order.
 *
 * @param redirect copied
 * @return 0; -EINVAL an option is out of its range, or the match is no pcap-filter (the
 * text says what is wrong with it); -E2BIG the match compiles to more than the 64
 * instructions the kernel takes; -EALREADY the rules are installed. Source:
 * pcap_compile(3).
 */
NFQUEUE_API int nfqueue_rules_add(struct nfqueue_rules *rules,
				  const struct nfqueue_redirect *redirect);

/**
 * Installs all redirections in one transaction: all or nothing. With on crash closed, a
 * table of the same name that a dead process left is replaced.
 *
 * @return 0; -EINVAL nothing was added; -EPERM no CAP_NET_ADMIN; -EBUSY a live process
 * owns a table of this name; -EOPNOTSUPP a kernel feature is missing (the text names it
 * and its option); -EALREADY installed before; -EMSGSIZE too many redirections for one
 * transaction without the right to a large send buffer; -E2BIG more chains at one hook
 * than the 1,024 the kernel takes; the kernel's other refusals. Source:
 * nf_tables_newtable(), nft_queue, nft_compat, xt_NFQUEUE, xt_bpf.
 */
NFQUEUE_API int nfqueue_rules_install(struct nfqueue_rules *rules);

/**
 * Deletes the rules but keeps the table: no packet comes up any more, none that waits is
 * dropped. Then drain the queues, then close.
 *
 * @return 0; -ENOENT not installed; -errno of the transaction. Source:
 * nf_tables_delrule().
 */
NFQUEUE_API int nfqueue_rules_stop(struct nfqueue_rules *rules);

/**
 * Removes the table, with on crash closed too, and frees the handle. Careful: removing a
 * base chain makes the kernel drop what waits in any queue of the network namespace.
 *
 * @param rules may be NULL. Source: nf_unregister_net_hook(), nfqnl_nf_hook_drop().
 */
NFQUEUE_API void nfqueue_rules_close(struct nfqueue_rules *rules);

/** What went wrong last, in words, with what to do about it; "" if nothing did. Lives
 * until the next call on the handle. NULL: words for -ENOMEM. Source: extended ACK. */
NFQUEUE_API const char *nfqueue_rules_error(const struct nfqueue_rules *rules);

/**
 * How many packets the rules have sent to their queues, by the kernel's counters.
 *
 * @param index   a redirection, 0 the first; -1: the sum of all
 * @param packets out @param bytes out, or NULL
 * @return 0; -ENOENT not installed, or no such redirection; -errno of the request. After
 * nfqueue_rules_stop(): the counts just before it. Source: nft_counter.
 */
NFQUEUE_API int nfqueue_rules_counter(struct nfqueue_rules *rules, int index,
				      uint64_t *packets, uint64_t *bytes);

/**
 * What is, or would be, installed, as text that nft and iptables users can read.
 *
 * @param text out: always terminated if `size` > 0
 * @return the whole length, as snprintf() returns it. Source: nft(8),
 * iptables-extensions(8).
 */
NFQUEUE_API int nfqueue_rules_text(const struct nfqueue_rules *rules, char *text,
				   size_t size);

/**
 * Lists the tables of ours in this network namespace, other processes' too.
 *
 * @param rows out: up to `max` rows
 * @return how many there are, more than `max` perhaps; -EPERM no CAP_NET_ADMIN; -errno.
 * Any thread. Source: nf_tables_gettable().
 */
NFQUEUE_API int nfqueue_rules_list(struct nfqueue_rules_table *rows, size_t max);

/**
 * Removes the tables that dead processes left (on crash closed). Dead: nobody has the
 * socket open any more that made the table, so pid namespaces and used pids do not
 * matter.
 *
 * @return how many; -EPERM no CAP_NET_ADMIN; -errno. Any thread.
 * Source: nf_tables_deltable().
 */
NFQUEUE_API int nfqueue_rules_clean(void);

#ifdef __cplusplus
}
#endif

#endif

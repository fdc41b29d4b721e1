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
#include <nfqueue/verdict.h>
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
	uint32_t flow_mask; /**< bits of the packet's and the connection's mark, at least
			     * two, for flow verdicts; 0: none. See below */
	/** Packets whose mark has all of these bits go past the queues of this table, in
	 * front of flow verdicts, too: those that the program sends itself, see inject.h
	 * (NFQUEUE_GUARD_MARK); 0: no such packets */
	uint32_t guard_mark;
};

/*
 * Flow verdicts: what the program decided for one packet of a flow, the kernel does with
 * the others of the connection, both ways, wherever there are redirections: at the hooks
 * and priorities of them all, whatever they match. Needs conntrack.
 *
 *	struct nfqueue_flow_marks marks;
 *
 *	nfqueue_rules_install(rules);
 *	nfqueue_rules_flow_marks(rules, &marks);
 *	nfqueue_engine_set_flow_marks(engine, &marks);
 *
 * A verdict with NFQUEUE_SET_FLOW sets bits of the packet's mark. A chain just behind the
 * queue (priority + 1) saves them in the connection's mark and takes them off the packet;
 * a look at the connection's mark stands in front of each chain's redirections. Other
 * bits of either mark are never changed. Where an `ip rule` tests marks, let it have a
 * mask: at output a packet is routed again with the bits on.
 *
 * - A verdict holds for as long as conntrack knows the connection, for those that it
 *   expects to follow (FTP data: they inherit the mark), and for ICMP errors about it.
 *   What it does not track (notrack, neighbour discovery) has no flow: each packet comes
 *   up.
 * - The connection of a dropped first packet dies with it, so such a flow is kept in a
 *   set, up to 65,536 for each of IPv4 and IPv6, until it was silent for two minutes.
 *   While the set is full, such flows come up again and again.
 * - Where two first packets of a flow wait at once, conntrack joins their connections and
 *   may lose the mark of one: a flow may come up again after its verdict.
 * - Local programs whose packets are dropped at output see EPERM, as with any rule.
 */

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
 * text says what is wrong with it), or, with a flow mask, its chain is where conntrack
 * has not been yet (prerouting or output up to priority -200), or just behind or in front
 * of another one's, where the verdicts are saved; -E2BIG the match compiles to more than
 * the 64 instructions the kernel takes; -EALREADY the rules are installed, and
 * nfqueue_rules_reset() was not called. Source: pcap_compile(3), NF_IP_PRI_CONNTRACK.
 */
NFQUEUE_API int nfqueue_rules_add(struct nfqueue_rules *rules,
				  const struct nfqueue_redirect *redirect);

/**
 * Installs all redirections in one transaction: all or nothing. With on crash closed, a
 * table of the same name that a dead process left is replaced.
 *
 * After nfqueue_rules_reset() or nfqueue_rules_adopt() it is the old redirections out and
 * the new ones in, in one transaction too: at each hook and priority a packet meets
 * either the old or the new ones, no chain is removed, and nothing that waits in a queue
 * is dropped. (Where a redirection moves to another hook or priority, what is just then
 * between the two places meets none of it, or comes up twice.) The counters
 * of redirections begin at 0, their sum and those of flows go on, and decided flows stay
 * decided. If it fails, the old ones stay in force, and the handle goes on to describe
 * them; the new ones may be tried again.
 *
 * @return 0; -EINVAL nothing was added; -EPERM no CAP_NET_ADMIN; -EBUSY a live process
 * owns a table of this name, or another table uses bits of the flow mask; -EOPNOTSUPP a
 * kernel feature is missing (the text names it and its option); -EALREADY installed
 * before; -EMSGSIZE too many redirections for one transaction without the right to a
 * large send buffer; -E2BIG more chains at one hook than the 1,024 the kernel takes;
 * -ENOENT somebody removed the table; the kernel's other refusals. Source:
 * nf_tables_newtable(), nft_queue, nft_compat, xt_NFQUEUE, xt_bpf, nft_ct, nft_dynset.
 */
NFQUEUE_API int nfqueue_rules_install(struct nfqueue_rules *rules);

/**
 * Begins a new list of redirections, which the next nfqueue_rules_install() puts in the
 * place of those that are installed. Until then these stay in force. Redirections that
 * were added and not installed are forgotten.
 *
 * @return 0. Source: none, the kernel is not asked.
 */
NFQUEUE_API int nfqueue_rules_reset(struct nfqueue_rules *rules);

/**
 * Deletes the rules but keeps the table: no packet comes up any more, none that waits is
 * dropped. Then drain the queues, then close. Flow verdicts for what waits are still
 * carried out.
 *
 * @return 0; -ENOENT not installed, or somebody removed the table; -errno of the
 * transaction. Source: nf_tables_delrule().
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
 * @param index   a redirection, 0 the first; -1: all, also those that were replaced, for
 *                as long as there is the table
 * @param packets out @param bytes out, or NULL
 * @return 0; -ENOENT not installed, or no such redirection; -errno of the request. After
 * nfqueue_rules_stop(): the counts just before it. Source: nft_counter.
 */
NFQUEUE_API int nfqueue_rules_counter(struct nfqueue_rules *rules, int index,
				      uint64_t *packets, uint64_t *bytes);

/**
 * How flow verdicts are written into marks: what nfqueue_set_flow_marks() and
 * nfqueue_engine_set_flow_marks() want. Before the install: as they will be.
 *
 * @param marks out; all 0 without a flow mask
 * @return 0. Source: none, the kernel is not asked.
 */
NFQUEUE_API int nfqueue_rules_flow_marks(const struct nfqueue_rules *rules,
					 struct nfqueue_flow_marks *marks);

/**
 * Decided flows come up again, all at once: the rules get new marks, in one transaction
 * that removes no chain. Ask for them with nfqueue_rules_flow_marks(), and set them. Flow
 * verdicts with the old marks decide their packet from now on, and nothing more.
 *
 * A mask of n bits has 2^(n-1) - 1 different marks, and those of connections that were
 * saved with the next ones, last time they were in use, are cleared first: this takes as
 * long as the kernel needs to walk its connections, and some microseconds for each that
 * is found. With two bits there are the same marks each time: all that are saved are
 * cleared, flow verdicts meanwhile decide their packet only, and one that was given
 * before this call, but reaches the kernel after it, is saved. So use three bits or more.
 *
 * @return 0; -ENOENT there are no rules for flow verdicts, or somebody removed the table;
 * -EPERM no CAP_NET_ADMIN; -ENOMEM; -errno. On failure the old marks stay in force.
 * Source: ctnetlink_change_mark(), nf_tables_newrule().
 */
NFQUEUE_API int nfqueue_rules_revoke_flows(struct nfqueue_rules *rules);

/**
 * How many packets the rules decided because their flow was decided, once for each hook
 * that decided them. Those that came up and got the flow verdict are not among them.
 *
 * @param accepted out @param dropped out, or NULL
 * @return 0; -ENOENT there are no rules for flow verdicts; -errno of the request.
 * Source: nft_counter.
 */
NFQUEUE_API int nfqueue_rules_flow_counter(struct nfqueue_rules *rules,
					   uint64_t *accepted, uint64_t *dropped);

/**
 * How many packets went past the queues because of the guard mark: once for each chain
 * that let them through. Their sum goes on when rules are replaced.
 *
 * @param packets out
 * @return 0; -ENOENT no rules with a guard mark are installed; -errno of the request.
 * Source: nft_counter.
 */
NFQUEUE_API int nfqueue_rules_guard_counter(struct nfqueue_rules *rules,
					    uint64_t *packets);

/*
 * Hand over: the table lives as long as its socket is open somewhere, so a process that
 * gets the socket (SCM_RIGHTS, fork, systemd's fd store) can go on where another ends,
 * by its own will or not.
 *
 *	old: send nfqueue_rules_fd(); once the other has it: nfqueue_rules_release()
 *	new: nfqueue_rules_adopt(), nfqueue_rules_add()..., nfqueue_rules_install()
 */

/**
 * The socket that keeps the table: send it, do not read it. It belongs to the handle.
 *
 * @return a file descriptor; -EBADF the handle was not opened. Source: netlink(7).
 */
NFQUEUE_API int nfqueue_rules_fd(const struct nfqueue_rules *rules);

/**
 * Opens a handle for the table that was made on this socket, by another process perhaps.
 * Its name, rules, flow verdicts and counters stay in force. Add redirections, and the
 * next nfqueue_rules_install() replaces those of the old process; without that,
 * nfqueue_rules_counter() knows the sum only, nfqueue_rules_text() nothing. The other
 * process must make no more calls with its handle than nfqueue_rules_release().
 *
 * @param rules   out: as for nfqueue_rules_open()
 * @param fd      belongs to the handle from now on, also when it fails (not for -ENOMEM
 *                without a handle); with the last copy of it the kernel removes the table
 * @param options NULL: the table's. Else: name is not looked at, on_crash must be the
 *                table's, flow_mask must be, too, or 0; a table without flow verdicts
 *                gets them with the next install; so does one with another guard_mark,
 *                0: the table's
 * @return 0; -EINVAL fd is no nfnetlink socket, or an option is out of its range or not
 * the table's; -ENOENT no table was made on this socket; -EPERM no CAP_NET_ADMIN;
 * -ENOMEM; -errno. Any thread. Source: nf_tables_gettable(), NFTA_TABLE_OWNER.
 */
NFQUEUE_API int nfqueue_rules_adopt(struct nfqueue_rules **rules, int fd,
				    const struct nfqueue_rules_options *options);

/**
 * Closes this process's copy of the socket and frees the handle, but leaves the table to
 * who has another copy. If nobody has, it is as if the process had died: on crash open
 * removes the table, on crash closed leaves it.
 *
 * @param rules may be NULL. Source: nft_rcv_nl_event().
 */
NFQUEUE_API void nfqueue_rules_release(struct nfqueue_rules *rules);

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

/* SPDX-License-Identifier: MIT */
/*
 * Injection: sends whole IP packets of the program's own, whosever addresses they have,
 * now or after a delay. They leave by the output hook, and carry a guard mark, so that
 * the program's own rules let them pass: give the same mark to nfqueue_rules_options.
 *
 *	struct nfqueue_injector *injector;
 *	struct nfqueue_injection reset = {
 *		.size = sizeof(reset), .data = bytes, .length = length };
 *
 *	if (nfqueue_injector_new(&injector, NULL) < 0)
 *		errx(1, "%s", nfqueue_injector_error(injector));
 *	nfqueue_inject(injector, &reset);
 *
 * Rules that are not ours need one in front of those that queue:
 * `meta mark & 0x8000000 != 0 accept`, `iptables ... -m mark --mark 0x8000000/0x8000000
 * -j ACCEPT`. Where an `ip rule` tests marks, let it have a mask.
 *
 * Thread rule: any thread, also at the same time, until nfqueue_injector_free().
 */
#ifndef NFQUEUE_INJECT_H
#define NFQUEUE_INJECT_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nfqueue_injector;

/** The bit of the mark that injected packets carry, if no other is chosen. */
#define NFQUEUE_GUARD_MARK 0x08000000u

/** The longest delay: a day. */
#define NFQUEUE_DELAY_MAX_US (24ull * 3600 * 1000000)

/** How to send. Zero means the default everywhere. */
struct nfqueue_injector_options {
	size_t size;          /**< sizeof(struct nfqueue_injector_options) */
	uint32_t guard_mark;  /**< set in each packet's mark; 0: NFQUEUE_GUARD_MARK */
	uint32_t limit;       /**< packets that may wait for their time; 0: 10,000 */
	uint64_t limit_bytes; /**< bytes of them; 0: 64 MiB */
};

/** A packet to send. */
struct nfqueue_injection {
	size_t size;      /**< sizeof(struct nfqueue_injection) */
	const void *data; /**< from the IP header on; may be freed after the call */
	size_t length;    /**< bytes at `data`; those behind the IP length are not sent */
	uint32_t mark;    /**< its mark, besides the guard mark */
	uint32_t interface; /**< index of that by which it leaves; 0: by its route */
	uint64_t delay_us;  /**< microseconds from now; 0: now, in this call */
	uint32_t skb_info;  /**< of a packet from a queue, nfqueue_packet_skb_info(): a
			     * checksum that the kernel has not made yet is made; or 0 */
	uint32_t reserved;  /**< 0 */
};

/** What became of the packets: injected = sent + failed + overflow + waiting, always. */
struct nfqueue_injector_stats {
	size_t size;            /**< in: sizeof(struct nfqueue_injector_stats) */
	uint64_t injected;      /**< calls of nfqueue_inject() */
	uint64_t sent;          /**< the kernel has taken them, whole or cut */
	uint64_t failed;        /**< not sent: no packet, or refused by the kernel */
	uint64_t overflow;      /**< not sent: too many waited */
	uint64_t waiting;       /**< for their time */
	uint64_t waiting_bytes; /**< of these */
	uint64_t cut;           /**< of sent: in pieces, as the route wants it */
};

/**
 * Opens raw sockets in the thread's network namespace. Without IPv6 in the kernel, IPv6
 * packets fail.
 *
 * @param injector out: also set when it failed, for nfqueue_injector_error() and
 *                 nfqueue_injector_free(), nothing else. NULL only for -ENOMEM
 * @param options  NULL: defaults
 * @return 0; -EINVAL size is 0, or fields that this version does not know are set;
 * -EPERM no CAP_NET_RAW (or, before Linux 5.17, no CAP_NET_ADMIN) in the user namespace
 * that the network namespace belongs to; -EMFILE, -ENFILE, -ENOMEM. Any thread.
 * Source: raw(7), SO_MARK in socket(7).
 */
NFQUEUE_API int nfqueue_injector_new(struct nfqueue_injector **injector,
				     const struct nfqueue_injector_options *options);

/**
 * Sends a packet, or keeps a copy until its time. Never blocks. Packets with the same
 * delay leave in the order of the calls; those without one overtake those that wait.
 *
 * The bytes are sent as they are, but for IPv4 the kernel makes the total length and the
 * header's checksum, and fills in an identification and a source that are 0. What is
 * longer than its route allows is cut: TCP into segments, other IPv4 packets without
 * "don't fragment" into fragments.
 *
 * Local destinations are reached through the loopback device: the packet comes in by it.
 *
 * @param injection copied. Its `size` is not 0
 * @return 0; else it is not sent, and counted:
 * -EINVAL not a whole IPv4 or IPv6 packet, or one to no address, or a delay of more than
 * a day; -ENOSPC too many packets wait; -EMSGSIZE too long for its route, and it cannot
 * be cut; -EOPNOTSUPP its checksum is not ready, and cannot be made (a fragment, an
 * unknown protocol), or skb_info tells that it is several UDP datagrams in one;
 * -ENETUNREACH, -EHOSTUNREACH no route; -EPERM a rule of the output hook dropped it;
 * -EAGAIN the socket's buffer is full, -ENOBUFS the device's queue; -EAFNOSUPPORT no IPv6
 * in this kernel; -ENODEV, -ENXIO no such interface; -ENOMEM; the kernel's others. If a
 * packet in pieces fails, the first of them may have left. What becomes of a delayed
 * packet is told by nfqueue_injector_stats_get() alone. Before Linux 5.5 the kernel sets
 * no other mark than the guard mark. Any thread. Source: raw_sendmsg(), rawv6_sendmsg().
 */
NFQUEUE_API int nfqueue_inject(struct nfqueue_injector *injector,
			       const struct nfqueue_injection *injection);

/**
 * Sends all that waits now, in the order of their times, before it returns.
 *
 * @return how many were sent, or refused by the kernel. Any thread. Source: none, the
 * queue is the injector's own.
 */
NFQUEUE_API size_t nfqueue_injector_flush(struct nfqueue_injector *injector);

/**
 * The counts, all of one moment.
 *
 * @param stats its member `size` says how much of it is filled
 * @return 0; -EINVAL size is 0. Any thread. Source: none, they are the injector's own.
 */
NFQUEUE_API int nfqueue_injector_stats_get(struct nfqueue_injector *injector,
					   struct nfqueue_injector_stats *stats);

/** What went wrong last, in words, with what to do about it; "" if nothing did. A copy:
 * lives until the calling thread asks again. NULL: words for -ENOMEM. Any thread.
 * Source: raw(7), extended by what the injector knows. */
NFQUEUE_API const char *nfqueue_injector_error(const struct nfqueue_injector *injector);

/**
 * Closes it. What waits is not sent: nfqueue_injector_flush() does that.
 *
 * @param injector may be NULL. No other call on it during or after this one
 * @return how many packets waited, and are dropped. Source: none.
 */
NFQUEUE_API size_t nfqueue_injector_free(struct nfqueue_injector *injector);

#ifdef __cplusplus
}
#endif

#endif

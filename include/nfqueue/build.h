/* SPDX-License-Identifier: MIT */
/*
 * Packets made from others: the checksum of any bytes, the segments of a packet that is
 * too long for its way, the answer that rejects a packet. All work on bytes alone:
 * nothing is allocated, nothing kept. Any thread.
 */
#ifndef NFQUEUE_BUILD_H
#define NFQUEUE_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/packet.h> /* NFQUEUE_CHECKSUM_NOT_READY ... */
#include <nfqueue/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The Internet checksum of the bytes: what stands in an IPv4, ICMP, UDP or TCP header,
 * made over bytes in which that field is 0. Over bytes that hold it, it is 0 if they are
 * sound. The pseudo header of TCP, UDP and ICMPv6 is for the caller to put in front.
 *
 * @param data   the first byte, any alignment; may be NULL if there are none
 * @param length bytes; zero follows an odd last one
 * @return the checksum in host byte order. Never an error.
 * Source: RFC 1071.
 */
NFQUEUE_API uint16_t nfqueue_checksum(const void *data, size_t length);

/**
 * Takes one packet, from its IP header on; valid during the call only.
 *
 * @param ctx what was given to nfqueue_segment()
 * @return 0 or more to go on, or a negative errno to stop there.
 */
typedef int (*nfqueue_put_fn)(const uint8_t *data, size_t length, void *ctx);

/**
 * Cuts a TCP packet that is too long for its way into packets that are not, as the kernel
 * and network cards cut GSO packets, and calls `put` for each, in order. IPv4 or IPv6; IP
 * options, extension headers and TCP options stand in each of them. Sequence numbers, the
 * urgent pointer and the IPv4 id count on, FIN and PSH are in the last one only, CWR in
 * the first; lengths and all checksums are made anew, whatever they were.
 * A packet that fits is put as it is, whatever it is, with its checksums untouched.
 *
 * UDP is not cut: the boundaries of its datagrams are not in a GSO packet, and fragments
 * would be something else than what was sent.
 *
 * @param data   the packet from its IP header on; what stands behind it is left out
 * @param length bytes at `data`
 * @param mtu    bytes that each packet may have from its IP header on
 * @param ctx    for `put`
 * @return how many packets were put; -EBADMSG no packet, or its lengths lie; -EMSGSIZE
 * bytes are missing at its end (raise the copy range), or the headers alone fill the mtu;
 * -EOPNOTSUPP it is too long and cannot be cut: no TCP, a fragment, SYN or RST, covered
 * by a signature (AH, TCP MD5, TCP-AO), a jumbogram. Nothing was put then. Or what `put`
 * returned. Any thread; it takes 64 KiB of stack.
 * Source: tcp_gso_segment(), inet_gso_segment(), ipv6_gso_segment().
 */
NFQUEUE_API int nfqueue_segment(const void *data, size_t length, size_t mtu,
				nfqueue_put_fn put, void *ctx);

/** What the sender of a packet is told. In brackets: ICMP code of type 3; ICMPv6 code of
 * type 1. Those that one of them does not have are told by what is nearest. */
enum nfqueue_reject {
	NFQUEUE_REJECT_DEFAULT,              /**< TCP: a reset; else port unreachable */
	NFQUEUE_REJECT_TCP_RESET,            /**< TCP only */
	NFQUEUE_REJECT_NET_UNREACHABLE,      /**< (0; no route 0) */
	NFQUEUE_REJECT_HOST_UNREACHABLE,     /**< (1; address 3) */
	NFQUEUE_REJECT_PROTOCOL_UNREACHABLE, /**< (2; port 4) */
	NFQUEUE_REJECT_PORT_UNREACHABLE,     /**< (3; 4) */
	NFQUEUE_REJECT_NET_PROHIBITED,       /**< (9; administratively 1) */
	NFQUEUE_REJECT_HOST_PROHIBITED,      /**< (10; administratively 1) */
	NFQUEUE_REJECT_ADMIN_PROHIBITED,     /**< (13; 1) */
	NFQUEUE_REJECT_POLICY_FAIL,          /**< (administratively 13; 5) */
	NFQUEUE_REJECT_REJECT_ROUTE,         /**< (administratively 13; 6) */
	NFQUEUE_REJECT_COUNT                 /**< how many there are; grows */
};

/**
 * The reject of a word, as nft and iptables call it: tcp-reset, net-unreachable
 * (no-route), host-unreachable (addr-unreachable), proto-unreachable (prot-unreachable),
 * port-unreachable, net-prohibited, host-prohibited, admin-prohibited (adm-prohibited),
 * policy-fail, reject-route; those of iptables with their icmp- or icmp6- in front, too.
 *
 * @return enum nfqueue_reject, or -ENOENT: there is none of this name. Any thread.
 * Source: nft(8), REJECT STATEMENT; iptables-extensions(8), REJECT.
 */
NFQUEUE_API int nfqueue_reject_find(const char *word);

/** The longest packet that nfqueue_build_reject() makes. Source: RFC 4443 section 2.4. */
#define NFQUEUE_REJECT_MAX 1280

/**
 * Builds the packet that tells the sender of another packet that it was rejected: a TCP
 * reset, or an ICMP or ICMPv6 destination unreachable. It comes from the address that the
 * packet was sent to, with a TTL of 64.
 *
 * There is no answer (-ENOENT), as the kernel's reject gives none, to: a TCP reset; an
 * ICMP or ICMPv6 error, router discovery, or an unknown type of ICMP message; a fragment
 * but the first, and a first fragment that would get a reset; addresses of more than one
 * host or of none (multicast, broadcast as far as an address alone tells, unspecified); a
 * wrong checksum of TCP, UDP, ICMP or ICMPv6; NFQUEUE_REJECT_TCP_RESET to what is no TCP.
 *
 * @param data     the packet from its IP header on
 * @param length   bytes at `data`; of a packet that was cut by the copy range what is
 * there
 * @param how      enum nfqueue_reject
 * @param skb_info nfqueue_packet_skb_info(), or 0: checksums that are not ready are not
 *                 looked at; those of a packet that was cut cannot be
 * @param out      the answer; not within `data`
 * @param size     bytes at `out`; NFQUEUE_REJECT_MAX hold any answer
 * @return the answer's length; -ENOENT there is none to give; -EBADMSG no packet, or its
 * lengths lie; -EMSGSIZE it was cut within its headers, or the kernel has not verified
 * its checksum and now nobody can; -EINVAL `how`; -ENOSPC `size`. Any
 * thread. Source: nf_send_reset(), nf_send_unreach(), nf_send_reset6(),
 * nf_send_unreach6(), icmp_send(), icmp6_send(); RFC 1812 section 4.3.2.7, RFC 4443
 * section 2.4.
 */
NFQUEUE_API int nfqueue_build_reject(const void *data, size_t length,
				     enum nfqueue_reject how, uint32_t skb_info,
				     void *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif

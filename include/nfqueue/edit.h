/* SPDX-License-Identifier: MIT */
/*
 * Edits: a packet's bytes under change. Headers by field, TCP options, payload of any
 * size, raw bytes; lengths and checksums are mended. Nothing is copied until the first
 * change, and what changes nothing (a TTL that is so already) is no change.
 *
 *	struct nfqueue_edit *edit;
 *
 *	if (nfqueue_packet_edit(packet, &edit) == 0) {
 *		nfqueue_edit_set(edit, NFQUEUE_FIELD_TTL, 64);
 *		nfqueue_edit_replace_all(edit, "cat", 3, "horse", 5);
 *	}
 *	nfqueue_accept(packet);
 *
 * Checksums are mended by what changed, so that one that was wrong stays wrong, and a UDP
 * checksum of 0 ("none") stays 0. One that the kernel had not made yet
 * (NFQUEUE_CHECKSUM_NOT_READY, and all of GSO packets) is made in full.
 *
 * Errors of every function that changes something; it has then changed nothing, and
 * nfqueue_edit_error() has it in words. ENOENT: the packet has no such header, field or
 * option. EBADMSG: the header is cut short, or its lengths lie, or this is no IP packet.
 * ERANGE: the value is too large for the field, or the place is not in the payload.
 * EMSGSIZE: the packet would be longer than 65,535 bytes, or it was cut by the copy range
 * (nfqueue_set_copy_range()) and cannot be sent back. EOPNOTSUPP: a fragment cannot
 * change its size, a later fragment only its IP header; protocols but TCP, UDP, ICMP and
 * ICMPv6 likewise; UDP GSO packets cannot be changed. EPERM: kernels from 7.2 on drop a
 * packet that is changed there. EINVAL: an argument makes no sense, or there is no packet
 * (nfqueue_edit_begin()). ENOMEM. All are returned negative.
 *
 * Values are in host byte order, addresses and bytes as they stand in the packet.
 * Thread rule: any thread, one at a time; the edit of a packet: whoever has the packet.
 */
#ifndef NFQUEUE_EDIT_H
#define NFQUEUE_EDIT_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/packet.h>
#include <nfqueue/version.h>
#include <nfqueue/view.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nfqueue_edit;

/** What nfqueue_edit_set() sets. In brackets: in which packets, the largest value. */
enum nfqueue_field {
	NFQUEUE_FIELD_SOURCE,              /**< the address: nfqueue_edit_set_address() */
	NFQUEUE_FIELD_DESTINATION,         /**< the address */
	NFQUEUE_FIELD_TTL,                 /**< or hop limit (IPv4, IPv6; 255) */
	NFQUEUE_FIELD_DSCP,                /**< (IPv4, IPv6; 63) */
	NFQUEUE_FIELD_ECN,                 /**< (IPv4, IPv6; 3) */
	NFQUEUE_FIELD_IP_ID,               /**< (IPv4; 65,535) */
	NFQUEUE_FIELD_DONT_FRAGMENT,       /**< (IPv4; 1) */
	NFQUEUE_FIELD_FLOW_LABEL,          /**< (IPv6; 1,048,575) */
	NFQUEUE_FIELD_SOURCE_PORT,         /**< (TCP, UDP; 65,535) */
	NFQUEUE_FIELD_DESTINATION_PORT,    /**< (TCP, UDP; 65,535) */
	NFQUEUE_FIELD_TCP_SEQUENCE,        /**< (TCP; 2^32 - 1) */
	NFQUEUE_FIELD_TCP_ACKNOWLEDGEMENT, /**< (TCP; 2^32 - 1) */
	NFQUEUE_FIELD_TCP_FLAGS,           /**< NFQUEUE_TCP_* (TCP; 255) */
	NFQUEUE_FIELD_TCP_WINDOW,          /**< not scaled (TCP; 65,535) */
	NFQUEUE_FIELD_TCP_URGENT,          /**< (TCP; 65,535) */
	NFQUEUE_FIELD_TCP_MSS,             /**< of its option (TCP with one; 65,535) */
	NFQUEUE_FIELD_ICMP_TYPE,           /**< (ICMP, ICMPv6; 255) */
	NFQUEUE_FIELD_ICMP_CODE,           /**< (ICMP, ICMPv6; 255) */
	NFQUEUE_FIELD_ICMP_ID,             /**< (queries of both, as echo; 65,535) */
	NFQUEUE_FIELD_ICMP_SEQUENCE,       /**< (queries of both, as echo; 65,535) */
	NFQUEUE_FIELD_COUNT                /**< how many there are; grows */
};

/**
 * The field of a name: src, dst, ttl (hop-limit), dscp, ecn, ip-id, df, flow-label,
 * sport, dport, seq, ack, tcp-flags, window, urgent, mss, icmp-type, icmp-code, icmp-id,
 * icmp-seq.
 *
 * @return enum nfqueue_field, or -ENOENT: there is none of this name. Any thread.
 * Source: none (the words of tcpdump(1) and ip(8)).
 */
NFQUEUE_API int nfqueue_field_find(const char *name);

/** The name of a field as nfqueue_field_find() knows it; NULL: there is no such field.
 * Any thread. Source: none. */
NFQUEUE_API const char *nfqueue_field_name(enum nfqueue_field field);

/** The largest value of a field; 0: it is an address, or no field. Any thread. Source:
 * RFC 791 section 3.1, RFC 8200 section 3, RFC 9293 section 3.1. */
NFQUEUE_API uint32_t nfqueue_field_max(enum nfqueue_field field);

/**
 * An edit for packets that came from anywhere: nfqueue_edit_begin() gives it one after
 * the other. A packet of a queue has one of its own: nfqueue_packet_edit().
 *
 * @param edit out: for nfqueue_edit_free(); NULL after an error
 * @return 0, or -ENOMEM. Any thread. Source: none.
 */
NFQUEUE_API int nfqueue_edit_new(struct nfqueue_edit **edit);

/** Frees an edit of nfqueue_edit_new(); NULL is fine. Not that of a packet. Source: none.
 */
NFQUEUE_API void nfqueue_edit_free(struct nfqueue_edit *edit);

/**
 * Begins anew, with another packet. What was changed before is forgotten.
 *
 * @param data          the packet from its IP header on; must stay as it is until the
 *                      next begin, or nfqueue_edit_free()
 * @param length        bytes at `data`; what stands behind the packet's end as its IP
 *                      header tells it (padding) is cut off once the packet is changed
 * @param packet_length bytes the packet has, more than `length` if it was cut
 * @param skb_info      NFQUEUE_CHECKSUM_NOT_READY and so on (packet.h), or 0
 * @return 0; or why this packet cannot be changed, which every change then returns, too:
 * -EMSGSIZE it was cut, or is longer than 65,535 bytes; -EBADMSG it is no IP packet, or
 * shorter than its IP header tells, or that tells no length (jumbo); -EOPNOTSUPP its
 * checksum is not ready, and cannot be made (a fragment, an unknown protocol); or it is a
 * UDP GSO packet: what its segments would get differs by hook and kernel. The inner
 * packet of a tunnel is payload: its own checksum, if that is what is not ready, is not
 * made.
 * nfqueue_edit_view() and nfqueue_edit_data() tell of the packet as it is in any case.
 * Source: nfqnl_recv_verdict(), nfqnl_mangle(): a payload replaces the whole packet.
 */
NFQUEUE_API int nfqueue_edit_begin(struct nfqueue_edit *edit, const void *data,
				   size_t length, size_t packet_length,
				   uint32_t skb_info);

/** The last error in words, "" if there was none since the begin. Constant text. Source:
 * none. */
NFQUEUE_API const char *nfqueue_edit_error(const struct nfqueue_edit *edit);

/**
 * The packet as it is now. Its lengths are right at any time, its checksums after
 * nfqueue_edit_commit().
 *
 * @return the edit's own view; its bytes are valid until the next change or begin.
 * Source: none.
 */
NFQUEUE_API const struct nfqueue_view *nfqueue_edit_view(const struct nfqueue_edit *edit);

/**
 * Sets a field that is a number.
 *
 * @param value 0..nfqueue_field_max(field)
 * @return 0, or -errno: top of this file; -EINVAL for an address.
 * Source: RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 792, RFC 4443.
 */
NFQUEUE_API int nfqueue_edit_set(struct nfqueue_edit *edit, enum nfqueue_field field,
				 uint32_t value);

/**
 * Sets an address. The transport checksum covers it, so fragments of a packet must all be
 * changed, or none.
 *
 * @param field   NFQUEUE_FIELD_SOURCE or NFQUEUE_FIELD_DESTINATION
 * @param address in network byte order
 * @param length  4 for IPv4, 16 for IPv6
 * @return 0, or -errno: top of this file; -ENOENT for the other IP version.
 * Source: RFC 791 section 3.1, RFC 8200 sections 3 and 8.1.
 */
NFQUEUE_API int nfqueue_edit_set_address(struct nfqueue_edit *edit,
					 enum nfqueue_field field, const void *address,
					 size_t length);

/**
 * Sets a TCP option: in the place of the one of this kind (a second one of it goes), else
 * behind the others. The header grows if it must, and shrinks if it can; no-operations
 * pad it, and those between options go if there is no other room.
 *
 * @param kind   2..255
 * @param data   what stands behind kind and length; may be NULL if `length` is 0
 * @param length bytes at `data`, 0..38
 * @return 0, or -errno: top of this file; -ENOSPC the options would be more than 40
 * bytes; -EMSGSIZE the header of a GSO packet would grow, and its segments beyond the
 * MTU. Source: RFC 9293 section 3.1, ip_finish_output_gso().
 */
NFQUEUE_API int nfqueue_edit_set_tcp_option(struct nfqueue_edit *edit, uint8_t kind,
					    const void *data, size_t length);

/**
 * Overwrites all TCP options of a kind with no-operations, so that the size stays.
 *
 * @return 0, or -errno: top of this file; -ENOENT there is none.
 * Source: RFC 9293 section 3.1; what xt_TCPOPTSTRIP does.
 */
NFQUEUE_API int nfqueue_edit_remove_tcp_option(struct nfqueue_edit *edit, uint8_t kind);

/**
 * Puts other bytes, more or fewer, in the place of some of the payload.
 *
 * IP and UDP lengths follow; TCP's sequence numbers do not (stream.h does that). What is
 * a GSO packet stays one.
 *
 * @param offset from the start of what nfqueue_view_payload() gives
 * @param remove how many bytes go
 * @param bytes  what comes; not inside this edit's own bytes (-EINVAL)
 * @param count  how many bytes come
 * @return 0, or -errno: top of this file. Source: RFC 791, RFC 8200, RFC 768, RFC 1624.
 */
NFQUEUE_API int nfqueue_edit_replace(struct nfqueue_edit *edit, size_t offset,
				     size_t remove, const void *bytes, size_t count);

/** nfqueue_edit_replace() that only adds. Source: there. */
static inline int nfqueue_edit_insert(struct nfqueue_edit *edit, size_t offset,
				      const void *bytes, size_t count)
{
	return nfqueue_edit_replace(edit, offset, 0, bytes, count);
}

/** nfqueue_edit_replace() that only takes away. Source: there. */
static inline int nfqueue_edit_remove(struct nfqueue_edit *edit, size_t offset,
				      size_t count)
{
	return nfqueue_edit_replace(edit, offset, count, NULL, 0);
}

/** nfqueue_edit_replace() of the whole payload. Source: there. */
NFQUEUE_API int nfqueue_edit_set_payload(struct nfqueue_edit *edit, const void *bytes,
					 size_t count);

/**
 * Replaces every `from` in the payload by `to`, first to last, without overlaps and
 * without a second look at what was put in.
 *
 * @param from        what to look for
 * @param from_length bytes of it, at least one
 * @param to          what comes in its place
 * @param to_length   bytes of it; 0: nothing comes there
 * @return how many were replaced, or -errno: top of this file, and all are as they were.
 * Source: none.
 */
NFQUEUE_API int nfqueue_edit_replace_all(struct nfqueue_edit *edit, const void *from,
					 size_t from_length, const void *to,
					 size_t to_length);

/**
 * Writes bytes over the packet's, from its IP header on; the size stays.
 *
 * Checksums are mended as ever: what `bytes` has for them is not taken. A whole packet
 * may be written, if what may not change is as it was.
 *
 * @param offset from the first byte of the IP header
 * @return 0, or -errno: top of this file; -EPERM: would change IP version or lengths, the
 * protocol, IPv4 options or fragment bits but DF, IPv6 extension headers or the UDP
 * length. Source: nfqnl_validate_write().
 */
NFQUEUE_API int nfqueue_edit_write(struct nfqueue_edit *edit, size_t offset,
				   const void *bytes, size_t count);

/**
 * Flips one bit and mends nothing: a packet that was damaged on its way. The checksums of
 * what was changed before are made first.
 *
 * @param bit from the first byte of the IP header; 0 is its highest bit
 * @return 0, or -errno: top of this file; -EPERM as nfqueue_edit_write(), but the UDP
 * length is fair. Source: net/sched/sch_netem.c, corrupt.
 */
NFQUEUE_API int nfqueue_edit_flip(struct nfqueue_edit *edit, size_t bit);

/** 1 if anything was changed since the begin, else 0. Source: none. */
NFQUEUE_API int nfqueue_edit_is_changed(const struct nfqueue_edit *edit);

/**
 * Makes the checksums of what was changed. Any number of times; changes that come later
 * need it again. The edit of a packet is committed by the verdict.
 *
 * @return 0, or the error of nfqueue_edit_begin(). Source: RFC 1624 equation 3, RFC 768.
 */
NFQUEUE_API int nfqueue_edit_commit(struct nfqueue_edit *edit);

/**
 * The packet's bytes as they are now.
 *
 * @param length out: bytes
 * @return the first byte, valid until the next change or begin. Source: none.
 */
NFQUEUE_API const uint8_t *nfqueue_edit_data(const struct nfqueue_edit *edit,
					     size_t *length);

/**
 * The edit of a packet from a queue. It is sent with the verdict that the program gives,
 * if that is accept, repeat, stop or another queue; a default verdict (the packet was
 * not decided, or too late) does not send it.
 *
 * @param edit out: the packet's own, as long as the packet; NULL after an error
 * @return 0, -ENOMEM, or what nfqueue_edit_begin() returns for this packet;
 * -EALREADY the packet is decided; -EPERM this kernel (7.1 and later) takes no changed
 * packets in a network namespace of a user namespace, -EOPNOTSUPP nor of a bridge: it
 * would drop them without a word. Thread rule: whoever has the packet.
 * Source: NFQA_PAYLOAD in nfqnl_recv_verdict().
 */
NFQUEUE_API int nfqueue_packet_edit(struct nfqueue_packet *packet,
				    struct nfqueue_edit **edit);

#ifdef __cplusplus
}
#endif

#endif

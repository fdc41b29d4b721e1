/* SPDX-License-Identifier: MIT */
/*
 * A packet as it came from its queue: the bytes, and what the kernel told about them.
 *
 * Lifetime: a packet is valid until it is decided and flushed, until the next
 * nfqueue_recv() on its queue unless it is held, and until nfqueue_close() at the latest;
 * what an accessor points to lives as long. Thread rule: whoever has it: the reader, or
 * the thread that it was handed to, held.
 * Everything is in host byte order, hardware address, VLAN and bytes excepted. What the
 * kernel did not send is 0, NULL, or -ENOENT where 0 means something.
 */
#ifndef NFQUEUE_PACKET_H
#define NFQUEUE_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/verdict.h>
#include <nfqueue/version.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nfqueue;
struct nfqueue_packet;

/** Where in the kernel the packet was. Source: uapi/linux/netfilter.h, NF_INET_*. */
enum nfqueue_hook {
	NFQUEUE_HOOK_PREROUTING = 0,
	NFQUEUE_HOOK_INPUT = 1,
	NFQUEUE_HOOK_FORWARD = 2,
	NFQUEUE_HOOK_OUTPUT = 3,
	NFQUEUE_HOOK_POSTROUTING = 4,
};

/** Source: uapi/linux/netfilter/nfnetlink_queue.h, NFQA_SKB_*. */
#define NFQUEUE_CHECKSUM_NOT_READY (1u << 0)    /**< checksums are still to be made */
#define NFQUEUE_GSO_PACKET (1u << 1)            /**< several segments in one */
#define NFQUEUE_CHECKSUM_NOT_VERIFIED (1u << 2) /**< nobody has checked them yet */

/**
 * The packet's id in its queue; ids count up and wrap at 2^32. Source: NFQA_PACKET_HDR.
 */
NFQUEUE_API uint32_t nfqueue_packet_id(const struct nfqueue_packet *packet);

/** The queue the packet came from. Source: nfgenmsg.res_id. */
NFQUEUE_API struct nfqueue *nfqueue_packet_queue(const struct nfqueue_packet *packet);

/** The number of that queue, 0..65535. Source: nfgenmsg.res_id. */
NFQUEUE_API uint16_t nfqueue_packet_queue_number(const struct nfqueue_packet *packet);

/** The address family: AF_INET, AF_INET6, AF_BRIDGE. Source: nfgenmsg.nfgen_family. */
NFQUEUE_API uint8_t nfqueue_packet_family(const struct nfqueue_packet *packet);

/** The hook, enum nfqueue_hook for IP. Source: NFQA_PACKET_HDR. */
NFQUEUE_API uint8_t nfqueue_packet_hook(const struct nfqueue_packet *packet);

/**
 * The link layer's protocol number (ETH_P_IP...), 0 if unknown. Source: NFQA_PACKET_HDR.
 */
NFQUEUE_API uint16_t nfqueue_packet_hw_protocol(const struct nfqueue_packet *packet);

/** The packet's mark; 0 if none. Source: NFQA_MARK. */
NFQUEUE_API uint32_t nfqueue_packet_mark(const struct nfqueue_packet *packet);

/** The packet's priority; 0 if none (kernel 5.18 and later). Source: NFQA_PRIORITY. */
NFQUEUE_API uint32_t nfqueue_packet_priority(const struct nfqueue_packet *packet);

/** Interface indexes; 0 if none. Source: NFQA_IFINDEX_INDEV. */
NFQUEUE_API uint32_t nfqueue_packet_in_interface(const struct nfqueue_packet *packet);
/** Source: NFQA_IFINDEX_OUTDEV. */
NFQUEUE_API uint32_t nfqueue_packet_out_interface(const struct nfqueue_packet *packet);
/** The bridge port it came in by. Source: NFQA_IFINDEX_PHYSINDEV. */
NFQUEUE_API uint32_t
nfqueue_packet_physical_in_interface(const struct nfqueue_packet *packet);
/** The bridge port it goes out by. Source: NFQA_IFINDEX_PHYSOUTDEV. */
NFQUEUE_API uint32_t
nfqueue_packet_physical_out_interface(const struct nfqueue_packet *packet);

/**
 * When the packet was received, in nanoseconds since 1970.
 *
 * @param nanoseconds out; steps of 1,000
 * @return 0, or -ENOENT: the kernel sent none (output, postrouting, local packets).
 * Source: NFQA_TIMESTAMP.
 */
NFQUEUE_API int nfqueue_packet_timestamp(const struct nfqueue_packet *packet,
					 uint64_t *nanoseconds);

/**
 * The sender's hardware address.
 *
 * @param length out: bytes, at most 8
 * @return its first byte, or NULL. Source: NFQA_HWADDR.
 */
NFQUEUE_API const uint8_t *nfqueue_packet_hw_address(const struct nfqueue_packet *packet,
						     size_t *length);

/**
 * The packet's bytes from the network header on.
 *
 * @param length out: bytes copied by the kernel, 0..65531
 * @return the first byte; NULL if nothing was copied. Source: NFQA_PAYLOAD.
 */
NFQUEUE_API const uint8_t *nfqueue_packet_data(const struct nfqueue_packet *packet,
					       size_t *length);

/** The length the packet has in the kernel, in bytes; more than what was copied if
 * the copy range cut it. Source: NFQA_CAP_LEN. */
NFQUEUE_API uint32_t nfqueue_packet_length(const struct nfqueue_packet *packet);

/** NFQUEUE_CHECKSUM_NOT_READY, NFQUEUE_GSO_PACKET, NFQUEUE_CHECKSUM_NOT_VERIFIED.
 * Source: NFQA_SKB_INFO. */
NFQUEUE_API uint32_t nfqueue_packet_skb_info(const struct nfqueue_packet *packet);

/**
 * Who owns the local socket that sent the packet (flag NFQUEUE_UID_GID).
 *
 * @return 0, or -ENOENT: not a local packet, or not asked for.
 * Source: NFQA_UID, NFQA_GID.
 */
NFQUEUE_API int nfqueue_packet_uid(const struct nfqueue_packet *packet, uint32_t *uid);
NFQUEUE_API int nfqueue_packet_gid(const struct nfqueue_packet *packet, uint32_t *gid);

/**
 * The security context (flag NFQUEUE_SECCTX).
 *
 * @param length out: bytes; not terminated by the kernel
 * @return its first byte, or NULL. Source: NFQA_SECCTX.
 */
NFQUEUE_API const char *nfqueue_packet_security_context(
	const struct nfqueue_packet *packet, size_t *length);

/**
 * The state of the packet's connection, enum ip_conntrack_info (flag NFQUEUE_CONNTRACK).
 *
 * @return 0, or -ENOENT: untracked, or not asked for. Source: NFQA_CT_INFO.
 */
NFQUEUE_API int nfqueue_packet_conntrack_state(const struct nfqueue_packet *packet,
					       uint32_t *state);

/**
 * The connection, as nested CTA_* attributes in network byte order.
 *
 * @param length out: bytes
 * @return the first attribute, or NULL. Source: NFQA_CT, nfnetlink_conntrack.h.
 */
NFQUEUE_API const uint8_t *nfqueue_packet_conntrack(const struct nfqueue_packet *packet,
						    size_t *length);

/**
 * The VLAN tag of a packet on a bridge.
 *
 * @param protocol out: ETH_P_8021Q or ETH_P_8021AD
 * @param tci out: priority, DEI and VLAN id, 16 bits
 * @return 0, or -ENOENT: no tag. Source: NFQA_VLAN.
 */
NFQUEUE_API int nfqueue_packet_vlan(const struct nfqueue_packet *packet,
				    uint16_t *protocol, uint16_t *tci);

/**
 * The link-layer header of a packet on a bridge.
 *
 * @param length out: bytes
 * @return its first byte, or NULL. Source: NFQA_L2HDR.
 */
NFQUEUE_API const uint8_t *nfqueue_packet_l2_header(const struct nfqueue_packet *packet,
						    size_t *length);

/**
 * The cgroup class id of the local socket (net_cls).
 *
 * @return 0, or -ENOENT: the kernel sent none. Source: NFQA_CGROUP_CLASSID.
 */
NFQUEUE_API int nfqueue_packet_cgroup_class(const struct nfqueue_packet *packet,
					    uint32_t *class_id);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/*
 * The messages of nfnetlink_queue as libnetfilter_queue 1.0.5 knows them: NFQA_MAX is 18
 * here, and nfq_nlmsg_parse() stores no more than that.
 * <linux/netfilter/nfnetlink_queue.h> has what came later, and the same guard, so that
 * the first of both wins.
 */
#ifndef _NFNETLINK_QUEUE_H
#define _NFNETLINK_QUEUE_H

#ifndef aligned_u64
#define aligned_u64 unsigned long long __attribute__((aligned(8)))
#endif

#include <linux/types.h>

#include <libnfnetlink/linux_nfnetlink.h>

/* Types of messages. */
enum nfqnl_msg_types {
	NFQNL_MSG_PACKET,
	NFQNL_MSG_VERDICT,
	NFQNL_MSG_CONFIG,
	NFQNL_MSG_VERDICT_BATCH,
	NFQNL_MSG_MAX
};

/* NFQA_PACKET_HDR: 7 bytes. */
struct nfqnl_msg_packet_hdr {
	__be32 packet_id;
	__be16 hw_protocol;
	__u8 hook;
} __attribute__((packed));

/* NFQA_HWADDR */
struct nfqnl_msg_packet_hw {
	__be16 hw_addrlen;
	__u16 _pad;
	__u8 hw_addr[8];
};

/* NFQA_TIMESTAMP */
struct nfqnl_msg_packet_timestamp {
	__aligned_be64 sec;
	__aligned_be64 usec;
};

/* Attributes of packets and verdicts. */
enum nfqnl_attr_type {
	NFQA_UNSPEC,
	NFQA_PACKET_HDR,
	NFQA_VERDICT_HDR,
	NFQA_MARK,
	NFQA_TIMESTAMP,
	NFQA_IFINDEX_INDEV,
	NFQA_IFINDEX_OUTDEV,
	NFQA_IFINDEX_PHYSINDEV,
	NFQA_IFINDEX_PHYSOUTDEV,
	NFQA_HWADDR,
	NFQA_PAYLOAD,
	NFQA_CT,
	NFQA_CT_INFO,
	NFQA_CAP_LEN,
	NFQA_SKB_INFO,
	NFQA_EXP,
	NFQA_UID,
	NFQA_GID,
	NFQA_SECCTX,
	__NFQA_MAX
};
#define NFQA_MAX (__NFQA_MAX - 1)

/* NFQA_VERDICT_HDR */
struct nfqnl_msg_verdict_hdr {
	__be32 verdict;
	__be32 id;
};

enum nfqnl_msg_config_cmds {
	NFQNL_CFG_CMD_NONE,
	NFQNL_CFG_CMD_BIND,
	NFQNL_CFG_CMD_UNBIND,
	NFQNL_CFG_CMD_PF_BIND,
	NFQNL_CFG_CMD_PF_UNBIND,
};

/* NFQA_CFG_CMD */
struct nfqnl_msg_config_cmd {
	__u8 command;
	__u8 _pad;
	__be16 pf;
};

enum nfqnl_config_mode {
	NFQNL_COPY_NONE,
	NFQNL_COPY_META,
	NFQNL_COPY_PACKET,
};

/* NFQA_CFG_PARAMS: 5 bytes. */
struct nfqnl_msg_config_params {
	__be32 copy_range;
	__u8 copy_mode;
} __attribute__((packed));

/* Attributes of configurations. */
enum nfqnl_attr_config {
	NFQA_CFG_UNSPEC,
	NFQA_CFG_CMD,
	NFQA_CFG_PARAMS,
	NFQA_CFG_QUEUE_MAXLEN,
	NFQA_CFG_MASK,
	NFQA_CFG_FLAGS,
	__NFQA_CFG_MAX
};
#define NFQA_CFG_MAX (__NFQA_CFG_MAX - 1)

/* NFQA_CFG_FLAGS */
#define NFQA_CFG_F_FAIL_OPEN (1 << 0)
#define NFQA_CFG_F_CONNTRACK (1 << 1)
#define NFQA_CFG_F_GSO (1 << 2)
#define NFQA_CFG_F_UID_GID (1 << 3)
#define NFQA_CFG_F_SECCTX (1 << 4)
#define NFQA_CFG_F_MAX (1 << 5)

/* NFQA_SKB_INFO: the checksum is not made yet; the packet is longer than the MTU; nobody
 * has verified the checksum. */
#define NFQA_SKB_CSUMNOTREADY (1 << 0)
#define NFQA_SKB_GSO (1 << 1)
#define NFQA_SKB_CSUM_NOTVERIFIED (1 << 2)

#endif

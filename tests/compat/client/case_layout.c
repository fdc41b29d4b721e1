/* SPDX-License-Identifier: MIT */
/* What a program has compiled in: sizes, offsets, numbers. Asserted here for both sets of
 * headers, so that they cannot drift together either. */
#include "cases.h"

#include <libnetfilter_queue/linux_nfnetlink_queue.h>

#define SIZE(type, wanted) \
	_Static_assert(sizeof(struct type) == (wanted), "size of " #type)
#define OFFSET(type, field, wanted) \
	_Static_assert(offsetof(struct type, field) == (wanted), #type "." #field)
#define NUMBER(name, wanted) _Static_assert((name) == (wanted), #name)

SIZE(nfqnl_msg_packet_hdr, 7);
OFFSET(nfqnl_msg_packet_hdr, packet_id, 0);
OFFSET(nfqnl_msg_packet_hdr, hw_protocol, 4);
OFFSET(nfqnl_msg_packet_hdr, hook, 6);
SIZE(nfqnl_msg_packet_hw, 12);
OFFSET(nfqnl_msg_packet_hw, hw_addrlen, 0);
OFFSET(nfqnl_msg_packet_hw, _pad, 2);
OFFSET(nfqnl_msg_packet_hw, hw_addr, 4);
SIZE(nfqnl_msg_packet_timestamp, 16);
OFFSET(nfqnl_msg_packet_timestamp, sec, 0);
OFFSET(nfqnl_msg_packet_timestamp, usec, 8);
SIZE(nfqnl_msg_verdict_hdr, 8);
OFFSET(nfqnl_msg_verdict_hdr, verdict, 0);
OFFSET(nfqnl_msg_verdict_hdr, id, 4);
SIZE(nfqnl_msg_config_cmd, 4);
OFFSET(nfqnl_msg_config_cmd, command, 0);
OFFSET(nfqnl_msg_config_cmd, _pad, 1);
OFFSET(nfqnl_msg_config_cmd, pf, 2);
SIZE(nfqnl_msg_config_params, 5);
OFFSET(nfqnl_msg_config_params, copy_range, 0);
OFFSET(nfqnl_msg_config_params, copy_mode, 4);

NUMBER(NFQNL_MSG_PACKET, 0);
NUMBER(NFQNL_MSG_VERDICT, 1);
NUMBER(NFQNL_MSG_CONFIG, 2);
NUMBER(NFQNL_MSG_VERDICT_BATCH, 3);
NUMBER(NFQNL_MSG_MAX, 4);
NUMBER(NFQA_UNSPEC, 0);
NUMBER(NFQA_PACKET_HDR, 1);
NUMBER(NFQA_VERDICT_HDR, 2);
NUMBER(NFQA_MARK, 3);
NUMBER(NFQA_TIMESTAMP, 4);
NUMBER(NFQA_IFINDEX_INDEV, 5);
NUMBER(NFQA_IFINDEX_OUTDEV, 6);
NUMBER(NFQA_IFINDEX_PHYSINDEV, 7);
NUMBER(NFQA_IFINDEX_PHYSOUTDEV, 8);
NUMBER(NFQA_HWADDR, 9);
NUMBER(NFQA_PAYLOAD, 10);
NUMBER(NFQA_CT, 11);
NUMBER(NFQA_CT_INFO, 12);
NUMBER(NFQA_CAP_LEN, 13);
NUMBER(NFQA_SKB_INFO, 14);
NUMBER(NFQA_EXP, 15);
NUMBER(NFQA_UID, 16);
NUMBER(NFQA_GID, 17);
NUMBER(NFQA_SECCTX, 18);
/* Programs have arrays of this size on the stack, which nfq_nlmsg_parse() fills. */
NUMBER(NFQA_MAX, 18);
NUMBER(NFQNL_CFG_CMD_NONE, 0);
NUMBER(NFQNL_CFG_CMD_BIND, 1);
NUMBER(NFQNL_CFG_CMD_UNBIND, 2);
NUMBER(NFQNL_CFG_CMD_PF_BIND, 3);
NUMBER(NFQNL_CFG_CMD_PF_UNBIND, 4);
NUMBER(NFQNL_COPY_NONE, 0);
NUMBER(NFQNL_COPY_META, 1);
NUMBER(NFQNL_COPY_PACKET, 2);
NUMBER(NFQA_CFG_UNSPEC, 0);
NUMBER(NFQA_CFG_CMD, 1);
NUMBER(NFQA_CFG_PARAMS, 2);
NUMBER(NFQA_CFG_QUEUE_MAXLEN, 3);
NUMBER(NFQA_CFG_MASK, 4);
NUMBER(NFQA_CFG_FLAGS, 5);
NUMBER(NFQA_CFG_MAX, 5);
NUMBER(NFQA_CFG_F_FAIL_OPEN, 1);
NUMBER(NFQA_CFG_F_CONNTRACK, 2);
NUMBER(NFQA_CFG_F_GSO, 4);
NUMBER(NFQA_CFG_F_UID_GID, 8);
NUMBER(NFQA_CFG_F_SECCTX, 16);
NUMBER(NFQA_CFG_F_MAX, 32);
NUMBER(NFQA_SKB_CSUMNOTREADY, 1);
NUMBER(NFQA_SKB_GSO, 2);
NUMBER(NFQA_SKB_CSUM_NOTVERIFIED, 4);
NUMBER(NFQ_XML_HW, 1);
NUMBER(NFQ_XML_MARK, 2);
NUMBER(NFQ_XML_DEV, 4);
NUMBER(NFQ_XML_PHYSDEV, 8);
NUMBER(NFQ_XML_PAYLOAD, 16);
NUMBER(NFQ_XML_TIME, 32);
NUMBER(NFQ_XML_UID, 64);
NUMBER(NFQ_XML_GID, 128);
NUMBER(NFQ_XML_SECCTX, 256);
NUMBER(NFQ_XML_ALL, ~0U);
_Static_assert(sizeof(nfq_errno) == 4, "nfq_errno is copied into programs");

/* Alignments and signs, which the lines above do not show. */
static void layout(void)
{
	struct nfqnl_msg_packet_hdr head = {.hook = 0xff};

	tell_int("layout", _Alignof(struct nfqnl_msg_packet_hdr), "packet header");
	tell_int("layout", _Alignof(struct nfqnl_msg_packet_hw), "hardware address");
	tell_int("layout", _Alignof(struct nfqnl_msg_packet_timestamp), "timestamp");
	tell_int("layout", _Alignof(struct nfqnl_msg_config_params), "params");
	tell_int("layout", head.hook, "a hook is unsigned");
	tell_int("layout", (long long)NFQ_XML_ALL, "NFQ_XML_ALL is unsigned");
	tell_int("nfq_errno", nfq_errno, "in the beginning");
}

const struct compat_case layout_cases[] = {
	{"layout", layout},
	{0},
};

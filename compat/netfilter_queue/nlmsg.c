/* SPDX-License-Identifier: MIT */
/* nfq_nlmsg_*(): messages for programs that have a socket of libmnl. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "handle.h"

/* mnl_attr_put() leaves the padding as it was: nobody's bytes shall reach the kernel. */
static void put(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t length)
{
	uint8_t *end;

	mnl_attr_put(nlh, type, length, data);
	end = mnl_nlmsg_get_payload_tail(nlh);
	length = MNL_ALIGN(length) - length;
	memset(end - length, 0, length);
}

void nfq_nlmsg_cfg_put_cmd(struct nlmsghdr *nlh, uint16_t family, uint8_t command)
{
	struct nfqnl_msg_config_cmd data = {.command = command, .pf = htobe16(family)};

	put(nlh, NFQA_CFG_CMD, &data, sizeof(data));
}

void nfq_nlmsg_cfg_put_params(struct nlmsghdr *nlh, uint8_t mode, int range)
{
	struct nfqnl_msg_config_params data = {.copy_range = htobe32((uint32_t)range),
					       .copy_mode = mode};

	put(nlh, NFQA_CFG_PARAMS, &data, sizeof(data));
}

void nfq_nlmsg_cfg_put_qmaxlen(struct nlmsghdr *nlh, uint32_t length)
{
	length = htobe32(length);
	put(nlh, NFQA_CFG_QUEUE_MAXLEN, &length, sizeof(length));
}

void nfq_nlmsg_verdict_put(struct nlmsghdr *nlh, int id, int verdict)
{
	struct nfqnl_msg_verdict_hdr data = {.verdict = htobe32((uint32_t)verdict),
					     .id = htobe32((uint32_t)id)};

	put(nlh, NFQA_VERDICT_HDR, &data, sizeof(data));
}

void nfq_nlmsg_verdict_put_mark(struct nlmsghdr *nlh, uint32_t mark)
{
	mark = htobe32(mark);
	put(nlh, NFQA_MARK, &mark, sizeof(mark));
}

void nfq_nlmsg_verdict_put_pkt(struct nlmsghdr *nlh, const void *packet, uint32_t length)
{
	put(nlh, NFQA_PAYLOAD, packet, length);
}

/* Types that have one size, as programs find it checked. */
static int check_size(const struct nlattr *attribute, uint16_t type)
{
	switch (type) {
	case NFQA_MARK:
	case NFQA_IFINDEX_INDEV:
	case NFQA_IFINDEX_OUTDEV:
	case NFQA_IFINDEX_PHYSINDEV:
	case NFQA_IFINDEX_PHYSOUTDEV:
	case NFQA_CAP_LEN:
	case NFQA_SKB_INFO:
	case NFQA_CT_INFO:
	case NFQA_UID:
	case NFQA_GID:
	case NFQA_SECCTX:
		return mnl_attr_validate(attribute, MNL_TYPE_U32);
	case NFQA_PACKET_HDR:
		return mnl_attr_validate2(attribute, MNL_TYPE_UNSPEC,
					  sizeof(struct nfqnl_msg_packet_hdr));
	case NFQA_TIMESTAMP:
		return mnl_attr_validate2(attribute, MNL_TYPE_UNSPEC,
					  sizeof(struct nfqnl_msg_packet_timestamp));
	case NFQA_HWADDR:
		return mnl_attr_validate2(attribute, MNL_TYPE_UNSPEC,
					  sizeof(struct nfqnl_msg_packet_hw));
	}
	return 0;
}

/* Stores types up to NFQA_MAX of 1.0.5 only: programs built with its header have no room
 * for more. */
static int keep_attribute(const struct nlattr *attribute, void *data)
{
	const struct nlattr **table = data;
	uint16_t type = mnl_attr_get_type(attribute);

	if (mnl_attr_type_valid(attribute, NFQA_MAX) < 0)
		return MNL_CB_OK;
	if (check_size(attribute, type) < 0)
		return MNL_CB_ERROR;
	table[type] = attribute;
	return MNL_CB_OK;
}

int nfq_nlmsg_parse(const struct nlmsghdr *nlh, struct nlattr **table)
{
	return mnl_attr_parse(nlh, sizeof(struct nfgenmsg), keep_attribute, table);
}

struct nlmsghdr *nfq_nlmsg_put2(char *buffer, int type, uint32_t queue, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfmsg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfmsg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfmsg));
	nfmsg->nfgen_family = AF_UNSPEC;
	nfmsg->version = NFNETLINK_V0;
	nfmsg->res_id = htobe16((uint16_t)queue);
	return nlh;
}

struct nlmsghdr *nfq_nlmsg_put(char *buffer, int type, uint32_t queue)
{
	return nfq_nlmsg_put2(buffer, type, queue, 0);
}

/* SPDX-License-Identifier: MIT */
/* NFQNL_MSG_VERDICT and _VERDICT_BATCH, as nfqnl_recv_verdict() reads them. */
#include <linux/netlink.h>

#include "bytes.h"
#include "wire.h"
#include "writer.h"

/* uapi/linux/netfilter/nfnetlink_conntrack.h, enum ctattr_type */
#define CT_MARK 8
#define CT_MARK_MASK 21
#define CT_LABELS 22
#define CT_LABELS_MASK 23

/* enum nfqnl_vlan_attr */
#define VLAN_PROTOCOL 1
#define VLAN_TCI 2

static bool has(const struct wire_verdict *verdict, enum wire_attr attr)
{
	return verdict->present & 1u << attr;
}

/* What both kinds of verdict begin with: struct nfqnl_msg_verdict_hdr, mark, priority. */
static void put_plain(struct wire_writer *writer, const struct wire_verdict *verdict)
{
	uint8_t *at = wire_attribute_reserve(writer, WIRE_VERDICT_HDR, 8);

	if (!at)
		return;
	store_be32(at, verdict->code);
	store_be32(at + 4, verdict->id);
	if (has(verdict, WIRE_MARK))
		wire_put_u32(writer, WIRE_MARK, verdict->mark);
	if (has(verdict, WIRE_PRIORITY))
		wire_put_u32(writer, WIRE_PRIORITY, verdict->priority);
}

/* The kernel wants both, and takes a tag of all zeros for none (nfqa_parse_bridge). */
static void put_vlan(struct wire_writer *writer, const struct wire_verdict *verdict)
{
	uint16_t tci = verdict->vlan_protocol ? verdict->vlan_tci : 0;
	size_t nest = wire_nest_begin(writer, WIRE_VLAN);

	wire_put_u16(writer, VLAN_PROTOCOL, verdict->vlan_protocol);
	wire_put_u16(writer, VLAN_TCI, tci);
	wire_nest_end(writer, nest);
}

static void put_ct(struct wire_writer *writer, const struct wire_verdict *verdict)
{
	size_t nest = wire_nest_begin(writer, WIRE_CT);

	if (verdict->ct_present & WIRE_CT_HAS_MARK)
		wire_put_u32(writer, CT_MARK, verdict->ct_mark);
	if (verdict->ct_present & WIRE_CT_HAS_MARK_MASK)
		wire_put_u32(writer, CT_MARK_MASK, verdict->ct_mark_mask);
	if (verdict->ct_present & WIRE_CT_HAS_LABELS)
		wire_put_bytes(writer, CT_LABELS, verdict->ct_labels);
	if (verdict->ct_present & WIRE_CT_HAS_LABELS_MASK)
		wire_put_bytes(writer, CT_LABELS_MASK, verdict->ct_labels_mask);
	wire_nest_end(writer, nest);
}

static void put_optional(struct wire_writer *writer, const struct wire_verdict *verdict)
{
	if (has(verdict, WIRE_VLAN))
		put_vlan(writer, verdict);
	if (has(verdict, WIRE_L2HDR))
		wire_put_bytes(writer, WIRE_L2HDR, verdict->l2_header);
	if (has(verdict, WIRE_CT))
		put_ct(writer, verdict);
	if (has(verdict, WIRE_EXP))
		wire_put_bytes(writer, NLA_F_NESTED | WIRE_EXP, verdict->expectation);
}

void wire_put_verdict(struct wire_writer *writer, const struct wire_verdict *verdict,
		      uint32_t sequence)
{
	wire_message_begin(writer, WIRE_MSG_VERDICT, 0, sequence, verdict->queue);
	put_plain(writer, verdict);
	put_optional(writer, verdict);
	if (has(verdict, WIRE_PAYLOAD))
		wire_put_bytes(writer, WIRE_PAYLOAD, verdict->payload);
	wire_message_end(writer);
}

void wire_put_verdict_head(struct wire_writer *writer, const struct wire_verdict *verdict,
			   uint32_t sequence)
{
	size_t behind;

	wire_message_begin(writer, WIRE_MSG_VERDICT, 0, sequence, verdict->queue);
	put_plain(writer, verdict);
	put_optional(writer, verdict);
	behind = wire_attribute_head(writer, WIRE_PAYLOAD, verdict->payload.length);
	wire_message_end_before(writer, behind);
}

void wire_put_range_verdict(struct wire_writer *writer,
			    const struct wire_verdict *verdict, uint32_t sequence)
{
	wire_message_begin(writer, WIRE_MSG_VERDICT_BATCH, 0, sequence, verdict->queue);
	put_plain(writer, verdict);
	wire_message_end(writer);
}

/* SPDX-License-Identifier: MIT */
/*
 * NFQNL_MSG_PACKET, as nfqnl_build_packet_message() builds it. Every packet
 * passes here: a switch, which takes half the time of a table with a kind for each type.
 */
#include <errno.h>

#include "attr.h"
#include "bytes.h"
#include "wire.h"

/* struct nfgenmsg: family, version, be16 res_id */
#define NFGENMSG_SIZE 4

#define VLAN_PROTOCOL 1
#define VLAN_TCI 2

/* A fixed part may be longer than we know it: kernel structs may grow. */
static inline int decode_u32(uint32_t *member, const struct wire_attribute *attribute)
{
	if (attribute->length < sizeof(*member))
		return -EBADMSG;
	*member = load_be32(attribute->data);
	return 0;
}

static inline int decode_bytes(struct wire_bytes *member,
			       const struct wire_attribute *attribute)
{
	member->data = attribute->data;
	member->length = attribute->length;
	return 0;
}

/* struct nfqnl_msg_packet_hdr */
static inline int decode_header(struct wire_packet *packet,
				const struct wire_attribute *attribute)
{
	const uint8_t *data = attribute->data;

	if (attribute->length < 7)
		return -EBADMSG;
	packet->id = load_be32(data);
	packet->hw_protocol = load_be16(data + 4);
	packet->hook = data[6];
	return 0;
}

/* struct nfqnl_msg_packet_timestamp */
static int decode_timestamp(struct wire_packet *packet,
			    const struct wire_attribute *attribute)
{
	if (attribute->length < 16)
		return -EBADMSG;
	packet->timestamp_sec = load_be64(attribute->data);
	packet->timestamp_usec = load_be64(attribute->data + 8);
	return 0;
}

/* struct nfqnl_msg_packet_hw */
static int decode_hwaddr(struct wire_packet *packet,
			 const struct wire_attribute *attribute)
{
	const uint8_t *data = attribute->data;
	uint16_t length;

	if (attribute->length < 12)
		return -EBADMSG;
	length = load_be16(data);
	if (length > sizeof(packet->hw_address))
		return -EBADMSG;
	packet->hw_address_length = (uint8_t)length;
	memcpy(packet->hw_address, data + 4, sizeof(packet->hw_address));
	return 0;
}

/* enum nfqnl_vlan_attr */
static int decode_vlan(struct wire_packet *packet, const struct wire_attribute *nest)
{
	struct wire_bytes rest = {nest->data, nest->length};
	struct wire_attribute attribute;
	int rc;

	packet->vlan_protocol = 0;
	packet->vlan_tci = 0;
	while ((rc = wire_attribute_next(&rest, &attribute)) > 0) {
		if (attribute.type != VLAN_PROTOCOL && attribute.type != VLAN_TCI)
			continue;
		if (attribute.length < 2)
			return -EBADMSG;
		if (attribute.type == VLAN_PROTOCOL)
			packet->vlan_protocol = load_be16(attribute.data);
		else
			packet->vlan_tci = load_be16(attribute.data);
	}
	return rc;
}

/* Returns 0; -EBADMSG; -ENOENT: of a type unknown here. */
static inline int decode_attribute(struct wire_packet *packet,
				   const struct wire_attribute *attribute)
{
	switch (attribute->type) {
	case WIRE_PACKET_HDR:
		return decode_header(packet, attribute);
	case WIRE_TIMESTAMP:
		return decode_timestamp(packet, attribute);
	case WIRE_HWADDR:
		return decode_hwaddr(packet, attribute);
	case WIRE_VLAN:
		return decode_vlan(packet, attribute);
	case WIRE_MARK:
		return decode_u32(&packet->mark, attribute);
	case WIRE_INDEV:
		return decode_u32(&packet->indev, attribute);
	case WIRE_OUTDEV:
		return decode_u32(&packet->outdev, attribute);
	case WIRE_PHYSINDEV:
		return decode_u32(&packet->physindev, attribute);
	case WIRE_PHYSOUTDEV:
		return decode_u32(&packet->physoutdev, attribute);
	case WIRE_CT_INFO:
		return decode_u32(&packet->ct_info, attribute);
	case WIRE_CAP_LEN:
		return decode_u32(&packet->cap_len, attribute);
	case WIRE_SKB_INFO:
		return decode_u32(&packet->skb_info, attribute);
	case WIRE_UID:
		return decode_u32(&packet->uid, attribute);
	case WIRE_GID:
		return decode_u32(&packet->gid, attribute);
	case WIRE_PRIORITY:
		return decode_u32(&packet->priority, attribute);
	case WIRE_CGROUP_CLASSID:
		return decode_u32(&packet->cgroup_classid, attribute);
	case WIRE_PAYLOAD:
		return decode_bytes(&packet->payload, attribute);
	case WIRE_CT:
		return decode_bytes(&packet->ct, attribute);
	case WIRE_EXP:
		return decode_bytes(&packet->expectation, attribute);
	case WIRE_SECCTX:
		return decode_bytes(&packet->secctx, attribute);
	case WIRE_L2HDR:
		return decode_bytes(&packet->l2_header, attribute);
	default:
		return -ENOENT;
	}
}

bool wire_is_packet(const struct wire_message *message)
{
	return message->type == (WIRE_SUBSYSTEM_QUEUE << 8 | WIRE_MSG_PACKET);
}

int wire_packet_decode(const struct wire_message *message, struct wire_packet *packet)
{
	struct wire_bytes rest = message->body;
	struct wire_attribute attribute;
	int rc;

	memset(packet, 0, sizeof(*packet));
	if (rest.length < NFGENMSG_SIZE)
		return -EBADMSG;
	packet->family = rest.data[0];
	packet->queue = load_be16(rest.data + 2);
	rest.data += NFGENMSG_SIZE;
	rest.length -= NFGENMSG_SIZE;
	while ((rc = wire_attribute_next(&rest, &attribute)) > 0) {
		rc = decode_attribute(packet, &attribute);
		if (rc == 0)
			packet->present |= 1u << attribute.type;
		else if (rc != -ENOENT)
			return rc;
	}
	if (rc < 0)
		return rc;
	return packet->present & 1u << WIRE_PACKET_HDR ? 0 : -EBADMSG;
}

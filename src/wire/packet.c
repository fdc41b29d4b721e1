/* SPDX-License-Identifier: MIT */
/*
 * NFQNL_MSG_PACKET, as nfqnl_build_packet_message() builds it. One table row for each
 * attribute; the attributes that are no plain number or byte range have a kind of their
 * own.
 */
#include <errno.h>

#include "attr.h"
#include "bytes.h"
#include "wire.h"

/* struct nfgenmsg: family, version, be16 res_id */
#define NFGENMSG_SIZE 4

#define VLAN_PROTOCOL 1
#define VLAN_TCI 2

enum kind {
	KIND_SKIP = 0,
	KIND_U32,
	KIND_BYTES,
	KIND_HEADER,
	KIND_TIMESTAMP,
	KIND_HWADDR,
	KIND_VLAN,
};

struct field {
	uint8_t kind;    /* enum kind */
	uint8_t minimum; /* bytes of data; more is no error: kernel structs may grow */
	uint16_t offset; /* of the member of struct wire_packet, for plain kinds */
};

#define U32(member)                                               \
	{                                                         \
		KIND_U32, 4, offsetof(struct wire_packet, member) \
	}
#define BYTES(member)                                               \
	{                                                           \
		KIND_BYTES, 0, offsetof(struct wire_packet, member) \
	}

static const struct field fields[] = {
	[WIRE_PACKET_HDR] = {KIND_HEADER, 7, 0},
	[WIRE_MARK] = U32(mark),
	[WIRE_TIMESTAMP] = {KIND_TIMESTAMP, 16, 0},
	[WIRE_INDEV] = U32(indev),
	[WIRE_OUTDEV] = U32(outdev),
	[WIRE_PHYSINDEV] = U32(physindev),
	[WIRE_PHYSOUTDEV] = U32(physoutdev),
	[WIRE_HWADDR] = {KIND_HWADDR, 12, 0},
	[WIRE_PAYLOAD] = BYTES(payload),
	[WIRE_CT] = BYTES(ct),
	[WIRE_CT_INFO] = U32(ct_info),
	[WIRE_CAP_LEN] = U32(cap_len),
	[WIRE_SKB_INFO] = U32(skb_info),
	[WIRE_EXP] = BYTES(expectation),
	[WIRE_UID] = U32(uid),
	[WIRE_GID] = U32(gid),
	[WIRE_SECCTX] = BYTES(secctx),
	[WIRE_VLAN] = {KIND_VLAN, 0, 0},
	[WIRE_L2HDR] = BYTES(l2_header),
	[WIRE_PRIORITY] = U32(priority),
	[WIRE_CGROUP_CLASSID] = U32(cgroup_classid),
};

static void decode_u32(void *member, const uint8_t *data)
{
	uint32_t value = load_be32(data);

	memcpy(member, &value, sizeof(value));
}

static void decode_bytes(void *member, const struct wire_attribute *attribute)
{
	struct wire_bytes bytes = {attribute->data, attribute->length};

	memcpy(member, &bytes, sizeof(bytes));
}

/* struct nfqnl_msg_packet_hdr */
static void decode_header(struct wire_packet *packet, const uint8_t *data)
{
	packet->id = load_be32(data);
	packet->hw_protocol = load_be16(data + 4);
	packet->hook = data[6];
}

/* struct nfqnl_msg_packet_timestamp */
static void decode_timestamp(struct wire_packet *packet, const uint8_t *data)
{
	packet->timestamp_sec = load_be64(data);
	packet->timestamp_usec = load_be64(data + 8);
}

/* struct nfqnl_msg_packet_hw */
static int decode_hwaddr(struct wire_packet *packet, const uint8_t *data)
{
	uint16_t length = load_be16(data);

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

static int decode_attribute(struct wire_packet *packet,
			    const struct wire_attribute *attribute)
{
	const struct field *field;
	int rc = 0;

	if (attribute->type >= sizeof(fields) / sizeof(fields[0]))
		return 0;
	field = &fields[attribute->type];
	if (attribute->length < field->minimum)
		return -EBADMSG;
	switch ((enum kind)field->kind) {
	case KIND_SKIP:
		return 0;
	case KIND_U32:
		decode_u32((uint8_t *)packet + field->offset, attribute->data);
		break;
	case KIND_BYTES:
		decode_bytes((uint8_t *)packet + field->offset, attribute);
		break;
	case KIND_HEADER:
		decode_header(packet, attribute->data);
		break;
	case KIND_TIMESTAMP:
		decode_timestamp(packet, attribute->data);
		break;
	case KIND_HWADDR:
		rc = decode_hwaddr(packet, attribute->data);
		break;
	case KIND_VLAN:
		rc = decode_vlan(packet, attribute);
		break;
	}
	packet->present |= 1u << attribute->type;
	return rc;
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
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	return packet->present & 1u << WIRE_PACKET_HDR ? 0 : -EBADMSG;
}

/* SPDX-License-Identifier: MIT */
#include "wire/wire.h"

#include <endian.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

/* The packet header is always the first attribute: nfqnl_build_packet_message(). */
#define ATTR_AT 20u
#define ID_AT 24u

int wire_packet_id(const void *data, size_t length, uint32_t *id)
{
	const uint8_t *bytes = data;
	uint16_t message_type, attr_type;

	if (length < ID_AT + sizeof(*id))
		return -EBADMSG;
	memcpy(&message_type, bytes + offsetof(struct nlmsghdr, nlmsg_type),
	       sizeof(message_type));
	memcpy(&attr_type, bytes + ATTR_AT + offsetof(struct nlattr, nla_type),
	       sizeof(attr_type));
	if (message_type != (WIRE_SUBSYSTEM_QUEUE << 8 | WIRE_MSG_PACKET) ||
	    (attr_type & NLA_TYPE_MASK) != WIRE_PACKET_HDR)
		return -EBADMSG;
	memcpy(id, bytes + ID_AT, sizeof(*id));
	*id = be32toh(*id);
	return 0;
}

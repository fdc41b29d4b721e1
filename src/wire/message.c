/* SPDX-License-Identifier: MIT */
/* Netlink messages in a receive buffer. */
#include <errno.h>
#include <linux/netlink.h>

#include "bytes.h"
#include "wire.h"

int wire_message_next(struct wire_bytes *buffer, struct wire_message *message)
{
	const uint8_t *data = buffer->data;
	uint32_t length, padding;

	if (buffer->length == 0)
		return 0;
	if (buffer->length < NLMSG_HDRLEN)
		return -EBADMSG;
	length = load_host32(data);
	if (length < NLMSG_HDRLEN || length > buffer->length)
		return -EBADMSG;
	message->length = length;
	message->type = load_host16(data + 4);
	message->flags = load_host16(data + 6);
	message->sequence = load_host32(data + 8);
	message->port_id = load_host32(data + 12);
	message->body.data = data + NLMSG_HDRLEN;
	message->body.length = length - NLMSG_HDRLEN;
	/* The last message may lack its padding. */
	padding = -length & (NLMSG_ALIGNTO - 1);
	if (padding > buffer->length - length)
		padding = buffer->length - length;
	buffer->data += length + padding;
	buffer->length -= length + padding;
	return 1;
}

/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/netlink.h>

#include "bytes.h"
#include "wire.h"
#include "writer.h"

/* nlmsghdr and nfgenmsg */
#define MESSAGE_HEAD (NLMSG_HDRLEN + 4)

/* nla_len has 16 bits */
#define ATTRIBUTE_MAX (UINT16_MAX - NLA_HDRLEN)

void wire_writer_init(struct wire_writer *writer, void *data, size_t size)
{
	*writer = (struct wire_writer){.data = data, .size = size};
}

/* Takes the open message back. Nothing is written any more. */
static uint8_t *refuse(struct wire_writer *writer)
{
	writer->length = writer->message;
	writer->error = -EMSGSIZE;
	return NULL;
}

/* `size` more bytes of the open message, or NULL. */
static uint8_t *reserve(struct wire_writer *writer, size_t size)
{
	uint8_t *at;

	if (writer->error < 0)
		return NULL;
	if (size > writer->size - writer->length)
		return refuse(writer);
	at = writer->data + writer->length;
	writer->length += size;
	return at;
}

void wire_message_begin(struct wire_writer *writer, enum wire_message_type type,
			uint16_t flags, uint32_t sequence, uint16_t queue)
{
	uint8_t *at;

	if (writer->error < 0)
		return;
	writer->message = writer->length;
	at = reserve(writer, MESSAGE_HEAD);
	if (!at)
		return;
	store_host16(at + 4, (uint16_t)(WIRE_SUBSYSTEM_QUEUE << 8 | type));
	store_host16(at + 6, NLM_F_REQUEST | flags);
	store_host32(at + 8, sequence);
	store_host32(at + 12, 0); /* port id: the kernel knows it */
	at[16] = 0;               /* AF_UNSPEC */
	at[17] = 0;               /* NFNETLINK_V0 */
	store_be16(at + 18, queue);
}

void wire_message_end_before(struct wire_writer *writer, size_t behind)
{
	if (writer->error < 0)
		return;
	store_host32(writer->data + writer->message,
		     (uint32_t)(writer->length - writer->message + behind));
}

void wire_message_end(struct wire_writer *writer)
{
	wire_message_end_before(writer, 0);
}

uint8_t *wire_attribute_reserve(struct wire_writer *writer, uint16_t type, size_t length)
{
	size_t padding = -length & (NLA_ALIGNTO - 1);
	uint8_t *at;

	if (length > ATTRIBUTE_MAX)
		return refuse(writer);
	at = reserve(writer, NLA_HDRLEN + length + padding);
	if (!at)
		return NULL;
	store_host16(at, (uint16_t)(NLA_HDRLEN + length));
	store_host16(at + 2, type);
	memset(at + NLA_HDRLEN + length, 0, padding);
	return at + NLA_HDRLEN;
}

size_t wire_attribute_head(struct wire_writer *writer, uint16_t type, size_t length)
{
	uint8_t *at;

	if (length > ATTRIBUTE_MAX) {
		refuse(writer);
		return 0;
	}
	at = reserve(writer, NLA_HDRLEN);
	if (!at)
		return 0;
	store_host16(at, (uint16_t)(NLA_HDRLEN + length));
	store_host16(at + 2, type);
	return NLA_ALIGN(length);
}

void wire_put_u16(struct wire_writer *writer, uint16_t type, uint16_t value)
{
	uint8_t *at = wire_attribute_reserve(writer, type, sizeof(value));

	if (at)
		store_be16(at, value);
}

void wire_put_u32(struct wire_writer *writer, uint16_t type, uint32_t value)
{
	uint8_t *at = wire_attribute_reserve(writer, type, sizeof(value));

	if (at)
		store_be32(at, value);
}

void wire_put_bytes(struct wire_writer *writer, uint16_t type, struct wire_bytes bytes)
{
	uint8_t *at = wire_attribute_reserve(writer, type, bytes.length);

	/* memcpy() may not be given a NULL, not even for no bytes */
	if (at && bytes.length > 0)
		memcpy(at, bytes.data, bytes.length);
}

size_t wire_nest_begin(struct wire_writer *writer, uint16_t type)
{
	size_t nest = writer->length;

	wire_attribute_reserve(writer, NLA_F_NESTED | type, 0);
	return nest;
}

void wire_nest_end(struct wire_writer *writer, size_t nest)
{
	if (writer->error < 0)
		return;
	if (writer->length - nest > UINT16_MAX)
		refuse(writer);
	else
		store_host16(writer->data + nest, (uint16_t)(writer->length - nest));
}

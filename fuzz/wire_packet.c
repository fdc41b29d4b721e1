/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a receive buffer: decodes what is there and reads every byte that the
 * decoders point at, each of which must lie inside its message.
 */
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool what)
{
	if (!what)
		abort();
}

static void read_inside(struct wire_bytes bytes, struct wire_bytes body)
{
	if (bytes.length == 0)
		return;
	require(bytes.data >= body.data && bytes.length <= body.length &&
		bytes.data + bytes.length <= body.data + body.length);
	for (uint32_t i = 0; i < bytes.length; i++)
		__asm__ volatile("" : : "r"(bytes.data[i]));
}

static void read_packet(const struct wire_message *message)
{
	struct wire_packet packet;
	uint32_t room;

	if (wire_packet_decode(message, &packet) < 0)
		return;
	require(packet.present & 1u << WIRE_PACKET_HDR);
	require(packet.present >> (WIRE_CGROUP_CLASSID + 1) == 0);
	require(packet.hw_address_length <= sizeof(packet.hw_address));
	read_inside(packet.payload, message->body);
	read_inside(packet.ct, message->body);
	read_inside(packet.expectation, message->body);
	read_inside(packet.secctx, message->body);
	read_inside(packet.l2_header, message->body);
	room = message->body.length;
	require(packet.payload.length < room && packet.ct.length < room);
}

static void read_error(const struct wire_message *message)
{
	struct wire_error error;

	if (wire_error_decode(message, &error) < 0)
		return;
	require(error.error <= 0 && error.error >= -4095);
	read_inside(error.text, message->body);
	read_inside(error.request, message->body);
	for (uint32_t i = 0; i < error.text.length; i++)
		require(error.text.data[i] != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_bytes buffer = {data, (uint32_t)size};
	struct wire_message message;
	uint32_t left = buffer.length, id;

	wire_packet_id(data, size, &id); /* any return: it must not read past the end */
	while (wire_message_next(&buffer, &message) > 0) {
		require(buffer.length < left); /* it ends */
		left = buffer.length;
		read_inside(message.body, (struct wire_bytes){data, (uint32_t)size});
		if (wire_is_packet(&message))
			read_packet(&message);
		else
			read_error(&message);
	}
	return 0;
}

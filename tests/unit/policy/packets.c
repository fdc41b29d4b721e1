/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <nfqueue/build.h>
#include <nfqueue/view.h>

#include "packets.h"

#define IP_BYTES 20u
#define UDP 17
#define TCP 6
#define PSEUDO_BYTES 12u

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* Over pseudo header and transport. */
static uint16_t transport_sum(const uint8_t *data, size_t length)
{
	static uint8_t bytes[PSEUDO_BYTES + PACKET_MAX];
	size_t size = length - IP_BYTES;

	memcpy(bytes, data + 12, 8);
	bytes[8] = 0;
	bytes[9] = data[9];
	put16(bytes + 10, (uint32_t)size);
	memcpy(bytes + PSEUDO_BYTES, data + IP_BYTES, size);
	return nfqueue_checksum(bytes, PSEUDO_BYTES + size);
}

static uint8_t *transport_field(uint8_t *data)
{
	return data + IP_BYTES + (data[9] == TCP ? 16 : 6);
}

void packet_sum(uint8_t *data, size_t length)
{
	put16(data + 10, 0);
	put16(data + 10, nfqueue_checksum(data, IP_BYTES));
	put16(transport_field(data), 0);
	put16(transport_field(data), transport_sum(data, length));
}

bool packet_is_sound(const uint8_t *data, size_t length)
{
	return nfqueue_checksum(data, IP_BYTES) == 0 && transport_sum(data, length) == 0;
}

static void put_ip(struct packet *packet, uint8_t protocol, size_t length, bool back)
{
	static const uint8_t ends[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
	uint8_t *data = packet->data;

	packet->length = (uint32_t)length;
	memset(data, 0, IP_BYTES);
	data[0] = 0x45;
	put16(data + 2, packet->length);
	data[6] = 0x40;
	data[8] = 64;
	data[9] = protocol;
	memcpy(data + 12, ends[back], 4);
	memcpy(data + 16, ends[!back], 4);
	put16(data + IP_BYTES, back ? 80 : 1000);
	put16(data + IP_BYTES + 2, back ? 1000 : 80);
}

void packet_udp(struct packet *packet, const void *payload, size_t length)
{
	uint8_t *udp = packet->data + IP_BYTES;

	put_ip(packet, UDP, IP_BYTES + 8 + length, false);
	put16(udp + 4, (uint32_t)(8 + length));
	memcpy(udp + 8, payload, length);
	packet_sum(packet->data, packet->length);
}

void packet_tcp(struct packet *packet, bool back, uint8_t flags, uint32_t sequence,
		uint32_t acknowledgement, const void *payload, size_t length)
{
	static const uint8_t mss[4] = {2, 4, 1460 >> 8, 1460 & 0xff};
	size_t options = flags & NFQUEUE_TCP_SYN ? sizeof(mss) : 0;
	uint8_t *tcp = packet->data + IP_BYTES;

	put_ip(packet, TCP, IP_BYTES + 20 + options + length, back);
	put32(tcp + 4, sequence);
	put32(tcp + 8, acknowledgement);
	tcp[12] = (uint8_t)((20 + options) << 2);
	tcp[13] = flags;
	put16(tcp + 14, 5000);
	put32(tcp + 16, 0);
	memcpy(tcp + 20, mss, options);
	if (length)
		memcpy(tcp + 20 + options, payload, length);
	packet_sum(packet->data, packet->length);
}

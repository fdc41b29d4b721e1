/* SPDX-License-Identifier: MIT */
#include "tcp_packet.h"

#include <string.h>

#define IPV4 20
#define IPV6 40
#define TCP 20

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

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static uint64_t add_up(uint64_t sum, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += get16(data + i);
	if (length % 2)
		sum += (uint32_t)data[length - 1] << 8;
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint16_t tcp_sum(const uint8_t *bytes, size_t ip, size_t length)
{
	uint64_t sum = ip == IPV4 ? add_up(0, bytes + 12, 8) : add_up(0, bytes + 8, 32);

	sum += 6 + (length - ip);
	return fold(add_up(sum, bytes + ip, length - ip));
}

static size_t put_options(const struct tcp_packet *packet, uint8_t *at)
{
	size_t size = 0;

	if (packet->has_scale) {
		memcpy(at, (uint8_t[]){1, 3, 3, packet->scale}, 4);
		size = 4;
	}
	if (packet->option) {
		memcpy(at + size, (uint8_t[]){packet->option, 4, 0, 0}, 4);
		size += 4;
	}
	if (!packet->sack_count)
		return size;
	memcpy(at + size, (uint8_t[]){1, 1, 5, (uint8_t)(2 + 8 * packet->sack_count)}, 4);
	size += 4;
	for (uint32_t i = 0; i < packet->sack_count; i++, size += 8) {
		put32(at + size, packet->sacks[i][0]);
		put32(at + size + 4, packet->sacks[i][1]);
	}
	return size;
}

static size_t put_tcp(const struct tcp_packet *packet, uint8_t *out, size_t ip)
{
	uint16_t ports[] = {packet->port ? packet->port : 1000, 80};
	uint8_t *tcp = out + ip;
	size_t header = TCP + put_options(packet, tcp + TCP);

	memset(tcp, 0, TCP);
	put16(tcp, ports[packet->from]);
	put16(tcp + 2, ports[!packet->from]);
	put32(tcp + 4, packet->sequence);
	put32(tcp + 8, packet->acknowledgement);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = packet->flags;
	put16(tcp + 14, packet->window);
	put16(tcp + 18, packet->urgent);
	if (packet->length)
		memcpy(tcp + header, packet->data, packet->length);
	return ip + header + packet->length;
}

size_t tcp_packet_make(const struct tcp_packet *packet, uint8_t *out)
{
	size_t length = put_tcp(packet, out, IPV4);

	memset(out, 0, IPV4);
	out[0] = 0x45;
	put16(out + 2, (uint32_t)length);
	out[8] = 64;
	out[9] = 6;
	put32(out + 12, 0x0a000001u + (uint32_t)packet->from);
	put32(out + 16, 0x0a000001u + (uint32_t)!packet->from);
	put16(out + 10, fold(add_up(0, out, IPV4)));
	put16(out + IPV4 + 16, tcp_sum(out, IPV4, length));
	return length;
}

size_t tcp_packet_make6(const struct tcp_packet *packet, uint8_t *out)
{
	size_t length = put_tcp(packet, out, IPV6);

	memset(out, 0, IPV6);
	out[0] = 0x60;
	put16(out + 4, (uint32_t)(length - IPV6));
	out[6] = 6;
	out[7] = 64;
	out[8] = out[24] = 0xfd;
	out[23] = (uint8_t)(1 + packet->from);
	out[39] = (uint8_t)(1 + !packet->from);
	put16(out + IPV6 + 16, tcp_sum(out, IPV6, length));
	return length;
}

static void get_options(const uint8_t *at, const uint8_t *end, struct tcp_packet *packet)
{
	while (at < end && at[0] != 0) {
		if (at[0] == 1) {
			at++;
			continue;
		}
		if (at[0] == 3) {
			packet->has_scale = true;
			packet->scale = at[2];
		}
		for (int i = 2; at[0] == 5 && i < at[1]; i += 8) {
			packet->sacks[packet->sack_count][0] = get32(at + i);
			packet->sacks[packet->sack_count++][1] = get32(at + i + 4);
		}
		at += at[1];
	}
}

bool tcp_packet_read(const uint8_t *bytes, size_t length, struct tcp_packet *packet)
{
	size_t ip = bytes[0] >> 4 == 4 ? IPV4 : IPV6;
	const uint8_t *tcp = bytes + ip;
	size_t header = (size_t)(tcp[12] >> 4) * 4;

	*packet = (struct tcp_packet){
		.from = get16(tcp) == 80,
		.sequence = get32(tcp + 4),
		.acknowledgement = get32(tcp + 8),
		.flags = tcp[13],
		.window = (uint16_t)get16(tcp + 14),
		.urgent = (uint16_t)get16(tcp + 18),
		.data = tcp + header,
		.length = length - ip - header,
	};
	packet->port = (uint16_t)get16(tcp + (packet->from ? 2 : 0));
	get_options(tcp + TCP, tcp + header, packet);
	if (ip == IPV4 && (get16(bytes + 2) != length || fold(add_up(0, bytes, IPV4))))
		return false;
	if (ip == IPV6 && get16(bytes + 4) != length - IPV6)
		return false;
	return tcp_sum(bytes, ip, length) == 0;
}

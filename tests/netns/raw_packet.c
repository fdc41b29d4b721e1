/* SPDX-License-Identifier: MIT */
#include "raw_packet.h"

#include <nfqueue/build.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define IPV4_HEADER 20u
#define IPV6_HEADER 40u
#define TCP_HEADER 20u
#define UDP_HEADER 8u
#define TTL 64

static void store16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static void store32(uint8_t *bytes, uint32_t value)
{
	store16(bytes, value >> 16);
	store16(bytes + 2, value);
}

static size_t put_ipv4(const struct raw_packet *packet, uint8_t *out, size_t length)
{
	memset(out, 0, IPV4_HEADER);
	out[0] = 0x45;
	store16(out + 2, (uint32_t)(IPV4_HEADER + length));
	store16(out + 4, 0x1234);
	out[6] = packet->dont_fragment ? 0x40 : 0;
	out[8] = TTL;
	out[9] = packet->protocol;
	inet_pton(AF_INET, packet->from, out + 12);
	inet_pton(AF_INET, packet->to, out + 16);
	store16(out + 10, nfqueue_checksum(out, IPV4_HEADER));
	return IPV4_HEADER;
}

static size_t put_ipv6(const struct raw_packet *packet, uint8_t *out, size_t length)
{
	memset(out, 0, IPV6_HEADER);
	out[0] = 0x60;
	store16(out + 4, (uint32_t)length);
	out[6] = packet->protocol;
	out[7] = TTL;
	inet_pton(AF_INET6, packet->from, out + 8);
	inet_pton(AF_INET6, packet->to, out + 24);
	return IPV6_HEADER;
}

static size_t put_transport(const struct raw_packet *packet, uint8_t *out)
{
	store16(out, packet->from_port);
	store16(out + 2, packet->to_port);
	if (packet->protocol == IPPROTO_UDP) {
		store16(out + 4, (uint32_t)(UDP_HEADER + packet->length));
		store16(out + 6, 0);
		return UDP_HEADER;
	}
	store32(out + 4, packet->sequence);
	store32(out + 8, packet->acknowledgement);
	out[12] = TCP_HEADER / 4 << 4;
	out[13] = packet->tcp_flags;
	store16(out + 14, 0xffff);
	store32(out + 16, 0);
	return TCP_HEADER;
}

static size_t header_length(const struct raw_packet *packet)
{
	if (packet->protocol == IPPROTO_UDP)
		return UDP_HEADER;
	return packet->protocol == IPPROTO_TCP ? TCP_HEADER : 0;
}

/* The pseudo header in front of a copy: addresses, length, protocol. */
static uint16_t transport_checksum(const uint8_t *ip, size_t header, size_t length)
{
	const bool ipv4 = header == IPV4_HEADER;
	const size_t addresses = ipv4 ? 8 : 32;
	uint8_t *copy = calloc(1, addresses + 8 + length);
	uint16_t sum;

	memcpy(copy, ip + (ipv4 ? 12 : 8), addresses);
	store32(copy + addresses, (uint32_t)length);
	copy[addresses + 7] = ip[ipv4 ? 9 : 6];
	memcpy(copy + addresses + 8, ip + header, length);
	sum = nfqueue_checksum(copy, addresses + 8 + length);
	free(copy);
	return sum;
}

size_t raw_packet_make(const struct raw_packet *packet, uint8_t *out)
{
	const size_t transport = header_length(packet);
	const size_t length = transport + packet->length;
	const size_t ip = strchr(packet->from, ':') ? put_ipv6(packet, out, length)
						    : put_ipv4(packet, out, length);
	uint16_t sum;

	if (transport)
		put_transport(packet, out + ip);
	if (packet->length)
		memcpy(out + ip + transport, packet->payload, packet->length);
	if (!transport)
		return ip + length;
	sum = transport_checksum(out, ip, length);
	if (packet->protocol == IPPROTO_UDP)
		store16(out + ip + 6, sum ? sum : 0xffff);
	else
		store16(out + ip + 16, sum);
	return ip + length;
}

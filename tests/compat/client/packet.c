/* SPDX-License-Identifier: MIT */
#include "packet.h"

#include <netinet/in.h>
#include <string.h>

#define IPV4_HEADER 20u
#define IPV6_HEADER 40u
#define TCP_HEADER 20u
#define UDP_HEADER 8u

static void store16(uint8_t *bytes, size_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static uint32_t add(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return (sum >> 16) + (sum & 0xffff);
}

static uint16_t finish(uint32_t sum)
{
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~((sum >> 16) + sum);
}

size_t packet_ip_header(int family)
{
	return family == AF_INET6 ? IPV6_HEADER : IPV4_HEADER;
}

static void put_ipv4(uint8_t *out, uint8_t protocol, size_t length)
{
	static const uint8_t start[IPV4_HEADER] = {0x45, 0x10, 0,   0, 0x12, 0x34, 0x40,
						   0,    63,   0,   0, 0,    127,  0,
						   0,    1,    127, 0, 0,    1};

	memcpy(out, start, IPV4_HEADER);
	store16(out + 2, IPV4_HEADER + length);
	out[9] = protocol;
	store16(out + 10, finish(add(0, out, IPV4_HEADER)));
}

static void put_ipv6(uint8_t *out, uint8_t protocol, size_t length)
{
	static const uint8_t start[8] = {0x65, 0x21, 0x23, 0x45, 0, 0, 0, 62};

	memset(out, 0, IPV6_HEADER);
	memcpy(out, start, sizeof(start));
	store16(out + 4, length);
	out[6] = protocol;
	out[23] = out[39] = 1; /* ::1 */
}

static size_t put_udp(uint8_t *out, size_t length)
{
	store16(out + 4, UDP_HEADER + length);
	store16(out + 6, 0);
	return UDP_HEADER;
}

static size_t put_tcp(uint8_t *out)
{
	static const uint8_t rest[TCP_HEADER - 4] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
						     0xcd, 0xef, 0x50, 0x18, 0x20, 0x00};

	memcpy(out + 4, rest, sizeof(rest));
	return TCP_HEADER;
}

/* Over the addresses, the length and the protocol, too. */
static uint16_t checksum(const uint8_t *ip, int family, uint8_t protocol, size_t length)
{
	uint32_t sum = protocol + (uint32_t)length;

	sum += family == AF_INET6 ? add(0, ip + 8, 32) : add(0, ip + 12, 8);
	return finish(add(0, ip + packet_ip_header(family), length) + sum);
}

static size_t make(uint8_t *out, int family, uint8_t protocol, uint16_t port,
		   const void *payload, size_t length)
{
	const size_t ip = packet_ip_header(family);
	const size_t header =
		protocol == IPPROTO_TCP ? put_tcp(out + ip) : put_udp(out + ip, length);
	const size_t at = ip + (protocol == IPPROTO_TCP ? 16 : 6);

	if (family == AF_INET6)
		put_ipv6(out, protocol, header + length);
	else
		put_ipv4(out, protocol, header + length);
	store16(out + ip, PORT_FROM);
	store16(out + ip + 2, port);
	if (length)
		memcpy(out + ip + header, payload, length);
	store16(out + at, checksum(out, family, protocol, header + length));
	return ip + header + length;
}

size_t packet_udp(uint8_t *out, int family, uint16_t port, const void *payload,
		  size_t length)
{
	return make(out, family, IPPROTO_UDP, port, payload, length);
}

size_t packet_tcp(uint8_t *out, int family, uint16_t port, const void *payload,
		  size_t length)
{
	return make(out, family, IPPROTO_TCP, port, payload, length);
}

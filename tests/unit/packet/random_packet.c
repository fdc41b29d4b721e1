/* SPDX-License-Identifier: MIT */
#include "random_packet.h"

#include <netinet/in.h>
#include <string.h>

/* splitmix64 */
uint32_t random_below(struct random_packet *packet, uint32_t limit)
{
	uint64_t x = packet->state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((x ^ x >> 31) >> 32) % limit;
}

static int one_in(struct random_packet *packet, uint32_t n)
{
	return random_below(packet, n) == 0;
}

static int breaks(struct random_packet *packet)
{
	return packet->broken && one_in(packet, 4);
}

static void put8(struct random_packet *packet, uint32_t value)
{
	packet->data[packet->length++] = (uint8_t)value;
}

static void put16(struct random_packet *packet, uint32_t value)
{
	put8(packet, value >> 8);
	put8(packet, value);
}

static void put32(struct random_packet *packet, uint32_t value)
{
	put16(packet, value >> 16);
	put16(packet, value);
}

static void put_noise(struct random_packet *packet, uint32_t count)
{
	while (count--)
		put8(packet, random_below(packet, 256));
}

static void put_zeros(struct random_packet *packet, uint32_t count)
{
	while (count--)
		put8(packet, 0);
}

static void set16(struct random_packet *packet, uint32_t offset, uint32_t value)
{
	packet->data[offset] = (uint8_t)(value >> 8);
	packet->data[offset + 1] = (uint8_t)value;
}

static void put_ports(struct random_packet *packet)
{
	put16(packet, 20000 + random_below(packet, 10000));
	put16(packet, 20000 + random_below(packet, 10000));
}

static void put_ipv4_address(struct random_packet *packet)
{
	put32(packet, 0x0a000000 + random_below(packet, 1 << 24));
}

/* With runs of zeros, for the text form. */
static void put_ipv6_address(struct random_packet *packet)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (one_in(packet, 10)) {
		memcpy(packet->data + packet->length, mapped, sizeof(mapped));
		packet->length += sizeof(mapped);
		put_ipv4_address(packet);
		return;
	}
	for (int i = 0; i < 8; i++)
		put16(packet, one_in(packet, 2) ? 0 : random_below(packet, 65536));
}

static void put_payload(struct random_packet *packet)
{
	put_noise(packet, one_in(packet, 3) ? 0 : random_below(packet, 200));
}

struct tcp_option {
	uint8_t size;
	uint8_t data[20];
};

static const struct tcp_option tcp_options[] = {
	{1, {1}},
	{4, {2, 4, 5, 0xb4}},
	{3, {3, 3, 7}},
	{2, {4, 2}},
	{10, {5, 10, 1, 2, 3, 4, 5, 6, 7, 8}},
	{18, {5, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7}},
	{7, {5, 7, 1, 2, 3, 4, 5}},
	{6, {6, 6, 1, 2, 3, 4}},
	{6, {7, 6, 1, 2, 3, 4}},
	{10, {8, 10, 0x9f, 2, 3, 4, 5, 6, 7, 8}},
	{6, {11, 6, 0, 0, 1, 0}},
	{6, {12, 6, 0, 0, 1, 0}},
	{6, {13, 6, 0, 0, 1, 0}},
	{18, {19, 18, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0xff}},
	{4, {20, 4, 0x5a, 9}},
	{4, {28, 4, 0x80, 0x31}},
	{4, {28, 4, 0x80, 0x30}},
	{3, {29, 3, 1}},
	{4, {29, 4, 1, 2}},
	{12, {29, 12, 1, 2, 3, 4, 5, 6}},
	{2, {34, 2}},
	{10, {34, 10, 1, 2, 3, 4, 5, 6, 7, 8}},
	{5, {34, 5, 1, 2, 3}},
	{4, {254, 4, 0xf9, 0x89}},
	{8, {254, 8, 0xf9, 0x89, 1, 2, 3, 4}},
	{6, {254, 6, 0xab, 0xcd, 1, 2}},
	{3, {254, 3, 1}},
	{2, {77, 2}},
	{5, {77, 5, 1, 2, 3}},
	{5, {2, 5, 5, 0xb4, 1}},
	{3, {2, 3, 5}},
	{1, {0}},
};

static void put_tcp_options(struct random_packet *packet)
{
	uint32_t start = packet->length, room = 40;

	while (!one_in(packet, 4)) {
		uint32_t pick = random_below(packet, sizeof(tcp_options) /
							     sizeof(tcp_options[0]));
		const struct tcp_option *option = &tcp_options[pick];

		if (option->size > room)
			break;
		memcpy(packet->data + packet->length, option->data, option->size);
		packet->length += option->size;
		room -= option->size;
	}
	while ((packet->length - start) % 4)
		put8(packet, one_in(packet, 2));
}

static void put_tcp(struct random_packet *packet)
{
	static const uint8_t common[] = {0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0xc2};
	uint32_t start = packet->length, header;

	put_ports(packet);
	put_noise(packet, 8);
	put8(packet, 0);
	put8(packet, one_in(packet, 3) ? random_below(packet, 256)
				       : common[random_below(packet, sizeof(common))]);
	put_noise(packet, 6);
	if (one_in(packet, 2))
		put_tcp_options(packet);
	header = (packet->length - start) / 4;
	if (breaks(packet))
		header = random_below(packet, 16);
	packet->data[start + 12] = (uint8_t)(header << 4);
	put_payload(packet);
	if (breaks(packet)) /* anything may stand in an option's length */
		packet->data[start + 21 + random_below(packet, 4)] =
			(uint8_t)random_below(packet, 24);
}

static void put_udp(struct random_packet *packet)
{
	uint32_t start = packet->length;

	put_ports(packet);
	put32(packet, 0);
	put_payload(packet);
	set16(packet, start + 4,
	      breaks(packet) ? random_below(packet, 300) : packet->length - start);
}

/* What an ICMP error is about: a header and eight bytes. */
static void put_inner_ipv4(struct random_packet *packet)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};

	put16(packet, 0x4500);
	put16(packet, 64);
	put32(packet, 0);
	put8(packet, 64);
	put8(packet, protocols[random_below(packet, sizeof(protocols))]);
	put16(packet, 0);
	put_ipv4_address(packet);
	put_ipv4_address(packet);
	put_ports(packet);
	put32(packet, 0);
}

static void put_icmp(struct random_packet *packet)
{
	static const uint8_t types[] = {0, 8, 3, 3, 3, 3, 4, 5, 9, 11, 12};
	uint32_t type = types[random_below(packet, sizeof(types))];

	if (one_in(packet, 4))
		type = random_below(packet, 20);
	put8(packet, type);
	put8(packet, type == 3 ? random_below(packet, 18) : random_below(packet, 6));
	put16(packet, 0);
	if (type == 9) { /* a router advertisement that counts its entries */
		put8(packet, 2);
		put8(packet, one_in(packet, 4) ? 3 : 2);
		put16(packet, random_below(packet, one_in(packet, 2) ? 100 : 9000));
		put_noise(packet, 16);
		return;
	}
	if (one_in(packet, 3))
		put_zeros(packet, 4);
	else
		put_noise(packet, 4);
	if (type == 3 || type == 5 || type == 11 || type == 12)
		put_inner_ipv4(packet);
	else
		put_noise(packet, random_below(packet, 80));
}

static void put_inner_ipv6(struct random_packet *packet)
{
	static const uint8_t nexts[] = {IPPROTO_TCP,      IPPROTO_UDP,     IPPROTO_SCTP,
					IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_AH};
	uint32_t next = nexts[random_below(packet, sizeof(nexts))];

	put32(packet, 0x60000000);
	put16(packet, 64);
	put8(packet, next);
	put8(packet, 64);
	put_ipv6_address(packet);
	put_ipv6_address(packet);
	if (next == IPPROTO_FRAGMENT) {
		put16(packet, IPPROTO_UDP << 8);
		put16(packet, one_in(packet, 3) ? 8 : 1);
		put32(packet, 1);
	} else if (next == IPPROTO_HOPOPTS) {
		put16(packet, IPPROTO_TCP << 8);
		put16(packet, 0x0104);
		put32(packet, 0);
	} else if (next == IPPROTO_AH) {
		put16(packet, IPPROTO_TCP << 8 | 1);
		put_noise(packet, 10);
	}
	put_ports(packet);
	put32(packet, 0);
}

/* Behind the first eight bytes: of MLD version 1, of none, and of version 2. */
static void put_query(struct random_packet *packet)
{
	static const uint8_t sizes[] = {16, 17, 20, 36, 52};

	put_noise(packet, 16);
	put16(packet, 0);
	put16(packet, random_below(packet, 4));
	put_zeros(packet, 32);
	packet->length -= 52 - sizes[random_below(packet, sizeof(sizes))];
}

static void put_icmpv6(struct random_packet *packet)
{
	static const uint8_t types[] = {1,   1,   2,   3,   4,   128, 129, 130, 131, 132,
					133, 134, 135, 136, 137, 141, 142, 143, 144, 146};
	uint32_t start = packet->length;
	uint32_t type = types[random_below(packet, sizeof(types))];

	if (one_in(packet, 8))
		type = 160 + random_below(packet, 40);
	put8(packet, type);
	put8(packet, type == 1 && one_in(packet, 2) ? 4 : random_below(packet, 6));
	put16(packet, 0);
	put_noise(packet, 4);
	if (type < 128)
		put_inner_ipv6(packet);
	else if (type == 130)
		put_query(packet);
	else if (type == 143)
		put_noise(packet, random_below(packet, 40));
	else
		put_noise(packet, 32 + random_below(packet, 40));
	if (breaks(packet)) /* nothing but the type, or not even that */
		packet->length = start + random_below(packet, 2);
}

static const uint8_t transports[] = {
	IPPROTO_TCP,
	IPPROTO_TCP,
	IPPROTO_TCP,
	IPPROTO_UDP,
	IPPROTO_UDP,
	IPPROTO_UDP,
	IPPROTO_ICMP,
	IPPROTO_ICMP,
	IPPROTO_ICMPV6,
	IPPROTO_ICMPV6,
	IPPROTO_ESP,
	IPPROTO_UDPLITE,
	200,
	108,
	77,
	IPPROTO_NONE,
};

static uint32_t pick_transport(struct random_packet *packet)
{
	if (packet->length < 300 && one_in(packet, 10))
		return one_in(packet, 2) ? IPPROTO_IPIP : IPPROTO_IPV6;
	return transports[random_below(packet, sizeof(transports))];
}

static void put_ipv4(struct random_packet *packet);
static void put_ipv6(struct random_packet *packet);

static void put_transport(struct random_packet *packet, uint32_t protocol)
{
	switch (protocol) {
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		if ((protocol == IPPROTO_IPIP) ^ breaks(packet))
			put_ipv4(packet);
		else
			put_ipv6(packet);
		break;
	case IPPROTO_TCP:
		put_tcp(packet);
		break;
	case IPPROTO_UDP:
		put_udp(packet);
		break;
	case IPPROTO_ICMP:
		put_icmp(packet);
		break;
	case IPPROTO_ICMPV6:
		put_icmpv6(packet);
		break;
	default:
		put_noise(packet, random_below(packet, 60));
	}
}

static void put_ipv4_header(struct random_packet *packet, uint32_t protocol)
{
	uint32_t start = packet->length;
	uint32_t options = one_in(packet, 4) ? random_below(packet, 11) : 0;
	uint32_t fragment = one_in(packet, 3) ? 0x4000 : 0;

	if (one_in(packet, 8))
		fragment = 0x2000 | (one_in(packet, 2) ? 0 : random_below(packet, 8000));
	put8(packet, 0x45 + options);
	put8(packet, random_below(packet, 256));
	put16(packet, 0);
	put_noise(packet, 2);
	put16(packet, fragment);
	put8(packet, 64);
	put8(packet, protocol);
	put16(packet, 0);
	put_ipv4_address(packet);
	put_ipv4_address(packet);
	for (uint32_t i = 0; i < options; i++)
		put32(packet, 0x01010101);
	if (breaks(packet))
		packet->data[start] = (uint8_t)(0x40 + random_below(packet, 5));
}

static uint32_t ah_words(struct random_packet *packet)
{
	return 3 + random_below(packet, 4);
}

/* IPv4 again, AH, or the transport header itself. */
static void put_ipv4(struct random_packet *packet)
{
	uint32_t start = packet->length, protocol = pick_transport(packet);
	uint32_t outer = one_in(packet, 12) ? IPPROTO_AH : protocol;

	put_ipv4_header(packet, outer);
	if (outer == IPPROTO_AH) {
		uint32_t words = ah_words(packet);

		put8(packet, protocol);
		put8(packet, words - 2);
		put16(packet, one_in(packet, 3));
		put_noise(packet, words * 4 - 4);
	}
	put_transport(packet, protocol);
	set16(packet, start + 2, packet->length - start);
	if (breaks(packet))
		set16(packet, start + 2, 1 + random_below(packet, 120));
}

static void put_options_header(struct random_packet *packet, uint32_t next)
{
	uint32_t units = random_below(packet, 3), start = packet->length;

	put8(packet, next);
	put8(packet, units);
	while (packet->length < start + (units + 1) * 8) {
		if ((packet->length - start) % 8 == 4 && one_in(packet, 2))
			put32(packet, 0x05020000);
		else
			put8(packet, 0);
	}
	if (breaks(packet))
		packet->data[start + 2 + random_below(packet, 6)] =
			(uint8_t)(one_in(packet, 2) ? 0xc2 : random_below(packet, 8));
}

static void put_routing_header(struct random_packet *packet, uint32_t next)
{
	static const uint8_t types[] = {0, 2, 4, 3};
	uint32_t addresses = random_below(packet, 3);

	put8(packet, next);
	put8(packet, addresses * 2 + (breaks(packet) ? 1 : 0));
	put8(packet, types[random_below(packet, breaks(packet) ? 4 : 3)]);
	put8(packet, addresses);
	put32(packet, one_in(packet, 2) ? 0 : random_below(packet, 1 << 30));
	while (addresses--)
		put_ipv6_address(packet);
}

static void put_fragment_header(struct random_packet *packet, uint32_t next)
{
	put8(packet, next);
	put8(packet, 0);
	put16(packet, random_below(packet, 2) +
			      (one_in(packet, 2) ? 0 : 8 * random_below(packet, 8000)));
	put_noise(packet, 4);
}

static void put_ah_header(struct random_packet *packet, uint32_t next)
{
	uint32_t words = ah_words(packet) | 1;

	put8(packet, next);
	put8(packet, words + 1 - 2);
	put16(packet, 0);
	put_noise(packet, (words + 1) * 4 - 4);
}

static void put_mobility_header(struct random_packet *packet)
{
	static const uint8_t units[] = {0, 1, 1, 2, 2, 1, 1, 2, 0};
	uint32_t type = random_below(packet, 9);

	put8(packet, IPPROTO_NONE);
	put8(packet, breaks(packet) ? 0 : units[type]);
	put8(packet, type);
	put_noise(packet, 5 + units[type] * 8u);
}

/* A chain of a few headers; returns what must follow it. */
static void put_extensions(struct random_packet *packet, uint32_t next_at, uint32_t last)
{
	static const uint8_t kinds[] = {IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING,
					IPPROTO_FRAGMENT, IPPROTO_AH};
	uint32_t count = one_in(packet, 2) ? 0 : 1 + random_below(packet, 3);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t kind =
			kinds[i || !one_in(packet, 3) ? 1 + random_below(packet, 4) : 0];

		if (breaks(packet))
			kind = kinds[random_below(packet, 5)];
		packet->data[next_at] = (uint8_t)kind;
		next_at = packet->length;
		switch (kind) {
		case IPPROTO_ROUTING:
			put_routing_header(packet, last);
			break;
		case IPPROTO_FRAGMENT:
			put_fragment_header(packet, last);
			break;
		case IPPROTO_AH:
			put_ah_header(packet, last);
			i = count; /* tcpdump takes it for the last */
			break;
		default:
			put_options_header(packet, last);
		}
	}
}

static void put_ipv6(struct random_packet *packet)
{
	uint32_t start = packet->length, last = pick_transport(packet);

	if (one_in(packet, 12))
		last = IPPROTO_MH;
	put32(packet, 0x60000000 | random_below(packet, 1 << 28));
	put16(packet, 0);
	put8(packet, last);
	put8(packet, 64);
	put_ipv6_address(packet);
	put_ipv6_address(packet);
	put_extensions(packet, start + 6, last);
	if (last == IPPROTO_MH)
		put_mobility_header(packet);
	else
		put_transport(packet, last);
	set16(packet, start + 4, packet->length - start - 40);
	if (breaks(packet))
		set16(packet, start + 4, 1 + random_below(packet, 120));
}

void random_packet_next(struct random_packet *packet)
{
	packet->length = 0;
	if (one_in(packet, 2))
		put_ipv4(packet);
	else
		put_ipv6(packet);
	packet->captured = packet->length;
	if (breaks(packet))
		packet->captured = 1 + random_below(packet, packet->length);
}

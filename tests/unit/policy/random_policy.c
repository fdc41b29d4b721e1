/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "random_policy.h"

static const uint16_t ports[] = {22, 23, 53, 80, 443, 1000, 8080, 65535};
static const uint8_t hosts[][4] = {{10, 0, 0, 1},
				   {10, 0, 0, 2},
				   {10, 1, 0, 1},
				   {192, 168, 1, 1},
				   {192, 168, 1, 200}};
static const uint8_t protocols[] = {6, 6, 6, 17, 17, 17, 1, 58, 44, 0, 51, 47};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Source: splitmix64 by Sebastiano Vigna, public domain. */
uint32_t random_below(struct random *random, uint32_t limit)
{
	uint64_t z = (random->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) >> 32) % limit;
}

static uint16_t a_port(struct random *random)
{
	return ports[random_below(random, COUNT(ports))];
}

static const uint8_t *a_host(struct random *random)
{
	return hosts[random_below(random, COUNT(hosts))];
}

static const char *side(struct random *random)
{
	static const char *const sides[] = {"", "", "src ", "dst "};

	return sides[random_below(random, COUNT(sides))];
}

static void port_primitive(struct random *random, char *text, size_t size)
{
	static const char *const protocol[] = {"", "tcp ", "udp ", "ip and tcp ",
					       "ip6 and udp "};
	const char *which = protocol[random_below(random, COUNT(protocol))];
	const char *direction = side(random);
	uint32_t first = a_port(random), last = a_port(random);

	if (random_below(random, 3))
		snprintf(text, size, "%s%sport %u", which, direction, first);
	else
		snprintf(text, size, "%s%sportrange %u-%u", which, direction, first,
			 last);
}

static void host_primitive(struct random *random, char *text, size_t size)
{
	const uint8_t *host = a_host(random);
	const char *direction = side(random);
	uint32_t bits = random_below(random, 33);
	uint32_t address = (uint32_t)host[0] << 24 | (uint32_t)host[1] << 16 |
			   (uint32_t)host[2] << 8 | host[3];

	if (random_below(random, 3) == 0) {
		snprintf(text, size, "ip6 %shost 2001:db8::%x:%x", direction,
			 address >> 16, address & 0xffff);
		return;
	}
	if (random_below(random, 2)) {
		snprintf(text, size, "%shost %u.%u.%u.%u", direction, host[0], host[1],
			 host[2], host[3]);
		return;
	}
	address &= bits ? UINT32_MAX << (32 - bits) : 0;
	snprintf(text, size, "%snet %u.%u.%u.%u/%u", direction, address >> 24,
		 address >> 16 & 255, address >> 8 & 255, address & 255, bits);
}

static const char *const others[] = {
	"tcp",
	"udp",
	"icmp",
	"icmp6",
	"ip",
	"ip6",
	"ip proto 47",
	"ip6 proto 44",
	"ip6 net 2001:db8::/32",
	"ip6 src net 2001:db8:0:0::/63",
	"ip[8] < 5",
	"ip[8] >= 250",
	"ip[8] = 64",
	"ip[0] >> 4 = 4",
	"ip[0] & 0xf > 5",
	"ip[0] & 0xf = 7",
	"ip[2:2] > 100",
	"ip[2:2] - 20 > 40",
	"ip[2:2] - 200 > 40",
	"ip[8] * 4 = 256",
	"ip[8] + 0xfffffff0 = 4",
	"ip[8] / 3 = 21",
	"ip[8] % 7 = 1",
	"ip[8] ^ 1 = 65",
	"ip[8] | 1 = 65",
	"ip[6:2] & 0x1fff = 0",
	"ip[6:2] & 0x2000 != 0",
	"ip[ip[0] & 0xf] = 3",
	"ip[ip[8]:2] = 0x1234",
	"ip[(ip[0] & 0xf) * 4:2] = 80",
	"ip[ip[2:2]] = 1",
	"ip[(ip[8] & 7) << 2] > 7",
	"ip6[6] = 17",
	"ip6[7] = 64",
	"ip6[40:4] & 0xffff = 80",
	"tcp[tcpflags] & tcp-syn != 0",
	"tcp[tcpflags] = tcp-syn",
	"tcp[13] & 0x12 = 0x12",
	"tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
	"udp[4:2] = 20",
	"udp[8:4] & 0xff00ff00 = 0x11001200",
	"icmp[icmptype] = icmp-echo",
	"less 60",
	"greater 100",
	"len = 40",
	"len & 1 = 0",
	"ip broadcast",
	"ip multicast",
	"ip[100000] = 5",
	"ip[300] = 5",
	"ip src 10.0.0.1 or 10.0.0.2 or 10.1.0.1",
	"tcp port 22 or 23 or 80",
	"ip[1] > 3 and ip[1] < 9",
};

static void other_primitive(struct random *random, char *text, size_t size)
{
	snprintf(text, size, "%s", others[random_below(random, COUNT(others))]);
}

static void primitive(struct random *random, char *text, size_t size)
{
	uint32_t kind = random_below(random, 3);

	if (kind == 0)
		port_primitive(random, text, size);
	else if (kind == 1)
		host_primitive(random, text, size);
	else
		other_primitive(random, text, size);
}

void random_expression(struct random *random, char *text, size_t size)
{
	static const char *const glue[] = {" and ", " or ", " and not ", " or not "};
	uint32_t terms = 1 + random_below(random, 4);
	size_t used = 0;

	for (uint32_t i = 0; i < terms && used < size; i++) {
		char one[128];

		primitive(random, one, sizeof(one));
		used += (size_t)snprintf(text + used, size - used, "%s(%s)",
					 i ? glue[random_below(random, COUNT(glue))] : "",
					 one);
	}
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void random_transport(struct random *random, uint8_t *at)
{
	put16(at, a_port(random));
	put16(at + 2, a_port(random));
	put16(at + 4, random_below(random, 30));
	if (random_below(random, 2))
		at[13] = (uint8_t)(1u << random_below(random, 5));
	if (random_below(random, 4) == 0) {
		at[12] = 0x50;
		memcpy(at + 20, "GET ", 4);
	}
}

static void random_ipv4(struct random *random, uint8_t *packet, uint32_t length)
{
	uint32_t words = random_below(random, 2) ? 5 : random_below(random, 16);

	packet[0] = (uint8_t)(0x40 | words);
	put16(packet + 2, length);
	put16(packet + 6,
	      random_below(random, 4) ? 0x4000 : random_below(random, 0x10000));
	packet[8] = (uint8_t)(random_below(random, 2) ? 64 : random_below(random, 256));
	packet[9] = protocols[random_below(random, COUNT(protocols))];
	memcpy(packet + 12, a_host(random), 4);
	memcpy(packet + 16, a_host(random), 4);
	random_transport(random, packet + words * 4);
}

static void random_ipv6(struct random *random, uint8_t *packet)
{
	static const uint8_t prefix[12] = {0x20, 0x01, 0x0d, 0xb8};
	uint32_t at = 40, next = random_below(random, COUNT(protocols));

	packet[0] = (uint8_t)(0x60 | random_below(random, 16));
	packet[6] = protocols[next];
	packet[7] = 64;
	memcpy(packet + 8, prefix, sizeof(prefix));
	memcpy(packet + 20, a_host(random), 4);
	memcpy(packet + 24, prefix, sizeof(prefix));
	memcpy(packet + 36, a_host(random), 4);
	if (packet[6] == 0 || packet[6] == 44) { /* one extension header */
		packet[at] = protocols[random_below(random, 6)];
		packet[at + 1] = 0;
		at += 8;
	}
	random_transport(random, packet + at);
}

uint32_t random_packet(struct random *random, uint8_t packet[RANDOM_PACKET_MAX])
{
	uint32_t kind = random_below(random, 8), length;

	length = random_below(random, 2) ? 40 + random_below(random, 60)
					 : random_below(random, RANDOM_PACKET_MAX + 1);
	for (uint32_t i = 0; i < RANDOM_PACKET_MAX; i++)
		packet[i] = (uint8_t)random_below(random, 256);
	if (kind < 5)
		random_ipv4(random, packet, length);
	else if (kind < 7)
		random_ipv6(random, packet);
	return length;
}

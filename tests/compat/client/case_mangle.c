/* SPDX-License-Identifier: MIT */
/* Bytes replaced by others: at every boundary of the payload and of what is free behind
 * it, and beyond them. */
#include "buffer.h"
#include "cases.h"
#include "packet.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int mangle_fn(struct pkt_buff *buffer, unsigned int header, unsigned int offset,
		      unsigned int length, const char *bytes, unsigned int count);

struct way {
	const char *function;
	int family, protocol;
	mangle_fn *mangle;
};

/* `header` is what stands in front of the payload. */
static int mangle_any(struct pkt_buff *buffer, unsigned int header, unsigned int offset,
		      unsigned int length, const char *bytes, unsigned int count)
{
	return pktb_mangle(buffer, (int)header, offset, length, bytes, count);
}

#define WITHOUT_HEADER(name)                                                            \
	static int name##_(struct pkt_buff *buffer, unsigned int header,                \
			   unsigned int offset, unsigned int length, const char *bytes, \
			   unsigned int count)                                          \
	{                                                                               \
		return name(buffer, offset, length, bytes, count);                      \
	}

WITHOUT_HEADER(nfq_udp_mangle_ipv4)
WITHOUT_HEADER(nfq_udp_mangle_ipv6)
WITHOUT_HEADER(nfq_tcp_mangle_ipv4)
WITHOUT_HEADER(nfq_tcp_mangle_ipv6)

static const struct way ways[] = {
	{"pktb_mangle", AF_INET, IPPROTO_UDP, mangle_any},
	{"nfq_ip_mangle", AF_INET, IPPROTO_UDP, nfq_ip_mangle},
	{"nfq_ip6_mangle", AF_INET6, IPPROTO_UDP, nfq_ip6_mangle},
	{"nfq_udp_mangle_ipv4", AF_INET, IPPROTO_UDP, nfq_udp_mangle_ipv4_},
	{"nfq_udp_mangle_ipv6", AF_INET6, IPPROTO_UDP, nfq_udp_mangle_ipv6_},
	{"nfq_tcp_mangle_ipv4", AF_INET, IPPROTO_TCP, nfq_tcp_mangle_ipv4_},
	{"nfq_tcp_mangle_ipv6", AF_INET6, IPPROTO_TCP, nfq_tcp_mangle_ipv6_},
};

struct step {
	const struct way *way;
	unsigned int room, offset, length, count;
};

static const char letters[200] =
	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";

static unsigned int header_of(const struct way *way)
{
	return (unsigned int)packet_ip_header(way->family) +
	       (way->protocol == IPPROTO_TCP ? 20 : 8);
}

static void run_step(const struct step *step)
{
	const struct way *way = step->way;
	struct pkt_buff *buffer = buffer_new(way->family, way->protocol, step->room);
	char label[80];
	int result;

	snprintf(label, sizeof(label), "room %u, %u bytes at %u by %u", step->room,
		 step->length, step->offset, step->count);
	buffer_find_transport(buffer, way->family, way->protocol);
	show_begin();
	result = way->mangle(buffer, header_of(way), step->offset, step->length, letters,
			     step->count);
	show_int(way->function, result, "%s", label);
	buffer_tell(buffer, way->function, label);
	pktb_free(buffer);
}

static void run_child_step(const void *ctx)
{
	run_step(ctx);
}

/* What upstream does right: within the payload, and growth that fits or is far off. */
static bool is_sound(const struct step *step)
{
	const unsigned int growth =
		step->count > step->length ? step->count - step->length : 0;

	if (step->offset + step->length > strlen(DIGITS))
		return false;
	return growth <= step->room || growth > 2 * step->room;
}

static void boundaries(const struct way *way)
{
	static const unsigned int rooms[] = {0, 1, 8};
	static const unsigned int offsets[] = {0, 1, 9, 10};
	static const unsigned int lengths[] = {0, 1, 9, 10};
	static const unsigned int counts[] = {0, 1, 2, 8, 9, 10, 11, 18, 19, 30};
	struct step step = {.way = way};

	for (int r = 0; r < 3; r++)
		for (int o = 0; o < 4; o++)
			for (int l = 0; l < 4; l++)
				for (int c = 0; c < 10; c++) {
					step.room = rooms[r];
					step.offset = offsets[o];
					step.length = lengths[l];
					step.count = counts[c];
					if (is_sound(&step))
						run_step(&step);
				}
}

#define WAY_CASE(number)                   \
	static void way_##number(void)     \
	{                                  \
		boundaries(&ways[number]); \
	}

WAY_CASE(0)
WAY_CASE(1)
WAY_CASE(2)
WAY_CASE(3)
WAY_CASE(4)
WAY_CASE(5)
WAY_CASE(6)

/* Growth beyond the room that is there, and matches beyond the packet. */
static void unsound(void)
{
	static const struct step steps[] = {
		{NULL, 8, 10, 0, 9},         {NULL, 8, 0, 0, 16},
		{NULL, 8, 0, 1, 10},         {NULL, 1, 0, 0, 2},
		{NULL, 40, 0, 10, 90},       {NULL, 8, 0, 11, 0},
		{NULL, 8, 11, 0, 0},         {NULL, 8, 11, 1, 1},
		{NULL, 8, 5, 6, 6},          {NULL, 8, 100, 1, 1},
		{NULL, 8, 0, 0xffffffff, 1}, {NULL, 8, 0, 1000, 0},
		{NULL, 8, 0xffffffff, 1, 1},
	};
	char label[80];

	for (size_t w = 0; w < sizeof(ways) / sizeof(*ways); w++)
		for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
			struct step step = steps[i];

			step.way = &ways[w];
			snprintf(label, sizeof(label), "room %u, %u bytes at %u by %u",
				 step.room, step.length, step.offset, step.count);
			tell_child(step.way->function, run_child_step, &step, label);
		}
}

/* Several in a row: each finds what the one before left. */
static void in_a_row(void)
{
	for (size_t w = 0; w < sizeof(ways) / sizeof(*ways); w++) {
		const struct way *way = &ways[w];
		struct pkt_buff *buffer = buffer_new(way->family, way->protocol, 20);
		char label[40];

		buffer_find_transport(buffer, way->family, way->protocol);
		for (unsigned int i = 0; i < 6; i++) {
			snprintf(label, sizeof(label), "in a row, number %u", i);
			show_begin();
			show_int(way->function,
				 way->mangle(buffer, header_of(way), i, 2, letters,
					     i & 1 ? 0 : 5),
				 "%s", label);
			buffer_tell(buffer, way->function, label);
		}
		pktb_free(buffer);
	}
}

/* A UDP checksum of 0 means that there is none. */
static void without_checksum(void)
{
	static const int families[] = {AF_INET, AF_INET6};
	uint8_t packet[200];

	for (int i = 0; i < 2; i++) {
		const char *function = i ? "nfq_udp_mangle_ipv6" : "nfq_udp_mangle_ipv4";
		size_t length = packet_udp(packet, families[i], 53, DIGITS, 10);
		struct pkt_buff *buffer;

		memset(packet + packet_ip_header(families[i]) + 6, 0, 2);
		buffer = buffer_of(families[i], packet, length, 10);
		buffer_find_transport(buffer, families[i], IPPROTO_UDP);
		show_begin();
		show_int(function,
			 i ? nfq_udp_mangle_ipv6(buffer, 0, 1, "xy", 2)
			   : nfq_udp_mangle_ipv4(buffer, 0, 1, "xy", 2),
			 "no checksum before");
		buffer_tell(buffer, function, "no checksum before");
		pktb_free(buffer);
	}
}

/* The offset of the data may be anywhere, so headers can be changed, too. */
static void header_bytes(void)
{
	for (unsigned int offset = 0; offset < 38; offset += 3) {
		struct pkt_buff *buffer = buffer_new(AF_INET, IPPROTO_UDP, 8);
		char label[40];

		snprintf(label, sizeof(label), "header byte %u", offset);
		buffer_find_transport(buffer, AF_INET, IPPROTO_UDP);
		INT(pktb_mangle(buffer, (int)offset, 0, 1, "ZZ", offset & 1 ? 2 : 1),
		    "%s", label);
		buffer_tell(buffer, "pktb_mangle", label);
		pktb_free(buffer);
	}
}

static void mangle_unfound(const void *ctx)
{
	const struct way *way = ctx;
	struct pkt_buff *buffer = buffer_new(way->family, way->protocol, 8);

	show_begin();
	show_int(way->function, way->mangle(buffer, header_of(way), 0, 1, "xy", 2),
		 "no transport header");
	buffer_tell(buffer, way->function, "no transport header");
	pktb_free(buffer);
}

/* Programs forget to look for the transport header. */
static void transport_not_found(void)
{
	for (size_t w = 0; w < sizeof(ways) / sizeof(*ways); w++)
		tell_child(ways[w].function, mangle_unfound, &ways[w],
			   "no transport header");
}

static void mangle_unknown(const void *ctx)
{
	uint8_t packet[200];
	size_t length = packet_udp(packet, AF_INET, 53, DIGITS, 10);
	struct pkt_buff *buffer = buffer_of(AF_UNIX, packet, length, 8);

	INT(pktb_mangle(buffer, 28, 0, 1, "x", 1), "unknown family");
	buffer_tell(buffer, "pktb_mangle", "unknown family");
	pktb_free(buffer);
}

static void unknown_family(void)
{
	tell_child("pktb_mangle", mangle_unknown, NULL, "unknown family");
}

const struct compat_case mangle_cases[] = {
	{"mangle-pktb", way_0},
	{"mangle-ip", way_1},
	{"mangle-ip6", way_2},
	{"mangle-udp-ipv4", way_3},
	{"mangle-udp-ipv6", way_4},
	{"mangle-tcp-ipv4", way_5},
	{"mangle-tcp-ipv6", way_6},
	{"mangle-unsound", unsound},
	{"mangle-in-a-row", in_a_row},
	{"mangle-without-checksum", without_checksum},
	{"mangle-header-bytes", header_bytes},
	{"mangle-transport-not-found", transport_not_found},
	{"mangle-unknown-family", unknown_family},
	{0},
};

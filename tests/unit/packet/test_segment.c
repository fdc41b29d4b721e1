/* SPDX-License-Identifier: MIT */
/* A packet that is cut says the same as before, in packets that are sound and fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>

#include <nfqueue/build.h>

#include "packet/checksum.h"
#include "packets.h"
#include "random_packet.h"

#define SEGMENTS 64
#define SEGMENT_MAX 2048

struct segments {
	uint8_t data[SEGMENTS][SEGMENT_MAX];
	struct nfqueue_view view[SEGMENTS];
	struct nfqueue_tcp tcp[SEGMENTS];
	uint32_t count;
	uint32_t stop_at; /* the put that fails; 0: none */
};

static int collect(const uint8_t *data, size_t length, void *ctx)
{
	struct segments *segments = ctx;
	uint32_t i = segments->count++;

	assert_true(i < SEGMENTS && length <= SEGMENT_MAX);
	if (segments->stop_at == segments->count)
		return -EIO;
	memcpy(segments->data[i], data, length);
	assert_int_equal(
		nfqueue_view_parse(&segments->view[i], segments->data[i], length), 0);
	assert_int_equal(segments->view[i].total_length, length);
	nfqueue_view_tcp(&segments->view[i], &segments->tcp[i]);
	return 0;
}

/* `hex` with `payload` bytes of 0, 1, 2, ... and the length that it then has. */
static uint8_t *with_payload(const char *hex, uint32_t payload, uint32_t *length)
{
	uint8_t *headers = from_hex(hex, length), *packet;

	packet = malloc(*length + payload);
	memcpy(packet, headers, *length);
	for (uint32_t i = 0; i < payload; i++)
		packet[*length + i] = (uint8_t)(i * 7);
	*length += payload;
	if (packet[0] >> 4 == 4) {
		packet[2] = (uint8_t)(*length >> 8);
		packet[3] = (uint8_t)*length;
	} else {
		packet[4] = (uint8_t)((*length - 40) >> 8);
		packet[5] = (uint8_t)(*length - 40);
	}
	free(headers);
	return packet;
}

static int cut(struct segments *segments, const char *hex, uint32_t payload, size_t mtu)
{
	uint32_t length;
	uint8_t *packet = with_payload(hex, payload, &length);
	int ret;

	segments->count = 0;
	ret = nfqueue_segment(packet, length, mtu, collect, segments);
	free(packet);
	return ret;
}

static void check_sound(const struct nfqueue_view *view)
{
	uint32_t length = view->length - view->transport_offset, sum;

	sum = checksum_pseudo(view, IPPROTO_TCP, length);
	assert_int_equal(checksum_add(sum, view->data + view->transport_offset, length),
			 0xffff);
	if (view->ip_version == 4)
		assert_int_equal(nfqueue_checksum(view->data, (view->data[0] & 15u) * 4),
				 0);
}

#define ACK_PSH_FIN_CWR "04d20050 fffffff0 00000002 5099 0010 dead 0000"
#define IPV4_TCP "45030000 fffe4000 4006dead" IPV4_ENDS
#define IPV6_TCP "60300000 00000640" IPV6_ENDS
#define OPTIONS "0101080a 00000001 00000002"

static const struct whole {
	const char *name;
	const char *hex;
	uint32_t headers;
} wholes[] = {
	{"IPv4", IPV4_TCP ACK_PSH_FIN_CWR, 40},
	{"IPv4, TCP options",
	 IPV4_TCP "04d20050 fffffff0 00000002 8099 0010 0000 0000" OPTIONS, 52},
	{"IPv4 options",
	 "46030000 fffe4000 40060000" IPV4_ENDS "94040000" ACK_PSH_FIN_CWR, 44},
	{"IPv6", IPV6_TCP ACK_PSH_FIN_CWR, 60},
	{"IPv6, TCP options",
	 IPV6_TCP "04d20050 fffffff0 00000002 8099 0010 0000 0000" OPTIONS, 72},
	{"IPv6, destination options",
	 "60300000 00003c40" IPV6_ENDS "0600010400000000" ACK_PSH_FIN_CWR, 68},
	{"IPv6, atomic fragment",
	 "60300000 00002c40" IPV6_ENDS "0600000000000007" ACK_PSH_FIN_CWR, 68},
	{"IPv6, segments left",
	 "60300000 00002b40" IPV6_ENDS
	 "06020201 00000000 20010db8000000000000000000000003" ACK_PSH_FIN_CWR,
	 84},
};

/* Segment `i` at `offset` of the payload; `last` ends it. */
static void check_segment(const struct segments *segments, uint32_t i, uint32_t offset,
			  int last)
{
	const struct nfqueue_view *view = &segments->view[i];
	const struct nfqueue_tcp *tcp = &segments->tcp[i];
	uint32_t length;
	const uint8_t *payload = nfqueue_view_payload(view, &length);
	struct nfqueue_ipv4 ipv4;

	check_sound(view);
	assert_int_equal(tcp->sequence, 0xfffffff0 + offset);
	assert_int_equal(tcp->acknowledgement, 2);
	assert_int_equal(!!(tcp->flags & NFQUEUE_TCP_CWR), i == 0);
	assert_int_equal(!!(tcp->flags & NFQUEUE_TCP_FIN), last);
	assert_int_equal(!!(tcp->flags & NFQUEUE_TCP_PSH), last);
	assert_true(tcp->flags & NFQUEUE_TCP_ACK);
	for (uint32_t n = 0; n < length; n++)
		assert_int_equal(payload[n], (uint8_t)((offset + n) * 7));
	if (nfqueue_view_ipv4(view, &ipv4) == 0) {
		assert_int_equal(ipv4.id, (uint16_t)(0xfffe + i));
		assert_int_equal(ipv4.ecn, 3);
		assert_true(ipv4.dont_fragment);
	}
}

static void segments_say_what_the_packet_said(void **state)
{
	static struct segments segments;

	(void)state;
	for (size_t n = 0; n < sizeof(wholes) / sizeof(wholes[0]); n++) {
		const struct whole *whole = &wholes[n];

		for (uint32_t payload = 301; payload < 1300; payload += 111) {
			uint32_t mss = 100, offset = 0, length;

			assert_int_equal(
				cut(&segments, whole->hex, payload, whole->headers + mss),
				(payload + mss - 1) / mss);
			for (uint32_t i = 0; i < segments.count; i++) {
				nfqueue_view_payload(&segments.view[i], &length);
				assert_true(length <= mss && length);
				check_segment(&segments, i, offset,
					      i + 1 == segments.count);
				offset += length;
			}
			assert_int_equal(offset, payload);
		}
	}
}

/* The headers are the same but for what must differ. */
static void headers_are_kept(void **state)
{
	static struct segments segments;
	const uint32_t offsets[] = {2, 3, 4, 5, 10, 11};

	(void)state;
	assert_int_equal(cut(&segments, wholes[1].hex, 300, 152), 3);
	for (uint32_t i = 1; i < 3; i++) {
		memset(segments.data[i] + 24, 0, 4); /* sequence */
		memset(segments.data[0] + 24, 0, 4);
		for (size_t n = 0; n < 6; n++)
			segments.data[i][offsets[n]] = segments.data[0][offsets[n]];
		assert_memory_equal(segments.data[i], segments.data[0], 33);
		assert_memory_equal(segments.data[i] + 34, segments.data[0] + 34, 2);
		assert_memory_equal(segments.data[i] + 38, segments.data[0] + 38, 14);
	}
}

/* Urgent up to byte 150 of 300, in segments of 100. */
static void the_urgent_pointer_counts_from_each_segment(void **state)
{
	static struct segments segments;

	(void)state;
	assert_int_equal(cut(&segments,
			     IPV4_TCP "04d20050 00000000 00000002 5030 0010 0000 0096",
			     300, 140),
			 3);
	assert_int_equal(segments.tcp[0].urgent, 150);
	assert_int_equal(segments.tcp[1].urgent, 50);
	assert_int_equal(segments.tcp[2].urgent, 0);
	assert_true(segments.tcp[1].flags & NFQUEUE_TCP_URG);
	assert_false(segments.tcp[2].flags & NFQUEUE_TCP_URG);
	check_sound(&segments.view[2]);
}

static void what_fits_is_put_as_it_is(void **state)
{
	static struct segments segments;
	const char *hex[] = {
		IPV4_TCP ACK_PSH_FIN_CWR,
		"45000000 00002000 40110000" IPV4_ENDS "13881770 00080000", /* fragment */
		"60000000 00003a40" IPV6_ENDS "80000000 00010002",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hex) / sizeof(hex[0]); i++) {
		uint32_t length;
		uint8_t *packet = with_payload(hex[i], 33, &length);

		segments.count = 0;
		assert_int_equal(
			nfqueue_segment(packet, length, length, collect, &segments), 1);
		assert_memory_equal(segments.data[0], packet, length);
		free(packet);
	}
}

/* What stands behind the packet (padding of Ethernet) is no part of it. */
static void trailing_bytes_are_left_out(void **state)
{
	static struct segments segments;
	uint32_t length;
	uint8_t *packet = with_payload(wholes[0].hex, 300, &length);

	(void)state;
	packet[3] = (uint8_t)(240 & 255);
	packet[2] = 0;
	assert_int_equal(nfqueue_segment(packet, length, 140, collect, &segments), 2);
	assert_int_equal(segments.view[1].length, 140);
	free(packet);
}

static void what_put_returns_stops_it(void **state)
{
	static struct segments segments = {.stop_at = 2};

	(void)state;
	assert_int_equal(cut(&segments, wholes[0].hex, 300, 140), -EIO);
	assert_int_equal(segments.count, 2);
	segments.stop_at = 1;
	assert_int_equal(cut(&segments, wholes[0].hex, 3, 140), -EIO);
}

static const struct refused {
	const char *name;
	const char *hex;
	uint32_t mtu;
	int ret;
} refused[] = {
	{"UDP", "45000000 00000000 40110000" IPV4_ENDS "13881770 01340000", 140,
	 -EOPNOTSUPP},
	{"ICMP", "45000000 00000000 40010000" IPV4_ENDS "08000000 00010002", 140,
	 -EOPNOTSUPP},
	{"SCTP", "45000000 00000000 40840000" IPV4_ENDS "08000000 00010002", 140,
	 -EOPNOTSUPP},
	{"first fragment", "45000000 00002000 40060000" IPV4_ENDS ACK_PSH_FIN_CWR, 140,
	 -EOPNOTSUPP},
	{"later fragment", "45000000 00000001 40060000" IPV4_ENDS ACK_PSH_FIN_CWR, 140,
	 -EOPNOTSUPP},
	{"first IPv6 fragment",
	 "60000000 00002c40" IPV6_ENDS "0600000100000007" ACK_PSH_FIN_CWR, 140,
	 -EOPNOTSUPP},
	{"SYN", IPV4_TCP "04d20050 00000000 00000002 5002 0010 0000 0000", 140,
	 -EOPNOTSUPP},
	{"RST", IPV4_TCP "04d20050 00000000 00000002 5004 0010 0000 0000", 140,
	 -EOPNOTSUPP},
	{"TCP MD5",
	 IPV4_TCP "04d20050 00000000 00000002 a010 0010 0000 0000"
		  "0101131200112233445566778899aabbccddeeff",
	 140, -EOPNOTSUPP},
	{"TCP-AO", IPV4_TCP "04d20050 00000000 00000002 6010 0010 0000 0000 1d040000",
	 140, -EOPNOTSUPP},
	{"AH",
	 "60000000 00003340" IPV6_ENDS
	 "06020000 00000001 00000002 aabbccdd" ACK_PSH_FIN_CWR,
	 140, -EOPNOTSUPP},
	{"headers fill the MTU", IPV4_TCP ACK_PSH_FIN_CWR, 40, -EMSGSIZE},
	{"no MTU", IPV4_TCP ACK_PSH_FIN_CWR, 0, -EMSGSIZE},
	{"TCP offset lies", IPV4_TCP "04d20050 00000000 00000002 4010 0010 0000 0000",
	 140, -EBADMSG},
	{"no packet", "54000000" IPV4_ENDS, 40, -EBADMSG},
};

static void what_cannot_be_cut_is_refused(void **state)
{
	static struct segments segments;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int ret = cut(&segments, refused[i].hex, 300, refused[i].mtu);

		if (ret != refused[i].ret || segments.count)
			fail_msg("%s: %d, %u put", refused[i].name, ret, segments.count);
	}
}

static void a_packet_without_its_end_is_refused(void **state)
{
	static struct segments segments;
	uint32_t length;
	uint8_t *packet = with_payload(wholes[0].hex, 300, &length);

	(void)state;
	assert_int_equal(nfqueue_segment(packet, length - 1, 140, collect, &segments),
			 -EMSGSIZE);
	assert_int_equal(nfqueue_segment(packet, 100, 1500, collect, &segments),
			 -EMSGSIZE);
	assert_int_equal(nfqueue_segment(packet, 0, 1500, collect, &segments), -EBADMSG);
	assert_int_equal(segments.count, 0);
	free(packet);
}

/* A length of 0 is big TCP; with a hop-by-hop header it is a jumbogram. */
static void big_tcp_is_cut_and_jumbograms_are_not(void **state)
{
	static struct segments segments;
	uint32_t length;
	uint8_t *packet = with_payload(wholes[0].hex, 300, &length);

	(void)state;
	packet[2] = packet[3] = 0;
	assert_int_equal(nfqueue_segment(packet, length, 140, collect, &segments), 3);
	check_sound(&segments.view[2]);
	free(packet);
	packet = with_payload("60000000 00000040" IPV6_ENDS
			      "0600c20400000154" ACK_PSH_FIN_CWR,
			      300, &length);
	segments.count = 0;
	packet[4] = packet[5] = 0;
	assert_int_equal(nfqueue_segment(packet, length, 140, collect, &segments),
			 -EOPNOTSUPP);
	assert_int_equal(segments.count, 0);
	free(packet);
}

static int add_up(const uint8_t *data, size_t length, void *ctx)
{
	struct nfqueue_view view;
	uint32_t *sum = ctx, count;

	assert_true(length <= 65535);
	nfqueue_view_parse(&view, data, length);
	check_sound(&view);
	nfqueue_view_payload(&view, &count);
	*sum += count;
	return 0;
}

/* Longer than any IP packet: no segment is, however large the MTU. */
static void an_mtu_has_a_limit(void **state)
{
	uint32_t length, sum = 0;
	uint8_t *packet = with_payload(wholes[0].hex, 200000, &length);

	(void)state;
	packet[2] = packet[3] = 0;
	assert_int_equal(nfqueue_segment(packet, length, 100000, add_up, &sum), 4);
	assert_int_equal(sum, 200000);
	free(packet);
}

static int touch(const uint8_t *data, size_t length, void *ctx)
{
	uint8_t *sum = ctx;

	for (size_t i = 0; i < length; i++)
		*sum ^= data[i];
	return 0;
}

static void broken_packets_do_no_harm(void **state)
{
	struct random_packet packet = {.state = 21, .broken = 1};
	uint8_t sum = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t *exact;

		random_packet_next(&packet);
		exact = malloc(packet.captured);
		memcpy(exact, packet.data, packet.captured);
		nfqueue_segment(exact, packet.captured, random_below(&packet, 1600),
				touch, &sum);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_say_what_the_packet_said),
		cmocka_unit_test(headers_are_kept),
		cmocka_unit_test(the_urgent_pointer_counts_from_each_segment),
		cmocka_unit_test(what_fits_is_put_as_it_is),
		cmocka_unit_test(trailing_bytes_are_left_out),
		cmocka_unit_test(what_put_returns_stops_it),
		cmocka_unit_test(what_cannot_be_cut_is_refused),
		cmocka_unit_test(a_packet_without_its_end_is_refused),
		cmocka_unit_test(big_tcp_is_cut_and_jumbograms_are_not),
		cmocka_unit_test(an_mtu_has_a_limit),
		cmocka_unit_test(broken_packets_do_no_harm),
	};

	return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}

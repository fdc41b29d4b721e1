/* SPDX-License-Identifier: MIT */
/* Packet buffers never leave their memory, where upstream's did. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <libnetfilter_queue/libnetfilter_queue_icmp.h>
#include <libnetfilter_queue/libnetfilter_queue_ipv4.h>
#include <libnetfilter_queue/libnetfilter_queue_ipv6.h>
#include <libnetfilter_queue/libnetfilter_queue_udp.h>
#include <libnetfilter_queue/pktbuff.h>

#define LENGTH 32
#define HEADERS 28
#define ETHERNET 14

/* UDP over IPv4, a payload of "abcd", and none of the checksums. */
static const uint8_t udp4[LENGTH] = {0x45, 0,  0, LENGTH, 0, 1,  0,   0,   64,  17, 0,
				     0,    10, 0, 0,      1, 10, 0,   0,   2,   1,  2,
				     3,    4,  0, 12,     9, 9,  'a', 'b', 'c', 'd'};
static char filler[256];

static struct pkt_buff *new_packet(size_t extra)
{
	struct pkt_buff *pktb =
		pktb_alloc(AF_INET, (void *)(uintptr_t)udp4, LENGTH, extra);

	assert_non_null(pktb);
	return pktb;
}

/* --- memory ----------------------------------------------------------------------- */

static void a_packet_grows_as_far_as_there_is_room(void **state)
{
	static const unsigned int room[] = {0, 1, 2, 8, 100};

	for (size_t i = 0; i < sizeof(room) / sizeof(*room); i++)
		for (unsigned int more = 0; more <= 2 * room[i] + 2; more++) {
			struct pkt_buff *pktb = new_packet(room[i]);
			int fits = more <= room[i];

			assert_int_equal(pktb_mangle(pktb, HEADERS, 4, 0, filler, more),
					 fits);
			assert_int_equal(pktb_len(pktb), LENGTH + (fits ? more : 0));
			assert_int_equal(pktb_tailroom(pktb),
					 room[i] - (fits ? more : 0));
			assert_int_equal(pktb_mangled(pktb), fits);
			pktb_free(pktb);
		}
}

static void room_in_front_is_no_room_behind(void **state)
{
	struct pkt_buff *pktb = new_packet(4);

	pktb_pull(pktb, 20);
	assert_int_equal(pktb_tailroom(pktb), 4);
	assert_int_equal(pktb_mangle(pktb, HEADERS, 4, 0, filler, 5), 0);
	assert_int_equal(pktb_mangle(pktb, HEADERS, 4, 0, filler, 4), 1);
	pktb_free(pktb);
}

static void what_is_not_in_the_packet_is_not_replaced(void **state)
{
	static const struct {
		int header;
		unsigned int offset, length;
	} outside[] = {{HEADERS, 0, 5},
		       {HEADERS, 4, 1},
		       {HEADERS, 5, 0},
		       {HEADERS, UINT32_MAX, 0},
		       {HEADERS, UINT32_MAX, 2},
		       {HEADERS, 2, UINT32_MAX},
		       {-1, 0, 1},
		       {INT32_MIN, 0, 0},
		       {INT32_MAX, UINT32_MAX, UINT32_MAX}};

	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++) {
		struct pkt_buff *pktb = new_packet(16);

		assert_int_equal(pktb_mangle(pktb, outside[i].header, outside[i].offset,
					     outside[i].length, filler, 1),
				 0);
		assert_memory_equal(pktb_data(pktb), udp4, LENGTH);
		assert_false(pktb_mangled(pktb));
		pktb_free(pktb);
	}
}

static void nothing_moves_the_packet_out_of_its_buffer(void **state)
{
	struct pkt_buff *pktb = new_packet(8);
	uint8_t *start = pktb_data(pktb);

	pktb_push(pktb, 1);
	assert_ptr_equal(pktb_data(pktb), start);
	pktb_put(pktb, 100);
	assert_int_equal(pktb_len(pktb), LENGTH + 8);
	pktb_trim(pktb, 1000);
	assert_int_equal(pktb_len(pktb), LENGTH + 8);
	pktb_pull(pktb, 1000);
	assert_int_equal(pktb_len(pktb), 0);
	assert_ptr_equal(pktb_data(pktb), start + LENGTH + 8);
	assert_int_equal(pktb_tailroom(pktb), 0);
	pktb_free(pktb);
}

static void lengths_that_no_memory_has_are_refused(void **state)
{
	errno = 0;
	assert_null(pktb_alloc(AF_INET, filler, 1, SIZE_MAX));
	assert_int_equal(errno, ENOMEM);
	assert_null(pktb_alloc(AF_INET, filler, SIZE_MAX, 1));
	assert_null(pktb_alloc(AF_INET, filler, SIZE_MAX / 2, SIZE_MAX / 2 + 2));
}

/* --- where the packet is ----------------------------------------------------------- */

static void a_bridge_frame_tells_its_protocol_in_network_order(void **state)
{
	static const struct {
		uint8_t type[2];
		bool is_taken;
	} types[] = {{{0x08, 0x00}, true},
		     {{0x86, 0xdd}, true},
		     {{0x00, 0x08}, false},
		     {{0xdd, 0x86}, false},
		     {{0x08, 0x06}, false}};
	uint8_t frame[ETHERNET + LENGTH] = {0};
	struct pkt_buff *pktb;

	memcpy(frame + ETHERNET, udp4, LENGTH);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		memcpy(frame + 12, types[i].type, 2);
		errno = 0;
		pktb = pktb_alloc(AF_BRIDGE, frame, sizeof(frame), 0);
		assert_int_equal(!!pktb, types[i].is_taken);
		if (pktb) {
			assert_ptr_equal(pktb_mac_header(pktb), pktb_data(pktb));
			assert_ptr_equal(pktb_network_header(pktb),
					 pktb_data(pktb) + ETHERNET);
		} else {
			assert_int_equal(errno, EPROTONOSUPPORT);
		}
		pktb_free(pktb);
	}
	assert_null(pktb_alloc(AF_BRIDGE, frame, ETHERNET - 1, 100));
}

static void a_frame_is_changed_from_its_first_byte_on(void **state)
{
	uint8_t frame[ETHERNET + LENGTH] = {[12] = 0x08};
	struct pkt_buff *pktb;

	memcpy(frame + ETHERNET, udp4, LENGTH);
	pktb = pktb_alloc(AF_BRIDGE, frame, sizeof(frame), 0);
	assert_non_null(pktb);
	assert_int_equal(pktb_mangle(pktb, -ETHERNET, 0, 6, "\1\2\3\4\5\6", 6), 1);
	assert_memory_equal(pktb_data(pktb), "\1\2\3\4\5\6", 6);
	assert_int_equal(pktb_mangle(pktb, -ETHERNET - 1, 0, 1, "x", 1), 0);
	pktb_free(pktb);
}

static void a_packet_may_stay_in_its_own_buffer(void **state)
{
	struct pkt_buff *pktb = malloc(pktb_head_size());
	uint8_t *bytes = malloc(LENGTH + 3);

	memcpy(bytes, udp4, LENGTH);
	assert_ptr_equal(pktb_setup_raw(pktb, AF_INET, bytes, LENGTH, 3), pktb);
	assert_ptr_equal(pktb_data(pktb), bytes);
	assert_int_equal(pktb_tailroom(pktb), 3);
	assert_int_equal(nfq_udp_mangle_ipv4(pktb, 0, 4, "ABCDEFGH", 8), 0);
	assert_int_equal(nfq_udp_mangle_ipv4(pktb, 0, 4, "ABCDEFG", 7), 1);
	assert_memory_equal(bytes + HEADERS, "ABCDEFG", 7);
	errno = 0;
	assert_null(pktb_setup_raw(pktb, AF_BRIDGE, bytes, LENGTH, 3));
	assert_int_equal(errno, EPROTONOSUPPORT);
	free(bytes);
	free(pktb);
}

static void an_icmp_header_is_eight_bytes(void **state)
{
	uint8_t bytes[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, [20] = 8};
	struct pkt_buff *pktb = pktb_alloc(AF_INET, bytes, sizeof(bytes), 0);
	struct iphdr *iph = nfq_ip_get_hdr(pktb);

	assert_null(nfq_icmp_get_hdr(pktb));
	assert_int_equal(nfq_ip_set_transport_header(pktb, iph), 0);
	assert_ptr_equal(nfq_icmp_get_hdr(pktb), pktb_data(pktb) + 20);
	assert_int_equal(nfq_icmp_get_hdr(pktb)->type, ICMP_ECHO);
	pktb_trim(pktb, 27);
	assert_null(nfq_icmp_get_hdr(pktb));
	pktb_free(pktb);
}

/* Every length and every family: nothing is read that is not there (for ASan). */
static void headers_are_looked_for_inside_the_packet_only(void **state)
{
	static const int families[] = {AF_INET, AF_INET6, AF_BRIDGE, AF_UNSPEC};
	uint8_t bytes[ETHERNET + LENGTH];

	for (size_t family = 0; family < 4; family++)
		for (size_t length = 0; length <= LENGTH; length++) {
			uint8_t *exact = malloc(length);
			struct pkt_buff *pktb = malloc(pktb_head_size());
			struct iphdr *iph;

			memcpy(bytes, udp4, LENGTH);
			memcpy(exact, bytes, length);
			if (pktb_setup_raw(pktb, families[family], exact, length, 0)) {
				iph = nfq_ip_get_hdr(pktb);
				if (iph)
					nfq_ip_set_transport_header(pktb, iph);
				assert_null(nfq_ip6_get_hdr(pktb));
				nfq_udp_get_hdr(pktb);
				nfq_udp_mangle_ipv4(pktb, 0, 1, "x", 1);
				nfq_udp_mangle_ipv6(pktb, 0, 1, "x", 1);
			}
			free(exact);
			free(pktb);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_grows_as_far_as_there_is_room),
		cmocka_unit_test(room_in_front_is_no_room_behind),
		cmocka_unit_test(what_is_not_in_the_packet_is_not_replaced),
		cmocka_unit_test(nothing_moves_the_packet_out_of_its_buffer),
		cmocka_unit_test(lengths_that_no_memory_has_are_refused),
		cmocka_unit_test(a_bridge_frame_tells_its_protocol_in_network_order),
		cmocka_unit_test(a_frame_is_changed_from_its_first_byte_on),
		cmocka_unit_test(a_packet_may_stay_in_its_own_buffer),
		cmocka_unit_test(an_icmp_header_is_eight_bytes),
		cmocka_unit_test(headers_are_looked_for_inside_the_packet_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Who is told that its packet was rejected, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>

#include <nfqueue/build.h>

#include "packet/checksum.h"
#include "packets.h"
#include "random_packet.h"

#define NOT_READY NFQUEUE_CHECKSUM_NOT_READY
#define NOT_VERIFIED NFQUEUE_CHECKSUM_NOT_VERIFIED

/* clang-format off */
#define SYN4 "4500002b 00000000 400666cb" IPV4_ENDS \
	"04d20050 fffffffe 00000000 50020010 d2490000 616263"
#define ACK6 "60000000 00170640" IPV6_ENDS \
	"04d20050 00000001 01020304 50190010 86b80000 616263"
#define UDP4 "452b001f 00000000 401166a1" IPV4_ENDS "13881770 000bfc7a 616263"
#define UDP6 "60000000 000b1140" IPV6_ENDS "13881770 000bb508 616263"
#define BACK4 "0a000002 0a000001"
#define BACK6 "20010db8000000000000000000000002 20010db8000000000000000000000001"

static const struct answer {
	const char *name;
	const char *packet;
	enum nfqueue_reject how;
	const char *answer;
} answers[] = {
	{"SYN with data: one more than it has", SYN4, NFQUEUE_REJECT_TCP_RESET,
	 "45000028 00004000 400626ce" BACK4
	 "005004d2 00000000 00000002 50140000 96aa0000"},
	{"ACK: its own number", ACK6, NFQUEUE_REJECT_TCP_RESET,
	 "60000000 00140640" BACK6 "005004d2 01020304 00000000 50040000 4b440000"},
	{"TCP by default", SYN4, NFQUEUE_REJECT_DEFAULT,
	 "45000028 00004000 400626ce" BACK4
	 "005004d2 00000000 00000002 50140000 96aa0000"},
	{"UDP", UDP4, NFQUEUE_REJECT_PORT_UNREACHABLE,
	 "45c8003b 00004000 400125f8" BACK4 "0303111c 00000000" UDP4},
	{"UDP by default", UDP4, NFQUEUE_REJECT_DEFAULT,
	 "45c8003b 00004000 400125f8" BACK4 "0303111c 00000000" UDP4},
	{"UDP over IPv6", UDP6, NFQUEUE_REJECT_PORT_UNREACHABLE,
	 "60000000 003b3a40" BACK6 "010431e2 00000000" UDP6},
};
/* clang-format on */

static int reject(const uint8_t *packet, size_t length, enum nfqueue_reject how,
		  uint32_t skb_info, uint8_t *out)
{
	uint8_t exact[NFQUEUE_REJECT_MAX];
	int ret = nfqueue_build_reject(packet, length, how, skb_info, out,
				       NFQUEUE_REJECT_MAX);

	if (ret <= 0)
		return ret;
	/* no room is wanted but that of the answer */
	assert_int_equal(
		nfqueue_build_reject(packet, length, how, skb_info, exact, (size_t)ret),
		ret);
	assert_memory_equal(exact, out, (size_t)ret);
	assert_int_equal(nfqueue_build_reject(packet, length, how, skb_info, exact,
					      (size_t)ret - 1),
			 -ENOSPC);
	return ret;
}

static void answers_byte_by_byte(void **state)
{
	uint8_t out[NFQUEUE_REJECT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		uint32_t length, expected;
		uint8_t *packet = from_hex(answers[i].packet, &length);
		uint8_t *answer = from_hex(answers[i].answer, &expected);

		assert_int_equal(reject(packet, length, answers[i].how, 0, out),
				 expected);
		assert_memory_equal(out, answer, expected);
		free(packet);
		free(answer);
	}
}

static const struct code {
	const char *word;
	uint8_t ipv4;
	uint8_t ipv6;
} code_cases[] = {
	{"net-unreachable", 0, 0},      {"no-route", 0, 0},
	{"host-unreachable", 1, 3},     {"addr-unreachable", 1, 3},
	{"proto-unreachable", 2, 4},    {"prot-unreachable", 2, 4},
	{"port-unreachable", 3, 4},     {"net-prohibited", 9, 1},
	{"host-prohibited", 10, 1},     {"admin-prohibited", 13, 1},
	{"policy-fail", 13, 5},         {"reject-route", 13, 6},
	{"icmp-net-unreachable", 0, 0}, {"icmp-admin-prohibited", 13, 1},
	{"icmp6-no-route", 0, 0},       {"icmp6-adm-prohibited", 13, 1},
	{"icmp6-policy-fail", 13, 5},
};

static void each_word_has_its_code(void **state)
{
	uint8_t out[NFQUEUE_REJECT_MAX];
	uint32_t length4, length6;
	uint8_t *udp4 = from_hex(UDP4, &length4), *udp6 = from_hex(UDP6, &length6);

	(void)state;
	for (size_t i = 0; i < sizeof(code_cases) / sizeof(code_cases[0]); i++) {
		int how = nfqueue_reject_find(code_cases[i].word);

		assert_true(how > 0);
		assert_int_equal(reject(udp4, length4, (enum nfqueue_reject)how, 0, out),
				 59);
		assert_int_equal(out[20], 3);
		assert_int_equal(out[21], code_cases[i].ipv4);
		assert_int_equal(reject(udp6, length6, (enum nfqueue_reject)how, 0, out),
				 99);
		assert_int_equal(out[40], 1);
		assert_int_equal(out[41], code_cases[i].ipv6);
	}
	assert_int_equal(nfqueue_reject_find("tcp-reset"), NFQUEUE_REJECT_TCP_RESET);
	assert_int_equal(nfqueue_reject_find("icmp-tcp-reset"), -ENOENT);
	assert_int_equal(nfqueue_reject_find("icmp-"), -ENOENT);
	assert_int_equal(nfqueue_reject_find("icmp-icmp-no-route"), -ENOENT);
	assert_int_equal(nfqueue_reject_find(""), -ENOENT);
	assert_int_equal(nfqueue_reject_find("port"), -ENOENT);
	free(udp4);
	free(udp6);
}

/* Makes the transport checksum anew, whatever it is. */
static void seal(uint8_t *packet, uint32_t length)
{
	struct nfqueue_view view;
	uint32_t sum = 0, at = 2, left;
	uint8_t *transport;

	nfqueue_view_parse(&view, packet, length);
	transport = packet + view.transport_offset;
	left = view.length - view.transport_offset;
	if (view.protocol == IPPROTO_TCP)
		at = 16;
	else if (view.protocol == IPPROTO_UDP)
		at = 6;
	if (left < at + 2)
		return;
	transport[at] = transport[at + 1] = 0;
	if (view.protocol != IPPROTO_ICMP)
		sum = checksum_pseudo(&view, view.protocol, left);
	sum = checksum_finish(checksum_add(sum, transport, left));
	transport[at] = (uint8_t)(sum >> 8);
	transport[at + 1] = (uint8_t)sum;
}

/* clang-format off */
static const struct verdict {
	const char *name;
	const char *packet; /* its checksum is made */
	enum nfqueue_reject how;
	int ret;
} verdicts[] = {
	{"RST", "45000028 00000000 40060000" IPV4_ENDS
	 "04d20050 00000001 00000000 50040010 00000000",
	 NFQUEUE_REJECT_TCP_RESET, -ENOENT},
	{"RST, told by ICMP", "45000028 00000000 40060000" IPV4_ENDS
	 "04d20050 00000001 00000000 50040010 00000000",
	 NFQUEUE_REJECT_PORT_UNREACHABLE, 68},
	{"reset for UDP", UDP4, NFQUEUE_REJECT_TCP_RESET, -ENOENT},
	{"echo request", "4500001c 00000000 40010000" IPV4_ENDS "08000000 00010002",
	 NFQUEUE_REJECT_HOST_UNREACHABLE, 56},
	{"destination unreachable", "4500001c 00000000 40010000" IPV4_ENDS
	 "03010000 00000000", NFQUEUE_REJECT_HOST_UNREACHABLE, -ENOENT},
	{"time exceeded", "4500001c 00000000 40010000" IPV4_ENDS "0b000000 00000000",
	 NFQUEUE_REJECT_HOST_UNREACHABLE, -ENOENT},
	{"router advertisement", "4500001c 00000000 40010000" IPV4_ENDS
	 "09000000 00000000", NFQUEUE_REJECT_HOST_UNREACHABLE, -ENOENT},
	{"ICMP that was never assigned", "4500001c 00000000 40010000" IPV4_ENDS
	 "07000000 00000000", NFQUEUE_REJECT_HOST_UNREACHABLE, -ENOENT},
	{"unknown ICMP", "4500001c 00000000 40010000" IPV4_ENDS "13000000 00000000",
	 NFQUEUE_REJECT_HOST_UNREACHABLE, -ENOENT},
	{"address mask reply", "4500001c 00000000 40010000" IPV4_ENDS "12000000 00000000",
	 NFQUEUE_REJECT_HOST_UNREACHABLE, 56},
	{"ICMPv6 echo", "60000000 00083a40" IPV6_ENDS "80000000 00010002",
	 NFQUEUE_REJECT_HOST_UNREACHABLE, 96},
	{"packet too big", "60000000 00083a40" IPV6_ENDS "02000000 00000500",
	 NFQUEUE_REJECT_HOST_UNREACHABLE, -ENOENT},
	{"private ICMPv6 error", "60000000 00083a40" IPV6_ENDS "7f000000 00000000",
	 NFQUEUE_REJECT_HOST_UNREACHABLE, -ENOENT},
	{"an error behind options", "60000000 00103c40" IPV6_ENDS "3a00010400000000"
	 "01000000 00000000", NFQUEUE_REJECT_HOST_UNREACHABLE, -ENOENT},
	{"TCP behind options", "60000000 001c3c40" IPV6_ENDS "0600010400000000"
	 "04d20050 00000001 00000000 50020010 00000000", NFQUEUE_REJECT_TCP_RESET, 60},
	{"an unknown protocol", "45000018 00000000 40c80000" IPV4_ENDS "01020304",
	 NFQUEUE_REJECT_PROTOCOL_UNREACHABLE, 52},
	{"no next header", "60000000 00003b40" IPV6_ENDS,
	 NFQUEUE_REJECT_PROTOCOL_UNREACHABLE, 88},
	{"UDP without a checksum", "4500001c 00000000 40110000" IPV4_ENDS
	 "13881770 00080000", NFQUEUE_REJECT_DEFAULT, 56},
	{"first fragment", "4500001c 00002000 40110000" IPV4_ENDS "13881770 00881234",
	 NFQUEUE_REJECT_DEFAULT, 56},
	{"first fragment of TCP", "45000030 00002000 40060000" IPV4_ENDS
	 "04d20050 00000001 00000000 50020010 00000000 0000000000000000",
	 NFQUEUE_REJECT_DEFAULT, -ENOENT},
	{"later fragment", "4500001c 00000001 40110000" IPV4_ENDS "13881770 00080000",
	 NFQUEUE_REJECT_DEFAULT, -ENOENT},
	{"later IPv6 fragment", "60000000 00102c40" IPV6_ENDS "11000008 00000007"
	 "13881770 00080000", NFQUEUE_REJECT_DEFAULT, -ENOENT},
	{"to multicast", "4500001c 00000000 40110000 0a000001 e00000fb 13881770 00080000",
	 NFQUEUE_REJECT_DEFAULT, -ENOENT},
	{"to the last multicast group",
	 "4500001c 00000000 40110000 0a000001 efffffff 13881770 00080000",
	 NFQUEUE_REJECT_DEFAULT, -ENOENT},
	{"to what is no multicast",
	 "4500001c 00000000 40110000 0a000001 dfffffff 13881770 00080000",
	 NFQUEUE_REJECT_DEFAULT, 56},
	{"to broadcast", "4500001c 00000000 40110000 0a000001 ffffffff 13881770 00080000",
	 NFQUEUE_REJECT_DEFAULT, -ENOENT},
	{"from nowhere", "4500001c 00000000 40110000 00000000 0a000002 13881770 00080000",
	 NFQUEUE_REJECT_DEFAULT, -ENOENT},
	{"from multicast",
	 "4500001c 00000000 40110000 e0000001 0a000002 13881770 00080000",
	 NFQUEUE_REJECT_DEFAULT, -ENOENT},
	{"from loopback",
	 "4500001c 00000000 40110000 7f000001 7f000002 13881770 00080000",
	 NFQUEUE_REJECT_DEFAULT, 56},
	{"to IPv6 multicast", "60000000 00081140 20010db8000000000000000000000001"
	 "ff020000000000000000000000000001 13881770 00080000",
	 NFQUEUE_REJECT_DEFAULT, -ENOENT},
	{"from nowhere over IPv6", "60000000 00081140 00000000000000000000000000000000"
	 "20010db8000000000000000000000001 13881770 00080000",
	 NFQUEUE_REJECT_DEFAULT, -ENOENT},
	{"TCP that ends too soon", "45000020 00000000 40060000" IPV4_ENDS
	 "04d20050 00000001 00000002", NFQUEUE_REJECT_DEFAULT, -EBADMSG},
	{"an extension header that lies",
	 "60000000 00083c40" IPV6_ENDS "1101000000000000",
	 NFQUEUE_REJECT_DEFAULT, -EBADMSG},
	{"ICMP without a type", "45000014 00000000 40010000" IPV4_ENDS,
	 NFQUEUE_REJECT_DEFAULT, -EBADMSG},
	{"no packet", "54000014", NFQUEUE_REJECT_DEFAULT, -EBADMSG},
	{"nothing", "", NFQUEUE_REJECT_DEFAULT, -EBADMSG},
	{"no such reject", UDP4, NFQUEUE_REJECT_COUNT, -EINVAL},
};
/* clang-format on */

static void who_is_answered(void **state)
{
	uint8_t out[NFQUEUE_REJECT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		const struct verdict *verdict = &verdicts[i];
		uint32_t length;
		uint8_t *packet = from_hex(verdict->packet, &length);
		int ret;

		if (strcmp(verdict->name, "UDP without a checksum") && length > 1)
			seal(packet, length);
		ret = reject(packet, length, verdict->how, 0, out);
		if (ret != verdict->ret)
			fail_msg("%s: %d", verdict->name, ret);
		free(packet);
	}
}

/* Each bit of each of these is covered by a checksum, or is a reason of its own. */
static void wrong_checksums_are_not_answered(void **state)
{
	const char *packets[] = {SYN4, ACK6, UDP4, UDP6,
				 "4500001c 00000000 40010000" IPV4_ENDS
				 "0800f7fc 00010002"};
	uint8_t out[NFQUEUE_REJECT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		uint32_t length, start;
		uint8_t *packet = from_hex(packets[i], &length);

		start = packet[0] >> 4 == 4 ? 20 : 40;
		assert_true(reject(packet, length, NFQUEUE_REJECT_PORT_UNREACHABLE, 0,
				   out) > 0);
		for (uint32_t bit = start * 8; bit < length * 8; bit++) {
			packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_true(reject(packet, length,
					   NFQUEUE_REJECT_PORT_UNREACHABLE, 0, out) < 0);
			packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		packet[length - 1] ^= 1;
		assert_true(reject(packet, length, NFQUEUE_REJECT_PORT_UNREACHABLE,
				   NOT_READY, out) > 0);
		free(packet);
	}
}

/* A UDP datagram that is shorter than its IP packet: its checksum covers no more. */
static void udp_checksums_end_with_the_datagram(void **state)
{
	uint8_t out[NFQUEUE_REJECT_MAX];
	uint32_t length;
	uint8_t *packet = from_hex("45000022 00000000 40110000" IPV4_ENDS
				   "13881770 000bfc7a 616263 ffffff",
				   &length);

	(void)state;
	assert_int_equal(reject(packet, length, NFQUEUE_REJECT_DEFAULT, 0, out), 62);
	packet[25] = 7; /* less than its own header */
	assert_int_equal(reject(packet, length, NFQUEUE_REJECT_DEFAULT, 0, out),
			 -EBADMSG);
	free(packet);
}

/* The packet's own length counts, not what was captured of it. */
static void packets_that_were_cut(void **state)
{
	uint8_t out[NFQUEUE_REJECT_MAX];
	struct nfqueue_view view;
	struct nfqueue_tcp tcp;
	uint32_t length;
	uint8_t *packet = from_hex("45000410 00000000 40060000" IPV4_ENDS
				   "04d20050 00000001 00000000 50000010 00000000",
				   &length);

	(void)state;
	assert_int_equal(reject(packet, length, NFQUEUE_REJECT_TCP_RESET, 0, out), 40);
	assert_int_equal(nfqueue_view_parse(&view, out, 40), 0);
	assert_int_equal(nfqueue_view_tcp(&view, &tcp), 0);
	assert_int_equal(tcp.acknowledgement, 1 + 1000);
	assert_int_equal(reject(packet, length, NFQUEUE_REJECT_PORT_UNREACHABLE, 0, out),
			 68);
	assert_int_equal(
		reject(packet, length, NFQUEUE_REJECT_TCP_RESET, NOT_VERIFIED, out),
		-EMSGSIZE);
	assert_int_equal(reject(packet, length, NFQUEUE_REJECT_TCP_RESET,
				NOT_VERIFIED | NOT_READY, out),
			 40);
	for (uint32_t cut = 21; cut < 40; cut++)
		assert_int_equal(reject(packet, cut, NFQUEUE_REJECT_TCP_RESET, 0, out),
				 -EMSGSIZE);
	assert_int_equal(reject(packet, 20, NFQUEUE_REJECT_NET_UNREACHABLE, 0, out),
			 -EMSGSIZE);
	free(packet);
}

static void answers_have_the_length_that_all_can_take(void **state)
{
	uint8_t out[NFQUEUE_REJECT_MAX], packet[3000] = {0x45, 0, 0x0b, 0xb8};

	(void)state;
	packet[9] = 200;
	packet[12] = packet[16] = 10;
	assert_int_equal(reject(packet, sizeof(packet), NFQUEUE_REJECT_DEFAULT, 0, out),
			 576);
	assert_memory_equal(out + 28, packet, 548);
	memset(packet, 0, sizeof(packet));
	packet[0] = 0x60;
	packet[4] = (sizeof(packet) - 40) >> 8;
	packet[5] = (sizeof(packet) - 40) & 255;
	packet[6] = 200;
	packet[8] = packet[24] = 0x20;
	assert_int_equal(reject(packet, sizeof(packet), NFQUEUE_REJECT_DEFAULT, 0, out),
			 1280);
	assert_memory_equal(out + 48, packet, 1232);
}

/* What comes out is sound, goes back, and is never itself an answer to an error. */
static void check_answer(const uint8_t *packet, const uint8_t *out, uint32_t length)
{
	struct nfqueue_view view;
	uint32_t count, sum = 0;
	uint32_t size = packet[0] >> 4 == 4 ? 4 : 16, at = size == 4 ? 12 : 8;

	assert_int_equal(nfqueue_view_parse(&view, out, length), 0);
	assert_int_equal(view.flags, 0);
	assert_int_equal(view.total_length, length);
	assert_memory_equal(out + at, packet + at + size, size);
	assert_memory_equal(out + at + size, packet + at, size);
	count = length - view.transport_offset;
	if (view.protocol != IPPROTO_ICMP)
		sum = checksum_pseudo(&view, view.protocol, count);
	assert_int_equal(checksum_add(sum, out + view.transport_offset, count), 0xffff);
	if (size == 4)
		assert_int_equal(nfqueue_checksum(out, 20), 0);
	if (view.protocol != IPPROTO_TCP)
		assert_int_equal(nfqueue_build_reject(out, length, NFQUEUE_REJECT_DEFAULT,
						      0, NULL, 0),
				 -ENOENT);
}

static void random_packets_are_answered_soundly(void **state)
{
	struct random_packet random = {.state = 31};
	uint8_t out[NFQUEUE_REJECT_MAX];
	uint32_t answered = 0;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		uint8_t *exact;
		int ret;

		random.broken = i % 2;
		random_packet_next(&random);
		exact = malloc(random.captured);
		memcpy(exact, random.data, random.captured);
		ret = reject(exact, random.captured, i % NFQUEUE_REJECT_COUNT,
			     i % 3 ? NOT_READY : 0, out);
		if (ret > 0)
			check_answer(exact, out, (uint32_t)ret);
		answered += ret > 0;
		free(exact);
	}
	assert_true(answered > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_byte_by_byte),
		cmocka_unit_test(each_word_has_its_code),
		cmocka_unit_test(who_is_answered),
		cmocka_unit_test(wrong_checksums_are_not_answered),
		cmocka_unit_test(udp_checksums_end_with_the_datagram),
		cmocka_unit_test(packets_that_were_cut),
		cmocka_unit_test(answers_have_the_length_that_all_can_take),
		cmocka_unit_test(random_packets_are_answered_soundly),
	};

	return cmocka_run_group_tests_name("reject", tests, NULL, NULL);
}

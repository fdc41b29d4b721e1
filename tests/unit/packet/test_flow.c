/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "packets.h"

static struct nfqueue_flow flow_of(const char *hex)
{
	struct nfqueue_flow flow;
	struct nfqueue_view view;
	uint32_t length;
	uint8_t *bytes = from_hex(hex, &length);

	nfqueue_view_parse(&view, bytes, length);
	assert_int_equal(nfqueue_view_flow(&view, &flow), 0);
	free(bytes);
	return flow;
}

struct flow_case {
	const char *name;
	const char *hex;
	uint8_t ip_version;
	uint8_t protocol;
	uint16_t source_port;
	uint16_t destination_port;
};

/* clang-format off */
static const struct flow_case flow_cases[] = {
	{"TCP", "45000028 00000000 40060000" IPV4_ENDS
	 "04d20050 00000000 00000000 50020000 00000000", 4, 6, 1234, 80},
	{"UDP over IPv6", "60000000 00081140" IPV6_ENDS "13881770 00080000",
	 6, 17, 5000, 6000},
	{"a header cut short behind its ports", "450005dc 00000000 40060000" IPV4_ENDS
	 "04d20050", 4, 6, 1234, 80},
	{"a header cut short within its ports", "450005dc 00000000 40060000" IPV4_ENDS
	 "04d200", 4, 6, 0, 0},
	{"UDP-Lite", "4500001c 00000000 40880000" IPV4_ENDS "13881770 00080000",
	 4, 136, 5000, 6000},
	{"SCTP", "45000020 00000000 40840000" IPV4_ENDS "13881770 00000000 00000000",
	 4, 132, 5000, 6000},
	{"DCCP", "45000020 00000000 40210000" IPV4_ENDS "13881770 00000000 00000000",
	 4, 33, 5000, 6000},
	{"echo request", "4500001c 00000000 40010000" IPV4_ENDS "08000000 00070001",
	 4, 1, 7, 7},
	{"echo reply", "4500001c 00000000 40010000" IPV4_ENDS "00000000 00070001",
	 4, 1, 7, 7},
	{"ICMP error", "4500001c 00000000 40010000" IPV4_ENDS "03000000 00070001",
	 4, 1, 0, 0},
	{"echo cut short", "45000019 00000000 40010000" IPV4_ENDS "08000000 00",
	 4, 1, 0, 0},
	{"ICMPv6 echo request", "60000000 00083a40" IPV6_ENDS "80000000 00070001",
	 6, 58, 7, 7},
	{"ICMPv6 echo reply", "60000000 00083a40" IPV6_ENDS "81000000 00070001",
	 6, 58, 7, 7},
	{"neighbor solicitation", "60000000 00083a40" IPV6_ENDS "87000000 00070001",
	 6, 58, 0, 0},
	{"ICMPv6 in IPv4", "4500001c 00000000 403a0000" IPV4_ENDS "80000000 00070001",
	 4, 58, 0, 0},
	{"ESP", "4500001c 00000000 40320000" IPV4_ENDS "00010002 00070001", 4, 50, 0, 0},
	{"first IPv4 fragment", "4500001c 00012000 40110000" IPV4_ENDS
	 "13881770 05c80000", 4, 17, 0, 0},
	{"later IPv4 fragment", "4500001c 000100b9 40110000" IPV4_ENDS
	 "13881770 05c80000", 4, 17, 0, 0},
	{"first IPv6 fragment", "60000000 00102c40" IPV6_ENDS
	 "11000001 00000007 13881770 05c80000", 6, 17, 0, 0},
	{"first IPv6 fragment with options", "60000000 00182c40" IPV6_ENDS
	 "3c000001 00000007 1100000000000000 13881770 05c80000", 6, 60, 0, 0},
	{"later fragment of a packet with options", "60000000 00102c40" IPV6_ENDS
	 "3c0005a8 00000007 13881770 05c80000", 6, 60, 0, 0},
	{"first fragment behind options", "60000000 00183c40" IPV6_ENDS
	 "2c00000000000000 11000001 00000007 13881770 05c80000", 6, 17, 0, 0},
	{"an atomic fragment is whole", "60000000 00102c40" IPV6_ENDS
	 "11000000 00000007 13881770 00080000", 6, 17, 5000, 6000},
};
/* clang-format on */

static void flows_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(flow_cases) / sizeof(flow_cases[0]); i++) {
		const struct flow_case *wanted = &flow_cases[i];
		struct nfqueue_flow flow = flow_of(wanted->hex);

		if (flow.ip_version != wanted->ip_version ||
		    flow.protocol != wanted->protocol ||
		    flow.source_port != wanted->source_port ||
		    flow.destination_port != wanted->destination_port)
			fail_msg("%s: version %u protocol %u ports %u %u", wanted->name,
				 flow.ip_version, flow.protocol, flow.source_port,
				 flow.destination_port);
		assert_int_equal(flow.source[flow.ip_version == 4 ? 3 : 15], 1);
		assert_int_equal(flow.destination[flow.ip_version == 4 ? 3 : 15], 2);
	}
}

static void what_is_not_ip_has_no_flow(void **state)
{
	static const char *const packets[] = {"54000014", "4400",
					      "44000014 00000000 "
					      "40060000" IPV4_ENDS,
					      "60000000"};
	struct nfqueue_flow flow;

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct nfqueue_view view;
		uint32_t length;
		uint8_t *bytes = from_hex(packets[i], &length);

		nfqueue_view_parse(&view, bytes, length);
		assert_int_equal(nfqueue_view_flow(&view, &flow), -EBADMSG);
		free(bytes);
	}
}

static void a_flow_equals_itself_alone(void **state)
{
	struct nfqueue_flow flow = flow_of(flow_cases[1].hex), other;

	(void)state;
	other = flow;
	other.reserved = 1; /* tells nothing */
	assert_true(nfqueue_flow_equal(&flow, &other));
	for (size_t i = 0; i < sizeof(flow); i++) {
		if (i >= offsetof(struct nfqueue_flow, reserved) &&
		    i < offsetof(struct nfqueue_flow, source))
			continue;
		other = flow;
		((uint8_t *)&other)[i] ^= 1;
		assert_false(nfqueue_flow_equal(&flow, &other));
	}
}

static void bytes_behind_an_ipv4_address_tell_nothing(void **state)
{
	struct nfqueue_flow flow = flow_of(flow_cases[0].hex), other = flow;

	(void)state;
	other.source[4] = other.destination[15] = 1;
	assert_true(nfqueue_flow_equal(&flow, &other));
	assert_int_equal(nfqueue_flow_hash(&flow, 1), nfqueue_flow_hash(&other, 1));
}

static struct nfqueue_flow reversed(const struct nfqueue_flow *flow)
{
	struct nfqueue_flow other = *flow;

	memcpy(other.source, flow->destination, sizeof(other.source));
	memcpy(other.destination, flow->source, sizeof(other.destination));
	other.source_port = flow->destination_port;
	other.destination_port = flow->source_port;
	return other;
}

static void both_directions_hash_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(flow_cases) / sizeof(flow_cases[0]); i++) {
		struct nfqueue_flow flow = flow_of(flow_cases[i].hex);
		struct nfqueue_flow back = reversed(&flow);

		assert_int_equal(nfqueue_flow_hash(&flow, 7),
				 nfqueue_flow_hash(&back, 7));
		memcpy(flow.destination, flow.source, sizeof(flow.source));
		back = reversed(&flow); /* the ports alone tell the ends apart */
		assert_int_equal(nfqueue_flow_hash(&flow, 7),
				 nfqueue_flow_hash(&back, 7));
	}
}

static void all_fragments_of_a_packet_hash_alike(void **state)
{
	struct nfqueue_flow first = flow_of(flow_cases[16].hex);
	struct nfqueue_flow later = flow_of(flow_cases[17].hex);

	(void)state;
	assert_int_equal(nfqueue_flow_hash(&first, 3), nfqueue_flow_hash(&later, 3));
	first = flow_of(flow_cases[19].hex);
	later = flow_of(flow_cases[20].hex);
	assert_true(nfqueue_flow_equal(&first, &later));
	assert_int_equal(nfqueue_flow_hash(&first, 3), nfqueue_flow_hash(&later, 3));
}

static void the_seed_changes_the_hash(void **state)
{
	struct nfqueue_flow flow = flow_of(flow_cases[0].hex);

	(void)state;
	assert_int_not_equal(nfqueue_flow_hash(&flow, 1), nfqueue_flow_hash(&flow, 2));
}

#define FLOWS 4096

/* Flows as they come in life: what is next to each other differs by little. */
static struct nfqueue_flow by_source_port(uint32_t i)
{
	struct nfqueue_flow flow = {.ip_version = 4,
				    .protocol = IPPROTO_TCP,
				    .source = {10, 0, 0, 1},
				    .destination = {10, 0, 0, 2},
				    .destination_port = 443};

	flow.source_port = (uint16_t)(32768 + i);
	return flow;
}

static struct nfqueue_flow by_even_source_port(uint32_t i)
{
	struct nfqueue_flow flow = by_source_port(0);

	flow.source_port = (uint16_t)(32768 + 2 * i);
	return flow;
}

static struct nfqueue_flow by_source_address(uint32_t i)
{
	struct nfqueue_flow flow = by_source_port(0);

	flow.source[2] = (uint8_t)(i >> 8);
	flow.source[3] = (uint8_t)i;
	return flow;
}

static struct nfqueue_flow by_both_addresses(uint32_t i)
{
	struct nfqueue_flow flow = by_source_address(i);

	flow.source_port = flow.destination_port = 0;
	flow.destination[0] = 192;
	flow.destination[2] = (uint8_t)(i >> 8);
	flow.destination[3] = (uint8_t)i;
	return flow;
}

static struct nfqueue_flow by_ipv6_address(uint32_t i)
{
	struct nfqueue_flow flow = {.ip_version = 6,
				    .protocol = IPPROTO_UDP,
				    .source = {0x20, 1},
				    .destination = {0x20, 2},
				    .source_port = 5000,
				    .destination_port = 53};

	flow.source[14] = (uint8_t)(i >> 8);
	flow.source[15] = (uint8_t)i;
	return flow;
}

static struct nfqueue_flow by_echo_id(uint32_t i)
{
	struct nfqueue_flow flow = by_source_port(0);

	flow.protocol = IPPROTO_ICMP;
	flow.source_port = flow.destination_port = (uint16_t)i;
	return flow;
}

/* Pearson's statistic of how the flows fall into `buckets`. */
static double chi_square(struct nfqueue_flow (*make)(uint32_t), uint32_t buckets,
			 uint32_t seed)
{
	uint32_t counts[8] = {0};
	double wanted = (double)FLOWS / buckets, sum = 0;

	for (uint32_t i = 0; i < FLOWS; i++) {
		struct nfqueue_flow flow = make(i);

		counts[nfqueue_flow_hash(&flow, seed) % buckets]++;
	}
	for (uint32_t i = 0; i < buckets; i++)
		sum += (counts[i] - wanted) * (counts[i] - wanted) / wanted;
	return sum;
}

/* A fair spread passes one of these 168 with a chance of 1 in 10,000: the limit is the
 * 0.9999 quantile for 7 degrees of freedom and more than that for fewer. */
static void flows_spread_evenly_over_the_workers(void **state)
{
	static struct nfqueue_flow (*const makers[])(uint32_t) = {
		by_source_port,    by_even_source_port, by_source_address,
		by_both_addresses, by_ipv6_address,     by_echo_id,
	};
	static const uint32_t seeds[] = {0, 1, 0xffffffff, 0x12345678};

	(void)state;
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		for (uint32_t buckets = 2; buckets <= 8; buckets++)
			for (size_t j = 0; j < 4; j++) {
				double chi = chi_square(makers[i], buckets, seeds[j]);

				if (chi > 29.9)
					fail_msg("maker %zu, %u buckets, seed %u: %f", i,
						 buckets, seeds[j], chi);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_are_read),
		cmocka_unit_test(what_is_not_ip_has_no_flow),
		cmocka_unit_test(a_flow_equals_itself_alone),
		cmocka_unit_test(bytes_behind_an_ipv4_address_tell_nothing),
		cmocka_unit_test(both_directions_hash_alike),
		cmocka_unit_test(all_fragments_of_a_packet_hash_alike),
		cmocka_unit_test(the_seed_changes_the_hash),
		cmocka_unit_test(flows_spread_evenly_over_the_workers),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Checksums against the definition, word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <endian.h>
#include <string.h>

#include <nfqueue/build.h>

#include "packet/checksum.h"
#include "packet/checksum_words.h"
#include "packets.h"
#include "random_packet.h"

#define LENGTHS 4096
#define OFFSETS 64
#define LARGEST 65535

/* RFC 1071 section 1 as it is written. */
static uint32_t sum_by_words(uint32_t sum, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		sum += i % 2 ? data[i] : data[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Random bytes, or, so that every carry comes, only large ones. */
static void fill(struct random_packet *random, uint8_t *data, size_t length, int large)
{
	for (size_t i = 0; i < length; i++)
		data[i] = large ? 0xff : (uint8_t)random_below(random, 256);
}

static void the_example_of_the_rfc(void **state)
{
	const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(checksum_add(0, data, sizeof(data)), 0xddf2);
	assert_int_equal(checksum_finish(0xddf2), 0x220d);
	assert_int_equal(checksum_add(7, NULL, 0), 7);
}

static void the_public_one_is_the_field(void **state)
{
	const uint8_t header[] = {0x45, 0x00, 0x00, 0x1e, 0x00, 0x00, 0x00,
				  0x00, 0x40, 0x11, 0x00, 0x00, 0x0a, 0x00,
				  0x00, 0x01, 0x0a, 0x00, 0x00, 0x02};

	(void)state;
	assert_int_equal(nfqueue_checksum(header, sizeof(header)), 0x66cd);
	assert_int_equal(nfqueue_checksum(NULL, 0), 0xffff);
}

/* As checksum_add() uses them. */
static uint32_t add_by(const struct checksum_variant *variant, uint32_t sum,
		       const uint8_t *data, size_t length)
{
	uint32_t words = checksum_fold(variant->words(data, length));

	return checksum_add16(sum, be16toh((uint16_t)words));
}

static void check_sum(uint32_t expected, uint32_t start, const uint8_t *data,
		      size_t length)
{
	const struct checksum_variant *variant = checksum_variants;

	assert_int_equal(checksum_add(start, data, length), expected);
	for (; variant->name; variant++)
		if (variant->is_supported())
			assert_int_equal(add_by(variant, start, data, length), expected);
}

/* The sum of each length is made of that of the length before. */
static void every_length_at_every_offset(void **state)
{
	static uint8_t data[LENGTHS + OFFSETS] __attribute__((aligned(OFFSETS)));
	struct random_packet random = {.state = 11};

	(void)state;
	for (uint32_t offset = 0; offset < OFFSETS; offset++) {
		uint32_t start = random_below(&random, 0x10000), even = start;

		fill(&random, data, sizeof(data), offset % 4 == 3);
		for (uint32_t length = 0; length <= LENGTHS; length++) {
			const uint8_t *end = data + offset + (length & ~1u);

			if (length % 2) {
				check_sum(sum_by_words(even, end, 1), start,
					  data + offset, length);
				even = sum_by_words(even, end, 2);
			} else {
				check_sum(even, start, data + offset, length);
			}
		}
	}
}

static void random_bytes_up_to_the_largest_packet(void **state)
{
	struct random_packet random = {.state = 12};

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint32_t length = i ? random_below(&random, LARGEST + 1) : LARGEST;
		uint32_t start = random_below(&random, 0x10000);
		uint8_t *exact = malloc(length);

		fill(&random, exact, length, i % 10 == 0);
		check_sum(sum_by_words(start, exact, length), start, exact, length);
		free(exact);
	}
}

/* The receiver's sum over a sound segment is 0xffff: its checksum is of the whole. */
static uint32_t transport_sum(const char *hex)
{
	struct nfqueue_view view;
	uint32_t length, sum;
	uint8_t *bytes = from_hex(hex, &length);

	assert_int_equal(nfqueue_view_parse(&view, bytes, length), 0);
	length = view.length - view.transport_offset;
	sum = checksum_pseudo(&view, view.protocol, length);
	sum = checksum_add(sum, bytes + view.transport_offset, length);
	free(bytes);
	return sum;
}

static void pseudo_headers_of_real_packets(void **state)
{
	(void)state;
	/* 10.0.0.1:1234 > 10.0.0.2:80, UDP "hi" */
	assert_int_equal(transport_sum("4500001e 00000000 40110000" IPV4_ENDS
				       "04d20050 000a7e4c 6869"),
			 0xffff);
	assert_int_equal(
		transport_sum("60000000 000a1140" IPV6_ENDS "04d20050 000a36da 6869"),
		0xffff);
}

/* The same UDP datagram as above, on its way to ::9: the receiver is the last address. */
static void routing_headers_name_the_receiver(void **state)
{
	(void)state;
#define ON_ITS_WAY "20010db8000000000000000000000001 20010db8000000000000000000000009"
#define LAST_ADDRESS "20010db8000000000000000000000002"
#define UDP_HI "04d20050 000a36da 6869"
	assert_int_equal(transport_sum("60000000 00222b40" ON_ITS_WAY
				       "11020201 00000000" LAST_ADDRESS UDP_HI),
			 0xffff);
	assert_int_equal(transport_sum("60000000 00322b40" ON_ITS_WAY
				       "11040401 01000000" LAST_ADDRESS
				       "20010db8000000000000000000000003" UDP_HI),
			 0xffff);
	assert_int_equal(
		transport_sum("60000000 00322b40" ON_ITS_WAY "11040001 00000000"
			      "20010db8000000000000000000000003" LAST_ADDRESS UDP_HI),
		0xffff);
	/* no segments left: it has arrived where it was to go */
	assert_int_equal(transport_sum("60000000 00222b40" IPV6_ENDS "11020200 00000000"
				       "20010db8000000000000000000000003" UDP_HI),
			 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(the_public_one_is_the_field),
		cmocka_unit_test(every_length_at_every_offset),
		cmocka_unit_test(random_bytes_up_to_the_largest_packet),
		cmocka_unit_test(pseudo_headers_of_real_packets),
		cmocka_unit_test(routing_headers_name_the_receiver),
	};

	return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}

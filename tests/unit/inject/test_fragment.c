/* SPDX-License-Identifier: MIT */
#include "inject/fragment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID 0x4321
#define OPTIONS 8u

static uint8_t packet[UINT16_MAX];

/* What a receiver makes of the fragments. */
struct assembly {
	uint8_t payload[UINT16_MAX];
	size_t header, mtu, filled, count;
	uint16_t id;
	bool ended;
	int stop; /* what the second call returns, if it is not 0 */
};

static uint16_t load(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static int take(const uint8_t *data, size_t length, void *ctx)
{
	struct assembly *assembly = ctx;
	uint16_t told = load(data + 6);

	assert_true(length <= assembly->mtu);
	assert_int_equal(load(data + 2), length);
	assert_int_equal((data[0] & 15) * 4, assembly->header);
	assert_int_equal(load(data + 4), assembly->id);
	assert_memory_equal(data + 8, packet + 8, 2);
	assert_memory_equal(data + 12, packet + 12, 8);
	assert_int_equal((told & 0x1fff) * 8, assembly->filled);
	assert_false(assembly->ended);
	assembly->ended = !(told & 0x2000);
	memcpy(assembly->payload + assembly->filled, data + assembly->header,
	       length - assembly->header);
	assembly->filled += length - assembly->header;
	return ++assembly->count == 2 ? assembly->stop : 0;
}

static struct inject_target make(size_t header, size_t payload, uint16_t id)
{
	const size_t length = header + payload;
	struct inject_target target;
	const char *words;

	memset(packet, 0, header);
	packet[0] = (uint8_t)(0x40 | header / 4);
	packet[2] = (uint8_t)(length >> 8);
	packet[3] = (uint8_t)length;
	packet[4] = (uint8_t)(id >> 8);
	packet[5] = (uint8_t)id;
	packet[8] = 63;
	packet[9] = 17;
	packet[12] = 10;
	packet[16] = 11;
	memset(packet + 20, 1, header - 20);
	for (size_t i = header; i < length; i++)
		packet[i] = (uint8_t)(i * 7 + (i >> 8));
	assert_int_equal(inject_target_find(&target, packet, length, &words), 0);
	return target;
}

static void check_fragments(size_t header, size_t payload, size_t mtu)
{
	struct inject_target target = make(header, payload, ID);
	struct assembly *assembly = calloc(1, sizeof(*assembly));
	int count;

	assert_non_null(assembly);
	assembly->header = header;
	assembly->mtu = mtu;
	assembly->id = ID;
	count = inject_fragment(&target, mtu, 1, take, assembly);
	assert_true(count > 0);
	assert_int_equal(count, assembly->count);
	assert_int_equal(count, (payload + (mtu - header) / 8 * 8 - 1) /
					((mtu - header) / 8 * 8));
	assert_true(assembly->ended);
	assert_int_equal(assembly->filled, payload);
	assert_memory_equal(assembly->payload, packet + header, payload);
	free(assembly);
}

static void fragments_make_the_packet_again(void **state)
{
	check_fragments(20, 3008, 1500);
	check_fragments(20, 65515, 1500);
	check_fragments(20, 65515, 68);
	check_fragments(20, 1481, 1500);
	check_fragments(60, 100, 68);
	check_fragments(24, 17, 32);
	srand(1);
	for (int i = 0; i < 300; i++) {
		size_t header = 20 + 4 * (size_t)(rand() % 11);

		check_fragments(header, 1 + (size_t)rand() % 9000,
				header + 8 + (size_t)rand() % 3000);
	}
}

static void all_have_the_id_that_was_missing(void **state)
{
	struct inject_target target = make(20, 3000, 0);
	struct assembly assembly = {.header = 20, .mtu = 576, .id = 0xbeef};

	assert_int_equal(inject_fragment(&target, 576, 0xbeef, take, &assembly), 6);
	assert_true(assembly.ended);
}

/* Behind an offset of 800 bytes, and more comes. */
static int take_of_a_fragment(const uint8_t *data, size_t length, void *ctx)
{
	size_t *next = ctx;

	assert_int_equal(load(data + 6), 0x2000 | (800 + *next) / 8);
	*next += length - 20;
	return 0;
}

static void a_fragment_can_be_cut_again(void **state)
{
	struct inject_target target = make(20, 400, ID);
	size_t next = 0;

	packet[6] = 0x20;
	packet[7] = 100;
	assert_int_equal(inject_fragment(&target, 124, 1, take_of_a_fragment, &next), 4);
	assert_int_equal(next, 400);
	packet[6] = 0x1f; /* its end would be behind 65,535 */
	packet[7] = 0xff;
	assert_int_equal(inject_fragment(&target, 124, 1, take_of_a_fragment, &next),
			 -EMSGSIZE);
}

static int take_options(const uint8_t *data, size_t length, void *ctx)
{
	/* router alert is copied, record route is not */
	static const uint8_t expected[2][OPTIONS] = {
		{0x94, 4, 0, 0, 7, 3, 4, 0},
		{0x94, 4, 0, 0, 1, 1, 1, 0},
	};
	int *count = ctx;

	assert_memory_equal(data + 20, expected[*count > 0], OPTIONS);
	(*count)++;
	return 0;
}

static void the_first_has_all_options_the_others_those_to_be_copied(void **state)
{
	struct inject_target target = make(20 + OPTIONS, 100, ID);
	int count = 0;

	memcpy(packet + 20, "\x94\4\0\0\7\3\4\0", OPTIONS);
	assert_int_equal(inject_fragment(&target, 68, 1, take_options, &count), 3);
}

static int accept_all(const uint8_t *data, size_t length, void *ctx)
{
	return 0;
}

static void options_that_lie_are_read_within_bounds(void **state)
{
	struct inject_target target = make(20 + OPTIONS, 100, ID);
	uint8_t *copy = malloc(target.length);

	assert_non_null(copy);
	memcpy(copy, packet, target.length);
	target.data = copy;
	for (unsigned int at = 0; at < OPTIONS; at++)
		for (unsigned int kind = 0; kind < 256; kind++) {
			copy[20 + at] = (uint8_t)kind;
			assert_true(inject_fragment(&target, 68, 1, accept_all, NULL) >
				    0);
		}
	free(copy);
}

static void no_room_is_told_and_a_stop_is_obeyed(void **state)
{
	struct inject_target target = make(20, 400, ID);
	struct assembly assembly = {.header = 20, .mtu = 28, .id = ID, .stop = -EAGAIN};

	assert_int_equal(inject_fragment(&target, 27, 1, take, &assembly), -EMSGSIZE);
	assert_int_equal(inject_fragment(&target, 0, 1, take, &assembly), -EMSGSIZE);
	assert_int_equal(assembly.count, 0);
	assert_int_equal(inject_fragment(&target, 28, 1, take, &assembly), -EAGAIN);
	assert_int_equal(assembly.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_make_the_packet_again),
		cmocka_unit_test(all_have_the_id_that_was_missing),
		cmocka_unit_test(a_fragment_can_be_cut_again),
		cmocka_unit_test(the_first_has_all_options_the_others_those_to_be_copied),
		cmocka_unit_test(options_that_lie_are_read_within_bounds),
		cmocka_unit_test(no_room_is_told_and_a_stop_is_obeyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

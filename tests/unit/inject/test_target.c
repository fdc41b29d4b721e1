/* SPDX-License-Identifier: MIT */
#include "inject/target.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 10.0.0.1 > 192.0.2.9, four bytes of a protocol that nobody knows */
static const uint8_t ipv4[] = {0x45, 0, 0, 24, 0,   1, 0x40, 0, 64, 253, 0, 0,
			       10,   0, 0, 1,  192, 0, 2,    9, 1,  2,   3, 4};
/* 2001:db8::1 > 2001:db8::2, the same */
static const uint8_t ipv6[] = {
	0x60, 0,    0,    0,    0, 4, 253, 64,                         /* */
	0x20, 0x01, 0x0d, 0xb8, 0, 0, 0,   0,  0, 0, 0, 0, 0, 0, 0, 1, /* from */
	0x20, 0x01, 0x0d, 0xb8, 0, 0, 0,   0,  0, 0, 0, 0, 0, 0, 0, 2, /* to */
	1,    2,    3,    4};

static int find(const void *data, size_t length, struct inject_target *target)
{
	const char *words = NULL;
	int error = inject_target_find(target, data, length, &words);

	assert_int_equal(error != 0, words != NULL);
	return error;
}

static void it_is_found(void **state)
{
	struct inject_target target;

	assert_int_equal(find(ipv4, sizeof(ipv4), &target), 0);
	assert_int_equal(target.ip_version, 4);
	assert_int_equal(target.length, sizeof(ipv4));
	assert_int_equal(target.header_length, 20);
	assert_int_equal(target.address_length, 4);
	assert_true(target.dont_fragment);
	assert_true(target.routes_source);
	assert_memory_equal(target.source, ipv4 + 12, 4);
	assert_memory_equal(target.destination, ipv4 + 16, 4);
	assert_int_equal(find(ipv6, sizeof(ipv6), &target), 0);
	assert_int_equal(target.ip_version, 6);
	assert_int_equal(target.length, sizeof(ipv6));
	assert_int_equal(target.address_length, 16);
	assert_true(target.routes_source);
	assert_memory_equal(target.source, ipv6 + 8, 16);
	assert_memory_equal(target.destination, ipv6 + 24, 16);
}

static void what_stands_behind_it_is_none_of_it(void **state)
{
	uint8_t padded[60] = {0};
	struct inject_target target;

	memcpy(padded, ipv4, sizeof(ipv4));
	assert_int_equal(find(padded, sizeof(padded), &target), 0);
	assert_int_equal(target.length, sizeof(ipv4));
	memcpy(padded, ipv6, sizeof(ipv6));
	assert_int_equal(find(padded, sizeof(padded), &target), 0);
	assert_int_equal(target.length, sizeof(ipv6));
}

/* The copies come from malloc, so that a byte read too far is found. */
static void check_cuts(const uint8_t *packet, size_t whole)
{
	struct inject_target target;

	for (size_t length = 0; length < whole; length++) {
		uint8_t *cut = malloc(length ? length : 1);

		assert_non_null(cut);
		memcpy(cut, packet, length);
		assert_int_equal(find(cut, length, &target), -EINVAL);
		free(cut);
	}
}

static void what_is_cut_anywhere_is_refused(void **state)
{
	check_cuts(ipv4, sizeof(ipv4));
	check_cuts(ipv6, sizeof(ipv6));
}

/* Every first two bytes there are: version, header length, and what they make of it. */
static void only_ipv4_and_ipv6_are_taken(void **state)
{
	uint8_t *packet = malloc(sizeof(ipv4));
	struct inject_target target;

	assert_non_null(packet);
	memcpy(packet, ipv4, sizeof(ipv4));
	for (unsigned int first = 0; first < 256; first++) {
		packet[0] = (uint8_t)first;
		assert_int_equal(find(packet, sizeof(ipv4), &target) == 0,
				 first == 0x45 || first == 0x46);
	}
	free(packet);
	assert_int_equal(find(NULL, 0, &target), -EINVAL);
	assert_int_equal(find(NULL, 100, &target), -EINVAL);
}

static void no_address_is_no_target(void **state)
{
	uint8_t copy[sizeof(ipv6)];
	struct inject_target target;

	memcpy(copy, ipv4, sizeof(ipv4));
	memset(copy + 16, 0, 4);
	assert_int_equal(find(copy, sizeof(ipv4), &target), -EINVAL);
	memcpy(copy, ipv6, sizeof(ipv6));
	memset(copy + 24, 0, 16);
	assert_int_equal(find(copy, sizeof(ipv6), &target), -EINVAL);
}

static void a_source_of_many_chooses_no_route(void **state)
{
	static const uint8_t ipv4_sources[][4] = {
		{0, 0, 0, 0}, {0, 1, 2, 3}, {224, 0, 0, 1}, {255, 255, 255, 255}};
	static const uint8_t ipv6_sources[][16] = {{0}, {0xff, 2}, {0xfe, 0x80, 1}};
	uint8_t copy[sizeof(ipv6)];
	struct inject_target target;

	memcpy(copy, ipv4, sizeof(ipv4));
	for (size_t i = 0; i < 4; i++) {
		memcpy(copy + 12, ipv4_sources[i], 4);
		assert_int_equal(find(copy, sizeof(ipv4), &target), 0);
		assert_false(target.routes_source);
	}
	memcpy(copy, ipv4, sizeof(ipv4));
	copy[16] = 239; /* nor does it to many */
	assert_int_equal(find(copy, sizeof(ipv4), &target), 0);
	assert_false(target.routes_source);
	memcpy(copy, ipv6, sizeof(ipv6));
	for (size_t i = 0; i < 3; i++) {
		memcpy(copy + 8, ipv6_sources[i], 16);
		assert_int_equal(find(copy, sizeof(ipv6), &target), 0);
		assert_false(target.routes_source);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_found),
		cmocka_unit_test(what_stands_behind_it_is_none_of_it),
		cmocka_unit_test(what_is_cut_anywhere_is_refused),
		cmocka_unit_test(only_ipv4_and_ipv6_are_taken),
		cmocka_unit_test(no_address_is_no_target),
		cmocka_unit_test(a_source_of_many_chooses_no_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

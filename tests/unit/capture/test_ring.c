/* SPDX-License-Identifier: MIT */
/* Records of many threads: each comes out once, whole, and in its thread's order. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/ring.h"

#define THREADS 4u
#define RECORDS 20000u
#define LENGTH_MAX 3000u

struct record {
	uint32_t thread, number, length;
	uint8_t bytes[];
};

static uint32_t length_of(uint32_t thread, uint32_t number)
{
	return (thread * 7919u + number * 104729u) % LENGTH_MAX;
}

struct producer {
	pthread_t thread;
	struct ring *ring;
	uint32_t number;
	uint64_t refused;
};

static void *produce(void *argument)
{
	struct producer *producer = argument;

	for (uint32_t i = 0; i < RECORDS; i++) {
		uint32_t length = length_of(producer->number, i);
		struct record *record =
			ring_claim(producer->ring, sizeof(*record) + length);

		while (!record) {
			producer->refused++;
			sched_yield();
			record = ring_claim(producer->ring, sizeof(*record) + length);
		}
		*record = (struct record){producer->number, i, length};
		memset(record->bytes, (int)(i & 0xff), length);
		ring_put(producer->ring, record);
	}
	return NULL;
}

static void check_record(const struct record *record, uint32_t *next)
{
	assert_true(record->thread < THREADS);
	assert_int_equal(record->number, next[record->thread]);
	assert_int_equal(record->length, length_of(record->thread, record->number));
	for (uint32_t i = 0; i < record->length; i++)
		if (record->bytes[i] != (record->number & 0xff))
			fail_msg("byte %u of record %u", i, record->number);
	next[record->thread]++;
}

static void every_record_of_every_thread_comes_once_and_in_order(void **state)
{
	struct producer producers[THREADS];
	uint32_t next[THREADS] = {0};
	uint64_t taken = 0;
	struct ring ring;
	struct record *record;

	(void)state;
	assert_int_equal(ring_init(&ring, 1), 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		producers[i] = (struct producer){.ring = &ring, .number = i};
		pthread_create(&producers[i].thread, NULL, produce, &producers[i]);
	}
	while (taken < (uint64_t)THREADS * RECORDS) {
		record = ring_first(&ring);
		if (!record) {
			sched_yield();
			continue;
		}
		check_record(record, next);
		ring_drop(&ring);
		taken++;
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(producers[i].thread, NULL);
	assert_null(ring_first(&ring));
	assert_int_equal(ring_used(&ring), 0);
	ring_free(&ring);
}

static void a_full_ring_refuses_and_a_dropped_record_makes_room(void **state)
{
	struct ring ring;
	uint32_t count = 0;
	void *record;

	(void)state;
	assert_int_equal(ring_init(&ring, 1 << 18), 0);
	while ((record = ring_claim(&ring, 1000))) {
		ring_put(&ring, record);
		count++;
	}
	assert_int_equal(count, (1 << 18) / 1024);
	assert_null(ring_claim(&ring, 1));
	assert_non_null(ring_first(&ring));
	ring_drop(&ring);
	record = ring_claim(&ring, 1000);
	assert_non_null(record);
	ring_put(&ring, record);
	assert_null(ring_claim(&ring, 1));
	ring_free(&ring);
}

static void a_record_is_whole_before_it_is_seen(void **state)
{
	struct ring ring;
	void *first, *second;

	(void)state;
	assert_int_equal(ring_init(&ring, 1), 0);
	first = ring_claim(&ring, 10);
	second = ring_claim(&ring, 10);
	ring_put(&ring, second);
	assert_null(ring_first(&ring)); /* the first stands in front of it */
	ring_put(&ring, first);
	assert_ptr_equal(ring_first(&ring), first);
	ring_drop(&ring);
	assert_ptr_equal(ring_first(&ring), second);
	ring_free(&ring);
}

static void what_can_never_fit_is_refused(void **state)
{
	struct ring ring;

	(void)state;
	assert_int_equal(ring_init(&ring, 1), 0);
	assert_null(ring_claim(&ring, ring.size));
	assert_null(ring_claim(&ring, SIZE_MAX));
	assert_non_null(ring_claim(&ring, ring.size / 2 - 64));
	ring_free(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_of_every_thread_comes_once_and_in_order),
		cmocka_unit_test(a_full_ring_refuses_and_a_dropped_record_makes_room),
		cmocka_unit_test(a_record_is_whole_before_it_is_seen),
		cmocka_unit_test(what_can_never_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

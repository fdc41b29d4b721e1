/* SPDX-License-Identifier: MIT */
#include "inject/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct inject_waiting *waiting(uint64_t due_ns, uint64_t sequence)
{
	struct inject_waiting *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	made->due_ns = due_ns;
	made->sequence = sequence;
	return made;
}

static void take(struct inject_heap *heap, uint64_t due_ns, uint64_t sequence)
{
	struct inject_waiting *first = inject_heap_first(heap);

	assert_non_null(first);
	assert_int_equal(first->due_ns, due_ns);
	assert_int_equal(first->sequence, sequence);
	assert_ptr_equal(inject_heap_take(heap), first);
	free(first);
}

static void an_empty_heap_has_nothing(void **state)
{
	struct inject_heap heap = {0};

	assert_null(inject_heap_first(&heap));
	assert_null(inject_heap_take(&heap));
	inject_heap_clear(&heap);
}

static void equal_times_come_as_they_were_added(void **state)
{
	struct inject_heap heap = {0};

	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(inject_heap_add(&heap, waiting(7, i)), 0);
	for (uint64_t i = 0; i < 1000; i++)
		take(&heap, 7, i);
	inject_heap_clear(&heap);
}

/* Against a search through all that wait. */
static void the_next_one_is_always_first(void **state)
{
	enum { COUNT = 500, ROUNDS = 20000 };
	uint64_t due[COUNT], number[COUNT], sequence = 0;
	struct inject_heap heap = {0};
	size_t count = 0, least;

	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		if (count < COUNT && rand() % 100 < 55) {
			due[count] = (uint64_t)(rand() % 50);
			number[count] = sequence++;
			assert_int_equal(inject_heap_add(&heap, waiting(due[count],
									number[count])),
					 0);
			count++;
			continue;
		}
		if (!count)
			continue;
		least = 0;
		for (size_t i = 1; i < count; i++)
			if (due[i] < due[least] ||
			    (due[i] == due[least] && number[i] < number[least]))
				least = i;
		take(&heap, due[least], number[least]);
		count--;
		due[least] = due[count];
		number[least] = number[count];
	}
	assert_int_equal(heap.count, count);
	inject_heap_clear(&heap);
	assert_int_equal(heap.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_heap_has_nothing),
		cmocka_unit_test(equal_times_come_as_they_were_added),
		cmocka_unit_test(the_next_one_is_always_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

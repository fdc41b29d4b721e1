/* SPDX-License-Identifier: MIT */
/* Without memory every change fails, has changed nothing, and works when there is some.
 */
#include "edit_case.h"

static int is_out; /* of memory */

/* The linker puts these in the place of the library's allocations. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
	return is_out ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_out ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return is_out ? NULL : __real_realloc(memory, size);
}

static const uint8_t filler[30000];

static int set_field(struct nfqueue_edit *edit)
{
	return nfqueue_edit_set(edit, NFQUEUE_FIELD_TTL, 1);
}

static int set_address(struct nfqueue_edit *edit)
{
	return nfqueue_edit_set_address(edit, NFQUEUE_FIELD_SOURCE, "abcd", 4);
}

static int set_option(struct nfqueue_edit *edit)
{
	return nfqueue_edit_set_tcp_option(edit, 30, "abcd", 4);
}

static int remove_option(struct nfqueue_edit *edit)
{
	return nfqueue_edit_remove_tcp_option(edit, 8);
}

static int insert(struct nfqueue_edit *edit)
{
	return nfqueue_edit_insert(edit, 0, "abc", 3);
}

static int replace_all(struct nfqueue_edit *edit)
{
	return nfqueue_edit_replace_all(edit, "l", 1, "LL", 2) < 0 ? -ENOMEM : 0;
}

static int write_bytes(struct nfqueue_edit *edit)
{
	return nfqueue_edit_write(edit, 12, "abcd", 4);
}

static int flip(struct nfqueue_edit *edit)
{
	return nfqueue_edit_flip(edit, 8 * 12);
}

static int (*const changes[])(struct nfqueue_edit *) = {
	set_field, set_address, set_option,  remove_option,
	insert,    replace_all, write_bytes, flip,
};

#define TCP_WITH_OPTION                                                            \
	"45000039 1c464000 40060000" IPV4_ENDS                                     \
	"04d20050 00000001 00000002 80180010 00000000 0101080a 00000001 00000002 " \
	"68656c6c6f"

static void the_first_change_fails_and_the_next_does_not(void **state)
{
	struct edit_case test;
	int ret;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		begin(&test, TCP_WITH_OPTION);
		is_out = 1;
		ret = changes[i](test.edit);
		is_out = 0;
		assert_refused(&test, ret, -ENOMEM);
		assert_int_equal(changes[i](test.edit), 0);
		assert_int_equal(nfqueue_edit_is_changed(test.edit), 1);
		end(&test);
	}
}

static void a_packet_that_cannot_grow_is_as_it_was(void **state)
{
	struct edit_case test;
	int ret;

	(void)state;
	begin(&test, UDP4);
	assert_int_equal(nfqueue_edit_insert(test.edit, 5, "!", 1), 0);
	is_out = 1;
	ret = nfqueue_edit_insert(test.edit, 0, filler, sizeof(filler));
	assert_int_equal(nfqueue_edit_set(test.edit, NFQUEUE_FIELD_TTL, 9), 0);
	is_out = 0;
	assert_int_equal(ret, -ENOMEM);
	commit(&test);
	assert_packet(&test, "45000022 00010000 09110000" IPV4_ENDS
			     "13881770 000e0000 68656c6c6f21");
	assert_int_equal(nfqueue_edit_insert(test.edit, 0, filler, sizeof(filler)), 0);
	commit(&test);
	end(&test);
}

static void there_is_no_edit_without_memory(void **state)
{
	struct nfqueue_edit *edit = (struct nfqueue_edit *)(uintptr_t)1;
	int ret;

	(void)state;
	is_out = 1;
	ret = nfqueue_edit_new(&edit);
	is_out = 0;
	assert_int_equal(ret, -ENOMEM);
	assert_null(edit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_change_fails_and_the_next_does_not),
		cmocka_unit_test(a_packet_that_cannot_grow_is_as_it_was),
		cmocka_unit_test(there_is_no_edit_without_memory),
	};

	return cmocka_run_group_tests_name("edit memory", tests, NULL, NULL);
}

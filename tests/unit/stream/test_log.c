/* SPDX-License-Identifier: MIT */
/* Numbers in front of changes and behind, against a list of all bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stream/log.h"

#define CASES 3000
#define BYTES 200
#define BASE ((uint64_t)UINT32_MAX - 100) /* it wraps */

/* Each byte that is sent, and the original one that it came with. */
struct model {
	uint8_t original[BYTES], sent[BYTES * 8];
	size_t owner[BYTES * 8]; /* a change's bytes: its first */
	size_t first[BYTES + 1]; /* sent bytes in front of each original one */
	size_t over[BYTES + 1];  /* behind the change that it is in */
	size_t length;
};

static uint32_t below(uint64_t *state, uint32_t limit)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((x ^ x >> 31) >> 32) % limit;
}

static void put(struct model *model, size_t owner, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		model->owner[model->length] = owner;
		model->sent[model->length++] = bytes[i];
	}
}

static size_t put_change(struct model *model, struct stream_log *log,
			 struct stream_budget *budget, size_t at, uint64_t *state)
{
	static const uint8_t bytes[8] = "ABCDEFG";
	size_t removed = 1 + below(state, 5), count = below(state, 8);
	struct stream_change change = {.position = BASE + at, .count = (uint32_t)count};

	if (removed > BYTES - at)
		removed = BYTES - at;
	change.removed = (uint32_t)removed;
	assert_int_equal(stream_log_add(log, budget, &change, bytes), 0);
	model->first[at] = model->length;
	put(model, at, bytes, count);
	for (size_t i = 1; i < removed; i++)
		model->first[at + i] = model->length;
	for (size_t i = 0; i < removed; i++)
		model->over[at + i] = at + removed;
	return removed;
}

static void make(struct model *model, struct stream_log *log,
		 struct stream_budget *budget, uint64_t *state)
{
	uint32_t rarity = 1 + below(state, 20);
	size_t at = 0;

	model->length = 0;
	while (at < BYTES) {
		model->original[at] = (uint8_t)('a' + below(state, 26));
		if (below(state, rarity) == 0) {
			at += put_change(model, log, budget, at, state);
			continue;
		}
		model->first[at] = model->length;
		model->over[at] = at;
		put(model, at, &model->original[at], 1);
		at++;
	}
	model->first[BYTES] = model->length;
	model->over[BYTES] = BYTES;
}

/* The most original bytes that need no more than `sent`; a change needs all of its. */
static size_t model_floor(const struct model *model, size_t sent)
{
	size_t at = BYTES;

	while (at > 0 && (model->first[at] > sent || model->over[at - 1] > at))
		at--;
	return at;
}

static size_t model_ceil(const struct model *model, size_t sent)
{
	size_t owner;

	if (sent == model->length || sent == model->first[model_floor(model, sent)])
		return model_floor(model, sent);
	owner = model->owner[sent];
	return model->over[owner] > owner ? model->over[owner] : owner;
}

static void check_numbers(const struct model *model, const struct stream_log *log)
{
	for (size_t i = 0; i <= BYTES; i++)
		assert_int_equal(stream_log_forward(log, BASE + i),
				 BASE + model->first[i]);
	for (size_t i = 0; i <= model->length; i++) {
		assert_int_equal(stream_log_floor(log, BASE + i),
				 BASE + model_floor(model, i));
		assert_int_equal(stream_log_ceil(log, BASE + i),
				 BASE + model_ceil(model, i));
	}
}

static void check_bytes(const struct model *model, const struct stream_log *log,
			uint64_t *state)
{
	size_t from = below(state, BYTES),
	       to = from + below(state, (uint32_t)(BYTES - from));
	uint8_t out[BYTES * 8];
	size_t wanted = model->first[to] - model->first[from], size = below(state, 100);
	size_t length = stream_log_emit(log, BASE + from, model->original + from,
					to - from, out, size);

	if (from == to)
		wanted = 0;
	/* the bytes of a change come with its first, also if it goes on behind the piece
	 */
	assert_int_equal(length, wanted);
	assert_memory_equal(out, model->sent + model->first[from],
			    length < size ? length : size);
}

static void it_is_what_a_list_of_all_bytes_is(void **state)
{
	static struct model model;
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < CASES; i++) {
		struct stream_budget budget = {.max = 1 << 20};
		struct stream_log log = {0};
		size_t sent;

		make(&model, &log, &budget, &random);
		check_numbers(&model, &log);
		check_bytes(&model, &log, &random);
		sent = below(&random, (uint32_t)model.length + 1);
		stream_log_prune(&log, &budget, BASE + sent);
		for (size_t at = model_floor(&model, sent); at <= BYTES; at++)
			assert_int_equal(stream_log_forward(&log, BASE + at),
					 BASE + model.first[at]);
		assert_true(log.pruned <= BASE + model_floor(&model, sent));
		stream_log_prune(&log, &budget, BASE + model.length);
		assert_int_equal(stream_log_count(&log), 0);
		assert_int_equal(atomic_load(&budget.used), 0);
		stream_log_free(&log, &budget);
	}
}

static void what_is_above_the_budget_is_refused(void **state)
{
	struct stream_budget budget = {.max = sizeof(struct stream_change) + 4};
	struct stream_change change = {.position = 1, .removed = 1, .count = 5};
	struct stream_log log = {0};

	(void)state;
	assert_true(stream_log_add(&log, &budget, &change, (const uint8_t *)"12345") < 0);
	assert_int_equal(atomic_load(&budget.used), 0);
	assert_int_equal(stream_log_forward(&log, 7), 7);
	change.count = 4;
	assert_int_equal(stream_log_add(&log, &budget, &change, (const uint8_t *)"1234"),
			 0);
	assert_int_equal(stream_log_forward(&log, 7), 10);
	stream_log_free(&log, &budget);
	assert_int_equal(atomic_load(&budget.used), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_what_a_list_of_all_bytes_is),
		cmocka_unit_test(what_is_above_the_budget_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Policies are replaced while threads decide by them. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/generation.h"

#define THREADS 3
#define REPLACEMENTS 200

/* An IPv4 header, which no rule looks into. */
static const uint8_t packet_data[20] = {0x45};

static struct policy *policy_of_mark(unsigned int mark)
{
	struct policy *policy;
	char text[32];

	snprintf(text, sizeof(text), "mark %u\n", mark);
	assert_int_equal(policy_new_from_text(&policy, "test", text, strlen(text)), 0);
	return policy;
}

/* The mark that the packet gets. */
static uint32_t decide(struct generations *generations, uint32_t thread)
{
	const struct policy_packet packet = {packet_data, sizeof(packet_data),
					     sizeof(packet_data), 0};
	struct generation_use use = generations_enter(generations, thread);
	struct policy_result result;

	policy_decide(use.policy, &packet, use.scratch, &result);
	return result.verdict.mark;
}

struct worker {
	pthread_t thread;
	struct generations *generations;
	uint32_t number;
	atomic_bool *end;
	uint64_t decided;
	bool went_back; /* decided by an older policy than before */
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	uint32_t last = 0;

	while (!atomic_load(worker->end)) {
		uint32_t mark = decide(worker->generations, worker->number);

		worker->went_back |= mark < last;
		last = mark;
		worker->decided++;
	}
	return NULL;
}

static void what_threads_decide_is_counted_once_while_policies_are_replaced(void **state)
{
	struct policy *first = policy_of_mark(0);
	struct generations *generations;
	struct worker workers[THREADS];
	atomic_bool end = false;
	uint64_t decided = 0;

	(void)state;
	assert_int_equal(generations_new(&generations, first, THREADS), 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){
			.generations = generations, .number = i, .end = &end};
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (unsigned int i = 1; i <= REPLACEMENTS; i++)
		assert_int_equal(generations_replace(generations, policy_of_mark(i)), 0);
	atomic_store(&end, true);
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_false(workers[i].went_back);
		decided += workers[i].decided;
	}
	assert_int_equal(generations_count(generations), REPLACEMENTS);
	assert_int_equal(generations_earlier(generations) +
				 generations_hits(generations, 0),
			 decided);
	generations_free(generations);
	policy_free(first);
}

static void a_thread_decides_by_the_new_policy_from_its_next_packet_on(void **state)
{
	struct policy *first = policy_of_mark(1);
	struct generations *generations;

	(void)state;
	assert_int_equal(generations_new(&generations, first, 2), 0);
	assert_int_equal(decide(generations, 0), 1);
	assert_int_equal(generations_replace(generations, policy_of_mark(2)), 0);
	assert_int_equal(decide(generations, 0), 2);
	assert_int_equal(decide(generations, 1), 2);
	generations_free(generations);
	policy_free(first);
}

static void the_policy_of_a_thread_without_packets_lives(void **state)
{
	struct policy *first = policy_of_mark(1);
	struct generations *generations;
	struct generation_use idle;

	(void)state;
	assert_int_equal(generations_new(&generations, first, 1), 0);
	assert_int_equal(generations_replace(generations, policy_of_mark(2)), 0);
	idle = generations_enter(generations, 0);
	for (unsigned int i = 3; i < 10; i++)
		assert_int_equal(generations_replace(generations, policy_of_mark(i)), 0);
	assert_string_equal(policy_rule_text(idle.policy, 0), "mark 2");
	assert_int_equal(decide(generations, 0), 9);
	generations_free(generations);
	policy_free(first);
}

static void log_rules_decide_nothing_of_the_policies_before(void **state)
{
	static const char text[] = "log\naccept\n";
	struct generations *generations;
	struct policy *first;

	(void)state;
	assert_int_equal(policy_new_from_text(&first, "test", text, strlen(text)), 0);
	assert_int_equal(generations_new(&generations, first, 1), 0);
	decide(generations, 0);
	decide(generations, 0);
	assert_int_equal(generations_hits(generations, 0), 2);
	assert_int_equal(generations_hits(generations, 1), 2);
	assert_int_equal(generations_replace(generations, policy_of_mark(1)), 0);
	assert_int_equal(generations_earlier(generations), 2);
	assert_int_equal(generations_hits(generations, 0), 0);
	generations_free(generations);
	policy_free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_threads_decide_is_counted_once_while_policies_are_replaced),
		cmocka_unit_test(
			a_thread_decides_by_the_new_policy_from_its_next_packet_on),
		cmocka_unit_test(the_policy_of_a_thread_without_packets_lives),
		cmocka_unit_test(log_rules_decide_nothing_of_the_policies_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Coalesced verdicts have the effect of one verdict a packet: held against the kernel's
 * rules. */
#include "queue/coalesce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_model.h"

#define SEED 0x6e667175657565u
#define CASES 400000
#define PACKETS_MAX 128

enum role {
	DECIDED, /* an entry of this flush */
	HELD,    /* waits: undecided */
	GONE,    /* an entry, but the kernel has flushed the packet */
	LOST,    /* an id that was never queued */
	UNREAD,  /* waits: newer than all entries */
};

struct packet {
	uint32_t id;
	enum role role;
	struct nfqueue_verdict verdict;
};

struct scene {
	struct packet packets[PACKETS_MAX];
	size_t count;
	struct coalesce_entry entries[PACKETS_MAX];
	size_t entry_count, coverable;
	struct coalesce_message messages[PACKETS_MAX];
	size_t message_count;
	struct kernel_model kernel;
};

/* splitmix64: the same numbers on each run */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint32_t below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)(random_next(state) % limit);
}

static struct nfqueue_verdict random_verdict(uint64_t *state, uint32_t variety)
{
	switch (below(state, variety)) {
	case 0:
		return NFQUEUE_ACCEPT;
	case 1:
		return NFQUEUE_DROP;
	case 2:
		return nfqueue_verdict_mark(NFQUEUE_ACCEPT, below(state, 2));
	case 3:
		return nfqueue_verdict_mark(NFQUEUE_REPEAT, 1 + below(state, 2));
	case 4:
		return nfqueue_verdict_queue((uint16_t)below(state, 2));
	case 5:
		return nfqueue_verdict_priority(NFQUEUE_ACCEPT, below(state, 2));
	default:
		return NFQUEUE_STOP;
	}
}

static uint32_t first_id(uint64_t *state, size_t count)
{
	switch (below(state, 3)) {
	case 0:
		return 1;
	case 1: /* the ids wrap among the packets, or nearly so */
		return UINT32_MAX - below(state, (uint32_t)count + 2);
	default:
		return (uint32_t)random_next(state);
	}
}

static enum role random_role(uint64_t *state, uint32_t one_in)
{
	static const enum role rare[] = {HELD, GONE, LOST};

	return below(state, one_in) == 0 ? rare[below(state, 3)] : DECIDED;
}

static void make_packets(struct scene *scene, uint64_t *state)
{
	static const uint32_t rarities[] = {2, 6, 30, 1000};
	uint32_t variety = 1 + below(state, 7);
	uint32_t one_in = rarities[below(state, 4)];
	size_t unread = below(state, 4), count = 1 + below(state, 14);
	uint32_t id;

	if (below(state, 20) == 0)
		count = 1 + below(state, 64);
	id = first_id(state, count);
	scene->count = count + unread;
	for (size_t i = 0; i < scene->count; i++)
		scene->packets[i] = (struct packet){
			.id = id++,
			.role = i < count ? random_role(state, one_in) : UNREAD,
			.verdict = random_verdict(state, variety),
		};
}

static bool is_entry(const struct packet *packet)
{
	return packet->role == DECIDED || packet->role == GONE;
}

/* As the queue layer does it: ranges up to the first packet that has no verdict. */
static void make_entries(struct scene *scene)
{
	bool held = false;

	for (size_t i = 0; i < scene->count; i++) {
		const struct packet *packet = &scene->packets[i];

		held |= packet->role == HELD;
		if (!is_entry(packet))
			continue;
		scene->entries[scene->entry_count++] =
			(struct coalesce_entry){packet->id, packet->verdict};
		if (!held)
			scene->coverable = scene->entry_count;
	}
}

static void send_to_kernel(struct scene *scene)
{
	for (size_t i = 0; i < scene->count; i++)
		if (scene->packets[i].role != GONE && scene->packets[i].role != LOST)
			model_add(&scene->kernel, scene->packets[i].id);
	for (size_t i = 0; i < scene->message_count; i++) {
		const struct coalesce_message *message = &scene->messages[i];

		if (message->range)
			model_range_verdict(&scene->kernel, message->id,
					    message->verdict);
		else
			model_verdict(&scene->kernel, message->id, message->verdict);
	}
}

/* What of a verdict the kernel or anybody behind it can see. */
static bool same_effect(struct nfqueue_verdict a, struct nfqueue_verdict b)
{
	if (a.code != b.code)
		return false;
	if (a.code == NFQUEUE_VERDICT_DROP)
		return true;
	return a.set == b.set && (!(a.set & NFQUEUE_SET_MARK) || a.mark == b.mark) &&
	       (!(a.set & NFQUEUE_SET_PRIORITY) || a.priority == b.priority);
}

static const char *check_packets(struct scene *scene)
{
	size_t left = 0;

	for (size_t i = 0; i < scene->count; i++) {
		const struct packet *packet = &scene->packets[i];
		const struct model_packet *there = model_find(&scene->kernel, packet->id);

		if (!there)
			continue;
		if (there->decided != (packet->role == DECIDED))
			return there->decided ? "a packet nobody decided was decided"
					      : "a decided packet still waits";
		if (!there->decided)
			continue;
		if (!same_effect(there->verdict, packet->verdict))
			return "a packet got another verdict";
		if (packet->verdict.code != NFQUEUE_VERDICT_DROP &&
		    scene->kernel.left[left++] != packet->id)
			return "packets left in another order";
	}
	return left == scene->kernel.left_count ? NULL : "more packets left than came";
}

static const char *check_messages(const struct scene *scene)
{
	size_t decided = 0;

	if (scene->message_count > scene->entry_count)
		return "more messages than entries";
	for (size_t i = 0; i < scene->message_count; i++) {
		decided += scene->messages[i].count;
		if (scene->messages[i].range != (scene->messages[i].count > 1))
			return "a range of one, or a single of many";
	}
	return decided == scene->entry_count ? NULL : "counts do not add up";
}

static void run(struct scene *scene)
{
	make_entries(scene);
	scene->message_count = coalesce(scene->entries, scene->entry_count,
					scene->coverable, scene->messages);
	send_to_kernel(scene);
}

static void any_messages_do_what_single_verdicts_would_do(void **state)
{
	static struct scene scene;
	uint64_t random = SEED;
	const char *fault;

	fprintf(stderr, "%d cases, seed 0x%llx\n", CASES, (unsigned long long)SEED);
	for (int i = 0; i < CASES; i++) {
		uint64_t before = random;

		scene.count = scene.entry_count = scene.coverable = 0;
		scene.kernel.count = scene.kernel.left_count = 0;
		make_packets(&scene, &random);
		run(&scene);
		fault = check_messages(&scene);
		if (!fault)
			fault = check_packets(&scene);
		if (fault)
			fail_msg("case %d, seed 0x%llx: %s", i,
				 (unsigned long long)before, fault);
	}
}

/* `verdict` for every `every`th of 64, the other one for the rest. */
static size_t messages_for(size_t every, struct nfqueue_verdict verdict,
			   struct nfqueue_verdict other)
{
	struct coalesce_message messages[64];
	struct coalesce_entry entries[64];

	for (size_t i = 0; i < 64; i++) {
		entries[i].id = (uint32_t)i + UINT32_MAX - 20;
		entries[i].verdict = (i + 1) % every == 0 ? verdict : other;
	}
	return coalesce(entries, 64, 64, messages);
}

static void equal_verdicts_are_one_message(void **state)
{
	assert_int_equal(messages_for(1, NFQUEUE_ACCEPT, NFQUEUE_DROP), 1);
	assert_int_equal(messages_for(1, NFQUEUE_DROP, NFQUEUE_ACCEPT), 1);
	assert_int_equal(
		messages_for(1, nfqueue_verdict_mark(NFQUEUE_REPEAT, 7), NFQUEUE_ACCEPT),
		1);
}

static void every_tenth_of_64_dropped_is_8_messages_at_most(void **state)
{
	assert_in_range(messages_for(10, NFQUEUE_DROP, NFQUEUE_ACCEPT), 1, 8);
	assert_in_range(messages_for(10, NFQUEUE_ACCEPT, NFQUEUE_DROP), 1, 8);
}

static void alternate_verdicts_of_64_are_33_messages_at_most(void **state)
{
	assert_in_range(messages_for(2, NFQUEUE_DROP, NFQUEUE_ACCEPT), 1, 33);
	assert_in_range(messages_for(2, NFQUEUE_ACCEPT, NFQUEUE_DROP), 1, 33);
}

static void alternate_verdicts_that_must_keep_their_order_are_single(void **state)
{
	assert_int_equal(
		messages_for(2, nfqueue_verdict_mark(NFQUEUE_ACCEPT, 1), NFQUEUE_ACCEPT),
		64);
}

static void nothing_decided_is_no_message(void **state)
{
	struct coalesce_message message;
	struct coalesce_entry entry = {1, NFQUEUE_ACCEPT};

	assert_int_equal(coalesce(&entry, 0, 0, &message), 0);
}

static void no_range_reaches_what_is_not_coverable(void **state)
{
	struct coalesce_message messages[8];
	struct coalesce_entry entries[8];
	size_t count;

	for (uint32_t i = 0; i < 8; i++)
		entries[i] = (struct coalesce_entry){i + 1, NFQUEUE_ACCEPT};
	for (size_t coverable = 0; coverable <= 8; coverable++) {
		count = coalesce(entries, 8, coverable, messages);
		assert_int_equal(count, 8 - coverable + (coverable > 0));
		for (size_t i = 0; i < count; i++)
			assert_true(!messages[i].range || messages[i].id <= coverable);
	}
}

/* The model itself: two messages, three packets around the wrap. */
static void the_model_knows_the_kernels_rules(void **state)
{
	struct kernel_model model = {.count = 0};

	model_add(&model, UINT32_MAX);
	model_add(&model, 0);
	model_add(&model, 3);
	assert_int_equal(model_verdict(&model, 7, NFQUEUE_ACCEPT), 0);
	assert_int_equal(model_range_verdict(&model, UINT32_MAX - 1, NFQUEUE_ACCEPT), 0);
	assert_int_equal(model_range_verdict(&model, 1, NFQUEUE_ACCEPT), 2);
	assert_int_equal(model_verdict(&model, 0, NFQUEUE_ACCEPT), 0);
	assert_int_equal(model_verdict(&model, 3, NFQUEUE_DROP), 1);
	assert_int_equal(model.left_count, 2);
	assert_int_equal(model.left[0], UINT32_MAX);
}

/* A range verdict cannot carry the connection's mark. */
static void verdicts_that_need_a_message_of_their_own_get_one(void **state)
{
	struct coalesce_entry entries[16];
	struct coalesce_message messages[16];
	uint32_t packets = 0;
	size_t count;

	for (uint32_t i = 0; i < 16; i++) {
		entries[i].id = i;
		entries[i].verdict = i % 4 == 3 ? NFQUEUE_DROP : NFQUEUE_ACCEPT;
		if (i % 4 < 2)
			entries[i].verdict.set = COALESCE_ALONE;
	}
	count = coalesce(entries, 16, 16, messages);
	for (size_t i = 0; i < count; i++) {
		packets += messages[i].count;
		if (messages[i].verdict.set & COALESCE_ALONE) {
			assert_false(messages[i].range);
			assert_int_equal(messages[i].count, 1);
		}
	}
	assert_int_equal(packets, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_model_knows_the_kernels_rules),
		cmocka_unit_test(any_messages_do_what_single_verdicts_would_do),
		cmocka_unit_test(equal_verdicts_are_one_message),
		cmocka_unit_test(every_tenth_of_64_dropped_is_8_messages_at_most),
		cmocka_unit_test(alternate_verdicts_of_64_are_33_messages_at_most),
		cmocka_unit_test(
			alternate_verdicts_that_must_keep_their_order_are_single),
		cmocka_unit_test(nothing_decided_is_no_message),
		cmocka_unit_test(no_range_reaches_what_is_not_coverable),
		cmocka_unit_test(verdicts_that_need_a_message_of_their_own_get_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Held packets that other threads decide: each once, in their order, and sent soon. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "faults.h"
#include "holder.h"

#define COUNT 3000
#define THREADS_MAX 4
#define LENGTH_MAX 16384

/* --- many threads, any order ------------------------------------------------------ */

enum order { IN_ORDER, REVERSED, SHUFFLED };

/* A thread that decides every `step`th of `order`. */
struct judge {
	struct holder *holder;
	const uint32_t *order;
	uint32_t first, step;
	bool flush, drops;
	uint32_t refused;
	pthread_t thread;
};

static bool is_dropped(uint32_t number)
{
	return number % 5 == 3;
}

static void *judge_main(void *argument)
{
	struct judge *judge = argument;
	struct nfqueue *queue = judge->holder->queue;

	for (uint32_t i = judge->first; i < COUNT; i += judge->step) {
		struct nfqueue_packet *packet = judge->holder->held[judge->order[i]];
		bool drop = judge->drops && is_dropped(judge->order[i]);

		judge->refused +=
			nfqueue_decide(packet, drop ? NFQUEUE_DROP : NFQUEUE_ACCEPT) != 0;
		if (judge->flush && (i / judge->step) % 64 == 63)
			judge->refused += nfqueue_flush(queue) != 0;
	}
	if (judge->flush)
		judge->refused += nfqueue_flush(queue) != 0;
	return NULL;
}

static void judge_all(struct judge *judges, struct judge like, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		judges[i] = like;
		judges[i].first = i;
		judges[i].step = count;
		assert_int_equal(
			pthread_create(&judges[i].thread, NULL, judge_main, &judges[i]),
			0);
	}
	for (uint32_t i = 0; i < count; i++) {
		pthread_join(judges[i].thread, NULL);
		assert_int_equal(judges[i].refused, 0);
	}
}

static void make_order(uint32_t *numbers, enum order order)
{
	uint32_t seed;

	for (uint32_t i = 0; i < COUNT; i++)
		numbers[i] = order == REVERSED ? COUNT - 1 - i : i;
	if (order != SHUFFLED)
		return;
	seed = random_seed();
	shuffle(numbers, COUNT, &seed);
}

static void receive_and_hold(struct nfqueue *queue, struct nfqueue_packet **held)
{
	uint32_t count = 0;

	while (count < COUNT) {
		int n = nfqueue_recv(queue, held + count, 64, WAIT_MS);

		assert_true(n > 0);
		for (int i = 0; i < n; i++)
			assert_int_equal(nfqueue_packet_hold(held[count++]), 0);
	}
}

static struct nfqueue *hold_all(struct holder *holder)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.max_length = LENGTH_MAX});

	holder_start(holder, queue, COUNT);
	netns_udp_send(udp_client, 0, COUNT);
	holder_wait(holder, COUNT);
	return queue;
}

static struct nfqueue_stats decide_all(uint32_t threads, enum order order, bool flush,
				       enum waiting waiting)
{
	struct holder holder = {.waiting = waiting};
	struct judge judges[THREADS_MAX];
	struct nfqueue_stats stats;
	uint32_t numbers[COUNT];
	bool wanted[COUNT];
	struct nfqueue *queue = hold_all(&holder);

	make_order(numbers, order);
	for (uint32_t i = 0; i < COUNT; i++)
		wanted[i] = !is_dropped(i);
	judge_all(judges,
		  (struct judge){.holder = &holder,
				 .order = numbers,
				 .flush = flush,
				 .drops = true},
		  threads);
	stats = wait_for_none_held(queue); /* the reader is not told to stop */
	assert_came(udp_server, wanted, COUNT);
	assert_int_equal(stats.received, COUNT);
	assert_int_equal(stats.dropped, COUNT / 5);
	assert_int_equal(stats.accepted, COUNT - COUNT / 5);
	assert_int_equal(stats.defaulted + stats.expired, 0);
	holder_stop(&holder);
	return stats;
}

#define DECIDED_BY(name, threads, order, flush, waiting)    \
	static void name(void **state)                      \
	{                                                   \
		decide_all(threads, order, flush, waiting); \
	}

DECIDED_BY(one_thread_decides_in_order_and_flushes, 1, IN_ORDER, true, WAIT_ASLEEP)
DECIDED_BY(one_thread_decides_in_order_and_a_sleeping_reader_sends, 1, IN_ORDER, false,
	   WAIT_ASLEEP)
DECIDED_BY(one_thread_decides_in_order_and_a_polling_reader_sends, 1, IN_ORDER, false,
	   WAIT_POLL)
DECIDED_BY(one_thread_decides_reversed_and_flushes, 1, REVERSED, true, WAIT_POLL)
DECIDED_BY(one_thread_decides_reversed_and_a_sleeping_reader_sends, 1, REVERSED, false,
	   WAIT_ASLEEP)
DECIDED_BY(one_thread_decides_shuffled_and_a_waiting_reader_sends, 1, SHUFFLED, false,
	   WAIT_TIMEOUT)
DECIDED_BY(four_threads_decide_in_order_and_flush, 4, IN_ORDER, true, WAIT_TIMEOUT)
DECIDED_BY(four_threads_decide_in_order_and_a_sleeping_reader_sends, 4, IN_ORDER, false,
	   WAIT_ASLEEP)
DECIDED_BY(four_threads_decide_reversed_and_flush, 4, REVERSED, true, WAIT_ASLEEP)
DECIDED_BY(four_threads_decide_reversed_and_a_polling_reader_sends, 4, REVERSED, false,
	   WAIT_POLL)
DECIDED_BY(four_threads_decide_shuffled_and_flush, 4, SHUFFLED, true, WAIT_ASLEEP)
DECIDED_BY(four_threads_decide_shuffled_and_a_polling_reader_sends, 4, SHUFFLED, false,
	   WAIT_POLL)

static void the_verdicts_of_a_thread_leave_in_the_order_it_gives_them(void **state)
{
	struct arrivals arrivals = arrivals_new(COUNT);
	struct holder holder = {.waiting = WAIT_ASLEEP};
	uint32_t numbers[COUNT];
	struct judge judge;

	hold_all(&holder);
	make_order(numbers, SHUFFLED);
	judge_all(&judge, (struct judge){.holder = &holder, .order = numbers}, 1);
	arrivals_collect(&arrivals, udp_server, COUNT);
	assert_memory_equal(arrivals.order, numbers, sizeof(numbers));
	arrivals_free(&arrivals);
	holder_stop(&holder);
}

/* --- range verdicts --------------------------------------------------------------- */

/* The reader does other things meanwhile. */
static void what_a_thread_decides_in_order_leaves_in_ranges(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.max_length = LENGTH_MAX});
	static struct nfqueue_packet *held[COUNT + 64];
	struct holder holder = {.queue = queue, .held = held};
	struct nfqueue_stats stats;
	uint32_t numbers[COUNT];
	struct judge judge;

	netns_udp_send(udp_client, 0, COUNT);
	receive_and_hold(queue, held);
	flush_and_settle(queue);
	make_order(numbers, IN_ORDER);
	judge_all(&judge,
		  (struct judge){.holder = &holder, .order = numbers, .flush = true}, 1);
	stats = stats_of(queue);
	assert_int_equal(stats.accepted, COUNT);
	assert_int_equal(stats.messages, (COUNT + 63) / 64);
	assert_sums_up(&stats);
}

struct mixture {
	struct holder *holder;
	bool *wanted;
	uint32_t seed;
};

/* By calls that decide many: the reader sleeps through them. */
static void *decide_many_at_once(void *argument)
{
	struct holder *holder = argument;
	struct nfqueue_verdict verdicts[100];

	for (uint32_t i = 0; i < 100; i++)
		verdicts[i] = i % 10 == 9 ? NFQUEUE_DROP : NFQUEUE_ACCEPT;
	for (uint32_t i = 0; i < COUNT; i += 100)
		assert_int_equal(nfqueue_decide_all(holder->queue, holder->held + i,
						    verdicts, 100),
				 100);
	return NULL;
}

static void many_decided_at_once_leave_in_few_messages_and_wake_nobody(void **state)
{
	struct holder holder = {.waiting = WAIT_ASLEEP};
	struct nfqueue *queue = hold_all(&holder);
	struct nfqueue_stats before = stats_of(queue), stats;
	bool wanted[COUNT];
	pthread_t thread;

	for (uint32_t i = 0; i < COUNT; i++)
		wanted[i] = i % 10 != 9;
	assert_int_equal(pthread_create(&thread, NULL, decide_many_at_once, &holder), 0);
	pthread_join(thread, NULL);
	stats = stats_of(queue);
	assert_int_equal(stats.held, 0);
	assert_int_equal(stats.sends - before.sends, COUNT / 100);
	/* of each hundred ten drops, and a range */
	assert_true(stats.messages - before.messages <= COUNT / 100 * 11);
	assert_came(udp_server, wanted, COUNT);
	holder_stop(&holder);
}

static void what_is_decided_before_is_not_decided_by_many_at_once(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_verdict verdicts[8] = {
		NFQUEUE_ACCEPT, NFQUEUE_ACCEPT, {.code = 2}, /* the kernel knows no such
								verdict */
		NFQUEUE_ACCEPT, NFQUEUE_DROP,   NFQUEUE_ACCEPT, NFQUEUE_ACCEPT,
		NFQUEUE_ACCEPT,
	};
	const bool wanted[8] = {true, false, false, true, false, true, true, true};
	struct nfqueue_packet *packets[64];

	netns_udp_send(udp_client, 0, 8);
	receive(queue, packets, 8);
	nfqueue_packet_hold(packets[3]);
	nfqueue_drop(packets[1]);
	assert_int_equal(nfqueue_decide_all(queue, packets, verdicts, 8), 6);
	assert_came(udp_server, wanted, 8);
	assert_int_equal(stats_of(queue).held, 1);
	assert_int_equal(nfqueue_drop(packets[2]), 0);
	flush_and_settle(queue);
	assert_int_equal(stats_of(queue).accepted, 5);
}

/* All but the oldest, accept and drop in stretches. */
static void *decide_the_younger(void *argument)
{
	struct mixture *mixture = argument;
	struct nfqueue *queue = mixture->holder->queue;
	bool drop = false;

	for (uint32_t i = 1; i < COUNT; i++) {
		if (random_next(&mixture->seed) % 8 == 0)
			drop = !drop;
		mixture->wanted[i] = !drop;
		assert_int_equal(nfqueue_decide(mixture->holder->held[i],
						drop ? NFQUEUE_DROP : NFQUEUE_ACCEPT),
				 0);
		if (random_next(&mixture->seed) % 50 == 0)
			assert_int_equal(nfqueue_flush(queue), 0);
	}
	assert_int_equal(nfqueue_flush(queue), 0);
	return NULL;
}

static void no_range_reaches_over_an_older_packet_that_is_held(void **state)
{
	bool wanted[COUNT] = {false};
	struct holder holder = {.waiting = WAIT_ASLEEP};
	struct mixture mixture = {&holder, wanted, random_seed()};
	struct nfqueue *queue = hold_all(&holder);
	struct nfqueue_stats stats;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, decide_the_younger, &mixture), 0);
	pthread_join(thread, NULL);
	assert_true(netns_queue_waits(0, 1, WAIT_MS));
	assert_came(udp_server, wanted, COUNT);
	assert_int_equal(nfqueue_accept(holder.held[0]), 0);
	assert_int_equal(nfqueue_flush(queue), 0);
	stats = wait_for_none_held(queue);
	assert_int_equal(stats.flushed + stats.refused, 0);
	memset(wanted, 0, sizeof(wanted));
	wanted[0] = true;
	assert_came(udp_server, wanted, COUNT);
	holder_stop(&holder);
}

/* --- the first verdict wins ------------------------------------------------------- */

struct rival {
	struct nfqueue_packet **held;
	pthread_barrier_t *start;
	struct nfqueue_verdict verdict;
	bool won[COUNT];
	uint32_t other_errors;
	pthread_t thread;
};

static void *rival_main(void *argument)
{
	struct rival *rival = argument;

	pthread_barrier_wait(rival->start);
	for (uint32_t i = 0; i < COUNT; i++) {
		int err = nfqueue_decide(rival->held[i], rival->verdict);

		rival->won[i] = err == 0;
		rival->other_errors += err != 0 && err != -EALREADY;
	}
	return NULL;
}

/* Nobody flushes or receives meanwhile: until then a packet is there for the loser. */
static void of_two_threads_that_decide_a_packet_one_is_told_that_it_came_late(
	void **state)
{
	static struct rival rivals[2];
	static struct nfqueue_packet *held[COUNT + 64];
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.max_length = LENGTH_MAX});
	struct nfqueue_stats stats;
	pthread_barrier_t start;
	uint32_t accepted = 0;

	netns_udp_send(udp_client, 0, COUNT);
	receive_and_hold(queue, held);
	pthread_barrier_init(&start, NULL, 2);
	for (int i = 0; i < 2; i++) {
		rivals[i] = (struct rival){.held = held,
					   .start = &start,
					   .verdict = i ? NFQUEUE_DROP : NFQUEUE_ACCEPT};
		assert_int_equal(
			pthread_create(&rivals[i].thread, NULL, rival_main, &rivals[i]),
			0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(rivals[i].thread, NULL);
		assert_int_equal(rivals[i].other_errors, 0);
	}
	pthread_barrier_destroy(&start);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(rivals[0].won[i] + rivals[1].won[i], 1);
		accepted += rivals[0].won[i];
	}
	flush_and_settle(queue);
	assert_came(udp_server, rivals[0].won, COUNT);
	stats = stats_of(queue);
	assert_sums_up(&stats);
	assert_int_equal(stats.accepted, accepted);
	assert_int_equal(stats.dropped, COUNT - accepted);
}

/* --- the reader goes to sleep ----------------------------------------------------- */

static void receive_number(uint32_t number)
{
	uint64_t end = netns_now() + WAIT_MS;
	uint8_t bytes[64];

	while (recv(udp_server, bytes, sizeof(bytes), MSG_DONTWAIT) < 0)
		if (netns_now() > end)
			fail_msg("verdict %u was forgotten", number);
}

/*
 * One verdict after the other: each comes when the reader has just sent the one before,
 * and is about to go to sleep.
 */
static void no_verdict_is_forgotten_by(enum waiting waiting)
{
	struct holder holder = {.waiting = waiting};
	struct nfqueue *queue;
	uint64_t end = netns_now() + 1000;

	queue = hold_all(&holder);
	for (uint32_t i = 0; i < COUNT && netns_now() < end; i++) {
		assert_int_equal(nfqueue_accept(holder.held[i]), 0);
		receive_number(i);
	}
	assert_int_equal(nfqueue_flush(queue), 0);
	holder_stop(&holder);
}

static void no_verdict_is_forgotten_by_a_reader_about_to_poll(void **state)
{
	no_verdict_is_forgotten_by(WAIT_POLL);
}

static void no_verdict_is_forgotten_by_a_reader_about_to_sleep(void **state)
{
	no_verdict_is_forgotten_by(WAIT_ASLEEP);
}

static void no_verdict_is_forgotten_by_a_reader_about_to_wait(void **state)
{
	no_verdict_is_forgotten_by(WAIT_TIMEOUT);
}

/* A configuration reads what the socket has: what was just sent to wake the reader, too.
 */
static void no_verdict_is_forgotten_when_the_queue_is_configured_just_then(void **state)
{
	struct holder holder = {.waiting = WAIT_POLL};
	struct nfqueue *queue = hold_all(&holder);
	uint64_t end = netns_now() + 1000;

	for (uint32_t i = 0; i < COUNT && netns_now() < end; i++) {
		assert_int_equal(nfqueue_accept(holder.held[i]), 0);
		assert_int_equal(nfqueue_set_copy_range(queue, 64 + i % 2), 0);
		receive_number(i);
	}
	assert_int_equal(nfqueue_flush(queue), 0);
	holder_stop(&holder);
}

/*
 * The kernel has no memory for what is to wake the reader: the verdict is sent all the
 * same, and the next one wakes it. The reader may be awake now and then, not each time.
 */
static void no_verdict_is_forgotten_without_memory_to_wake(enum waiting waiting)
{
	struct holder holder = {.waiting = waiting};
	struct nfqueue *queue = hold_all(&holder);
	unsigned int failed = 0;

	for (uint32_t i = 0; i < 40; i += 2) {
		netns_sleep(5);
		fail_sends(1);
		assert_int_equal(nfqueue_accept(holder.held[i]), 0);
		failed += 1 - fail_no_more();
		receive_number(i);
		assert_int_equal(nfqueue_accept(holder.held[i + 1]), 0);
		receive_number(i + 1);
	}
	assert_true(failed > 0);
	assert_int_equal(nfqueue_flush(queue), 0);
	holder_stop(&holder);
}

static void no_verdict_is_forgotten_without_memory_to_wake_who_polls(void **state)
{
	no_verdict_is_forgotten_without_memory_to_wake(WAIT_POLL);
}

static void no_verdict_is_forgotten_without_memory_to_wake_who_sleeps(void **state)
{
	no_verdict_is_forgotten_without_memory_to_wake(WAIT_ASLEEP);
}

/* --- all at once ------------------------------------------------------------------ */

#define STRESS_MS 1500
#define STRESS_MAX 40000
#define IN_FLIGHT 4000

/* Packets on their way from the reader to those who decide; under lock. */
struct stress {
	struct nfqueue *queue;
	pthread_mutex_t lock;
	struct nfqueue_packet *waiting[IN_FLIGHT];
	uint32_t numbers[IN_FLIGHT];
	bool expiry[IN_FLIGHT]; /* what a deadline would have given */
	uint32_t count;
	bool wanted[STRESS_MAX];
	atomic_uint received;
	atomic_uint sent;
	atomic_bool sending, reading;
	uint32_t seeds[3];
};

static void hand_over(struct stress *stress, struct nfqueue_packet *packet,
		      uint32_t number, bool expiry)
{
	pthread_mutex_lock(&stress->lock);
	assert_true(stress->count < IN_FLIGHT);
	stress->waiting[stress->count] = packet;
	stress->numbers[stress->count] = number;
	stress->expiry[stress->count++] = expiry;
	pthread_mutex_unlock(&stress->lock);
}

/* Any of those that wait. */
static struct nfqueue_packet *take_over(struct stress *stress, uint32_t *seed,
					uint32_t *number, bool *expiry)
{
	struct nfqueue_packet *packet = NULL;

	pthread_mutex_lock(&stress->lock);
	if (stress->count) {
		uint32_t at = random_next(seed) % stress->count;

		packet = stress->waiting[at];
		*number = stress->numbers[at];
		*expiry = stress->expiry[at];
		stress->count--;
		stress->waiting[at] = stress->waiting[stress->count];
		stress->numbers[at] = stress->numbers[stress->count];
		stress->expiry[at] = stress->expiry[stress->count];
	}
	pthread_mutex_unlock(&stress->lock);
	return packet;
}

static struct nfqueue_verdict verdict_of(bool accept)
{
	return accept ? NFQUEUE_ACCEPT : NFQUEUE_DROP;
}

static void stress_packet(struct stress *stress, struct nfqueue_packet *packet,
			  uint32_t *seed)
{
	uint32_t number = datagram_number(packet), choice = random_next(seed) % 8;
	bool accept = random_next(seed) % 2;
	int err;

	if (choice == 0)
		return; /* the default: drop */
	if (choice <= 2) {
		stress->wanted[number] = accept;
		assert_int_equal(nfqueue_decide(packet, verdict_of(accept)), 0);
		return;
	}
	err = choice <= 4 ? nfqueue_packet_hold_for(packet, random_next(seed) % 8,
						    verdict_of(accept))
			  : nfqueue_packet_hold(packet);
	assert_int_equal(err, 0);
	hand_over(stress, packet, number, accept);
}

static void *stress_read(void *argument)
{
	static const int timeouts[] = {-1, 0, 1, 5};
	struct stress *stress = argument;
	struct nfqueue_packet *packets[64];
	uint32_t *seed = &stress->seeds[0];

	while (atomic_load(&stress->reading)) {
		int n = nfqueue_recv(stress->queue, packets, 1 + random_next(seed) % 64,
				     timeouts[random_next(seed) % 4]);

		assert_true(n >= 0);
		for (int i = 0; i < n; i++)
			stress_packet(stress, packets[i], seed);
		atomic_fetch_add(&stress->received, (uint32_t)n);
		if (random_next(seed) % 4 == 0)
			assert_int_equal(nfqueue_flush(stress->queue), 0);
	}
	return NULL;
}

static void stress_judge(struct stress *stress, uint32_t *seed)
{
	struct nfqueue_packet *packet;
	uint32_t number = 0;
	bool accept, expiry = false;
	int err;

	packet = take_over(stress, seed, &number, &expiry);
	if (packet) {
		accept = random_next(seed) % 2;
		err = nfqueue_decide(packet, verdict_of(accept));
		assert_true(err == 0 || err == -EALREADY);
		stress->wanted[number] = err == 0 ? accept : expiry;
	}
	if (random_next(seed) % 16 == 0)
		assert_int_equal(nfqueue_flush(stress->queue), 0);
	if (!packet || random_next(seed) % 256 == 0)
		netns_sleep(1);
}

static void *stress_decide(void *argument)
{
	struct stress *stress = argument;
	uint32_t seed = stress->seeds[1], left = 1;

	while (left || atomic_load(&stress->sending) ||
	       atomic_load(&stress->received) < atomic_load(&stress->sent)) {
		stress_judge(stress, &seed);
		pthread_mutex_lock(&stress->lock);
		left = stress->count;
		pthread_mutex_unlock(&stress->lock);
	}
	return NULL;
}

static void *stress_decide_too(void *argument)
{
	struct stress *stress = argument;
	uint32_t seed = stress->seeds[2];

	while (atomic_load(&stress->reading))
		stress_judge(stress, &seed);
	return NULL;
}

static uint32_t in_flight(struct stress *stress)
{
	uint32_t held;

	pthread_mutex_lock(&stress->lock);
	held = stress->count;
	pthread_mutex_unlock(&stress->lock);
	return stress->sent - atomic_load(&stress->received) + held;
}

static void stress_send(struct stress *stress)
{
	uint64_t end = netns_now() + STRESS_MS;

	while (stress->sent < STRESS_MAX && netns_now() < end) {
		if (in_flight(stress) > IN_FLIGHT - 100) {
			netns_sleep(1);
			continue;
		}
		netns_udp_send(udp_client, stress->sent, 20);
		atomic_fetch_add(&stress->sent, 20);
	}
	atomic_store(&stress->sending, false);
}

static void three_threads_hold_decide_and_flush_as_it_comes(void **state)
{
	static struct stress stress;
	struct nfqueue_stats stats;
	pthread_t reader, judge, other;
	uint32_t seed = random_seed();

	memset(&stress, 0, sizeof(stress));
	pthread_mutex_init(&stress.lock, NULL);
	atomic_store(&stress.sending, true);
	atomic_store(&stress.reading, true);
	for (int i = 0; i < 3; i++)
		stress.seeds[i] = random_next(&seed);
	stress.queue =
		start_on_loopback((struct nfqueue_options){.max_length = LENGTH_MAX});
	assert_int_equal(pthread_create(&reader, NULL, stress_read, &stress), 0);
	assert_int_equal(pthread_create(&judge, NULL, stress_decide, &stress), 0);
	assert_int_equal(pthread_create(&other, NULL, stress_decide_too, &stress), 0);
	stress_send(&stress);
	pthread_join(judge, NULL);
	atomic_store(&stress.reading, false);
	pthread_join(other, NULL);
	nfqueue_wake(stress.queue);
	pthread_join(reader, NULL);
	flush_and_settle(stress.queue);
	stats = wait_for_none_held(stress.queue);
	assert_int_equal(stats.received, stress.sent);
	assert_int_equal(stats.flushed + stats.refused + stats.hold_overflow, 0);
	assert_came(udp_server, stress.wanted, stress.sent);
	pthread_mutex_destroy(&stress.lock);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_thread_decides_in_order_and_flushes),
		TEST(one_thread_decides_in_order_and_a_sleeping_reader_sends),
		TEST(one_thread_decides_in_order_and_a_polling_reader_sends),
		TEST(one_thread_decides_reversed_and_flushes),
		TEST(one_thread_decides_reversed_and_a_sleeping_reader_sends),
		TEST(one_thread_decides_shuffled_and_a_waiting_reader_sends),
		TEST(four_threads_decide_in_order_and_flush),
		TEST(four_threads_decide_in_order_and_a_sleeping_reader_sends),
		TEST(four_threads_decide_reversed_and_flush),
		TEST(four_threads_decide_reversed_and_a_polling_reader_sends),
		TEST(four_threads_decide_shuffled_and_flush),
		TEST(four_threads_decide_shuffled_and_a_polling_reader_sends),
		TEST(the_verdicts_of_a_thread_leave_in_the_order_it_gives_them),
		TEST(what_a_thread_decides_in_order_leaves_in_ranges),
		TEST(many_decided_at_once_leave_in_few_messages_and_wake_nobody),
		TEST(what_is_decided_before_is_not_decided_by_many_at_once),
		TEST(no_range_reaches_over_an_older_packet_that_is_held),
		TEST(of_two_threads_that_decide_a_packet_one_is_told_that_it_came_late),
		TEST(no_verdict_is_forgotten_by_a_reader_about_to_poll),
		TEST(no_verdict_is_forgotten_by_a_reader_about_to_sleep),
		TEST(no_verdict_is_forgotten_by_a_reader_about_to_wait),
		TEST(no_verdict_is_forgotten_when_the_queue_is_configured_just_then),
		TEST(no_verdict_is_forgotten_without_memory_to_wake_who_polls),
		TEST(no_verdict_is_forgotten_without_memory_to_wake_who_sleeps),
		TEST(three_threads_hold_decide_and_flush_as_it_comes),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Deadlines of held packets: in time, counted, and safe for a program that comes late. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faults.h"
#include "holder.h"

#define LATE_MS 3000 /* a busy machine may be so late, not more */

/* --- in time ---------------------------------------------------------------------- */

#define COUNT 200
#define SHORTEST_MS 20
#define STEP_MS 2

struct timed {
	uint64_t held_at[COUNT];
};

static bool is_accepted(uint32_t number)
{
	return number % 3 != 1;
}

static struct nfqueue_verdict expiry(uint32_t number)
{
	return is_accepted(number) ? NFQUEUE_ACCEPT : NFQUEUE_DROP;
}

static uint32_t timeout_of(uint32_t number)
{
	return SHORTEST_MS + STEP_MS * (number * 7 % COUNT);
}

static int hold_timed(struct nfqueue_packet *packet, uint32_t number, void *ctx)
{
	struct timed *timed = ctx;

	timed->held_at[number] = netns_now();
	return nfqueue_packet_hold_for(packet, timeout_of(number), expiry(number));
}

static void check_times(const struct arrivals *arrivals, const struct timed *timed)
{
	for (uint32_t i = 0; i < COUNT; i++) {
		uint64_t due = timed->held_at[i] + timeout_of(i);

		assert_int_equal(arrivals->times[i], is_accepted(i));
		if (!is_accepted(i))
			continue;
		if (arrivals->at_ms[i] < due || arrivals->at_ms[i] > due + LATE_MS)
			fail_msg("datagram %u: %lld ms after its deadline", i,
				 (long long)(arrivals->at_ms[i] - due));
	}
}

static void each_deadline_is_met_by(enum waiting waiting)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct arrivals arrivals = arrivals_new(COUNT);
	struct timed timed;
	struct holder holder = {.waiting = waiting, .hold = hold_timed, .ctx = &timed};
	struct nfqueue_stats stats;
	uint32_t accepted = 0;

	for (uint32_t i = 0; i < COUNT; i++)
		accepted += is_accepted(i);
	holder_start(&holder, queue, COUNT);
	netns_udp_send(udp_client, 0, COUNT);
	arrivals_collect(&arrivals, udp_server, accepted);
	stats = wait_for_none_held(queue);
	holder_stop(&holder);
	check_times(&arrivals, &timed);
	assert_int_equal(stats.expired, COUNT);
	assert_int_equal(stats.accepted, accepted);
	assert_int_equal(stats.dropped, COUNT - accepted);
	assert_int_equal(stats.defaulted, 0);
	arrivals_free(&arrivals);
}

static void each_deadline_is_met_by_a_sleeping_reader(void **state)
{
	each_deadline_is_met_by(WAIT_ASLEEP);
}

static void each_deadline_is_met_by_a_waiting_reader(void **state)
{
	each_deadline_is_met_by(WAIT_TIMEOUT);
}

static void each_deadline_is_met_by_a_polling_reader(void **state)
{
	each_deadline_is_met_by(WAIT_POLL);
}

static void a_poll_is_told_when_the_next_deadline_is(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	int left;

	assert_int_equal(nfqueue_timeout(queue), -1);
	netns_udp_send(udp_client, 0, 3);
	receive(queue, packets, 3);
	nfqueue_packet_hold_for(packets[0], 2000, NFQUEUE_ACCEPT);
	nfqueue_packet_hold_for(packets[1], 1000, NFQUEUE_ACCEPT);
	nfqueue_packet_hold(packets[2]);
	flush_and_settle(queue);
	left = nfqueue_timeout(queue);
	assert_in_range(left, 1, 1001);
	assert_int_equal(nfqueue_accept(packets[1]), 0);
	flush_and_settle(queue);
	left = nfqueue_timeout(queue);
	assert_in_range(left, 1002, 2001);
	assert_int_equal(nfqueue_accept(packets[0]), 0);
	flush_and_settle(queue);
	assert_int_equal(nfqueue_timeout(queue), -1);
	assert_int_equal(stats_of(queue).expired, 0);
}

static void a_deadline_can_be_moved(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	static const bool wanted[2] = {true, false};
	struct nfqueue_packet *packets[64], *none[64];

	netns_udp_send(udp_client, 0, 2);
	receive(queue, packets, 2);
	nfqueue_packet_hold_for(packets[0], 60000, NFQUEUE_DROP);
	nfqueue_packet_hold_for(packets[1], 1, NFQUEUE_ACCEPT);
	nfqueue_packet_hold_for(packets[1], 60000, NFQUEUE_ACCEPT);
	flush_and_settle(queue);
	nfqueue_packet_hold_for(packets[0], 1, NFQUEUE_ACCEPT);
	assert_int_equal(nfqueue_recv(queue, none, 64, 50), 0);
	assert_came(udp_server, wanted, 2);
	assert_int_equal(stats_of(queue).expired, 1);
	assert_int_equal(nfqueue_drop(packets[0]), -EALREADY);
	assert_int_equal(nfqueue_drop(packets[1]), 0);
}

/* --- a program that comes late ---------------------------------------------------- */

#define LATE 50
#define MANY 5000

static void hold_until_expired(struct nfqueue *queue, struct nfqueue_packet **held)
{
	struct nfqueue_packet *none[64];
	uint64_t end = netns_now() + WAIT_MS;

	netns_udp_send(udp_client, 0, LATE);
	receive(queue, held, LATE);
	for (uint32_t i = 0; i < LATE; i++)
		assert_int_equal(nfqueue_packet_hold_for(held[i], 5, expiry(i)), 0);
	while (stats_of(queue).held > 0 && netns_now() < end)
		assert_int_equal(nfqueue_recv(queue, none, 64, 5), 0);
	assert_int_equal(stats_of(queue).expired, LATE);
}

static void *decide_too_late(void *argument)
{
	struct nfqueue_packet **held = argument;

	for (uint32_t i = 0; i < LATE; i++)
		assert_int_equal(nfqueue_drop(held[i]), -EALREADY);
	return NULL;
}

static void check_expired(struct nfqueue *queue)
{
	struct nfqueue_stats stats = stats_of(queue);
	bool wanted[LATE];

	for (uint32_t i = 0; i < LATE; i++)
		wanted[i] = is_accepted(i);
	assert_came(udp_server, wanted, LATE);
	assert_sums_up(&stats);
	assert_int_equal(stats.defaulted + stats.flushed + stats.refused, 0);
}

static void a_verdict_after_the_deadline_is_told_that_it_came_late(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *held[64];
	pthread_t thread;

	hold_until_expired(queue, held);
	check_expired(queue);
	assert_int_equal(pthread_create(&thread, NULL, decide_too_late, held), 0);
	pthread_join(thread, NULL);
	flush_and_settle(queue);
	assert_int_equal(stats_of(queue).accepted + stats_of(queue).dropped, LATE);
}

/* Thousands of others were held, and let go, in the memory that was free meanwhile. */
static void a_verdict_long_after_the_deadline_hits_no_other_packet(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.max_length = 8192});
	static struct nfqueue_packet *held[64], *others[MANY + 64];
	uint32_t count = 0;

	hold_until_expired(queue, held);
	check_expired(queue);
	for (int round = 0; round < 2; round++, count = 0) {
		netns_udp_send(udp_client, 0, MANY);
		while (count < MANY) {
			int n = nfqueue_recv(queue, others + count, 64, WAIT_MS);

			assert_true(n > 0);
			for (int i = 0; i < n; i++)
				nfqueue_packet_hold(others[count++]);
		}
		if (round == 1)
			decide_too_late(held);
		for (uint32_t i = 0; i < MANY; i++)
			assert_int_equal(nfqueue_drop(others[i]), 0);
		flush_and_settle(queue);
	}
	assert_int_equal(stats_of(queue).dropped + stats_of(queue).accepted,
			 2 * MANY + LATE);
}

static void what_the_program_never_asks_for_again_is_freed_by_the_close(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *held[64];

	hold_until_expired(queue, held);
	check_expired(queue);
	close_queue(queue);
}

/* The deadline and the program at the same time: one of them, and both know which. */
struct race {
	struct holder *holder;
	bool won[COUNT];
	pthread_t thread;
};

static int hold_short(struct nfqueue_packet *packet, uint32_t number, void *ctx)
{
	return nfqueue_packet_hold_for(packet, 5, NFQUEUE_DROP);
}

static void *race_main(void *argument)
{
	struct race *race = argument;

	for (uint32_t i = 0; i < COUNT; i++) {
		int err;

		holder_wait(race->holder, i + 1);
		if (i % 50 == 0)
			netns_sleep(1);
		err = nfqueue_accept(race->holder->held[i]);
		assert_true(err == 0 || err == -EALREADY);
		race->won[i] = err == 0;
	}
	return NULL;
}

static void either_the_deadline_or_the_program_decides(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct holder holder = {.hold = hold_short};
	struct race race = {.holder = &holder};
	struct nfqueue_stats stats;
	uint32_t accepted = 0;

	holder_start(&holder, queue, COUNT);
	netns_udp_send(udp_client, 0, COUNT / 2);
	assert_int_equal(pthread_create(&race.thread, NULL, race_main, &race), 0);
	netns_sleep(6);
	netns_udp_send(udp_client, COUNT / 2, COUNT / 2);
	pthread_join(race.thread, NULL);
	stats = wait_for_none_held(queue);
	holder_stop(&holder);
	assert_came(udp_server, race.won, COUNT);
	for (uint32_t i = 0; i < COUNT; i++)
		accepted += race.won[i];
	assert_int_equal(stats.accepted, accepted);
	assert_int_equal(stats.expired, COUNT - accepted);
}

/* --- very many -------------------------------------------------------------------- */

#define TWENTY_THOUSAND 20000

static int hold_one_of_many(struct nfqueue_packet *packet, uint32_t number, void *ctx)
{
	return nfqueue_packet_hold_for(packet, 300 + number * 37 % 1000, expiry(number));
}

static void twenty_thousand_deadlines_are_kept(void **state)
{
	struct nfqueue *queue = start_on_loopback(
		(struct nfqueue_options){.max_length = 65536, .copy_range = 128});
	struct holder holder = {.hold = hold_one_of_many};
	static bool wanted[TWENTY_THOUSAND];
	uint64_t end = netns_now() + WAIT_MS;
	struct nfqueue_stats stats;

	for (uint32_t i = 0; i < TWENTY_THOUSAND; i++)
		wanted[i] = is_accepted(i);
	holder_start(&holder, queue, TWENTY_THOUSAND);
	netns_udp_send(udp_client, 0, TWENTY_THOUSAND);
	holder_wait(&holder, TWENTY_THOUSAND);
	while (stats_of(queue).expired < TWENTY_THOUSAND && netns_now() < end)
		netns_sleep(5);
	stats = wait_for_none_held(queue);
	holder_stop(&holder);
	assert_int_equal(stats.expired, TWENTY_THOUSAND);
	assert_came(udp_server, wanted, TWENTY_THOUSAND);
}

/* --- the end of queue and engine -------------------------------------------------- */

static void *drop_one(void *argument)
{
	assert_int_equal(nfqueue_drop(argument), 0);
	return NULL;
}

static void close_sends_what_another_thread_has_just_decided(void **state)
{
	struct nfqueue *queue = start_on_loopback(
		(struct nfqueue_options){.default_verdict = NFQUEUE_ACCEPT});
	struct nfqueue_packet *held[64];
	bool wanted[LATE];
	pthread_t thread;

	netns_udp_send(udp_client, 0, LATE);
	receive(queue, held, LATE);
	for (uint32_t i = 0; i < LATE; i++) {
		wanted[i] = true;
		if (i % 2)
			nfqueue_packet_hold_for(held[i], 60000, NFQUEUE_DROP);
		else
			nfqueue_packet_hold(held[i]);
	}
	flush_and_settle(queue);
	assert_int_equal(pthread_create(&thread, NULL, drop_one, held[7]), 0);
	pthread_join(thread, NULL);
	wanted[7] = false;
	close_queue(queue);
	assert_came(udp_server, wanted, LATE);
}

/* What an engine's callback holds, for another thread to decide. */
struct bin {
	struct nfqueue_packet *packets[MANY];
	atomic_uint count;
	uint32_t timeout_ms;
	bool wanted[MANY];
};

static struct nfqueue_verdict hold_in_bin(struct nfqueue_packet *packet, void *ctx)
{
	uint32_t number = datagram_number(packet);
	struct bin *bin = ctx;

	if (bin->timeout_ms)
		netns_sleep(number ? 1 : 100); /* the reader sleeps by then */
	if (bin->timeout_ms)
		assert_int_equal(
			nfqueue_packet_hold_for(packet, bin->timeout_ms, expiry(number)),
			0);
	else
		assert_int_equal(nfqueue_packet_hold(packet), 0);
	bin->packets[number] = packet;
	atomic_fetch_add_explicit(&bin->count, 1, memory_order_release);
	return NFQUEUE_DROP; /* ignored */
}

static struct nfqueue_engine *start_engine(struct bin *bin, uint32_t deciders)
{
	struct nfqueue_options queue = {.size = sizeof(queue),
					.max_length = 16384,
					.default_verdict = NFQUEUE_ACCEPT};
	struct nfqueue_worker_options worker = {.size = sizeof(worker),
						.deciders = deciders};
	struct nfqueue_engine_options options = {.decide = hold_in_bin,
						 .ctx = bin,
						 .queue_options = &queue,
						 .worker = &worker};
	struct nfqueue_engine *engine;

	new_engine(&engine, options);
	queue_output(0);
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	assert_int_equal(nfqueue_engine_start(engine), 0);
	return engine;
}

static void wait_for_bin(struct bin *bin, uint32_t count)
{
	uint64_t end = netns_now() + WAIT_MS;

	while (atomic_load_explicit(&bin->count, memory_order_acquire) < count) {
		assert_true(netns_now() < end);
		netns_sleep(1);
	}
}

/* Every packet, one after the other: the engine stops in the middle. */
static void *drop_all(void *argument)
{
	struct bin *bin = argument;

	for (uint32_t i = 0; i < MANY; i++) {
		int err = nfqueue_drop(bin->packets[i]);

		assert_true(err == 0 || err == -EALREADY);
		bin->wanted[i] = err != 0; /* the default verdict */
	}
	return NULL;
}

static void stop_while_another_decides(uint32_t deciders)
{
	struct bin *bin = calloc(1, sizeof(*bin));
	struct nfqueue_engine *engine = start_engine(bin, deciders);
	struct nfqueue_stats stats = {.size = sizeof(stats)};
	pthread_t thread;

	netns_udp_send(udp_client, 0, MANY);
	wait_for_bin(bin, MANY);
	nfqueue_engine_stop(engine);
	netns_sleep(19); /* it ends when nothing came for 20 ms */
	assert_int_equal(pthread_create(&thread, NULL, drop_all, bin), 0);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	pthread_join(thread, NULL);
	assert_int_equal(nfqueue_engine_stats_get(engine, &stats), 0);
	assert_int_equal(stats.received, MANY);
	nfqueue_engine_free(engine);
	assert_came(udp_server, bin->wanted, MANY);
	free(bin);
}

static void an_engine_stops_while_another_thread_decides_what_it_holds(void **state)
{
	stop_while_another_decides(0);
}

static void an_engine_with_deciders_stops_while_another_thread_decides(void **state)
{
	stop_while_another_decides(2);
}

static void a_deadline_that_a_deciders_callback_sets_is_met(void **state)
{
	struct bin *bin = calloc(1, sizeof(*bin));
	struct nfqueue_engine *engine;
	struct nfqueue_stats stats;

	bin->timeout_ms = 30;
	engine = start_engine(bin, 2);
	netns_udp_send(udp_client, 0, LATE);
	wait_for_bin(bin, LATE);
	stats = wait_for_none_held(nfqueue_engine_queue(engine, 0));
	assert_int_equal(stats.expired, LATE);
	assert_int_equal(stats.defaulted, 0);
	check_expired(nfqueue_engine_queue(engine, 0));
	for (uint32_t i = 0; i < LATE; i++)
		assert_int_equal(nfqueue_accept(bin->packets[i]), -EALREADY);
	nfqueue_engine_free(engine);
	free(bin);
}

#define OTHERS 300 /* more than there was memory for at once */
#define MOVED_MS 500

/* A callback that moves a deadline of the first packet, which expires just then. */
struct mover {
	struct nfqueue_engine *engine;
	int results[3];
	atomic_bool moved;
	struct nfqueue_packet *others[OTHERS];
	atomic_uint count;
};

static void wait_for_expiry(void *ctx)
{
	struct mover *mover = ctx;
	struct nfqueue *queue = nfqueue_engine_queue(mover->engine, 0);
	uint64_t end = netns_now() + WAIT_MS;

	while (stats_of(queue).held > 0 && netns_now() < end)
		netns_sleep(1);
}

static struct nfqueue_verdict move_late(struct nfqueue_packet *packet, void *ctx)
{
	struct mover *mover = ctx;

	if (atomic_load(&mover->moved)) {
		assert_int_equal(nfqueue_packet_hold(packet), 0);
		mover->others[atomic_load(&mover->count)] = packet;
		atomic_fetch_add(&mover->count, 1);
		return NFQUEUE_DROP; /* ignored */
	}
	mover->results[0] = nfqueue_packet_hold_for(packet, 100, NFQUEUE_ACCEPT);
	before_next_clock(wait_for_expiry, mover);
	mover->results[1] = nfqueue_packet_hold_for(packet, MOVED_MS, NFQUEUE_DROP);
	before_next_clock(NULL, NULL);
	mover->results[2] = nfqueue_drop(packet);
	atomic_store(&mover->moved, true);
	return NFQUEUE_DROP; /* ignored */
}

/* Where it was armed after all, it hit who came into its memory. */
static void a_deadline_moved_too_late_hits_no_other_packet(void **state)
{
	struct nfqueue_options queue = {.size = sizeof(queue), .batch_size = 4};
	struct nfqueue_worker_options worker = {.size = sizeof(worker), .deciders = 1};
	struct mover mover = {.count = 0};
	struct nfqueue_engine_options options = {.decide = move_late,
						 .ctx = &mover,
						 .queue_options = &queue,
						 .worker = &worker};
	uint64_t end = netns_now() + WAIT_MS;
	bool wanted[1 + OTHERS];

	new_engine(&mover.engine, options);
	queue_output(0);
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	assert_int_equal(nfqueue_engine_start(mover.engine), 0);
	netns_udp_send(udp_client, 0, 1);
	while (!atomic_load(&mover.moved) && netns_now() < end)
		netns_sleep(1);
	netns_udp_send(udp_client, 1, OTHERS);
	while (atomic_load(&mover.count) < OTHERS && netns_now() < end)
		netns_sleep(1);
	netns_sleep(MOVED_MS + 100);
	for (uint32_t i = 0; i < atomic_load(&mover.count); i++)
		assert_int_equal(nfqueue_accept(mover.others[i]), 0);
	memset(wanted, true, sizeof(wanted));
	assert_came(udp_server, wanted, 1 + OTHERS);
	assert_int_equal(stats_of(nfqueue_engine_queue(mover.engine, 0)).expired, 1);
	assert_int_equal(mover.results[0], 0);
	assert_int_equal(mover.results[1], -EALREADY);
	assert_int_equal(mover.results[2], -EALREADY);
	nfqueue_engine_free(mover.engine);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_deadline_is_met_by_a_sleeping_reader),
		TEST(each_deadline_is_met_by_a_waiting_reader),
		TEST(each_deadline_is_met_by_a_polling_reader),
		TEST(a_poll_is_told_when_the_next_deadline_is),
		TEST(a_deadline_can_be_moved),
		TEST(a_verdict_after_the_deadline_is_told_that_it_came_late),
		TEST(a_verdict_long_after_the_deadline_hits_no_other_packet),
		TEST(what_the_program_never_asks_for_again_is_freed_by_the_close),
		TEST(either_the_deadline_or_the_program_decides),
		TEST(twenty_thousand_deadlines_are_kept),
		TEST(close_sends_what_another_thread_has_just_decided),
		TEST(an_engine_stops_while_another_thread_decides_what_it_holds),
		TEST(an_engine_with_deciders_stops_while_another_thread_decides),
		TEST(a_deadline_that_a_deciders_callback_sets_is_met),
		TEST(a_deadline_moved_too_late_hits_no_other_packet),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Busy polling: it serves all that a sleeping reader serves, and rests when it is idle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "holder.h"

#define COUNT 2000
#define LONG_US 1000000 /* the longest there is: what waits for its end is late */
#define SOON_MS 700     /* much less than that */

static int64_t cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void a_busy_reader_decides_all(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.busy_poll_us = 200});
	struct decider decider;
	struct netns_tally tally;
	struct nfqueue_stats stats;

	decider_start(&decider, queue, decide_accept, NULL);
	for (uint32_t i = 0; i < COUNT; i += 20) {
		netns_udp_send(udp_client, i, 20);
		if (i % 200 == 0)
			netns_sleep(1);
	}
	netns_udp_collect(udp_server, 0, COUNT, WAIT_MS, &tally, NULL);
	decider_stop(&decider);
	assert_int_equal(tally.received, COUNT);
	assert_int_equal(tally.reordered + tally.duplicate, 0);
	stats = stats_of(queue);
	assert_sums_up(&stats);
	assert_int_equal(stats.accepted, COUNT);
}

/* Where nothing comes, it tries a sixteenth of the time, and sleeps for the rest. */
static void an_idle_reader_uses_little_of_the_cpu(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.busy_poll_us = 2000});
	struct nfqueue_packet *packets[64];
	uint64_t end = netns_now() + 600;
	int64_t before = cpu_ms();

	while (netns_now() < end)
		assert_int_equal(nfqueue_recv(queue, packets, 64, 10), 0);
	assert_true(cpu_ms() - before < 200);
}

/* The same where each wait is shorter than the spin might be. */
static void an_idle_reader_that_waits_shortly_uses_little_of_the_cpu(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.busy_poll_us = 20000});
	struct nfqueue_packet *packets[64];
	uint64_t end = netns_now() + 600;
	int64_t before = cpu_ms();

	while (netns_now() < end)
		assert_int_equal(nfqueue_recv(queue, packets, 64, 10), 0);
	assert_true(cpu_ms() - before < 300);
}

static void a_wait_ends_at_its_time_though_the_poll_is_longer(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.busy_poll_us = LONG_US});
	struct nfqueue_packet *packets[64];
	uint64_t began = netns_now(), took;

	assert_int_equal(nfqueue_recv(queue, packets, 64, 50), 0);
	took = netns_now() - began;
	assert_in_range(took, 50, SOON_MS);
}

static void *wake_later(void *argument)
{
	netns_sleep(50);
	assert_int_equal(nfqueue_wake(argument), 0);
	return NULL;
}

static void a_busy_reader_is_woken(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.busy_poll_us = LONG_US});
	struct nfqueue_packet *packets[64];
	uint64_t began = netns_now();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, wake_later, queue), 0);
	assert_int_equal(nfqueue_recv(queue, packets, 64, -1), 0);
	assert_true(netns_now() - began < SOON_MS);
	pthread_join(thread, NULL);
}

static int hold_for_40_ms(struct nfqueue_packet *packet, uint32_t number, void *ctx)
{
	return nfqueue_packet_hold_for(packet, 40, NFQUEUE_ACCEPT);
}

static void deadlines_are_met_by_a_reader_that_spins(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.busy_poll_us = LONG_US});
	struct holder holder = {.hold = hold_for_40_ms};
	struct arrivals arrivals = arrivals_new(10);
	uint64_t began = netns_now();

	holder_start(&holder, queue, 10);
	netns_udp_send(udp_client, 0, 10);
	holder_wait(&holder, 10);
	while (stats_of(queue).held && netns_now() < began + WAIT_MS)
		netns_sleep(1);
	assert_true(netns_now() - began < SOON_MS);
	assert_int_equal(stats_of(queue).expired, 10);
	arrivals_collect(&arrivals, udp_server, 10);
	assert_int_equal(arrivals.came, 10);
	arrivals_free(&arrivals);
	holder_stop(&holder);
}

static void late_verdicts_are_sent_by_a_reader_that_spins(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.busy_poll_us = LONG_US});
	struct holder holder = {.waiting = WAIT_ASLEEP};
	uint64_t began;

	holder_start(&holder, queue, 10);
	netns_udp_send(udp_client, 0, 10);
	holder_wait(&holder, 10);
	began = netns_now();
	for (int i = 9; i >= 0; i--)
		assert_int_equal(nfqueue_accept(holder.held[i]), 0);
	wait_for_none_held(queue);
	assert_true(netns_now() - began < SOON_MS);
	holder_stop(&holder);
}

/* Each comes when the reader is about to stop spinning, and to sleep. */
static void no_verdict_is_forgotten_between_spin_and_sleep(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.busy_poll_us = 20});
	struct holder holder = {.waiting = WAIT_TIMEOUT};
	uint64_t end = netns_now() + 700;
	uint32_t seed = random_seed();
	uint8_t bytes[64];

	holder_start(&holder, queue, COUNT);
	netns_udp_send(udp_client, 0, COUNT);
	holder_wait(&holder, COUNT);
	for (uint32_t i = 0; i < COUNT && netns_now() < end; i++) {
		struct timespec pause = {.tv_nsec = random_next(&seed) % 60000};
		uint64_t began = netns_now();

		nanosleep(&pause, NULL);
		assert_int_equal(nfqueue_accept(holder.held[i]), 0);
		while (recv(udp_server, bytes, sizeof(bytes), MSG_DONTWAIT) < 0)
			assert_true(netns_now() - began < SOON_MS); /* not a second */
	}
	holder_stop(&holder);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_busy_reader_decides_all),
		TEST(an_idle_reader_uses_little_of_the_cpu),
		TEST(an_idle_reader_that_waits_shortly_uses_little_of_the_cpu),
		TEST(a_wait_ends_at_its_time_though_the_poll_is_longer),
		TEST(a_busy_reader_is_woken),
		TEST(deadlines_are_met_by_a_reader_that_spins),
		TEST(late_verdicts_are_sent_by_a_reader_that_spins),
		TEST(no_verdict_is_forgotten_between_spin_and_sleep),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

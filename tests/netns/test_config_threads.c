/* SPDX-License-Identifier: MIT */
/* Two threads configure a queue at full traffic: nothing hangs, nothing is lost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faults.h"
#include "holder.h"

#define TRAFFIC_MS 1000
#define SENT_MAX 40000
#define BEHIND_MAX 2000
#define LENGTH_MAX 16384
#define LONG 3000 /* bytes of each tenth datagram: cut by the short copy range */

/* --- traffic ---------------------------------------------------------------------- */

struct traffic {
	struct nfqueue *queue;
	atomic_uint received;
	uint32_t sent;
	atomic_uint errors; /* of configurations */
	atomic_uint configured;
	atomic_bool stop;
	bool holds; /* what comes is held and decided with the next batch */
	uint32_t cut;
};

static void send_all(struct traffic *traffic, uint32_t most)
{
	uint64_t end = netns_now() + TRAFFIC_MS;

	while (traffic->sent < most && netns_now() < end) {
		if (traffic->sent - atomic_load(&traffic->received) > BEHIND_MAX) {
			netns_sleep(1);
			continue;
		}
		netns_udp_send_long(udp_client, traffic->sent, 1, LONG);
		netns_udp_send(udp_client, traffic->sent + 1, 9);
		traffic->sent += 10;
	}
}

/* What is there of it must be right: as long as the range, or whole. */
static void check_packet(struct traffic *traffic, const struct nfqueue_packet *packet)
{
	uint32_t number = datagram_number(packet);
	size_t length, whole = 28 + (number % 10 ? 16 : LONG);

	nfqueue_packet_data(packet, &length);
	assert_int_equal(nfqueue_packet_length(packet), whole);
	assert_true(length == whole || length == 64 || length == 1000);
	traffic->cut += length != whole;
}

static void decide_packets(struct traffic *traffic, struct nfqueue_packet **packets,
			   int count)
{
	static struct nfqueue_packet *held[64];
	static int held_count;

	for (int i = 0; i < held_count; i++)
		assert_int_equal(nfqueue_accept(held[i]), 0);
	held_count = 0;
	for (int i = 0; i < count; i++) {
		check_packet(traffic, packets[i]);
		if (!traffic->holds) {
			assert_int_equal(nfqueue_accept(packets[i]), 0);
			continue;
		}
		assert_int_equal(nfqueue_packet_hold(packets[i]), 0);
		held[held_count++] = packets[i];
	}
}

static void *read_traffic(void *argument)
{
	static const int timeouts[] = {-1, -1, 1, 0};
	struct traffic *traffic = argument;
	struct nfqueue_packet *packets[64];
	bool stop = false;
	int n = 0;

	for (uint32_t i = 0; n > 0 || !stop; i++) {
		stop = atomic_load(&traffic->stop);
		n = nfqueue_recv(traffic->queue, packets, 64, stop ? 0 : timeouts[i % 4]);
		if (n < 0)
			fail_msg("%d: %s", n, nfqueue_error(traffic->queue));
		decide_packets(traffic, packets, n);
		atomic_fetch_add(&traffic->received, (uint32_t)n);
	}
	return NULL;
}

/* --- those who configure ---------------------------------------------------------- */

static void count_result(struct traffic *traffic, int result, int expected)
{
	atomic_fetch_add(&traffic->configured, 1);
	if (result == expected)
		return;
	atomic_fetch_add(&traffic->errors, 1);
	print_error("%d, not %d: %s\n", result, expected, nfqueue_error(traffic->queue));
}

static void *configure_sizes(void *argument)
{
	static const uint32_t ranges[] = {64, 65531, 1000, 0, 64, 65535};
	struct traffic *traffic = argument;
	struct nfqueue *queue = traffic->queue;

	for (uint32_t i = 0; !atomic_load(&traffic->stop); i++) {
		count_result(traffic, nfqueue_set_copy_range(queue, ranges[i % 6]), 0);
		count_result(traffic, nfqueue_set_max_length(queue, LENGTH_MAX + i % 100),
			     0);
		count_result(traffic, nfqueue_set_copy_range(queue, 65536), -EINVAL);
		if (i % 8 == 0)
			netns_sleep(1);
	}
	return NULL;
}

/* Without LSMs the kernel lacks security contexts: who asks for them, and nobody else, is
 * told. */
static void *configure_flags(void *argument)
{
	struct traffic *traffic = argument;
	struct nfqueue *queue = traffic->queue;
	int lacks = nfqueue_set_flags(queue, NFQUEUE_SECCTX, NFQUEUE_SECCTX);

	assert_true(lacks == 0 || lacks == -EOPNOTSUPP);
	for (uint32_t i = 0; !atomic_load(&traffic->stop); i++) {
		uint32_t flags = i % 2 ? NFQUEUE_GSO | NFQUEUE_UID_GID : 0;

		count_result(
			traffic,
			nfqueue_set_flags(queue, flags, NFQUEUE_GSO | NFQUEUE_UID_GID),
			0);
		count_result(traffic,
			     nfqueue_set_flags(queue, NFQUEUE_SECCTX, NFQUEUE_SECCTX),
			     lacks);
		count_result(traffic, nfqueue_set_flags(queue, 1 << 10, 1 << 10),
			     -EINVAL);
		if (i % 8 == 0)
			netns_sleep(1);
	}
	return NULL;
}

static void check_account(struct traffic *traffic)
{
	struct nfqueue_stats stats = wait_for_none_held(traffic->queue);
	bool *wanted = malloc(SENT_MAX * sizeof(*wanted));

	assert_non_null(wanted);
	memset(wanted, true, SENT_MAX * sizeof(*wanted));
	assert_int_equal(atomic_load(&traffic->errors), 0);
	assert_true(atomic_load(&traffic->configured) > 10);
	assert_int_equal(stats.received, traffic->sent);
	assert_int_equal(stats.accepted, traffic->sent);
	assert_int_equal(stats.malformed + stats.defaulted, 0);
	assert_int_equal(stats.truncated, traffic->cut);
	assert_int_equal(stats.lost_socket + stats.lost_full + stats.flushed, 0);
	assert_came(udp_server, wanted, traffic->sent);
	free(wanted);
}

static void configure_under_traffic(bool holds, uint32_t busy_poll_us, uint32_t most)
{
	struct traffic traffic = {.holds = holds};
	pthread_t reader, sizes, flags;

	traffic.queue =
		start_on_loopback((struct nfqueue_options){.max_length = LENGTH_MAX,
							   .copy_range = 64,
							   .busy_poll_us = busy_poll_us});
	assert_int_equal(pthread_create(&reader, NULL, read_traffic, &traffic), 0);
	assert_int_equal(pthread_create(&sizes, NULL, configure_sizes, &traffic), 0);
	assert_int_equal(pthread_create(&flags, NULL, configure_flags, &traffic), 0);
	if (most)
		send_all(&traffic, most);
	else
		netns_sleep(TRAFFIC_MS / 2); /* the reader sleeps all the time */
	atomic_store(&traffic.stop, true);
	pthread_join(sizes, NULL);
	pthread_join(flags, NULL);
	nfqueue_wake(traffic.queue);
	pthread_join(reader, NULL);
	decide_packets(&traffic, NULL, 0);
	flush_and_settle(traffic.queue);
	check_account(&traffic);
}

static void nothing_is_lost_while_two_threads_configure(void **state)
{
	configure_under_traffic(false, 0, SENT_MAX);
}

static void nothing_is_lost_of_what_is_held_while_two_threads_configure(void **state)
{
	configure_under_traffic(true, 0, SENT_MAX);
}

static void nothing_is_lost_by_a_busy_reader_while_two_threads_configure(void **state)
{
	configure_under_traffic(false, 50, SENT_MAX);
}

static void a_sleeping_reader_steps_aside_for_two_threads_again_and_again(void **state)
{
	configure_under_traffic(false, 0, 0);
}

/* --- a kernel without memory ------------------------------------------------------ */

struct configurer {
	struct nfqueue *queue;
	int configured, refused, late;
	atomic_bool done;
};

/* A reader that does not sleep is not woken: then it is the request that fails. */
static void *configure_unheard(void *argument)
{
	struct configurer *configurer = argument;
	int err;

	fail_sends(1);
	err = nfqueue_set_max_length(configurer->queue, 4000);
	assert_int_equal(fail_no_more(), 0);
	configurer->configured += err == 0;
	configurer->refused += err == -ENOBUFS;
	atomic_store(&configurer->done, true);
	return NULL;
}

static void configure_in_time(struct configurer *configurer)
{
	uint64_t end = netns_now() + WAIT_MS;
	pthread_t thread;

	atomic_store(&configurer->done, false);
	assert_int_equal(pthread_create(&thread, NULL, configure_unheard, configurer), 0);
	while (!atomic_load(&configurer->done) && netns_now() < end)
		netns_sleep(1);
	if (!atomic_load(&configurer->done)) {
		configurer->late++;
		nfqueue_wake(configurer->queue);
	}
	pthread_join(thread, NULL);
}

static void a_reader_that_could_not_be_woken_steps_aside_all_the_same(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct holder holder = {.waiting = WAIT_ASLEEP};
	struct configurer configurer = {.queue = queue};
	int rounds = 0;

	holder_start(&holder, queue, 1);
	for (; rounds < 10 && configurer.late == 0; rounds++) {
		netns_sleep(20);
		configure_in_time(&configurer);
	}
	holder_stop(&holder);
	assert_int_equal(configurer.late, 0);
	assert_int_equal(configurer.configured + configurer.refused, rounds);
	assert_true(configurer.configured > 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_lost_while_two_threads_configure),
		TEST(nothing_is_lost_of_what_is_held_while_two_threads_configure),
		TEST(nothing_is_lost_by_a_busy_reader_while_two_threads_configure),
		TEST(a_sleeping_reader_steps_aside_for_two_threads_again_and_again),
		TEST(a_reader_that_could_not_be_woken_steps_aside_all_the_same),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Configuring, while packets come and other threads look on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue_fixture.h"

#define MANY 20000

/* --- configuring ------------------------------------------------------------------ */

static void packets_that_came_during_a_configuration_are_delivered_first(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.batch_size = 16});
	struct nfqueue_packet *packets[64];
	struct netns_tally tally;
	uint32_t next = 0;

	netns_udp_send(udp_client, 0, 50);
	assert_int_equal(nfqueue_set_copy_range(queue, 100), 0);
	while (next < 50) {
		int n;

		assert_true(readable(queue, 0)); /* poll() knows of them too */
		n = nfqueue_recv(queue, packets, 64, 0);
		assert_true(n > 0);
		for (int i = 0; i < n; i++) {
			assert_int_equal(datagram_number(packets[i]), next++);
			nfqueue_accept(packets[i]);
		}
	}
	flush_and_settle(queue);
	netns_udp_collect(udp_server, 0, 50, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 50);
	assert_int_equal(tally.reordered + tally.duplicate, 0);
}

static void a_batch_stays_valid_over_a_configuration(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.copy_range = 64});
	struct nfqueue_packet *packets[64];
	struct netns_tally tally;

	netns_udp_send(udp_client, 0, 20);
	receive(queue, packets, 20);
	netns_udp_send(udp_client, 20, 20);
	assert_int_equal(nfqueue_set_copy_range(queue, 0), 0);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(datagram_number(packets[i]), i);
		if (i == 10)
			nfqueue_packet_hold(packets[i]);
		else
			nfqueue_accept(packets[i]);
	}
	assert_int_equal(decide_next(queue, 20, NFQUEUE_ACCEPT), 20);
	nfqueue_accept(packets[10]);
	flush_and_settle(queue);
	netns_udp_collect(udp_server, 0, 40, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 40);
	assert_int_equal(tally.reordered, 1);
}

static void close_decides_what_came_during_a_configuration(void **state)
{
	struct nfqueue *queue = start_on_loopback(
		(struct nfqueue_options){.default_verdict = NFQUEUE_ACCEPT});
	struct netns_tally tally;

	netns_udp_send(udp_client, 0, 100);
	assert_int_equal(nfqueue_set_max_length(queue, 1000), 0);
	close_queue(queue);
	netns_udp_collect(udp_server, 0, 100, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 100);
}

static void nothing_leaks_when_the_socket_is_gone_after_a_configuration(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	int other;

	netns_udp_send(udp_client, 0, 20);
	assert_int_equal(nfqueue_set_max_length(queue, 1000), 0);
	assert_int_equal(nfqueue_recv(queue, packets, 10, 0), 10);
	nfqueue_packet_hold(packets[0]);
	other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(dup2(other, nfqueue_fd(queue)) >= 0);
	close(other);
	assert_true(nfqueue_recv(queue, packets, 10, 0) < 0);
	close_queue(queue);
}

static void max_length_is_checked_and_takes_effect(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});

	assert_int_equal(nfqueue_set_max_length(queue, 0), -EINVAL);
	assert_int_equal(nfqueue_set_max_length(queue, 65537), -EINVAL);
	assert_non_null(strstr(nfqueue_error(queue), "1 to 65536"));
	assert_int_equal(nfqueue_set_max_length(queue, 65536), 0);
	assert_int_equal(nfqueue_set_max_length(queue, 5), 0);
	netns_udp_send(udp_client, 0, 20);
	assert_int_equal(stats_of(queue).lost_full, 15);
}

static void a_configuration_with_a_full_socket_gets_through(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.socket_buffer = 4096});
	uint64_t before;

	netns_udp_send(udp_client, 0, 100);
	assert_int_equal(nfqueue_set_copy_range(queue, 100), 0);
	before = stats_of(queue).received;
	assert_true(before > 0);
	assert_int_equal(decide_next(queue, (uint32_t)before, NFQUEUE_ACCEPT), before);
}

/* The capability belongs to the thread. */
static void *configure_without_rights(void *argument)
{
	static int results[3];
	struct nfqueue *queue = argument;

	drop_capabilities();
	results[0] = nfqueue_set_copy_range(queue, 100);
	results[1] = nfqueue_set_max_length(queue, 100);
	results[2] = nfqueue_set_flags(queue, NFQUEUE_FAIL_OPEN, NFQUEUE_FAIL_OPEN);
	return results;
}

static void configuring_without_the_capability_is_refused(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct netns_queue_row row;
	pthread_t thread;
	void *results;

	pthread_create(&thread, NULL, configure_without_rights, queue);
	pthread_join(thread, &results);
	for (int i = 0; i < 3; i++)
		assert_int_equal(((int *)results)[i], -EPERM);
	assert_non_null(strstr(nfqueue_error(queue), "fail open"));
	assert_false(nfqueue_capabilities(queue) & NFQUEUE_FAIL_OPEN);
	assert_true(netns_queue_row(0, &row));
	assert_int_equal(row.copy_range, 65531);
}

/* --- all at once ------------------------------------------------------------------ */

static void reconfigure(struct nfqueue *queue, uint32_t round)
{
	static const uint32_t ranges[] = {0, 64, 1500, 32};
	uint32_t on = round & 1 ? NFQUEUE_UID_GID | NFQUEUE_FAIL_OPEN : NFQUEUE_GSO;
	int err;

	if (round % 3 == 0)
		err = nfqueue_set_copy_range(queue, ranges[round % 4]);
	else if (round % 3 == 1)
		err = nfqueue_set_max_length(queue, 40000 + round);
	else
		err = nfqueue_set_flags(
			queue, on, NFQUEUE_UID_GID | NFQUEUE_FAIL_OPEN | NFQUEUE_GSO);
	if (err < 0)
		fail_msg("round %u: %d: %s", round, err, nfqueue_error(queue));
}

struct watcher {
	struct nfqueue *queue;
	atomic_bool stop;
	pthread_t thread;
};

/* Any thread may ask for the counts, and wake. */
static void *watch(void *argument)
{
	struct watcher *watcher = argument;
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	while (!atomic_load(&watcher->stop)) {
		nfqueue_stats_get(watcher->queue, &stats);
		nfqueue_wake(watcher->queue);
		netns_sleep(1);
	}
	return NULL;
}

static void nothing_is_lost_when_the_queue_is_configured_under_load(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){.max_length = 50000});
	struct watcher watcher = {.queue = queue};
	struct nfqueue_packet *packets[64];
	uint32_t next = 0, rounds = 0;
	struct nfqueue_stats stats;
	struct netns_tally tally;
	struct sender sender;

	queue_output(0);
	assert_int_equal(pthread_create(&watcher.thread, NULL, watch, &watcher), 0);
	sender_start(&sender, "127.0.0.1", MANY);
	for (uint64_t quiet = netns_now();
	     next < MANY && netns_now() - quiet < WAIT_MS;) {
		int n = nfqueue_recv(queue, packets, 64, 100);

		assert_true(n >= 0);
		for (int i = 0; i < n; i++) {
			assert_int_equal(datagram_number(packets[i]), next++);
			assert_int_equal(nfqueue_accept(packets[i]), 0);
		}
		reconfigure(queue, rounds++);
		if (n > 0)
			quiet = netns_now();
	}
	sender_join(&sender);
	atomic_store(&watcher.stop, true);
	pthread_join(watcher.thread, NULL);
	nfqueue_recv(queue, packets, 64, 0);
	stats = stats_of(queue);
	assert_int_equal(stats.received, MANY);
	assert_int_equal(stats.accepted, MANY);
	assert_int_equal(stats.lost_full + stats.lost_socket + stats.passed_socket +
				 stats.malformed + stats.defaulted,
			 0);
	sender_collect(&sender, WAIT_MS, &tally);
	assert_int_equal(tally.received, MANY);
	assert_int_equal(tally.reordered + tally.duplicate, 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_that_came_during_a_configuration_are_delivered_first),
		TEST(a_batch_stays_valid_over_a_configuration),
		TEST(close_decides_what_came_during_a_configuration),
		TEST(nothing_leaks_when_the_socket_is_gone_after_a_configuration),
		TEST(max_length_is_checked_and_takes_effect),
		TEST(a_configuration_with_a_full_socket_gets_through),
		TEST(configuring_without_the_capability_is_refused),
		TEST(nothing_is_lost_when_the_queue_is_configured_under_load),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

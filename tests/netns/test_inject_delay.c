/* SPDX-License-Identifier: MIT */
/* Packets that leave later: in order, in time, within limits, from many threads. */
#include "inject_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define TEST(name) cmocka_unit_test_teardown(name, end)
#define MINUTE_US 60000000u

static const struct nfqueue_injector_options defaults;

static struct nfqueue_injection after(uint64_t delay_us)
{
	return (struct nfqueue_injection){.delay_us = delay_us};
}

static void inject_here(uint32_t number, uint64_t delay_us)
{
	inject_datagram(FOREIGN, "127.0.0.1", number, after(delay_us));
}

/* Returns the error. */
static int try_here(uint32_t number, uint64_t delay_us)
{
	uint32_t wire;
	struct raw_packet packet = datagram(FOREIGN, "127.0.0.1", &wire, number);

	return inject(&packet, after(delay_us));
}

/* --- order and time --------------------------------------------------------------- */

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The time that each asked for lies between two looks at the clock. */
static void they_leave_in_the_order_of_their_times(void **state)
{
	enum { COUNT = 1000 };
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	uint64_t earliest[COUNT], latest[COUNT], newest = 0, inversions = 0;
	uint32_t came[COUNT];

	srand(1);
	start(defaults);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint64_t delay_us = 20000 + (uint64_t)rand() % 200000;

		earliest[i] = realtime_ns() + delay_us * 1000;
		inject_here(i, delay_us);
		latest[i] = realtime_ns() + delay_us * 1000;
	}
	assert_int_equal(netns_udp_numbers(server, came, COUNT, WAIT_MS), COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_true(newest <= latest[came[i]]);
		if (earliest[came[i]] > newest)
			newest = earliest[came[i]];
		inversions += i && came[i] < came[i - 1];
	}
	assert_true(inversions > COUNT / 4); /* not that of the calls */
	nfqueue_injector_flush(injector);    /* the last one is counted */
	assert_counts(COUNT, 0, 0, 0);
	close(server);
}

/* Each call is later than the one before, so is what it asks for. */
static void equal_delays_keep_the_order_of_the_calls(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);

	start(defaults);
	for (uint32_t i = 0; i < 5000; i++)
		inject_here(i, 3000);
	assert_come(server, 5000);
	nfqueue_injector_flush(injector);
	assert_counts(5000, 0, 0, 0);
	close(server);
}

/* When the kernel got it. */
static uint64_t receive_stamp(int server)
{
	char control[CMSG_SPACE(sizeof(struct timespec))];
	uint32_t number;
	struct iovec bytes = {&number, sizeof(number)};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct timespec stamp;

	assert_int_equal(recvmsg(server, &message, 0), sizeof(number));
	assert_int_equal(CMSG_FIRSTHDR(&message)->cmsg_type, SCM_TIMESTAMPNS);
	memcpy(&stamp, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(stamp));
	return (uint64_t)stamp.tv_sec * 1000000000u + (uint64_t)stamp.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* Never early; how late is for who reads this, but for what would be a bug. */
static void they_leave_in_time(void **state)
{
	enum { COUNT = 300, DELAY_US = 2000 };
	int server = netns_udp_server(NULL, "127.0.0.1", PORT), on = 1;
	struct timeval patience = {.tv_sec = WAIT_MS / 1000};
	int64_t late_ns[COUNT];

	setsockopt(server, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	start(defaults);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint64_t wanted = realtime_ns() + DELAY_US * 1000u;

		inject_here(i, DELAY_US);
		late_ns[i] = (int64_t)(receive_stamp(server) - wanted);
	}
	qsort(late_ns, COUNT, sizeof(*late_ns), compare);
	fprintf(stderr, "late by %.1f us in the median, %.1f us for 9 of 10\n",
		(double)late_ns[COUNT / 2] / 1000,
		(double)late_ns[COUNT * 9 / 10] / 1000);
	assert_true(late_ns[0] > -1000000); /* two clocks, one of which may be set */
	assert_true(late_ns[COUNT / 2] < 20000000);
	close(server);
}

static void what_has_no_delay_overtakes(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);

	start(defaults);
	inject_here(1, 20000);
	inject_here(0, 0);
	assert_come(server, 2);
	close(server);
}

/* --- limits ----------------------------------------------------------------------- */

static void no_more_wait_than_the_limit(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);

	start((struct nfqueue_injector_options){.limit = 10});
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(try_here(i, MINUTE_US), 0);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(try_here(i, MINUTE_US), -ENOSPC);
	assert_non_null(strstr(nfqueue_injector_error(injector), "10, or"));
	assert_counts(0, 0, 5, 10);
	assert_int_equal(injector_stats().waiting_bytes, 10 * 32);
	assert_int_equal(try_here(0, 0), 0); /* it waits for nothing */
	assert_int_equal(netns_udp_numbers(server, &(uint32_t){0}, 1, WAIT_MS), 1);
	assert_int_equal(nfqueue_injector_flush(injector), 10);
	assert_come(server, 10);
	assert_counts(11, 0, 5, 0);
	assert_int_equal(try_here(0, MINUTE_US), 0);
	assert_counts(11, 0, 5, 1);
	close(server);
}

static void no_more_bytes_wait_than_the_limit(void **state)
{
	static const uint8_t payload[1000];
	uint32_t wire;
	struct raw_packet packet = datagram(FOREIGN, "127.0.0.1", &wire, 0);

	packet.payload = payload;
	packet.length = sizeof(payload);
	start((struct nfqueue_injector_options){.limit_bytes = 3 * 1028 + 40});
	for (int i = 0; i < 3; i++)
		assert_int_equal(inject(&packet, after(MINUTE_US)), 0);
	assert_int_equal(inject(&packet, after(MINUTE_US)), -ENOSPC);
	assert_int_equal(try_here(0, MINUTE_US), 0); /* a short one has room */
	assert_int_equal(try_here(0, MINUTE_US), -ENOSPC);
	assert_counts(0, 0, 2, 4);
	assert_int_equal(injector_stats().waiting_bytes, 3 * 1028 + 32);
}

static void a_flush_sends_in_the_order_of_times(void **state)
{
	enum { COUNT = 500 };
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);

	start(defaults);
	for (uint32_t i = 0; i < COUNT; i++)
		inject_here(COUNT - 1 - i, (uint64_t)MINUTE_US * (COUNT - i));
	assert_int_equal(nfqueue_injector_flush(injector), COUNT);
	assert_int_equal(nfqueue_injector_flush(injector), 0);
	assert_come(server, COUNT);
	close(server);
}

static void a_free_drops_what_waits_and_tells(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);

	start(defaults);
	for (uint32_t i = 0; i < 7; i++)
		inject_here(i, MINUTE_US);
	assert_int_equal(nfqueue_injector_free(injector), 7);
	injector = NULL;
	assert_come(server, 0);
	close(server);
}

static void what_the_kernel_refuses_later_is_counted(void **state)
{
	rule("-A OUTPUT -p udp --dport %d -j DROP", PORT);
	start(defaults);
	assert_int_equal(try_here(0, 1000), 0);
	assert_int_equal(try_here(1, MINUTE_US), 0);
	assert_int_equal(nfqueue_injector_flush(injector) >= 1, 1);
	assert_counts(0, 2, 0, 0);
	assert_non_null(strstr(nfqueue_injector_error(injector), "127.0.0.1"));
}

static void the_bytes_are_copied(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	uint8_t *bytes = malloc(RAW_PACKET_MAX);
	uint32_t wire;
	struct raw_packet packet = datagram(FOREIGN, "127.0.0.1", &wire, 0);
	struct nfqueue_injection how = {
		.size = sizeof(how), .data = bytes, .delay_us = 5000};

	assert_non_null(bytes);
	start(defaults);
	how.length = raw_packet_make(&packet, bytes);
	assert_int_equal(nfqueue_inject(injector, &how), 0);
	memset(bytes, 0xff, how.length);
	free(bytes);
	assert_come(server, 1);
	close(server);
}

/* --- threads ---------------------------------------------------------------------- */

static void signals_go_to_the_programs_threads(void **state)
{
	sigset_t usr1, pending;

	start(defaults);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	inject_here(0, 1000);
	nfqueue_injector_flush(injector);
	kill(getpid(), SIGUSR1); /* would end the process, if a thread took it */
	netns_sleep(20);
	sigpending(&pending);
	assert_true(sigismember(&pending, SIGUSR1));
	assert_int_equal(sigwaitinfo(&usr1, NULL), SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
}

#define THREADS 4
#define EACH 2000u

/* Not cmocka's: it is for one thread. */
static void *inject_many(void *context)
{
	const uint32_t which = *(const uint32_t *)context;
	uint8_t *bytes = malloc(RAW_PACKET_MAX);
	struct nfqueue_injection how = {.size = sizeof(how), .data = bytes};

	for (uint32_t i = 0; bytes && i < EACH; i++) {
		uint32_t wire;
		struct raw_packet packet =
			datagram(i % 2 ? FOREIGN : FOREIGN6, i % 2 ? "127.0.0.1" : "::1",
				 &wire, which);

		how.length = raw_packet_make(&packet, bytes);
		how.mark = which;
		how.delay_us = i % 3 ? (i % 50) * 20 : 0;
		nfqueue_inject(injector, &how);
		if (i % 500 == 0)
			nfqueue_injector_flush(injector);
	}
	free(bytes);
	return NULL;
}

/* All counted by rules: a receiver's buffer could lose some. */
static uint64_t left(uint32_t which)
{
	return rule_count("iptables", "OUTPUT", (int)which + 1) +
	       rule_count("ip6tables", "OUTPUT", (int)which + 1);
}

static void many_threads_share_an_injector(void **state)
{
	static const uint32_t which[THREADS] = {0, 1, 2, 3};
	pthread_t threads[THREADS];
	uint64_t sum = 0;

	for (uint32_t i = 0; i < THREADS; i++)
		rule("-A OUTPUT -p udp --dport %d -m mark --mark %#x", PORT,
		     NFQUEUE_GUARD_MARK | i);
	start((struct nfqueue_injector_options){.limit = THREADS * EACH});
	for (uint32_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, inject_many,
						(void *)(uintptr_t)&which[i]),
				 0);
	for (int i = 0; i < 1000; i++)
		injector_stats(); /* sums up at any moment */
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	nfqueue_injector_flush(injector);
	assert_counts(THREADS * EACH, 0, 0, 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		assert_int_equal(left(i), EACH);
		sum += left(i);
	}
	assert_int_equal(sum, THREADS * EACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_leave_in_the_order_of_their_times),
		TEST(equal_delays_keep_the_order_of_the_calls),
		TEST(they_leave_in_time),
		TEST(what_has_no_delay_overtakes),
		TEST(no_more_wait_than_the_limit),
		TEST(no_more_bytes_wait_than_the_limit),
		TEST(a_flush_sends_in_the_order_of_times),
		TEST(a_free_drops_what_waits_and_tells),
		TEST(what_the_kernel_refuses_later_is_counted),
		TEST(the_bytes_are_copied),
		TEST(signals_go_to_the_programs_threads),
		TEST(many_threads_share_an_injector),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

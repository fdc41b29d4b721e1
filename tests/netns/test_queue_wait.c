/* SPDX-License-Identifier: MIT */
/* Waiting for packets, and being woken: from a signal handler, from another thread. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue_fixture.h"

/* --- waiting ---------------------------------------------------------------------- */

static void poll_tells_when_a_packet_is_there(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;

	assert_false(readable(queue, 0));
	assert_false(readable(queue, 20));
	netns_udp_send(udp_client, 0, 1);
	assert_true(readable(queue, 0));
	assert_true(readable(queue, 20));
	assert_int_equal(nfqueue_recv(queue, &packet, 1, 0), 1);
	nfqueue_accept(packet);
	assert_int_equal(nfqueue_flush(queue), 0);
	assert_false(readable(queue, 0));
}

static void a_wait_for_nothing_ends_at_its_time(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;
	uint64_t began = netns_now();

	assert_int_equal(nfqueue_recv(queue, &packet, 1, 0), 0);
	assert_int_equal(nfqueue_recv(queue, &packet, 1, 100), 0);
	assert_true(netns_now() - began >= 99);
}

static void refused_verdicts_do_not_end_the_wait(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	uint64_t began;

	netns_need_command("nft");
	netns_sh("nft 'table inet passing { chain c { type filter hook input priority 0; "
		 "}; }'");
	netns_udp_send(udp_client, 0, 64);
	receive(queue, packets, 64);
	netns_sh("nft delete table inet passing");
	for (uint32_t i = 0; i < 64; i++)
		nfqueue_decide(packets[i], nfqueue_verdict_mark(NFQUEUE_ACCEPT, i));
	began = netns_now();
	assert_int_equal(nfqueue_recv(queue, packets, 64, 200), 0);
	assert_true(netns_now() - began >= 199);
	assert_int_equal(stats_of(queue).flushed, 64);
}

/* --- waking ----------------------------------------------------------------------- */

static struct nfqueue *wakened;

static void wake_on_signal(int number)
{
	nfqueue_wake(wakened);
}

static void a_signal_handler_wakes_a_waiting_receive(void **state)
{
	struct sigaction action = {.sa_handler = wake_on_signal, .sa_flags = SA_RESTART};
	struct nfqueue_packet *packet;
	struct itimerval soon = {.it_value.tv_usec = 50000};

	wakened = start_on_loopback((struct nfqueue_options){0});
	sigaction(SIGALRM, &action, NULL);
	for (int timeout = -1; timeout <= WAIT_MS; timeout += WAIT_MS + 1) {
		uint64_t began = netns_now();

		setitimer(ITIMER_REAL, &soon, NULL);
		assert_int_equal(nfqueue_recv(wakened, &packet, 1, timeout), 0);
		assert_true(netns_now() - began < WAIT_MS);
	}
	signal(SIGALRM, SIG_DFL);
}

static void *wake_soon(void *argument)
{
	netns_sleep(50);
	nfqueue_wake(argument);
	return NULL;
}

static void another_thread_wakes_a_waiting_receive(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		pthread_create(&thread, NULL, wake_soon, queue);
		assert_int_equal(nfqueue_recv(queue, &packet, 1, -1), 0);
		pthread_join(thread, NULL);
	}
}

static void a_wake_before_the_receive_is_not_forgotten(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;

	nfqueue_wake(queue);
	assert_true(readable(queue, 0));
	assert_int_equal(nfqueue_recv(queue, &packet, 1, -1), 0);
	assert_false(readable(queue, 0));
}

static void a_wake_before_a_configuration_is_not_forgotten(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;

	nfqueue_wake(queue);
	assert_int_equal(nfqueue_set_max_length(queue, 100), 0);
	assert_true(readable(queue, 0));
	assert_int_equal(nfqueue_recv(queue, &packet, 1, WAIT_MS), 0);
	assert_false(readable(queue, 0));
}

/* A wake that came with packets has done its work. */
static void a_wake_wakes_once(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;
	uint64_t began;

	netns_udp_send(udp_client, 0, 1);
	nfqueue_wake(queue);
	assert_int_equal(nfqueue_recv(queue, &packet, 64, -1), 1);
	began = netns_now();
	assert_int_equal(nfqueue_recv(queue, &packet, 1, 100), 0);
	assert_true(netns_now() - began >= 99);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(poll_tells_when_a_packet_is_there),
		TEST(a_wait_for_nothing_ends_at_its_time),
		TEST(refused_verdicts_do_not_end_the_wait),
		TEST(a_signal_handler_wakes_a_waiting_receive),
		TEST(another_thread_wakes_a_waiting_receive),
		TEST(a_wake_before_the_receive_is_not_forgotten),
		TEST(a_wake_before_a_configuration_is_not_forgotten),
		TEST(a_wake_wakes_once),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* libnetfilter_queue's setters, which wait for an answer on the socket of the packets. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/netfilter.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

#include "netns.h"

#define PORT 5000
#define WAIT_MS 10000
#define QUIET_MS 100
#define BAD_FLAG 0x80000
#define LONG_PACKET 20000 /* more than the 8 KiB that libnfnetlink reads */

static struct nfq_handle *handle;
static struct nfq_q_handle *queue;
static int server = -1, client = -1;

/* What the callback has met, and what it does. */
static struct {
	_Atomic int calls;
	_Atomic int result;
	_Atomic int length; /* of the last payload */
	_Atomic uintptr_t thread;
	_Atomic(pthread_mutex_t *) mutex; /* taken in the callback */
} seen;

static int decide(struct nfq_q_handle *from, struct nfgenmsg *nfmsg,
		  struct nfq_data *data, void *context)
{
	struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(data);
	pthread_mutex_t *mutex = seen.mutex;
	unsigned char *payload;

	if (mutex)
		pthread_mutex_lock(mutex);
	seen.length = nfq_get_payload(data, &payload);
	seen.thread = (uintptr_t)pthread_self();
	nfq_set_verdict(from, be32toh(header->packet_id), NF_ACCEPT, 0, NULL);
	if (mutex)
		pthread_mutex_unlock(mutex);
	seen.calls++;
	return seen.result;
}

static int begin(void **state)
{
	netns_need_queue();
	seen.calls = 0;
	seen.result = 1;
	seen.mutex = NULL;
	handle = nfq_open();
	assert_non_null(handle);
	assert_int_equal(nfq_bind_pf(handle, AF_INET), 0);
	queue = nfq_create_queue(handle, 7, decide, NULL);
	assert_non_null(queue);
	assert_int_equal(nfq_set_mode(queue, NFQNL_COPY_PACKET, 0xffff), 0);
	netns_sh("iptables -w -A OUTPUT -p udp --dport %d -j NFQUEUE --queue-num 7",
		 PORT);
	server = netns_udp_server(NULL, "127.0.0.1", PORT);
	client = netns_udp_client(NULL, "127.0.0.1", PORT);
	return 0;
}

static int end(void **state)
{
	assert_int_equal(nfq_close(handle), 0);
	close(server);
	close(client);
	netns_sh("iptables -w -F");
	assert_false(netns_kernel_warned());
	return 0;
}

static void assert_came(uint32_t count)
{
	struct netns_tally tally;

	netns_udp_collect(server, 0, count, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, count);
	assert_int_equal(tally.foreign, 0);
}

static void assert_nothing_waits(void)
{
	struct netns_queue_row row;
	char byte;

	assert_int_equal(recv(nfq_fd(handle), &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(netns_queue_row(7, &row));
	assert_int_equal(row.waiting, 0);
}

/* Receives one message, which must be there, and hands it over. */
static int handle_one(void)
{
	static char bytes[70000];
	ssize_t length = recv(nfq_fd(handle), bytes, sizeof(bytes), MSG_DONTWAIT);

	assert_true(length > 0);
	return nfq_handle_packet(handle, bytes, (int)length);
}

static void assert_refused(int rc, int error)
{
	assert_int_equal(rc, -1);
	assert_int_equal(errno, error);
}

/* --- packets that wait ------------------------------------------------------------- */

static void packets_that_wait_go_to_the_callback(void **state)
{
	netns_udp_send(client, 0, 2);
	assert_int_equal(nfq_set_queue_maxlen(queue, 100), 0);
	assert_int_equal(seen.calls, 2);
	assert_nothing_waits();
	assert_came(2);
}

static void a_long_packet_that_waits_is_not_lost(void **state)
{
	netns_udp_send_long(client, 0, 1, LONG_PACKET);
	netns_udp_send_long(client, 1, 1, 60000);
	assert_int_equal(nfq_set_queue_maxlen(queue, 100), 0);
	assert_int_equal(seen.calls, 2);
	assert_int_equal(seen.length, 60000 + 28);
	assert_nothing_waits();
}

/* Upstream's answer was later taken for an error of nfq_handle_packet(). */
static void a_callback_that_returns_0_ends_the_wait(void **state)
{
	netns_udp_send(client, 0, 3);
	seen.result = 0;
	assert_int_equal(nfq_set_queue_maxlen(queue, 100), 0);
	assert_int_equal(seen.calls, 1);
	for (int message = 0; message < 3; message++) /* two packets and the answer */
		assert_int_equal(handle_one(), 0);
	assert_int_equal(seen.calls, 3);
	assert_nothing_waits();
}

/* Then the setter has not told of its error. */
static void an_error_after_the_wait_has_ended_is_told(void **state)
{
	netns_udp_send(client, 0, 1);
	seen.result = 0;
	assert_int_equal(nfq_set_queue_flags(queue, BAD_FLAG, BAD_FLAG), 0);
	assert_int_equal(handle_one(), -1);
	assert_nothing_waits();
}

static void a_callback_that_fails_fails_the_setter(void **state)
{
	netns_udp_send(client, 0, 1);
	seen.result = -1;
	assert_int_equal(nfq_set_queue_maxlen(queue, 100), -1);
	assert_int_equal(handle_one(), 0); /* the answer */
	assert_nothing_waits();
}

static int configure(struct nfq_q_handle *from, struct nfgenmsg *nfmsg,
		     struct nfq_data *data, void *context)
{
	int *results = context;

	results[0] = nfq_set_queue_maxlen(from, 50);
	results[1] = nfq_set_queue_flags(from, BAD_FLAG, BAD_FLAG);
	results[2]++;
	return decide(from, nfmsg, data, NULL);
}

static void a_setter_may_be_called_in_a_callback(void **state)
{
	int results[3] = {-7, -7, 0};

	assert_int_equal(nfq_destroy_queue(queue), 0);
	queue = nfq_create_queue(handle, 7, configure, results);
	assert_int_equal(nfq_set_mode(queue, NFQNL_COPY_PACKET, 0xffff), 0);
	netns_udp_send(client, 0, 2);
	assert_int_equal(nfq_set_queue_maxlen(queue, 100), 0);
	assert_int_equal(results[0], 0);
	assert_int_equal(results[1], -1);
	assert_int_equal(results[2], 2);
	assert_nothing_waits();
}

/* A program with no callback reads its packets itself. */
static void packets_that_nobody_takes_stay_in_the_socket(void **state)
{
	struct nfq_q_handle *mute = nfq_create_queue(handle, 8, NULL, NULL);

	assert_int_equal(nfq_set_mode(mute, NFQNL_COPY_PACKET, 0xffff), 0);
	netns_sh("iptables -w -I OUTPUT -p udp --dport %d -j NFQUEUE --queue-num 8",
		 PORT);
	netns_udp_send(client, 0, 1);
	assert_int_equal(nfq_set_queue_maxlen(mute, 100), 0);
	assert_int_equal(nfq_set_queue_maxlen(queue, 100), 0);
	assert_int_equal(handle_one(), -1); /* there it is, for no callback */
}

static void a_full_socket_does_not_confuse_a_setter(void **state)
{
	int size = 4096;

	assert_int_equal(
		setsockopt(nfq_fd(handle), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)),
		0);
	netns_udp_send(client, 0, 100);
	assert_int_equal(nfq_set_queue_maxlen(queue, 100), 0);
	assert_true(seen.calls > 0);
	netns_udp_send(client, 0, 100);
	assert_refused(nfq_set_queue_flags(queue, BAD_FLAG, BAD_FLAG), EOPNOTSUPP);
	netns_udp_send(client, 0, 100);
	assert_int_equal(nfq_destroy_queue(queue), 0);
	assert_non_null(nfq_create_queue(handle, 9, decide, NULL));
}

/* --- answers ----------------------------------------------------------------------- */

static void a_setter_takes_no_other_error_for_its_answer(void **state)
{
	assert_int_equal(nfq_set_verdict(queue, 1000, NF_ACCEPT, 0, NULL), 32);
	assert_int_equal(nfq_set_mode(queue, NFQNL_COPY_PACKET, 100), 0);
	netns_udp_send(client, 0, 3);
	assert_int_equal(nfq_set_verdict(queue, 1000, NF_ACCEPT, 0, NULL), 32);
	assert_refused(nfq_set_queue_flags(queue, BAD_FLAG, BAD_FLAG), EOPNOTSUPP);
	assert_int_equal(seen.calls, 3);
	assert_nothing_waits();
}

static void what_the_kernel_refuses_is_told(void **state)
{
	struct nfq_handle *other = nfq_open();

	errno = 0;
	assert_null(nfq_create_queue(handle, 7, decide, NULL));
	assert_int_equal(errno, 0); /* ours already: nobody was asked */
	nfq_errno = 0;
	assert_null(nfq_create_queue(other, 7, decide, NULL));
	assert_int_equal(errno, EPERM);
	assert_int_equal(nfq_errno, -1);
	assert_int_equal(nfq_destroy_queue(queue), 0);
	queue = nfq_create_queue(other, 7, decide, NULL);
	assert_non_null(queue);
	assert_null(nfq_create_queue(handle, 7, decide, NULL));
	assert_int_equal(nfq_close(other), 0);
}

/* --- nfq_handle_packet() ----------------------------------------------------------- */

/* Appends what is in the socket. */
static size_t append(char *bytes, size_t length, size_t size)
{
	ssize_t more = recv(nfq_fd(handle), bytes + length, size - length, MSG_DONTWAIT);

	assert_true(more > 0);
	return length + NLMSG_ALIGN((size_t)more);
}

static void a_verdict_for_no_packet_does_not_end_a_loop(void **state)
{
	char bytes[4096];
	size_t length;

	nfq_set_verdict(queue, 1000, NF_ACCEPT, 0, NULL);
	nfq_set_verdict_batch(queue, 1000, NF_ACCEPT);
	netns_udp_send(client, 0, 1);
	length = append(bytes, 0, sizeof(bytes));
	length = append(bytes, length, sizeof(bytes));
	length = append(bytes, length, sizeof(bytes));
	assert_int_equal(nfq_handle_packet(handle, bytes, (int)length), 0);
	assert_int_equal(seen.calls, 1);
	assert_came(1);
}

static void other_errors_and_lengths_that_lie_do(void **state)
{
	char bytes[256];
	ssize_t length;

	nfq_set_verdict(queue, 1, 0xff, 0, NULL); /* no such verdict */
	assert_int_equal(handle_one(), -1);
	netns_udp_send(client, 0, 1);
	length = recv(nfq_fd(handle), bytes, sizeof(bytes), 0);
	bytes[0] = 8; /* shorter than a header */
	assert_int_equal(nfq_handle_packet(handle, bytes, (int)length), -1);
	assert_int_equal(seen.calls, 0);
}

static void packets_of_a_queue_that_is_gone_are_passed_over(void **state)
{
	netns_udp_send(client, 0, 3);
	seen.result = 0;
	assert_int_equal(nfq_destroy_queue(queue), 0); /* ended by the first packet */
	assert_int_equal(seen.calls, 1);
	for (int message = 0; message < 3; message++)
		assert_int_equal(handle_one(), 0);
	assert_int_equal(seen.calls, 1);
}

/* --- a thread that reads ----------------------------------------------------------- */

static atomic_bool stop;

static ssize_t receive(char *bytes, size_t size)
{
	struct timeval patience = {.tv_usec = 20000};

	setsockopt(nfq_fd(handle), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return recv(nfq_fd(handle), bytes, size, 0);
}

static void *read_and_handle(void *failures)
{
	char bytes[4096];
	ssize_t length;

	while (!stop) {
		length = receive(bytes, sizeof(bytes));
		if (length > 0 && nfq_handle_packet(handle, bytes, (int)length) < 0)
			++*(int *)failures;
	}
	return NULL;
}

/* Reads what the setters wait for, and gives it to nobody. */
static void *read_and_forget(void *context)
{
	char bytes[4096];

	while (!stop)
		receive(bytes, sizeof(bytes));
	return NULL;
}

static void set_often(int times)
{
	for (int i = 0; i < times; i++) {
		assert_int_equal(nfq_set_queue_maxlen(queue, 100), 0);
		assert_int_equal(nfq_set_mode(queue, NFQNL_COPY_PACKET, 0xffff), 0);
		assert_refused(nfq_set_queue_flags(queue, BAD_FLAG, BAD_FLAG),
			       EOPNOTSUPP);
		if (i % 10 == 0)
			netns_udp_send(client, (uint32_t)i / 10, 1);
	}
}

static void a_setter_and_a_reader_do_not_block_each_other(void **state)
{
	int failures = 0;
	pthread_t reader;

	stop = false;
	assert_int_equal(pthread_create(&reader, NULL, read_and_handle, &failures), 0);
	set_often(3000);
	assert_came(300);
	stop = true;
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(failures, 0);
	assert_int_equal(seen.calls, 300);
}

static void packets_of_a_reader_are_left_to_it(void **state)
{
	int failures = 0;
	pthread_t reader;

	stop = false;
	assert_int_equal(pthread_create(&reader, NULL, read_and_handle, &failures), 0);
	netns_udp_send(client, 0, 1);
	assert_came(1);
	for (uint32_t i = 0; i < 500; i++) {
		netns_udp_send(client, i, 1);
		assert_int_equal(nfq_set_queue_maxlen(queue, 100), 0);
		assert_int_not_equal(seen.thread, (uintptr_t)pthread_self());
	}
	stop = true;
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(failures, 0);
}

static void an_answer_that_a_reader_keeps_is_found_elsewhere(void **state)
{
	pthread_t reader;

	stop = false;
	assert_int_equal(pthread_create(&reader, NULL, read_and_forget, NULL), 0);
	set_often(100);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(nfq_destroy_queue(queue), 0);
		queue = nfq_create_queue(handle, 7, decide, NULL);
		assert_non_null(queue);
	}
	stop = true;
	assert_int_equal(pthread_join(reader, NULL), 0);
}

/* The reader cannot go on before the setter has returned. */
static void a_reader_that_waits_for_us_does_not_block_a_setter(void **state)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	int failures = 0;
	pthread_t reader;
	uint64_t begun;

	stop = false;
	assert_int_equal(pthread_create(&reader, NULL, read_and_handle, &failures), 0);
	netns_udp_send(client, 0, 1);
	assert_came(1);
	pthread_mutex_lock(&mutex);
	seen.mutex = &mutex;
	netns_udp_send(client, 0, 10);
	netns_sleep(QUIET_MS); /* it is in the callback now */
	begun = netns_now();
	assert_int_equal(nfq_set_queue_maxlen(queue, 200), 0);
	assert_refused(nfq_set_queue_flags(queue, BAD_FLAG, BAD_FLAG), EOPNOTSUPP);
	assert_true(netns_now() - begun < 5000);
	pthread_mutex_unlock(&mutex);
	assert_came(10);
	stop = true;
	assert_int_equal(pthread_join(reader, NULL), 0);
	assert_int_equal(failures, 0);
}

/* --- memory ------------------------------------------------------------------------ */

static void closing_frees_the_queues_too(void **state)
{
	struct nfq_handle *other = nfq_open();

	for (uint16_t number = 100; number < 120; number++)
		assert_non_null(nfq_create_queue(other, number, decide, NULL));
	assert_int_equal(nfq_close(other), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(packets_that_wait_go_to_the_callback),
		TEST(a_long_packet_that_waits_is_not_lost),
		TEST(a_callback_that_returns_0_ends_the_wait),
		TEST(an_error_after_the_wait_has_ended_is_told),
		TEST(a_callback_that_fails_fails_the_setter),
		TEST(a_setter_may_be_called_in_a_callback),
		TEST(packets_that_nobody_takes_stay_in_the_socket),
		TEST(a_full_socket_does_not_confuse_a_setter),
		TEST(a_setter_takes_no_other_error_for_its_answer),
		TEST(what_the_kernel_refuses_is_told),
		TEST(a_verdict_for_no_packet_does_not_end_a_loop),
		TEST(other_errors_and_lengths_that_lie_do),
		TEST(packets_of_a_queue_that_is_gone_are_passed_over),
		TEST(closing_frees_the_queues_too),
		TEST(a_setter_and_a_reader_do_not_block_each_other),
		TEST(packets_of_a_reader_are_left_to_it),
		TEST(an_answer_that_a_reader_keeps_is_found_elsewhere),
		TEST(a_reader_that_waits_for_us_does_not_block_a_setter),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

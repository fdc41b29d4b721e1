/* SPDX-License-Identifier: MIT */
/* A queue's socket goes to another engine or process: none is lost, none decided twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "holder.h"

/* --- from process to process ------------------------------------------------------ */

#define RECEIVED 40
#define WAITING 60

/* The one that will be killed: opens, tells its socket, receives some, decides none. */
static void live_and_hang(int channel, struct nfqueue_options options)
{
	struct nfqueue_packet *packets[RECEIVED];
	struct nfqueue *queue;
	char byte = 'r';
	int n = 0;

	options.size = sizeof(options);
	if (nfqueue_open(&queue, &options) < 0)
		_exit(11);
	if (netns_send_fd(channel, nfqueue_fd(queue)) < 0)
		_exit(10);
	if (read(channel, &byte, 1) != 1) /* the packets are there */
		_exit(12);
	while (n < RECEIVED) {
		int more = nfqueue_recv(queue, packets + n, (unsigned int)(RECEIVED - n),
					WAIT_MS);

		if (more <= 0)
			_exit(13);
		for (int i = n; i < n + more; i++)
			nfqueue_packet_hold(packets[i]);
		n += more;
	}
	if (write(channel, &byte, 1) != 1)
		_exit(14);
	pause();
	_exit(0);
}

/* Lets a process receive RECEIVED of RECEIVED + WAITING packets and kills it. */
static int socket_of_a_killed_process(struct nfqueue_options options)
{
	int channel[2], fd, status;
	char byte = 'g';
	pid_t child;

	netns_need_queue();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		live_and_hang(channel[1], options);
	close(channel[1]);
	fd = netns_receive_fd(channel[0]);
	queue_output(0);
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	netns_udp_send(udp_client, 0, RECEIVED + WAITING);
	assert_int_equal(write(channel[0], &byte, 1), 1);
	assert_int_equal(read(channel[0], &byte, 1), 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(channel[0]);
	assert_true(WIFSIGNALED(status));
	return fd;
}

static void check_killed(struct nfqueue *queue, bool held_come)
{
	struct nfqueue_stats stats;
	bool wanted[RECEIVED + WAITING];

	for (uint32_t i = 0; i < RECEIVED; i++)
		wanted[i] = held_come;
	for (uint32_t i = RECEIVED; i < RECEIVED + WAITING; i++)
		wanted[i] = true;
	/* the dead one's are decided before anything else */
	assert_true(netns_queue_waits(0, WAITING, WAIT_MS));
	assert_int_equal(decide_next(queue, WAITING, NFQUEUE_ACCEPT), WAITING);
	flush_and_settle(queue);
	assert_came(udp_server, wanted, RECEIVED + WAITING);
	stats = stats_of(queue);
	assert_sums_up(&stats);
	assert_int_equal(stats.received, WAITING);
	assert_int_equal(stats.accepted, WAITING);
	assert_int_equal(stats.flushed + stats.refused + stats.lost_socket, 0);
}

static void what_a_killed_process_held_gets_the_default_verdict(bool accepts)
{
	struct nfqueue_options options = {.size = sizeof(options)};
	struct nfqueue *queue;
	int fd = socket_of_a_killed_process(options);

	if (accepts)
		options.default_verdict = NFQUEUE_ACCEPT;
	assert_int_equal(nfqueue_adopt(&queue, fd, &options), 0);
	check_killed(queue, accepts);
	nfqueue_close(queue);
}

static void what_a_killed_process_held_is_dropped_and_what_waited_is_decided(void **state)
{
	what_a_killed_process_held_gets_the_default_verdict(false);
}

static void what_a_killed_process_held_is_accepted_where_that_is_the_default(void **state)
{
	what_a_killed_process_held_gets_the_default_verdict(true);
}

static void another_process_takes_over_from_a_killed_one(void **state)
{
	struct nfqueue_options options = {.size = sizeof(options)};
	int fd = socket_of_a_killed_process(options), status;
	bool wanted[RECEIVED + WAITING] = {false};
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct nfqueue *queue;

		if (nfqueue_adopt(&queue, fd, &options) < 0)
			_exit(20);
		if (decide_next(queue, WAITING, NFQUEUE_ACCEPT) != WAITING)
			_exit(21);
		nfqueue_close(queue);
		_exit(0);
	}
	close(fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	memset(wanted + RECEIVED, true, WAITING);
	assert_came(udp_server, wanted, RECEIVED + WAITING);
}

/* --- options ---------------------------------------------------------------------- */

/* Nothing of the earlier owner's options stays: features, sizes, ranges. */
static void the_options_are_those_of_the_new_owner(void **state)
{
	struct nfqueue_options before = {.flags = NFQUEUE_FAIL_OPEN | NFQUEUE_UID_GID,
					 .copy_range = 64,
					 .max_length = 1000};
	struct nfqueue_options options = {.size = sizeof(options), .max_length = 10};
	struct nfqueue_packet *packets[64];
	struct netns_queue_row row;
	struct nfqueue *queue;
	uint32_t uid;
	size_t length;
	int fd = socket_of_a_killed_process(before);

	assert_int_equal(nfqueue_adopt(&queue, fd, &options), 0);
	assert_int_equal(
		nfqueue_capabilities(queue) & (NFQUEUE_FAIL_OPEN | NFQUEUE_UID_GID), 0);
	assert_true(netns_queue_row(0, &row));
	assert_in_range(row.copy_range, 65531, 65535);
	assert_int_equal(decide_next(queue, WAITING, NFQUEUE_DROP), WAITING);
	flush_and_settle(queue);
	netns_udp_send_long(udp_client, 0, 20, 500);
	receive(queue, packets, 10); /* a full queue does not fail open any more */
	assert_int_equal(stats_of(queue).lost_full, 10);
	for (int i = 0; i < 10; i++) {
		nfqueue_packet_data(packets[i], &length);
		assert_int_equal(length, 528);
		assert_int_equal(nfqueue_packet_uid(packets[i], &uid), -ENOENT);
	}
	assert_int_equal(nfqueue_set_max_length(queue, 100), 0);
	nfqueue_close(queue);
}

static void a_descriptor_that_is_no_netfilter_socket_is_refused_and_closed(void **state)
{
	struct nfqueue_options options = {.size = sizeof(options)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct nfqueue *queue;

	assert_int_equal(nfqueue_adopt(&queue, fd, &options), -EINVAL);
	assert_non_null(strstr(nfqueue_error(queue), "netfilter"));
	nfqueue_close(queue);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* --- from engine to engine -------------------------------------------------------- */

#define HANDOVERS 6
#define STREAM_MAX 60000

struct stream {
	uint32_t sent;
	atomic_bool stop;
	atomic_uint decided;
	pthread_t thread;
};

/* At full speed, but not faster than the receiver's buffer and the queue can take. */
static void *send_stream(void *argument)
{
	struct stream *stream = argument;

	while (!atomic_load(&stream->stop) && stream->sent < STREAM_MAX) {
		if (stream->sent - atomic_load(&stream->decided) > 10000) {
			netns_sleep(1);
			continue;
		}
		netns_udp_send(udp_client, stream->sent, 10);
		stream->sent += 10;
	}
	return NULL;
}

static struct nfqueue_verdict count_and_accept(struct nfqueue_packet *packet, void *ctx)
{
	struct stream *stream = ctx;

	atomic_fetch_add(&stream->decided, 1);
	return NFQUEUE_ACCEPT;
}

static struct nfqueue_engine *start_engine(struct stream *stream, const int *sockets,
					   uint32_t deciders)
{
	struct nfqueue_options queue = {.size = sizeof(queue), .max_length = 65536};
	struct nfqueue_worker_options worker = {.size = sizeof(worker),
						.deciders = deciders};
	struct nfqueue_engine_options options = {.decide = count_and_accept,
						 .ctx = stream,
						 .queue_options = &queue,
						 .worker = &worker,
						 .sockets = sockets};
	struct nfqueue_engine *engine;

	launch_engine(&engine, options);
	return engine;
}

/* The old one lets go, the new one has a copy of the socket. */
static struct nfqueue_engine *hand_over(struct nfqueue_engine *old, struct stream *stream,
					uint64_t *accepted, uint32_t deciders)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};
	int fd = fcntl(nfqueue_fd(nfqueue_engine_queue(old, 0)), F_DUPFD_CLOEXEC, 0);

	assert_true(fd >= 0);
	nfqueue_engine_release(old);
	assert_int_equal(nfqueue_engine_wait(old), 0);
	assert_int_equal(nfqueue_engine_stats_get(old, &stats), 0);
	assert_sums_up(&stats);
	assert_int_equal(stats.held + stats.lost_socket + stats.lost_full, 0);
	*accepted += stats.accepted;
	nfqueue_engine_free(old);
	return start_engine(stream, &fd, deciders);
}

static void a_stream_loses_nothing_when_engines_hand_over(uint32_t deciders)
{
	struct stream stream = {.sent = 0};
	struct nfqueue_stats stats = {.size = sizeof(stats)};
	struct nfqueue_engine *engine;
	struct netns_tally tally;
	uint64_t accepted = 0;

	netns_need_queue();
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	engine = start_engine(&stream, NULL, 0);
	queue_output(0);
	assert_int_equal(pthread_create(&stream.thread, NULL, send_stream, &stream), 0);
	for (int i = 0; i < HANDOVERS; i++) {
		netns_sleep(30);
		engine = hand_over(engine, &stream, &accepted, deciders * (i % 2));
	}
	netns_sleep(30);
	atomic_store(&stream.stop, true);
	pthread_join(stream.thread, NULL);
	netns_udp_collect(udp_server, 0, stream.sent, WAIT_MS, &tally, NULL);
	nfqueue_engine_stop(engine);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	assert_int_equal(nfqueue_engine_stats_get(engine, &stats), 0);
	nfqueue_engine_free(engine);
	if (tally.missing)
		fail_msg("%u of %u missing, the first %u", tally.missing, stream.sent,
			 tally.first_missing);
	assert_int_equal(tally.duplicate + tally.foreign, 0);
	assert_int_equal(accepted + stats.accepted, stream.sent);
	assert_int_equal(stream.decided, stream.sent);
}

static void a_stream_loses_nothing_when_plain_engines_hand_over(void **state)
{
	a_stream_loses_nothing_when_engines_hand_over(0);
}

static void a_stream_loses_nothing_when_an_engine_with_deciders_hands_over(void **state)
{
	a_stream_loses_nothing_when_engines_hand_over(2);
}

/* Its configuration would read what waits, which is the next owner's. */
static void a_released_engine_reads_nothing_for_a_configuration(void **state)
{
	struct stream stream = {.sent = 0};
	struct nfqueue_stats stats = {.size = sizeof(stats)};
	struct nfqueue_engine *engine;
	struct nfqueue *queue;
	bool wanted[WAITING];
	int results[3], fd;

	netns_need_queue();
	engine = start_engine(&stream, NULL, 0);
	queue = nfqueue_engine_queue(engine, 0);
	fd = fcntl(nfqueue_fd(queue), F_DUPFD_CLOEXEC, 0);
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	queue_output(0);
	nfqueue_engine_release(engine);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	netns_udp_send(udp_client, 0, WAITING);
	results[0] = nfqueue_engine_set_copy_range(engine, 1000);
	results[1] = nfqueue_set_max_length(queue, 1000);
	results[2] = nfqueue_set_flags(queue, NFQUEUE_UID_GID, NFQUEUE_UID_GID);
	nfqueue_engine_free(engine);
	engine = start_engine(&stream, &fd, 0);
	memset(wanted, true, sizeof(wanted));
	assert_came(udp_server, wanted, WAITING);
	nfqueue_engine_stop(engine);
	assert_int_equal(nfqueue_engine_wait(engine), 0);
	assert_int_equal(nfqueue_engine_stats_get(engine, &stats), 0);
	nfqueue_engine_free(engine);
	assert_int_equal(stats.received, WAITING);
	assert_int_equal(stats.accepted, WAITING);
	for (int i = 0; i < 3; i++)
		assert_int_equal(results[i], -ESHUTDOWN);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_killed_process_held_is_dropped_and_what_waited_is_decided),
		TEST(what_a_killed_process_held_is_accepted_where_that_is_the_default),
		TEST(another_process_takes_over_from_a_killed_one),
		TEST(the_options_are_those_of_the_new_owner),
		TEST(a_descriptor_that_is_no_netfilter_socket_is_refused_and_closed),
		TEST(a_stream_loses_nothing_when_plain_engines_hand_over),
		TEST(a_stream_loses_nothing_when_an_engine_with_deciders_hands_over),
		TEST(a_released_engine_reads_nothing_for_a_configuration),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

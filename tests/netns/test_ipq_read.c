/* SPDX-License-Identifier: MIT */
/* libipq: how ipq_read() waits, and what it makes of buffers and messages. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <cmocka.h>

#include "ipq_fixture.h"

/* 16 bytes in a datagram over IPv4. */
#define PACKET_LENGTH (20 + 8 + 16)
#define MESSAGE_LENGTH (16 + 96 + PACKET_LENGTH)

static ssize_t read_for(int timeout)
{
	return ipq_read(ipq, buffer, sizeof(buffer), timeout);
}

/* --- waiting ---------------------------------------------------------------------- */

static uint64_t microseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void a_wait_for_nothing_ends_at_its_time(void **state)
{
	static const int timeouts[] = {-1, INT32_MIN, 1, 999, 20000, 1100000};

	ipq_begin_input(PF_INET);
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++) {
		int timeout = timeouts[i];
		uint64_t began = microseconds(), took;

		errno = ENOTTY;
		assert_int_equal(read_for(timeout), 0);
		assert_int_equal(errno, 0);
		assert_error("Timeout");
		took = microseconds() - began;
		assert_true(timeout < 0 || took >= (uint64_t)timeout);
		assert_true(took < 5000000);
	}
}

static void what_is_there_needs_no_wait(void **state)
{
	ipq_begin_input(PF_INET);
	netns_udp_send(udp_client, 0, 3);
	assert_int_equal(read_for(-1), MESSAGE_LENGTH);
	assert_int_equal(read_for(1), MESSAGE_LENGTH);
	assert_int_equal(read_for(0), MESSAGE_LENGTH);
	assert_int_equal(read_for(-1), 0);
}

static void *send_soon(void *argument)
{
	netns_sleep(QUIET_MS);
	netns_udp_send(udp_client, 0, 1);
	return NULL;
}

static void a_packet_ends_the_wait(void **state)
{
	static const int timeouts[] = {0, WAIT_US};

	ipq_begin_input(PF_INET);
	for (size_t i = 0; i < 2; i++) {
		uint64_t began = microseconds();
		pthread_t thread;

		pthread_create(&thread, NULL, send_soon, NULL);
		assert_int_equal(read_for(timeouts[i]), MESSAGE_LENGTH);
		assert_true(microseconds() - began >= QUIET_US);
		pthread_join(thread, NULL);
	}
}

static void on_alarm(int number)
{
}

/* What a read that a signal meets returns; errno as it was then. */
static ssize_t interrupted_read(int timeout, int flags)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
	struct itimerval soon = {.it_value.tv_usec = QUIET_US};
	ssize_t result;
	int error;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	errno = 0;
	result = read_for(timeout);
	error = errno;
	signal(SIGALRM, SIG_DFL);
	errno = error;
	return result;
}

static void a_signal_ends_a_wait(void **state)
{
	ipq_begin_input(PF_INET);
	assert_int_equal(interrupted_read(WAIT_US, 0), 0);
	assert_int_equal(errno, EINTR);
	assert_int_equal(interrupted_read(WAIT_US, SA_RESTART), 0);
	assert_int_equal(errno, EINTR);
	assert_int_equal(interrupted_read(0, 0), -1);
	assert_int_equal(errno, EINTR);
	assert_error("Failed to receive netlink message");
}

static void a_program_may_make_it_never_wait(void **state)
{
	ipq_begin_input(PF_INET);
	fcntl(ipq->fd, F_SETFL, O_NONBLOCK);
	assert_int_equal(read_for(0), -1);
	assert_int_equal(errno, EAGAIN);
	assert_error("Failed to receive netlink message");
	assert_int_equal(read_for(QUIET_US), 0);
	netns_udp_send(udp_client, 0, 1);
	assert_int_equal(read_for(0), MESSAGE_LENGTH);
}

static void select_tells_when_a_packet_is_there(void **state)
{
	struct timeval no_time = {0}, time = {.tv_sec = WAIT_MS / 1000};
	fd_set fds;

	ipq_begin_input(PF_INET);
	FD_ZERO(&fds);
	FD_SET(ipq->fd, &fds);
	assert_int_equal(select(ipq->fd + 1, &fds, NULL, NULL, &no_time), 0);
	netns_udp_send(udp_client, 0, 1);
	FD_SET(ipq->fd, &fds);
	assert_int_equal(select(ipq->fd + 1, &fds, NULL, NULL, &time), 1);
	assert_true(FD_ISSET(ipq->fd, &fds));
	ipq_accept(1);
	FD_SET(ipq->fd, &fds);
	assert_int_equal(select(ipq->fd + 1, &fds, NULL, NULL, &no_time), 0);
	assert_came(1);
}

/* --- buffers ---------------------------------------------------------------------- */

/* Of its exact size on the heap, so that a byte too far is found. */
static ssize_t read_into(size_t length, size_t offset)
{
	unsigned char *memory = malloc(length + offset);
	ssize_t result = ipq_read(ipq, memory + offset, length, WAIT_US);

	if (result > 0)
		memcpy(buffer, memory + offset, (size_t)result);
	free(memory);
	return result;
}

static void a_buffer_may_be_just_large_enough(void **state)
{
	ipq_begin_input(PF_INET);
	netns_udp_send(udp_client, 0, 2);
	assert_int_equal(read_into(MESSAGE_LENGTH, 0), MESSAGE_LENGTH);
	assert_int_equal(ipq_get_packet(buffer)->data_len, PACKET_LENGTH);
	assert_true(ipq_set_mode(ipq, IPQ_COPY_PACKET, 33) > 0);
	netns_udp_send(udp_client, 2, 1);
	assert_int_equal(read_into(MESSAGE_LENGTH, 0), MESSAGE_LENGTH);
	assert_int_equal(read_into(16 + 96 + 33, 0), 16 + 96 + 33);
	assert_int_equal(ipq_get_packet(buffer)->data_len, 33);
}

static void a_buffer_may_begin_anywhere(void **state)
{
	ipq_begin_input(PF_INET);
	for (uint32_t offset = 1; offset < 8; offset++) {
		netns_udp_send(udp_client, offset - 1, 1);
		assert_int_equal(read_into(MESSAGE_LENGTH, offset), MESSAGE_LENGTH);
		assert_int_equal(ipq_message_type(buffer), IPQM_PACKET);
		ipq_set_verdict(ipq, ipq_get_packet(buffer)->packet_id, NF_ACCEPT, 0,
				NULL);
	}
	assert_came(7);
}

/* The kernel drops no packet by itself that it has told of. */
static void a_packet_that_does_not_fit_is_dropped(void **state)
{
	ipq_begin_input(PF_INET);
	netns_udp_send(udp_client, 1, 3);
	netns_udp_send(udp_client, 0, 1);
	assert_int_equal(read_into(MESSAGE_LENGTH - 1, 0), -1);
	assert_error("Received message truncated");
	assert_int_equal(errno, 0);
	assert_int_equal(read_into(112, 0), -1);
	assert_int_equal(read_into(20, 0), -1);
	assert_error("Received message truncated");
	assert_true(netns_queue_waits(0, 1, WAIT_MS));
	ipq_accept(1);
	assert_came(1);
}

static void a_buffer_without_room_for_an_error_is_refused(void **state)
{
	ipq_begin_input(PF_INET);
	netns_udp_send(udp_client, 0, 1);
	for (size_t length = 0; length < 20; length++) {
		assert_int_equal(ipq_read(ipq, buffer, length, 0), -1);
		assert_error("Receive buffer size invalid");
	}
	ipq_accept(1);
	assert_came(1);
}

static void an_error_that_does_not_fit_is_truncated(void **state)
{
	ipq_begin_input(PF_INET);
	ipq_set_verdict(ipq, 4711, NF_ACCEPT, 0, NULL);
	ipq_set_verdict(ipq, 4711, NF_ACCEPT, 0, NULL);
	assert_int_equal(read_into(35, 0), -1);
	assert_error("Received message truncated");
	assert_int_equal(read_into(36, 0), 36);
	assert_int_equal(ipq_get_msgerr(buffer), ENOENT);
}

/* 64 KiB, as loopback carries them. */
static void the_longest_packet_is_read(void **state)
{
	ipq_begin_input(PF_INET);
	netns_udp_send_long(udp_client, 0, 1, 65507);
	assert_int_equal(ipq_next()->data_len, 65531); /* nfqnl_set_mode() */
	ipq_set_verdict(ipq, ipq_get_packet(buffer)->packet_id, NF_ACCEPT, 0, NULL);
	assert_queue_empty();
}

/* --- many ------------------------------------------------------------------------- */

static void packets_wait_for_each_other(void **state)
{
	ipq_begin_input(PF_INET);
	netns_udp_send(udp_client, 0, 60);
	ipq_accept(60);
	assert_int_equal(read_for(-1), 0);
	assert_came(60);
}

/* The kernel drops what finds no room; no read fails for that. */
static void a_full_socket_is_no_error(void **state)
{
	struct netns_queue_row row;
	int size = 1, count = 0;

	ipq_begin_input(PF_INET);
	setsockopt(ipq->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	netns_udp_send(udp_client, 0, 200);
	while (read_for(-1) > 0) {
		count++;
		ipq_set_verdict(ipq, ipq_get_packet(buffer)->packet_id, NF_ACCEPT, 0,
				NULL);
	}
	assert_error("Timeout");
	assert_in_range(count, 1, 199);
	assert_true(netns_queue_row(0, &row));
	assert_int_equal(row.dropped_socket, 200 - count);
	netns_udp_send(udp_client, 200, 1);
	assert_int_equal(read_for(WAIT_US), MESSAGE_LENGTH);
}

static void packets_of_the_other_family_are_dropped(void **state)
{
	uint64_t began;

	ipq_begin_input(PF_INET);
	ipq_rule(PF_INET6, "INPUT -p udp --dport 5000 -j NFQUEUE");
	int server = netns_udp_server(NULL, "::1", PORT);
	int client = netns_udp_client(NULL, "::1", PORT);

	netns_udp_send(client, 0, 2);
	began = microseconds();
	assert_int_equal(read_for(QUIET_US), 0);
	assert_true(microseconds() - began >= QUIET_US);
	netns_udp_send(client, 2, 1);
	assert_int_equal(read_for(-1), 0);
	assert_queue_empty();
	netns_udp_send(client, 3, 1);
	netns_udp_send(udp_client, 0, 1);
	assert_int_equal(read_for(0), MESSAGE_LENGTH);
	assert_int_equal(ipq_get_packet(buffer)->payload[0], 0x45);
	close(server);
	close(client);
}

/* --- threads ---------------------------------------------------------------------- */

#define HANDED_ON 2000

static int handed[2]; /* a pipe of ids */
static atomic_uint refused;

static void *decide_handed(void *argument)
{
	unsigned long id;

	while (read(handed[0], &id, sizeof(id)) == sizeof(id))
		if (ipq_set_verdict(ipq, id, NF_ACCEPT, 0, NULL) < 0)
			atomic_fetch_add(&refused, 1);
	return NULL;
}

static void verdicts_may_come_from_another_thread(void **state)
{
	pthread_t thread;

	ipq_begin_input(PF_INET);
	assert_int_equal(pipe(handed), 0);
	pthread_create(&thread, NULL, decide_handed, NULL);
	for (uint32_t i = 0; i < HANDED_ON; i++) {
		unsigned long id;

		netns_udp_send(udp_client, i, 1);
		id = ipq_next()->packet_id;
		assert_int_equal(write(handed[1], &id, sizeof(id)), sizeof(id));
	}
	close(handed[1]);
	pthread_join(thread, NULL);
	close(handed[0]);
	assert_int_equal(refused, 0);
	assert_queue_empty();
}

/* Whichever thread is woken, all packets come once, and no read waits for one that
 * another has taken. */
static atomic_uint taken_by_threads;

static void *take_what_comes(void *argument)
{
	unsigned char memory[2048];

	while (ipq_read(ipq, memory, sizeof(memory), QUIET_US) > 0) {
		ipq_set_verdict(ipq, ipq_get_packet(memory)->packet_id, NF_ACCEPT, 0,
				NULL);
		atomic_fetch_add(&taken_by_threads, 1);
	}
	return NULL;
}

static void readers_share_what_comes(void **state)
{
	pthread_t threads[4];

	ipq_begin_input(PF_INET);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, take_what_comes, NULL);
	for (uint32_t i = 0; i < 60; i++) {
		netns_udp_send(udp_client, i, 1); /* wakes all that wait */
		netns_sleep(2);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(taken_by_threads, 60);
	assert_came(60);
}

static atomic_bool lie; /* the next ppoll() of the library says "readable" at once */

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	  const sigset_t *mask)
{
	struct timespec left = timeout ? *timeout : (struct timespec){0};

	if (atomic_exchange(&lie, false)) {
		fds->revents = POLLIN;
		return 1;
	}
	return (int)syscall(SYS_ppoll, fds, count, timeout ? &left : NULL, mask, 8);
}

/* As if another reader had been faster. */
static void what_another_reader_took_is_waited_for(void **state)
{
	ipq_begin_input(PF_INET);
	atomic_store(&lie, true);
	assert_int_equal(read_for(QUIET_US), 0);
	assert_error("Timeout");
	assert_false(atomic_load(&lie));
	atomic_store(&lie, true);
	assert_int_equal(read_for(-1), 0);
	assert_error("Timeout");
}

/* --- messages that no kernel sends ------------------------------------------------ */

/* The handle reads from `forger` from now on. */
static int forge(void)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	assert_true(dup2(ends[0], ipq->fd) >= 0);
	close(ends[0]);
	return ends[1];
}

static void send_forged(int forger, const void *message, size_t length)
{
	assert_int_equal(send(forger, message, length, 0), length);
}

static void an_error_names_the_old_request(void **state)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} message = {{sizeof(message), NLMSG_ERROR, 0, 0, 0},
		     {-EINVAL, {20, 3 << 8 | 2, 0, 0, 0}}};
	struct nlmsgerr error;
	int forger;

	ipq_begin(PF_INET, IPQ_COPY_META, 0);
	forger = forge();
	send_forged(forger, &message, sizeof(message));
	assert_int_equal(ipq_next_error(), EINVAL);
	memcpy(&error, buffer + 16, sizeof(error));
	assert_int_equal(error.msg.nlmsg_type, IPQM_MODE);
	close(forger);
}

static unsigned int seed;

static size_t random_below(size_t end)
{
	return (size_t)rand_r(&seed) % end;
}

/* Attributes of any type, which may lie about their length; returns where they end. */
static size_t forge_attributes(unsigned char *message, size_t at, size_t end)
{
	while (end - at > 32) {
		uint16_t length = (uint16_t)(4 + random_below(20));
		uint16_t attribute[2] = {length, (uint16_t)random_below(24)};

		if (random_below(16) == 0)
			attribute[0] = (uint16_t)random_below(300);
		memcpy(message + at, attribute, sizeof(attribute));
		at += (length + 3u) & ~3u;
	}
	return at;
}

/* A message with a header that mostly tells the truth, of a length below 256. */
static size_t forge_message(unsigned char message[256])
{
	size_t length = 36 + random_below(220);
	struct nlmsghdr header = {0, random_below(3) ? 3 << 8 : NLMSG_ERROR, 0, 0, 0};
	uint16_t attribute[2] = {11, 1};
	int error = -(int)random_below(5000);

	for (size_t i = 0; i < length; i++)
		message[i] = (unsigned char)random_below(256);
	if (header.nlmsg_type == NLMSG_ERROR) {
		header.nlmsg_flags = (uint16_t)(random_below(4) << 8);
		memcpy(message + 16, &error, sizeof(error));
	} else {
		message[16] = random_below(8) ? PF_INET : PF_INET6;
		memcpy(message + 20, attribute, sizeof(attribute));
		length = forge_attributes(message, 32, length);
	}
	header.nlmsg_len = (uint32_t)(length + (random_below(8) == 0));
	memcpy(message, &header, sizeof(header));
	return random_below(8) ? length : 1 + random_below(length);
}

/* Any bytes: it reads on, or says that they are cut, and never writes too far. */
static void any_bytes_are_survived(void **state)
{
	int forger, packets = 0, errors = 0, cut = 0, decided = 0;
	unsigned char message[256];

	ipq_begin(PF_INET, IPQ_COPY_META, 0);
	forger = forge();
	seed = 1;
	for (int i = 0; i < 20000; i++) {
		size_t room = 20 + random_below(300);
		unsigned char *memory = malloc(room);
		ssize_t result;

		send_forged(forger, message, forge_message(message));
		result = ipq_read(ipq, memory, room, -1);
		assert_true(result <= (ssize_t)room);
		cut += result < 0;
		packets += result >= 112 && ipq_message_type(memory) == IPQM_PACKET;
		errors += result == 36 && ipq_message_type(memory) == NLMSG_ERROR;
		free(memory);
		while (recv(forger, message, sizeof(message), MSG_DONTWAIT) > 0)
			decided++; /* dropped: cut, or of the other family */
	}
	close(forger);
	assert_true(packets > 100 && errors > 100 && cut > 100 && decided > 100);
}

static void an_end_is_an_error(void **state)
{
	int ends[2];

	ipq_begin(PF_INET, IPQ_COPY_META, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	dup2(ends[0], ipq->fd);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(read_for(0), -1);
	assert_error("Received EOF on netlink socket");
}

#define TEST(name) cmocka_unit_test_teardown(name, ipq_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_wait_for_nothing_ends_at_its_time),
		TEST(what_is_there_needs_no_wait),
		TEST(a_packet_ends_the_wait),
		TEST(a_signal_ends_a_wait),
		TEST(a_program_may_make_it_never_wait),
		TEST(select_tells_when_a_packet_is_there),
		TEST(a_buffer_may_be_just_large_enough),
		TEST(a_buffer_may_begin_anywhere),
		TEST(a_packet_that_does_not_fit_is_dropped),
		TEST(a_buffer_without_room_for_an_error_is_refused),
		TEST(an_error_that_does_not_fit_is_truncated),
		TEST(the_longest_packet_is_read),
		TEST(packets_wait_for_each_other),
		TEST(a_full_socket_is_no_error),
		TEST(packets_of_the_other_family_are_dropped),
		TEST(verdicts_may_come_from_another_thread),
		TEST(readers_share_what_comes),
		TEST(what_another_reader_took_is_waited_for),
		TEST(an_error_names_the_old_request),
		TEST(any_bytes_are_survived),
		TEST(an_end_is_an_error),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

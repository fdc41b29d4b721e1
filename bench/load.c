/* SPDX-License-Identifier: MIT */
/*
 * Traffic of the live cases, over the loopback of the namespace it runs in:
 *	load stream MILLISECONDS   one TCP stream; prints bytes, nanoseconds, and CPU
 *				   time of both ends
 *	load echo ROUND_TRIPS      UDP, one at a time; prints p50 and p99 in ns, and
 *				   timeouts
 *	load hop TRIPS             UDP to itself, one at a time, looking for it all the
 *				   time; prints the same
 *	load flood MILLISECONDS PACKETS_PER_SECOND
 *				   UDP from many ports to the sink; prints how many were
 *				   sent
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT 7777
#define ECHO_SIZE 64
#define HOP_PAUSE_NS 10000
#define HOP_PATIENCE_NS 5000000000ull /* it spins: a busy machine lets others first */
#define SINK_PORT 9999                /* common.py */
#define FLOWS 500

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct sockaddr_in address(void)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
		.sin_addr = {htonl(INADDR_LOOPBACK)},
	};
}

static int bound_socket(int type)
{
	struct sockaddr_in here = address();
	int one = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)))
		err(1, "bind");
	return fd;
}

static int connected_socket(int type)
{
	struct sockaddr_in there = address();
	struct timeval timeout = {.tv_sec = 1};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&there, sizeof(there)))
		err(1, "connect");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		err(1, "SO_RCVTIMEO");
	return fd;
}

static pid_t start(void (*run)(int fd), int fd)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	run(fd);
	_exit(0);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static uint64_t cpu_ns(int whose)
{
	struct rusage usage;

	getrusage(whose, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

/* Reno, the one congestion control that every kernel and namespace has: the system's own
 * may pace the stream, by what it estimates on a machine that is busy with the bench. */
static void send_stream(int listener)
{
	static char buffer[1 << 18];
	int fd = connected_socket(SOCK_STREAM);

	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4))
		err(1, "TCP_CONGESTION");
	while (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) > 0)
		;
}

/* The reader holds the clock, so that a stalled stream ends on time, too. */
static void stream(unsigned int milliseconds)
{
	static char buffer[1 << 18];
	struct timeval timeout = {.tv_usec = 50000}, patience = {.tv_sec = 5};
	int listener = bound_socket(SOCK_STREAM), fd;
	uint64_t begin, end, bytes = 0;
	pid_t sender;

	if (setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    listen(listener, 1))
		err(1, "listen");
	sender = start(send_stream, listener);
	fd = accept(listener, NULL, NULL);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout))) {
		stop(sender);
		errx(1, "no connection came");
	}
	begin = now_ns();
	do {
		ssize_t length = recv(fd, buffer, sizeof(buffer), 0);

		if (length > 0)
			bytes += (uint64_t)length;
		end = now_ns();
	} while (end - begin < milliseconds * 1000000ull);
	stop(sender);
	printf("%llu %llu %llu\n", (unsigned long long)bytes,
	       (unsigned long long)(end - begin),
	       (unsigned long long)(cpu_ns(RUSAGE_SELF) + cpu_ns(RUSAGE_CHILDREN)));
}

static void answer(int fd)
{
	char buffer[ECHO_SIZE];
	struct sockaddr_in peer;

	for (;;) {
		socklen_t size = sizeof(peer);
		ssize_t length = recvfrom(fd, buffer, sizeof(buffer), 0,
					  (struct sockaddr *)&peer, &size);

		if (length > 0)
			sendto(fd, buffer, (size_t)length, 0, (struct sockaddr *)&peer,
			       size);
	}
}

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Sends `number` and waits for it. Late answers to older ones are passed over. */
static int round_trip(int fd, unsigned int number)
{
	char buffer[ECHO_SIZE] = {0};
	unsigned int got = ~number;

	memcpy(buffer, &number, sizeof(number));
	if (send(fd, buffer, sizeof(buffer), 0) < 0)
		return -1;
	while (got != number) {
		if (recv(fd, buffer, sizeof(buffer), 0) < 0)
			return -1;
		memcpy(&got, buffer, sizeof(got));
	}
	return 0;
}

/* `times` of those that came. */
static void print_times(uint64_t *times, unsigned int count, unsigned int timeouts)
{
	if (!count)
		errx(1, "no answer came");
	qsort(times, count, sizeof(*times), compare);
	printf("%llu %llu %u\n", (unsigned long long)times[count / 2],
	       (unsigned long long)times[count - 1 - count / 100], timeouts);
}

static uint64_t *new_times(unsigned int trips)
{
	uint64_t *times = calloc(trips, sizeof(*times));

	if (!times)
		err(1, "calloc");
	return times;
}

static void echo(unsigned int trips)
{
	uint64_t *times = new_times(trips);
	pid_t server = start(answer, bound_socket(SOCK_DGRAM));
	int fd = connected_socket(SOCK_DGRAM);
	unsigned int n = 0, timeouts = 0;

	for (unsigned int i = 0; i < trips && timeouts < 5; i++) {
		uint64_t begin = now_ns();

		if (round_trip(fd, i) < 0)
			timeouts++;
		else
			times[n++] = now_ns() - begin;
	}
	stop(server);
	print_times(times, n, timeouts);
	free(times);
}

/* One way through the queue, and nobody to be woken but its reader: what is left is the
 * reader's way to wait. Between two trips it may go to sleep. */
static void hop(unsigned int trips)
{
	uint64_t *times = new_times(trips), begin, end = 0;
	int here = bound_socket(SOCK_DGRAM), fd = connected_socket(SOCK_DGRAM);
	char buffer[ECHO_SIZE] = {0};
	unsigned int n = 0, timeouts = 0;

	for (unsigned int i = 0; i < trips && timeouts < 5; i++) {
		while (now_ns() < end + HOP_PAUSE_NS)
			continue;
		begin = now_ns();
		if (send(fd, buffer, sizeof(buffer), 0) < 0)
			err(1, "send");
		do {
			end = now_ns();
		} while (recv(here, buffer, sizeof(buffer), MSG_DONTWAIT) < 0 &&
			 end < begin + HOP_PATIENCE_NS);
		end = now_ns();
		if (end < begin + HOP_PATIENCE_NS)
			times[n++] = end - begin;
		else
			timeouts++;
	}
	print_times(times, n, timeouts);
	free(times);
}

static int flow_socket(void)
{
	struct sockaddr_in there = address();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	there.sin_port = htons(SINK_PORT);
	if (fd < 0 || connect(fd, (struct sockaddr *)&there, sizeof(there)))
		err(1, "connect");
	return fd;
}

/* In bursts, one a millisecond: what a sleep was too long is made up for, up to a tenth
 * of a second, so that the rate holds on a busy machine. */
static void flood(unsigned int milliseconds, unsigned int rate)
{
	uint64_t begin = now_ns(), end = begin + milliseconds * 1000000ull, now;
	const struct timespec pause = {.tv_nsec = 1000000};
	static const char payload[36];
	uint64_t sent = 0, due = 0, skipped = 0;
	int flows[FLOWS];

	for (unsigned int i = 0; i < FLOWS; i++)
		flows[i] = flow_socket();
	while ((now = now_ns()) < end) {
		due = (now - begin) / 1000 * rate / 1000000;
		if (due - sent - skipped > rate / 10)
			skipped = due - sent - rate / 10;
		for (; sent + skipped < due; sent++)
			if (send(flows[sent % FLOWS], payload, sizeof(payload), 0) < 0)
				err(1, "send");
		nanosleep(&pause, NULL);
	}
	printf("%llu\n", (unsigned long long)sent);
}

int main(int argc, char **argv)
{
	unsigned int amount = argc >= 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
	unsigned int rate = argc == 4 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;

	if (amount && argc == 3 && !strcmp(argv[1], "stream"))
		stream(amount);
	else if (amount && argc == 3 && !strcmp(argv[1], "echo"))
		echo(amount);
	else if (amount && argc == 3 && !strcmp(argv[1], "hop"))
		hop(amount);
	else if (amount && rate && !strcmp(argv[1], "flood"))
		flood(amount, rate);
	else
		errx(2, "usage: load stream MILLISECONDS | load echo ROUND_TRIPS | "
			"load hop TRIPS | load flood MILLISECONDS PACKETS_PER_SECOND");
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Setters wait for the kernel's answer. Packets that stand before it reach the callback
 * inside the setter, and programs rely on that. */
#include "cases.h"
#include "fixture.h"
#include "packet.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fixture *open_pending(int result)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	net_enter(RULES);
	fixture_open(fixture);
	fixture->queue = fixture_queue(fixture, 0, fixture_callback, fixture);
	fixture->label = "pending";
	fixture->silent = true;
	fixture->result = result;
	net_send(AF_INET, 5000, "1st.");
	net_send(AF_INET, 5000, "2nd.");
	return fixture;
}

/* What the setter left for the program to read. */
static void tell_rest(struct fixture *fixture)
{
	for (int i = 0; i < 4; i++) {
		ssize_t n = net_receive_now(nfq_fd(fixture->handle), fixture->buffer,
					    sizeof(fixture->buffer));

		tell_int("recv", n, "after the setter, number %d", i);
		if (n <= 0)
			break;
		INT(nfq_handle_packet(fixture->handle, fixture->buffer, (int)n),
		    "after the setter, number %d", i);
	}
	tell_int("callback", fixture->count, "times");
	net_tell_queues("in the end");
	fixture_close(fixture);
	free(fixture);
}

#define SETTER_CASE(name, result, call)                                      \
	static void name(void)                                               \
	{                                                                    \
		struct fixture *fixture = open_pending(result);              \
                                                                             \
		INT(call, "two packets wait");                               \
		tell_int("callback", fixture->count, "times in the setter"); \
		tell_rest(fixture);                                          \
	}

/* A callback that returns 0 ends the wait, 1 goes on, -1 fails. */
SETTER_CASE(mode_positive, 1, nfq_set_mode(fixture->queue, NFQNL_COPY_META, 0))
SETTER_CASE(mode_zero, 0, nfq_set_mode(fixture->queue, NFQNL_COPY_META, 0))
SETTER_CASE(mode_negative, -1, nfq_set_mode(fixture->queue, NFQNL_COPY_META, 0))
SETTER_CASE(flags_positive, 1, nfq_set_queue_flags(fixture->queue, 1, 1))
SETTER_CASE(flags_refused, 1, nfq_set_queue_flags(fixture->queue, 256, 256))
SETTER_CASE(maxlen_positive, 1, nfq_set_queue_maxlen(fixture->queue, 9))
SETTER_CASE(maxlen_zero, 0, nfq_set_queue_maxlen(fixture->queue, 9))
SETTER_CASE(bind_positive, 1, nfq_bind_pf(fixture->handle, AF_INET))

static void create_positive(void)
{
	struct fixture *fixture = open_pending(1);
	struct nfq_q_handle *other =
		POINTER(nfq_create_queue(fixture->handle, 9, fixture_callback, fixture),
			"two packets wait");

	tell_int("callback", fixture->count, "times in the setter");
	if (other)
		INT(nfq_destroy_queue(other), "queue 9");
	tell_rest(fixture);
}

/* Packets of another queue on the same handle reach their own callback. */
static void destroy_other(void)
{
	struct fixture *fixture = open_pending(1);
	struct nfq_q_handle *other;

	fixture_receive(fixture, "first");
	other = fixture_queue(fixture, 1, fixture_callback, fixture);
	net_send(AF_INET, 5000, "3rd.");
	INT(nfq_destroy_queue(other), "packets of another queue wait");
	tell_int("callback", fixture->count, "times in the setter");
	tell_rest(fixture);
}

/* A message's length is seldom a multiple of 4. */
static void odd_length(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int server;

	net_enter(RULES);
	server = net_server(AF_INET, 5000);
	fixture_open(fixture);
	fixture->queue = fixture_queue(fixture, 0, fixture_callback, fixture);
	fixture->label = "odd";
	fixture->result = 1;
	net_send(AF_INET, 5000, "odd");
	INT(nfq_set_mode(fixture->queue, NFQNL_COPY_PACKET, 0xffff), "75 bytes wait");
	tell_int("callback", fixture->count, "times in the setter");
	net_tell_datagrams(server, 0, "odd");
	tell_rest(fixture);
}

/* The refusal of a verdict stands before the answer to the setter. */
static void refused_verdict(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	net_enter(RULES);
	fixture_open(fixture);
	fixture->queue = fixture_queue(fixture, 0, fixture_callback, fixture);
	INT(nfq_set_verdict(fixture->queue, 4711, NF_ACCEPT, 0, NULL), "unknown id");
	INT(nfq_set_mode(fixture->queue, NFQNL_COPY_META, 0), "a refusal waits");
	tell_rest(fixture);
}

/* Larger than the 8 KiB that upstream's setter reads with. */
static void large_packet(void)
{
	static uint8_t packet[PACKET_MAX], payload[9000];
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int server;

	net_enter(RULES);
	server = net_server(AF_INET, 5000);
	fixture_open(fixture);
	fixture->queue = fixture_queue(fixture, 0, fixture_callback, fixture);
	fixture->label = "large";
	fixture->result = 1;
	memset(payload, 'x', sizeof(payload));
	net_send_bytes(AF_INET, packet,
		       packet_udp(packet, AF_INET, 5000, payload, sizeof(payload)));
	INT(nfq_set_mode(fixture->queue, NFQNL_COPY_PACKET, 0xffff), "9 KB wait");
	tell_int("callback", fixture->count, "times in the setter");
	net_tell_datagrams(server, 0, "large");
	tell_rest(fixture);
}

struct reader {
	struct fixture *fixture;
	_Atomic int stop;
};

static void *read_packets(void *ctx)
{
	struct reader *reader = ctx;
	_Alignas(8) static char buffer[4096];

	while (!reader->stop) {
		ssize_t n =
			recv(nfq_fd(reader->fixture->handle), buffer, sizeof(buffer), 0);

		if (n > 0)
			nfq_handle_packet(reader->fixture->handle, buffer, (int)n);
	}
	return NULL;
}

/* A thread that reads must not take the setter's answer away for ever. */
static void reader_thread(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct reader reader = {.fixture = fixture};
	pthread_t thread;
	int failures = 0;

	net_enter(RULES);
	patience(4);
	fixture_open(fixture);
	fixture->silent = true;
	fixture->queue = fixture_queue(fixture, 0, fixture_callback, fixture);
	pthread_create(&thread, NULL, read_packets, &reader);
	for (int i = 0; i < 2000; i++)
		failures += nfq_set_queue_maxlen(fixture->queue, 1000) < 0;
	tell_int("nfq_set_queue_maxlen", failures, "failed beside a reader, of 2000");
	reader.stop = 1;
	net_send(AF_INET, 5000, "wakes the reader");
	pthread_join(thread, NULL);
	tell_int("callback", fixture->count, "times in the reader");
	fixture_close(fixture);
	free(fixture);
}

const struct compat_case setter_cases[] = {
	{"setter-mode-positive", mode_positive},
	{"setter-mode-zero", mode_zero},
	{"setter-mode-negative", mode_negative},
	{"setter-flags-positive", flags_positive},
	{"setter-flags-refused", flags_refused},
	{"setter-maxlen-positive", maxlen_positive},
	{"setter-maxlen-zero", maxlen_zero},
	{"setter-bind-positive", bind_positive},
	{"setter-create-positive", create_positive},
	{"setter-destroy-other", destroy_other},
	{"setter-odd-length", odd_length},
	{"setter-refused-verdict", refused_verdict},
	{"setter-large-packet", large_packet},
	{"setter-reader-thread", reader_thread},
	{0},
};

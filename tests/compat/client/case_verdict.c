/* SPDX-License-Identifier: MIT */
/* Verdicts: their bytes, their effect, and what comes back. */
#include "cases.h"
#include "fixture.h"
#include "packet.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* nfq_set_verdict_mark() is deprecated, and exported. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* `count` packets for queue 0 that wait for a verdict; ids from 1 on. */
static struct fixture *open_waiting(int count, const char *payload)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	net_enter(RULES);
	fixture_open(fixture);
	fixture->queue = fixture_queue(fixture, 0, fixture_callback, fixture);
	fixture->undecided = fixture->silent = true;
	for (int i = 0; i < count; i++) {
		ssize_t n;

		net_send(AF_INET, 5000, payload);
		n = net_receive(nfq_fd(fixture->handle), fixture->buffer,
				sizeof(fixture->buffer));
		nfq_handle_packet(fixture->handle, fixture->buffer, (int)n);
	}
	if (fixture->last_id != (uint32_t)count)
		give_up("packets do not come");
	return fixture;
}

/* Refusals, if there are any. */
static void close_waiting(struct fixture *fixture)
{
	for (int i = 0; i < 20; i++) {
		ssize_t n = net_receive_now(nfq_fd(fixture->handle), fixture->buffer,
					    sizeof(fixture->buffer));

		if (n <= 0)
			break;
		tell_int("recv", n, "left, number %d", i);
		INT(nfq_handle_packet(fixture->handle, fixture->buffer, (int)n),
		    "left, number %d", i);
	}
	net_tell_queues("in the end");
	fixture_close(fixture);
	free(fixture);
}

static void values(void)
{
	static const uint32_t rows[] = {
		NF_DROP,
		NF_ACCEPT,
		NF_STOLEN,
		NF_REPEAT,
		NF_STOP,
		NF_QUEUE_NR(2),
		NF_QUEUE_NR(9) | NF_VERDICT_FLAG_QUEUE_BYPASS,
		0x00ff00ff,
		0xffffffff,
	};
	struct fixture *fixture = open_waiting(0, "");

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		INT(nfq_set_verdict(fixture->queue, 0x01020304, rows[i], 0, NULL),
		    "verdict %#x", rows[i]);
	close_waiting(fixture);
}

/* A payload that was to be sent: its length decides, and it ends the message. */
static void payload_bytes(void)
{
	static const unsigned char data[8] = "abcdefgh";
	struct fixture *fixture = open_waiting(0, "");
	struct nfq_q_handle *queue = fixture->queue;

	for (uint32_t length = 0; length <= 8; length++) {
		INT(nfq_set_verdict(queue, 1, NF_ACCEPT, length, data), "%u bytes",
		    length);
		INT(nfq_set_verdict2(queue, 1, NF_ACCEPT, 0x01020304, length, data),
		    "%u bytes", length);
	}
	INT(nfq_set_verdict_mark(queue, 1, NF_ACCEPT, 0x01020304, 3, data), "3 bytes");
	INT(nfq_set_verdict(queue, 1, NF_ACCEPT, 0, NULL), "nothing");
	close_waiting(fixture);
}

static void batches(void)
{
	struct fixture *fixture = open_waiting(5, "batch");
	int server = net_server(AF_INET, 5000), marked = net_server(AF_INET, 6000);

	INT(nfq_set_verdict_batch(fixture->queue, 2, NF_ACCEPT), "up to 2");
	INT(nfq_set_verdict_batch(fixture->queue, 2, NF_ACCEPT), "none is left");
	INT(nfq_set_verdict_batch2(fixture->queue, 4, NF_ACCEPT, 0x11223344), "up to 4");
	net_tell_queues("one is left");
	INT(nfq_set_verdict_batch(fixture->queue, 0xffffffff, NF_DROP), "before it");
	INT(nfq_set_verdict_batch(fixture->queue, 5, NF_DROP), "the last");
	net_tell_datagrams(server, 2, "plain");
	net_tell_datagrams(marked, 2, "marked");
	close_waiting(fixture);
}

static void marks(void)
{
	struct fixture *fixture = open_waiting(4, "marks");
	int host = net_server(AF_INET, 6000), network = net_server(AF_INET, 6001);

	INT(nfq_set_verdict2(fixture->queue, 1, NF_ACCEPT, 0x11223344, 0, NULL), "mark");
	INT(nfq_set_verdict_mark(fixture->queue, 2, NF_ACCEPT, 0x11223344, 0, NULL),
	    "as given");
	INT(nfq_set_verdict_mark(fixture->queue, 3, NF_ACCEPT, htonl(0x11223344), 0,
				 NULL),
	    "in network order");
	INT(nfq_set_verdict2(fixture->queue, 4, NF_ACCEPT, htonl(0x11223344), 0, NULL),
	    "in network order");
	net_tell_datagrams(host, 2, "mark 0x11223344");
	net_tell_datagrams(network, 2, "mark 0x44332211");
	close_waiting(fixture);
}

/* Changed packets arrive: shorter, longer, with a mark. */
static void changed(void)
{
	static const char *const texts[] = {"12345", "123", "1234567890", ""};
	struct fixture *fixture = open_waiting(5, "abcde");
	int server = net_server(AF_INET, 5000), marked = net_server(AF_INET, 6000);
	uint8_t packet[200];
	uint32_t length;

	for (uint32_t i = 0; i < 4; i++) {
		length = (uint32_t)packet_udp(packet, AF_INET, 5000, texts[i],
					      strlen(texts[i]));
		INT(nfq_set_verdict(fixture->queue, i + 1, NF_ACCEPT, length, packet),
		    "as %s", texts[i]);
	}
	length = (uint32_t)packet_udp(packet, AF_INET, 5000, "mark", 4);
	INT(nfq_set_verdict2(fixture->queue, 5, NF_ACCEPT, 0x11223344, length, packet),
	    "marked");
	net_tell_datagrams(server, 4, "changed");
	net_tell_datagrams(marked, 1, "changed and marked");
	close_waiting(fixture);
}

static void repeat_and_queue(void)
{
	struct fixture *fixture = open_waiting(2, "again");
	int server = net_server(AF_INET, 5000);
	struct nfq_q_handle *other = fixture_queue(fixture, 2, fixture_callback, fixture);

	INT(nfq_set_verdict2(fixture->queue, 1, NF_REPEAT, 0x77, 0, NULL), "repeat");
	net_tell_datagrams(server, 1, "repeated");
	INT(nfq_set_verdict(fixture->queue, 2, NF_QUEUE_NR(2), 0, NULL), "to queue 2");
	fixture->silent = false;
	fixture_receive(fixture, "in queue 2");
	INT(nfq_set_verdict(other, fixture->last_id,
			    NF_QUEUE_NR(9) | NF_VERDICT_FLAG_QUEUE_BYPASS, 0, NULL),
	    "to nobody, bypass");
	net_tell_datagrams(server, 1, "bypassed");
	INT(nfq_destroy_queue(other), "the other");
	close_waiting(fixture);
}

/* The kernel's refusal comes as a message, which is a failure of whoever handles it. */
static void unknown_id(void)
{
	struct fixture *fixture = open_waiting(1, "known");

	INT(nfq_set_verdict(fixture->queue, 4711, NF_ACCEPT, 0, NULL), "unknown id");
	INT(nfq_set_verdict(fixture->queue, 1, NF_ACCEPT, 0, NULL), "known id");
	INT(nfq_set_verdict(fixture->queue, 1, NF_ACCEPT, 0, NULL), "twice");
	close_waiting(fixture);
}

static void failed_sends(void)
{
	static const int errors[] = {ENOBUFS, EINTR, EPERM, ECONNREFUSED};
	static const unsigned char data[4];
	struct fixture *fixture = open_waiting(0, "");

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		const char *name = strerrorname_np(errors[i]);

		wire_fail(errors[i]);
		INT(nfq_set_verdict(fixture->queue, 1, NF_ACCEPT, 4, data), "%s", name);
		wire_fail(errors[i]);
		INT(nfq_set_verdict2(fixture->queue, 1, NF_ACCEPT, 1, 0, NULL), "%s",
		    name);
		wire_fail(errors[i]);
		INT(nfq_set_verdict_mark(fixture->queue, 1, NF_ACCEPT, 1, 0, NULL), "%s",
		    name);
		wire_fail(errors[i]);
		INT(nfq_set_verdict_batch(fixture->queue, 1, NF_ACCEPT), "%s", name);
		wire_fail(errors[i]);
		INT(nfq_set_verdict_batch2(fixture->queue, 1, NF_ACCEPT, 1), "%s", name);
	}
	close_waiting(fixture);
}

/* No attribute can be longer than its 16 bits tell. */
static void payload_too_long(void)
{
	static const uint32_t lengths[] = {65530, 65531, 65532, 65535,
					   65536, 70000, 100000};
	unsigned char *data = calloc(1, 100000);
	struct fixture *fixture = open_waiting(1, "long");

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		INT(nfq_set_verdict(fixture->queue, 99, NF_ACCEPT, lengths[i], data),
		    "%u bytes", lengths[i]);
	close_waiting(fixture);
	free(data);
}

const struct compat_case verdict_cases[] = {
	{"verdict-values", values},
	{"verdict-payload-bytes", payload_bytes},
	{"verdict-batches", batches},
	{"verdict-marks", marks},
	{"verdict-changed", changed},
	{"verdict-repeat-and-queue", repeat_and_queue},
	{"verdict-unknown-id", unknown_id},
	{"verdict-failed-sends", failed_sends},
	{"verdict-payload-too-long", payload_too_long},
	{0},
};

/* SPDX-License-Identifier: MIT */
/* Queues and their settings, as the kernel has them afterwards. */
#include "cases.h"
#include "fixture.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>

static struct fixture *open_queue(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	net_enter(NULL);
	fixture_open(fixture);
	fixture->queue = nfq_create_queue(fixture->handle, 7, fixture_callback, fixture);
	if (!fixture->queue)
		give_up("nfq_create_queue");
	return fixture;
}

static void close_queue(struct fixture *fixture)
{
	fixture_close(fixture);
	free(fixture);
}

static void create(void)
{
	struct nfq_handle *handle;
	struct nfq_q_handle *zero, *seven, *last;

	net_enter(NULL);
	handle = nfq_open();
	zero = POINTER(nfq_create_queue(handle, 0, fixture_callback, NULL), "queue 0");
	seven = POINTER(nfq_create_queue(handle, 7, fixture_callback, NULL), "queue 7");
	last = POINTER(nfq_create_queue(handle, 65535, fixture_callback, NULL),
		       "queue 65535");
	POINTER(nfq_create_queue(handle, 7, fixture_callback, NULL), "queue 7 twice");
	tell_int("nfq_errno", nfq_errno, "queue 7 twice");
	net_tell_queues("created");
	INT(nfq_destroy_queue(seven), "queue 7");
	net_tell_queues("7 is destroyed");
	seven = POINTER(nfq_create_queue(handle, 7, NULL, NULL), "queue 7 anew");
	INT(nfq_destroy_queue(last), "queue 65535");
	INT(nfq_destroy_queue(seven), "queue 7 anew");
	INT(nfq_destroy_queue(zero), "queue 0");
	net_tell_queues("all are destroyed");
	INT(nfq_close(handle), "afterwards");
}

static void close_with_queues(void)
{
	struct nfq_handle *handle;

	net_enter(NULL);
	handle = nfq_open();
	for (uint16_t i = 0; i < 3; i++)
		POINTER(nfq_create_queue(handle, i, fixture_callback, NULL), "queue %u",
			i);
	INT(nfq_close(handle), "with queues");
	net_tell_queues("closed");
}

static void busy(void)
{
	struct nfq_handle *first, *second;
	struct nfq_q_handle *queue;

	net_enter(NULL);
	first = nfq_open();
	second = nfq_open();
	tell_int("nfq_errno", nfq_errno, "before");
	queue = POINTER(nfq_create_queue(first, 3, fixture_callback, NULL), "first");
	POINTER(nfq_create_queue(second, 3, fixture_callback, NULL), "second");
	tell_int("nfq_errno", nfq_errno, "busy");
	INT(nfq_destroy_queue(queue), "first");
	queue = POINTER(nfq_create_queue(second, 3, fixture_callback, NULL), "now");
	tell_int("nfq_errno", nfq_errno, "after a success");
	INT(nfq_close(first), "first");
	nfq_destroy_queue(queue);
	INT(nfq_close(second), "second");
}

static void create_fails(void)
{
	struct nfq_handle *handle;
	struct nfq_q_handle *queue;

	net_enter(NULL);
	handle = nfq_open();
	wire_fail(ENOMEM);
	POINTER(nfq_create_queue(handle, 3, fixture_callback, NULL), "the send fails");
	tell_int("nfq_errno", nfq_errno, "the send fails");
	queue = POINTER(nfq_create_queue(handle, 3, fixture_callback, NULL), "again");
	wire_fail(ENOBUFS);
	INT(nfq_destroy_queue(queue), "the send fails");
	net_tell_queues("it is still there");
	INT(nfq_destroy_queue(queue), "again");
	INT(nfq_close(handle), "afterwards");
}

static void modes(void)
{
	static const struct {
		const char *label;
		uint8_t mode;
		unsigned int range;
	} rows[] = {
		{"nothing", NFQNL_COPY_NONE, 0},
		{"metadata", NFQNL_COPY_META, 0},
		{"metadata with a range", NFQNL_COPY_META, 77},
		{"packet, range 0", NFQNL_COPY_PACKET, 0},
		{"packet, range 1", NFQNL_COPY_PACKET, 1},
		{"packet, 65535", NFQNL_COPY_PACKET, 0xffff},
		{"packet, 65531", NFQNL_COPY_PACKET, 65531},
		{"packet, all ones", NFQNL_COPY_PACKET, 0xffffffff},
		{"mode 3", 3, 100},
		{"mode 255", 255, 100},
	};
	struct fixture *fixture = open_queue();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		INT(nfq_set_mode(fixture->queue, rows[i].mode, rows[i].range), "%s",
		    rows[i].label);
		net_tell_queues(rows[i].label);
	}
	wire_fail(ENOBUFS);
	INT(nfq_set_mode(fixture->queue, NFQNL_COPY_META, 0), "the send fails");
	close_queue(fixture);
}

static void flags(void)
{
	static const uint32_t rows[][2] = {
		{NFQA_CFG_F_FAIL_OPEN, NFQA_CFG_F_FAIL_OPEN},
		{NFQA_CFG_F_FAIL_OPEN, 0},
		{NFQA_CFG_F_CONNTRACK, NFQA_CFG_F_CONNTRACK},
		{NFQA_CFG_F_GSO | NFQA_CFG_F_UID_GID,
		 NFQA_CFG_F_GSO | NFQA_CFG_F_UID_GID},
		{NFQA_CFG_F_SECCTX, 0},
		{0, NFQA_CFG_F_GSO},
		{0, 0},
		{NFQA_CFG_F_MAX, NFQA_CFG_F_MAX},
		{1u << 31, 1u << 31},
		{0xffffffff, 0xffffffff},
		{0x0100, 0},
	};
	struct fixture *fixture = open_queue();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		INT(nfq_set_queue_flags(fixture->queue, rows[i][0], rows[i][1]),
		    "mask %#x flags %#x", rows[i][0], rows[i][1]);
	wire_fail(ENOBUFS);
	INT(nfq_set_queue_flags(fixture->queue, 1, 1), "the send fails");
	close_queue(fixture);
}

static void maxlen(void)
{
	static const uint32_t rows[] = {0, 1, 1024, 0x01020304, 0xffffffff};
	struct fixture *fixture = open_queue();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		INT(nfq_set_queue_maxlen(fixture->queue, rows[i]), "%u", rows[i]);
	wire_fail(ENOBUFS);
	INT(nfq_set_queue_maxlen(fixture->queue, 5), "the send fails");
	close_queue(fixture);
}

/* A length of 2: the third packet is lost, unless the queue fails open. */
static void maxlen_works(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int server;

	net_enter(RULES);
	fixture_open(fixture);
	fixture->queue = fixture_queue(fixture, 0, fixture_callback, fixture);
	server = net_server(AF_INET, 5000);
	fixture->label = "in a setter";
	fixture->undecided = true;
	INT(nfq_set_queue_maxlen(fixture->queue, 2), "two");
	for (int i = 0; i < 3; i++)
		net_send(AF_INET, 5000, "full");
	net_tell_queues("one is lost");
	INT(nfq_set_queue_flags(fixture->queue, NFQA_CFG_F_FAIL_OPEN,
				NFQA_CFG_F_FAIL_OPEN),
	    "fail open, which finds packets waiting");
	fixture->label = "at last";
	net_send(AF_INET, 5000, "fails open");
	net_tell_queues("it fails open");
	net_tell_datagrams(server, 1, "full");
	close_queue(fixture);
}

static void unprivileged(void)
{
	struct fixture *fixture = open_queue();

	net_drop_privilege();
	INT(nfq_set_mode(fixture->queue, NFQNL_COPY_META, 0), "unprivileged");
	INT(nfq_set_queue_maxlen(fixture->queue, 5), "unprivileged");
	INT(nfq_set_queue_flags(fixture->queue, 1, 1), "unprivileged");
	INT(nfq_set_verdict(fixture->queue, 1, NF_ACCEPT, 0, NULL), "unprivileged");
	INT(nfq_destroy_queue(fixture->queue), "unprivileged");
	INT(nfq_close(fixture->handle), "unprivileged");
	free(fixture);
}

const struct compat_case config_cases[] = {
	{"config-create", create},
	{"config-close-with-queues", close_with_queues},
	{"config-busy", busy},
	{"config-create-fails", create_fails},
	{"config-modes", modes},
	{"config-flags", flags},
	{"config-maxlen", maxlen},
	{"config-maxlen-works", maxlen_works},
	{"config-unprivileged", unprivileged},
	{0},
};

/* SPDX-License-Identifier: MIT */
/* nfq_handle_packet(): what it makes of any buffer. */
#include "cases.h"
#include "fixture.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct fixture *open_queue(void)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	net_enter(NULL);
	fixture_open(fixture);
	fixture->queue = nfq_create_queue(fixture->handle, 5, fixture_callback, fixture);
	if (!fixture->queue)
		give_up("nfq_create_queue");
	fixture->undecided = fixture->silent = true;
	return fixture;
}

static void close_queue(struct fixture *fixture)
{
	fixture_close(fixture);
	free(fixture);
}

/* In memory of exactly that size: who reads behind it is found. */
static void handle(struct fixture *fixture, const char *bytes, int length,
		   const char *what, int number)
{
	char *copy = malloc(length > 0 ? (size_t)length : 1);

	if (length > 0)
		memcpy(copy, bytes, (size_t)length);
	fixture->count = 0;
	INT(nfq_handle_packet(fixture->handle, copy, length), "%s %d", what, number);
	tell_int("callback", fixture->count, "%s %d: times", what, number);
	free(copy);
}

static void errors(void)
{
	static const int numbers[] = {0, ENOENT, EPERM, EINVAL};
	struct fixture *fixture = open_queue();
	struct message message;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		message_error(&message, numbers[i]);
		handle(fixture, message.bytes, message.length, "error", numbers[i]);
	}
	close_queue(fixture);
}

/* An error stops at what stands before the packets, and behind them. */
static void error_among_packets(void)
{
	struct fixture *fixture = open_queue();
	struct message packet, error, all;

	message_full(&packet, 5, 1);
	message_error(&error, ENOENT);
	for (int first = 0; first < 2; first++) {
		const struct message *parts[3] = {&packet, first ? &packet : &error,
						  &packet};

		all.length = 0;
		for (int i = 0; i < 3; i++) {
			memcpy(all.bytes + all.length, parts[i]->bytes,
			       (size_t)parts[i]->length);
			all.length += parts[i]->length;
		}
		handle(fixture, all.bytes, all.length, "all packets:", first);
	}
	close_queue(fixture);
}

static void unknown_queue(void)
{
	struct fixture *fixture = open_queue();
	struct message message;

	message_full(&message, 6, 1);
	handle(fixture, message.bytes, message.length, "queue", 6);
	message_full(&message, 5, 1);
	handle(fixture, message.bytes, message.length, "queue", 5);
	close_queue(fixture);
}

static void no_callback(void)
{
	struct fixture *fixture = open_queue();
	struct message message;
	struct nfq_q_handle *queue =
		POINTER(nfq_create_queue(fixture->handle, 8, NULL, NULL), "no callback");

	message_full(&message, 8, 1);
	handle(fixture, message.bytes, message.length, "no callback", 8);
	nfq_destroy_queue(queue);
	close_queue(fixture);
}

static void other_types(void)
{
	static const uint16_t types[] = {NLMSG_NOOP, NLMSG_DONE, NLMSG_OVERRUN, 0x0301,
					 0x0302,     0x0303,     0x0304,        0x03ff,
					 0x0100,     0x0b00,     0x0f00,        0xff00};
	struct fixture *fixture = open_queue();
	struct message message;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		message_full(&message, 5, 1);
		((struct nlmsghdr *)message.bytes)->nlmsg_type = types[i];
		handle(fixture, message.bytes, message.length, "type", types[i]);
	}
	close_queue(fixture);
}

/* nfq_handle_packet() is told a length: that of a buffer which ends early. */
static void cut_buffers(void)
{
	struct fixture *fixture = open_queue();
	struct message message;

	message_full(&message, 5, 1);
	for (int length = -1; length <= message.length; length++)
		handle(fixture, message.bytes, length, "length", length);
	close_queue(fixture);
}

/* The message's own length is wrong. */
static void wrong_lengths(void)
{
	static const uint32_t lengths[] = {0,  1,  15, 16,         17,        19,
					   20, 21, 24, 0x7fffffff, 0xffffffff};
	struct fixture *fixture = open_queue();
	struct message message;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		message_full(&message, 5, 1);
		((struct nlmsghdr *)message.bytes)->nlmsg_len = lengths[i];
		handle(fixture, message.bytes, message.length, "nlmsg_len", (int)i);
	}
	close_queue(fixture);
}

/* The message is cut, and says so. */
static void cut_messages(void)
{
	struct fixture *fixture = open_queue();
	struct message message;

	message_full(&message, 5, 1);
	for (int length = 16; length <= message.length; length++) {
		((struct nlmsghdr *)message.bytes)->nlmsg_len = (uint32_t)length;
		handle(fixture, message.bytes, length, "cut to", length);
	}
	close_queue(fixture);
}

static void wrong_attributes(void)
{
	static const uint16_t lengths[] = {0, 1, 3, 4, 5, 8, 0x7fff, 0xffff};
	struct fixture *fixture = open_queue();
	struct message message;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		message_begin(&message, NFQNL_MSG_PACKET, 5);
		message_put32(&message, NFQA_MARK, 5);
		message_put32(&message, NFQA_UID, 6);
		((struct nfattr *)(message.bytes + 20))->nfa_len = lengths[i];
		handle(fixture, message.bytes, message.length, "nfa_len", lengths[i]);
	}
	close_queue(fixture);
}

const struct compat_case handle_cases[] = {
	{"handle-errors", errors},
	{"handle-error-among-packets", error_among_packets},
	{"handle-unknown-queue", unknown_queue},
	{"handle-no-callback", no_callback},
	{"handle-other-types", other_types},
	{"handle-cut-buffers", cut_buffers},
	{"handle-wrong-lengths", wrong_lengths},
	{"handle-cut-messages", cut_messages},
	{"handle-wrong-attributes", wrong_attributes},
	{0},
};

/* SPDX-License-Identifier: MIT */
/* Messages no sane kernel sends: each packet in them is decided, and none is believed. */
#include "queue/queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SLOT 512

static struct nfqueue queue;
static struct nfqueue_packet *slot;

static int set_up(void **state)
{
	memset(&queue, 0, sizeof(queue));
	TAILQ_INIT(&queue.held);
	TAILQ_INIT(&queue.backlog);
	queue.number = 7;
	queue.expected_id = 1;
	queue.expects_id = true;
	queue.default_verdict = NFQUEUE_ACCEPT;
	queue.max_length = 1;
	queue.sender = sender_new(&queue, 1);
	assert_non_null(queue.sender);
	slot = packet_new_alone(&queue, SLOT);
	assert_non_null(slot);
	memset(slot->buffer, 0xee, SLOT);
	return 0;
}

static int tear_down(void **state)
{
	free(slot);
	senders_free(&queue);
	return 0;
}

static void attribute(struct nlmsghdr *message, uint16_t type, const void *data,
		      uint16_t length)
{
	mnl_attr_put(message, type, length, data);
}

/* A packet of 100 bytes with this id. Returns the message's length. */
static uint32_t put_packet(uint32_t id)
{
	struct nfqnl_msg_packet_hdr header = {.packet_id = htonl(id)};
	struct nlmsghdr *message = mnl_nlmsg_put_header(slot->buffer);
	struct nfgenmsg *general;
	uint8_t bytes[100] = {0x45};

	message->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET;
	general = mnl_nlmsg_put_extra_header(message, sizeof(*general));
	general->nfgen_family = AF_INET;
	general->res_id = htons(queue.number);
	attribute(message, NFQA_PACKET_HDR, &header, sizeof(header));
	attribute(message, NFQA_PAYLOAD, bytes, sizeof(bytes));
	return message->nlmsg_len;
}

/* An answer of the kernel to one of our messages. */
static uint32_t put_answer(uint8_t type, uint32_t sequence, int error)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(slot->buffer);
	struct nlmsgerr *answer;

	message->nlmsg_type = NLMSG_ERROR;
	answer = mnl_nlmsg_put_extra_header(message, sizeof(*answer));
	answer->error = error;
	answer->msg.nlmsg_len = sizeof(answer->msg);
	answer->msg.nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
	answer->msg.nlmsg_seq = sequence;
	return message->nlmsg_len;
}

static uint64_t count(const counter *number)
{
	tally_publish(&queue);
	return counter_get(number);
}

static void a_whole_packet_waits_for_its_verdict(void **state)
{
	assert_true(receive_message(slot, put_packet(1), false));
	assert_int_equal(slot->state, PACKET_UNDECIDED);
	assert_int_equal(slot->wire.id, 1);
	assert_int_equal(slot->wire.payload.length, 100);
	assert_int_equal(count(&queue.counters.malformed), 0);
}

/* The kernel waits for it all the same. */
static void a_packet_that_was_cut_gets_the_default_verdict(void **state)
{
	for (uint32_t id = 1; id <= 100; id++) {
		uint32_t length = put_packet(id);

		/* anywhere behind its id */
		assert_true(receive_message(slot, length - id, true));
		assert_int_equal(slot->state, PACKET_DECIDED);
		assert_int_equal(slot->wire.id, id);
		assert_int_equal(slot->verdict.code, NFQUEUE_VERDICT_ACCEPT);
		assert_int_equal(slot->wire.payload.length, 0);
	}
	assert_int_equal(count(&queue.counters.malformed), 100);
	assert_int_equal(count(&queue.counters.defaulted), 100);
	assert_int_equal(count(&queue.counters.received), 100);
	assert_int_equal(count(&queue.counters.lost_socket), 0);
}

static void a_packet_whose_attributes_lie_gets_the_default_verdict(void **state)
{
	uint32_t length = put_packet(1);
	uint16_t lie = 4000;

	/* the payload's length, behind both headers and the packet header */
	memcpy(slot->buffer + 20 + 12, &lie, sizeof(lie));
	assert_true(receive_message(slot, length, false));
	assert_int_equal(slot->state, PACKET_DECIDED);
	assert_int_equal(slot->wire.id, 1);
	assert_int_equal(count(&queue.counters.malformed), 1);
}

static void a_packet_without_an_id_is_nobodys(void **state)
{
	uint32_t length = put_packet(1);
	uint16_t other = 99;

	memcpy(slot->buffer + 20 + 2, &other, sizeof(other));
	assert_false(receive_message(slot, length, false));
	assert_false(receive_message(slot, 10, true));
	assert_int_equal(count(&queue.counters.malformed), 2);
	assert_int_equal(count(&queue.counters.received), 0);
}

static void bytes_that_are_no_message_are_counted(void **state)
{
	memset(slot->buffer, 0xff, SLOT);
	assert_false(receive_message(slot, SLOT, false));
	assert_int_equal(count(&queue.counters.malformed), 1);
	assert_false(receive_message(slot, 0, false));
}

static void an_answer_that_lies_is_counted(void **state)
{
	assert_false(receive_message(slot, put_answer(NFQNL_MSG_VERDICT, 1, 5), false));
	assert_int_equal(count(&queue.counters.malformed), 1);
	assert_int_equal(count(&queue.counters.refused), 0);
}

/* What was sent before the mark is not refused any more when its ACK is read. */
static void the_ack_of_a_mark_settles_what_was_sent_before_it(void **state)
{
	queue.sender->sequence = 100;
	assert_false(receive_message(
		slot, put_answer(NFQNL_MSG_CONFIG, SEQUENCE_MARK | 77, 0), false));
	assert_int_equal(queue.sender->settled, 77);
	assert_false(receive_message(slot, put_answer(NFQNL_MSG_CONFIG, 0, 0), false));
	assert_int_equal(queue.sender->settled, 77);
}

static void a_refusal_of_what_was_never_sent_changes_nothing(void **state)
{
	const struct counters none = {.received = 0};

	for (uint32_t sequence = 0; sequence < 20; sequence++)
		assert_false(receive_message(
			slot, put_answer(NFQNL_MSG_VERDICT, sequence, -EPERM), false));
	assert_memory_equal(&queue.counters, &none, sizeof(none));
	assert_false(queue.unprivileged);
}

static void a_gap_in_the_ids_is_what_was_lost_also_where_they_wrap(void **state)
{
	queue.expected_id = UINT32_MAX - 1;
	receive_message(slot, put_packet(UINT32_MAX), false);
	assert_int_equal(count(&queue.counters.lost_socket), 1);
	receive_message(slot, put_packet(2), false);
	assert_int_equal(count(&queue.counters.lost_socket), 3);
	queue_set_has(&queue, NFQUEUE_FAIL_OPEN, true);
	receive_message(slot, put_packet(7), false);
	assert_int_equal(count(&queue.counters.passed_socket), 4);
	assert_int_equal(count(&queue.counters.lost_socket), 3);
	receive_message(slot, put_packet(3), false); /* ids never go back: no gap */
	assert_int_equal(count(&queue.counters.passed_socket), 4);
}

static void only_the_answer_that_is_awaited_ends_a_configuration(void **state)
{
	queue.ack_sequence = 6;
	receive_message(slot, put_answer(NFQNL_MSG_CONFIG, 0, 0), false); /* a wake's */
	receive_message(slot, put_answer(NFQNL_MSG_CONFIG, 5, -EPERM), false);
	receive_message(slot, put_answer(NFQNL_MSG_VERDICT, 6, -EPERM), false);
	assert_false(queue.ack_received);
	receive_message(slot, put_answer(NFQNL_MSG_CONFIG, 6, -EPERM), false);
	assert_true(queue.ack_received);
	assert_int_equal(queue.ack_error, -EPERM);
	assert_string_equal(queue.ack_text, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_packet_waits_for_its_verdict),
		TEST(a_packet_that_was_cut_gets_the_default_verdict),
		TEST(a_packet_whose_attributes_lie_gets_the_default_verdict),
		TEST(a_packet_without_an_id_is_nobodys),
		TEST(bytes_that_are_no_message_are_counted),
		TEST(an_answer_that_lies_is_counted),
		TEST(a_refusal_of_what_was_never_sent_changes_nothing),
		TEST(the_ack_of_a_mark_settles_what_was_sent_before_it),
		TEST(a_gap_in_the_ids_is_what_was_lost_also_where_they_wrap),
		TEST(only_the_answer_that_is_awaited_ends_a_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* How connections begin, end, and are joined; and how many there may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <nfqueue/packet.h>

#include "talk.h"

static const struct tcp_packet syn = {
	.sequence = TALK_A - 1, .flags = TALK_SYN, .has_scale = true, .scale = 2};
static const struct tcp_packet answer = {
	.from = 1,
	.sequence = TALK_B - 1,
	.acknowledgement = TALK_A,
	.flags = TALK_SYN | TALK_ACK,
	.has_scale = true,
	.scale = 3,
};

static struct tcp_packet with_data(struct tcp_packet packet, const char *text)
{
	packet.data = (const uint8_t *)text;
	packet.length = strlen(text);
	return packet;
}

static int set_up(void **state)
{
	static struct talk talk;

	talk_new(&talk, NULL);
	*state = &talk;
	return 0;
}

static int tear_down(void **state)
{
	talk_free(*state);
	return 0;
}

static void data_in_a_syn_come_again(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet first = with_data(syn, "a cat");

	assert_int_equal(talk_pass(talk, &first), 1);
	talk_expect(talk, TALK_A - 1, "");
	assert_int_equal(talk_pass(talk, &answer), 0);
	talk_say(talk, TALK_A, "a cat", 0);
	talk_expect(talk, TALK_A, "a horse");
}

static void data_in_a_syn_that_nobody_looks_into_stay(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet first = with_data(syn, "a cat");

	first.from = 1; /* not edited */
	first.acknowledgement = 0;
	assert_int_equal(talk_pass(talk, &first), 0);
	talk_expect(talk, TALK_A - 1, "a cat");
}

static void both_may_open_at_once(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet other = answer, both = syn;

	other.flags = TALK_SYN;
	both.flags = TALK_SYN | TALK_ACK;
	both.acknowledgement = TALK_B;
	assert_int_equal(talk_pass(talk, &syn), 0);
	assert_int_equal(talk_pass(talk, &other), 0);
	assert_int_equal(talk_pass(talk, &both), 0);
	assert_int_equal(talk_pass(talk, &answer), 0);
	talk_say(talk, TALK_A, "a cat", 0);
	talk_expect(talk, TALK_A, "a horse");
	talk_ack(talk, TALK_A + 7);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 5);
	assert_int_equal(talk_stats(talk).flows, 1);
}

/* A server with SYN cookies, whose first answer was lost. */
static void an_answer_may_have_another_number(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet first = answer;

	first.sequence += 12345;
	talk_pass(talk, &syn);
	talk_pass(talk, &first);
	talk_pass(talk, &syn);
	talk_pass(talk, &answer);
	talk->both = true;
	talk_say(talk, TALK_A, "", 0);
	first = with_data(answer, "cat");
	first.sequence = TALK_B;
	first.flags = TALK_ACK;
	assert_int_equal(talk_pass(talk, &first), 1);
	talk_expect(talk, TALK_B, "horse");
}

static void a_new_connection_replaces_one_that_has_ended(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet again = syn;

	talk_open(talk);
	talk_say(talk, TALK_A, "cat", 0);
	talk_say(talk, TALK_A + 3, "", TALK_RST);
	again.sequence = 900000;
	assert_int_equal(talk_pass(talk, &again), 0);
	again = answer;
	again.acknowledgement = 900001;
	assert_int_equal(talk_pass(talk, &again), 0);
	talk_say(talk, 900001, "cats", 0);
	talk_expect(talk, 900001, "horses");
	assert_int_equal(talk_stats(talk).flows, 1);
}

static void a_syn_in_the_middle_waits_for_its_answer(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet again = with_data(syn, "cat"), reply = answer;

	talk_open(talk);
	talk_say(talk, TALK_A, "cat", 0);
	again.sequence = 900000;
	assert_int_equal(talk_pass(talk, &again), 1);
	talk_expect(talk, 900000, "");
	talk_say(talk, TALK_A + 3, "cat", 0); /* somebody else's: nothing has changed */
	talk_expect(talk, TALK_A + 5, "horse");
	talk_ack(talk, TALK_A + 10);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 6);
	reply.sequence = 77;
	reply.acknowledgement = 900001;
	assert_int_equal(talk_pass(talk, &reply), 0);
	talk_say(talk, 900001, "cat", 0);
	talk_expect(talk, 900001, "horse");
}

static void joined_in_the_middle_it_waits_for_an_ack(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(talk_say(talk, 70000, "a cat", 0), 0);
	talk_ack(talk, 70000); /* of nothing that came by */
	assert_int_equal(talk_say(talk, 70005, "a cat", 0), 0);
	talk_pass(talk, &(struct tcp_packet){
				/* who knows what is behind */
				.from = 1,
				.sequence = TALK_B,
				.acknowledgement = 70005,
				.flags = TALK_ACK,
				.sacks = {{70008, 70010}},
				.sack_count = 1,
			});
	assert_int_equal(talk_say(talk, 70010, "a cat", 0), 0);
	assert_int_equal(talk_stats(talk).one_sided, 3);
	talk_ack(talk, 70010);
	assert_int_equal(talk_say(talk, 70010, "a cat", 0), 0); /* came before */
	assert_int_equal(talk_say(talk, 70015, "a cat", 0), 1);
	talk_expect(talk, 70015, "a horse");
	talk_ack(talk, 70022);
	assert_int_equal(talk->got.acknowledgement, 70020);
	assert_int_equal(talk->got.window, 1000); /* its scale is unknown */
}

static void what_was_received_unseen_is_not_changed(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, 70000, "a cat", 0);
	talk_ack(talk, 70010);
	assert_int_equal(talk_say(talk, 70005, "cat: cat", 0), 1); /* repeats five */
	talk_expect(talk, 70005, "cat: horse");
}

/* The late packet of an older one. */
static void an_open_is_not_misled_by_what_came_before(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet late = with_data(answer, "cat");

	late.sequence = TALK_B + 100000;
	late.flags = TALK_ACK;
	talk->both = true;
	talk_pass(talk, &late);
	talk_open(talk);
	late.sequence = TALK_B;
	assert_int_equal(talk_pass(talk, &late), 1);
	talk_expect(talk, TALK_B, "horse");
}

static void one_direction_alone_is_not_changed(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(talk_pass(talk, &syn), 0);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(talk_say(talk, TALK_A + 3 * i, "cat", 0), 0);
	assert_int_equal(talk_stats(talk).one_sided, 10);
}

static void what_a_signature_covers_is_not_changed(void **state)
{
	static const uint8_t kinds[] = {19, 29, 30};
	struct talk *talk = *state;

	for (uint16_t i = 0; i < 3; i++) {
		struct tcp_packet first = syn, reply = answer,
				  data = with_data(syn, "cat");

		first.port = reply.port = data.port = (uint16_t)(3000 + i);
		first.option = reply.option = kinds[i];
		data.sequence = TALK_A;
		data.acknowledgement = TALK_B;
		data.flags = TALK_ACK;
		talk_pass(talk, &first);
		talk_pass(talk, &reply);
		assert_int_equal(talk_pass(talk, &data), 0);
	}
	assert_int_equal(talk_stats(talk).refused, 3);
}

/* The server does not know MPTCP. */
static void mptcp_that_is_not_answered_is_plain(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet first = syn;

	first.option = 30;
	talk_pass(talk, &first);
	talk_pass(talk, &answer);
	assert_int_equal(talk_say(talk, TALK_A, "cat", 0), 1);
}

static void ipv6_is_the_same(void **state)
{
	struct talk *talk = *state;

	talk->is_ipv6 = true;
	talk_open(talk);
	talk_say(talk, TALK_A, "a cat", 0);
	talk_expect(talk, TALK_A, "a horse");
	talk_ack(talk, TALK_A + 7);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 5);
}

static void numbers_wrap(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet first = syn, reply = answer;

	first.sequence = UINT32_MAX - 3;
	reply.acknowledgement = first.sequence + 1;
	talk_pass(talk, &first);
	talk_pass(talk, &reply);
	talk_say(talk, first.sequence + 1, "a cat.", 0);
	talk_expect(talk, UINT32_MAX - 2, "a horse.");
	talk_say(talk, 3, "cat", 0);
	talk_expect(talk, 5, "horse");
	talk_say(talk, UINT32_MAX, "cat.", 0);
	talk_expect(talk, UINT32_MAX, "horse.");
	talk_ack(talk, 1);
	assert_int_equal(talk->got.acknowledgement, UINT32_MAX);
	talk_ack(talk, 10);
	assert_int_equal(talk->got.acknowledgement, 6);
}

static void more_than_the_limit_is_not_changed(void **state)
{
	struct nfqueue_streams_options options = {.size = sizeof(options),
						  .changes_max = 2};
	struct talk talk;

	(void)state;
	talk_new(&talk, &options);
	talk_open(&talk);
	talk_say(&talk, TALK_A, "cat cat cat ca", 0);
	talk_expect(&talk, TALK_A, "horse horse cat ca");
	talk_ack(&talk, TALK_A + 18);
	assert_int_equal(talk.got.acknowledgement, TALK_A + 14);
	talk_say(&talk, TALK_A + 14, "cat", 0);
	talk_expect(&talk, TALK_A + 18, "horse");
	assert_int_equal(talk_stats(&talk).refused, 1);
	talk_free(&talk);
}

static void memory_is_limited(void **state)
{
	struct nfqueue_streams_options options = {.size = sizeof(options),
						  .memory_max = 60};
	struct talk talk;

	(void)state;
	talk_new(&talk, &options);
	talk_open(&talk);
	talk_say(&talk, TALK_A, "cat cat ca", 0);
	talk_expect(&talk, TALK_A, "horse cat ca");
	talk_say(&talk, TALK_A + 10, "ca", 0); /* but there is room for two bytes */
	talk_expect(&talk, TALK_A + 12, "");
	talk_ack(&talk, TALK_A + 12);
	talk_say(&talk, TALK_A + 12, "t", 0);
	talk_expect(&talk, TALK_A + 12, "horse");
	talk_free(&talk);
}

static void open_port(struct talk *talk, uint16_t port, const char *text)
{
	struct tcp_packet packets[] = {syn, answer, with_data(syn, text)};

	packets[2].sequence++;
	packets[2].flags = TALK_ACK;
	packets[2].acknowledgement = TALK_B;
	for (int i = 0; i < 3; i++) {
		packets[i].port = port;
		talk_pass(talk, &packets[i]);
	}
}

static void connections_are_limited(void **state)
{
	struct nfqueue_streams_options options = {.size = sizeof(options),
						  .flows_max = 1};
	struct talk talk;

	(void)state;
	talk_new(&talk, &options);
	open_port(&talk, 1, "dog");
	open_port(&talk, 2, "cat"); /* takes the place of one that was never changed */
	talk_expect(&talk, TALK_A, "horse");
	open_port(&talk, 3, "cat"); /* finds no place */
	talk_expect(&talk, TALK_A, "cat");
	assert_int_equal(talk_stats(&talk).flows, 1);
	assert_true(talk_stats(&talk).refused > 0);
	talk_pass(&talk, &(struct tcp_packet){
				 .port = 2,
				 .sequence = TALK_A + 3,
				 .flags = TALK_RST,
			 });
	assert_int_equal(talk.got.sequence, TALK_A + 5);
	open_port(&talk, 4, "cat"); /* takes the place of one that has ended */
	talk_expect(&talk, TALK_A, "horse");
	talk_free(&talk);
}

/* The RST was somebody else's. */
static void who_goes_on_has_not_ended(void **state)
{
	struct nfqueue_streams_options options = {.size = sizeof(options),
						  .flows_max = 1};
	struct talk talk;

	(void)state;
	talk_new(&talk, &options);
	talk_open(&talk);
	talk_say(&talk, TALK_A, "cat", 0);
	talk_say(&talk, TALK_A + 100, "", TALK_RST);
	talk_say(&talk, TALK_A + 3, "cat", 0);
	open_port(&talk, 3, "cat"); /* finds no place */
	talk_expect(&talk, TALK_A, "cat");
	talk_free(&talk);
}

static void idle_connections_are_forgotten(void **state)
{
	struct nfqueue_streams_options options = {
		.size = sizeof(options), .flows_max = 1, .idle_ms = 1000};
	struct talk talk;

	(void)state;
	talk_new(&talk, &options);
	open_port(&talk, 1, "cat");
	talk.now_ms = 999;
	open_port(&talk, 2, "cat");
	talk_expect(&talk, TALK_A, "cat");
	talk.now_ms = 1000;
	open_port(&talk, 2, "cat");
	talk_expect(&talk, TALK_A, "horse");
	assert_int_equal(talk_stats(&talk).flows, 1);
	talk_free(&talk);
}

static void unfinished_checksums_are_made(void **state)
{
	struct talk *talk = *state;

	talk_open(talk);
	talk->skb_info = NFQUEUE_CHECKSUM_NOT_READY | NFQUEUE_GSO_PACKET;
	assert_int_equal(talk_say(talk, TALK_A, "a cat", 0), 1);
	talk_expect(talk, TALK_A, "a horse");
}

#define THREADS 4
#define CONNECTIONS 200

/* A talk of its own, but for the table. */
static void *talk_alone(void *arg)
{
	struct talk *talk = arg;

	for (int i = 0; i < CONNECTIONS; i++)
		open_port(talk, (uint16_t)(talk->now_ms + (uint64_t)i), "a cat");
	return NULL;
}

static void threads_share_a_table(void **state)
{
	static struct talk talks[THREADS];
	pthread_t threads[THREADS];
	struct talk *talk = *state;
	struct nfqueue_streams_stats stats;

	for (uint64_t i = 0; i < THREADS; i++) {
		talks[i] = (struct talk){.from = "cat",
					 .to = "horse",
					 .streams = talk->streams,
					 .now_ms = 1000 * (i + 1)};
		assert_int_equal(nfqueue_edit_new(&talks[i].edit), 0);
		assert_int_equal(pthread_create(&threads[i], NULL, talk_alone, &talks[i]),
				 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		talk_expect(&talks[i], TALK_A, "a horse");
		nfqueue_edit_free(talks[i].edit);
	}
	stats = talk_stats(talk);
	assert_int_equal(stats.flows, THREADS * CONNECTIONS);
	assert_int_equal(stats.changes, THREADS * CONNECTIONS);
}

static void options_without_a_size_are_refused(void **state)
{
	struct nfqueue_streams_options options = {0};
	struct nfqueue_streams_stats stats = {0};
	struct nfqueue_streams *streams;
	struct talk *talk = *state;

	assert_int_equal(nfqueue_streams_new(&streams, &options), -EINVAL);
	assert_null(streams);
	assert_int_equal(nfqueue_streams_stats(talk->streams, &stats), -EINVAL);
	nfqueue_streams_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(data_in_a_syn_come_again),
		TEST(data_in_a_syn_that_nobody_looks_into_stay),
		TEST(both_may_open_at_once),
		TEST(an_answer_may_have_another_number),
		TEST(a_new_connection_replaces_one_that_has_ended),
		TEST(a_syn_in_the_middle_waits_for_its_answer),
		TEST(joined_in_the_middle_it_waits_for_an_ack),
		TEST(what_was_received_unseen_is_not_changed),
		TEST(an_open_is_not_misled_by_what_came_before),
		TEST(one_direction_alone_is_not_changed),
		TEST(what_a_signature_covers_is_not_changed),
		TEST(mptcp_that_is_not_answered_is_plain),
		TEST(ipv6_is_the_same),
		TEST(numbers_wrap),
		cmocka_unit_test(more_than_the_limit_is_not_changed),
		cmocka_unit_test(memory_is_limited),
		cmocka_unit_test(connections_are_limited),
		cmocka_unit_test(who_goes_on_has_not_ended),
		cmocka_unit_test(idle_connections_are_forgotten),
		TEST(unfinished_checksums_are_made),
		TEST(threads_share_a_table),
		TEST(options_without_a_size_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

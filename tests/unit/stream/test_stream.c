/* SPDX-License-Identifier: MIT */
/* What TCP does, one thing a test. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "talk.h"

static int set_up(void **state)
{
	static struct talk talk;

	talk_new(&talk, NULL);
	talk_open(&talk);
	*state = &talk;
	return 0;
}

static int tear_down(void **state)
{
	talk_free(*state);
	return 0;
}

static void what_follows_a_change_is_shifted(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(talk_say(talk, TALK_A, "a cat.", 0), 1);
	talk_expect(talk, TALK_A, "a horse.");
	assert_int_equal(talk_say(talk, TALK_A + 6, "yes", 0), 1);
	talk_expect(talk, TALK_A + 8, "yes");
	assert_int_equal(talk_ack(talk, TALK_A + 11), 1);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 9);
	assert_int_equal(talk_stats(talk).changes, 1);
}

static void what_is_not_changed_is_not_touched(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(talk_say(talk, TALK_A, "a dog.", 0), 0);
	talk_expect(talk, TALK_A, "a dog.");
	assert_int_equal(talk_ack(talk, TALK_A + 6), 0);
	assert_int_equal(talk_stats(talk).translated, 0);
}

static void repeated_bytes_are_changed_in_the_same_way(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "1 cat 2 cat 3", 0);
	talk_expect(talk, TALK_A, "1 horse 2 horse 3");
	talk_say(talk, TALK_A, "1 c", 0); /* its first byte brings it whole */
	talk_expect(talk, TALK_A, "1 horse");
	talk_say(talk, TALK_A + 3, "at 2 cat", 0);
	talk_expect(talk, TALK_A + 7, " 2 horse");
	talk_say(talk, TALK_A + 9, "at 3 and more", 0); /* and new ones */
	talk_expect(talk, TALK_A + 15, " 3 and more");
	assert_int_equal(talk_stats(talk).retransmitted, 3);
}

static void a_piece_without_bytes_reminds_the_receiver(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "1 cat 2", 0);
	talk_say(talk, TALK_A + 3, "at", 0);
	talk_expect(talk, TALK_A + 6, "e"); /* the byte that is there already */
}

static void what_is_taken_away_is_acknowledged(void **state)
{
	struct talk *talk = *state;

	talk->to = "";
	talk_say(talk, TALK_A, "1", 0);
	talk_say(talk, TALK_A + 1, "cat", 0);
	talk_expect(talk, TALK_A, "1"); /* so that an ACK comes back */
	talk_ack(talk, TALK_A + 1);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 4);
	talk_say(talk, TALK_A + 1, "cat", 0); /* that ACK was lost */
	assert_int_equal(talk->got.length, 0);
	assert_true((int32_t)(talk->got.sequence - (TALK_A + 1)) < 0);
	talk_say(talk, TALK_A + 4, "2", 0);
	talk_expect(talk, TALK_A + 1, "2");
}

static void the_first_bytes_may_be_taken_away(void **state)
{
	struct talk *talk = *state;

	talk->to = "";
	talk_say(talk, TALK_A, "cat", 0);
	talk_expect(talk, TALK_A - 1, "");
	talk_ack(talk, TALK_A);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 3);
}

static void a_match_across_segments_is_found(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(talk_say(talk, TALK_A, "a c", 0), 1);
	talk_expect(talk, TALK_A, "a ");
	talk_say(talk, TALK_A + 3, "a", 0);
	talk_expect(talk, TALK_A + 2, "");
	talk_say(talk, TALK_A + 4, "t!", 0);
	talk_expect(talk, TALK_A + 2, "horse!");
	talk_say(talk, TALK_A + 3, "a", 0);
	talk_expect(talk, TALK_A + 6, "e");
	assert_int_equal(talk_stats(talk).withheld, 2);
}

static void what_is_withheld_comes_when_it_is_repeated(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "a ca", 0);
	talk_expect(talk, TALK_A, "a ");
	talk_ack(talk, TALK_A + 2);
	talk->now_ms = 50;
	talk_say(talk, TALK_A + 3, "a", 0);
	talk_expect(talk, TALK_A + 2, "ca");
	talk_say(talk, TALK_A + 4, "t", 0); /* too late */
	talk_expect(talk, TALK_A + 4, "t");
}

/* As a loss probe does when an ACK is late. */
static void what_is_repeated_too_early_stays_withheld(void **state)
{
	struct talk *talk = *state;

	talk->now_ms = 1000;
	talk_say(talk, TALK_A, "a ca", 0);
	talk->now_ms = 2000;
	talk_say(talk, TALK_A, "a ca", 0); /* no ACK yet */
	talk_expect(talk, TALK_A, "a ");
	talk_ack(talk, TALK_A + 2);
	talk->now_ms += 49;
	talk_ack(talk, TALK_A + 2); /* is no news */
	talk_say(talk, TALK_A + 2, "ca", 0);
	talk_expect(talk, TALK_A + 2, "");
	talk_say(talk, TALK_A + 4, "t!", 0);
	talk_expect(talk, TALK_A + 2, "horse!");
}

static void what_came_just_now_stays_withheld(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "a ", 0);
	talk_ack(talk, TALK_A + 2);
	talk->now_ms = 1000;
	talk_say(talk, TALK_A + 2, "ca", 0);
	talk->now_ms += 49;
	talk_say(talk, TALK_A + 2, "ca", 0);
	talk_expect(talk, TALK_A + 2, "");
	talk->now_ms += 1;
	talk_say(talk, TALK_A + 2, "ca", 0);
	talk_expect(talk, TALK_A + 2, "ca");
}

static void what_is_withheld_comes_with_the_fin(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "a cat ca", 0);
	talk_expect(talk, TALK_A, "a horse ");
	talk_say(talk, TALK_A + 8, "", TALK_FIN);
	talk_expect(talk, TALK_A + 8, "ca");
	assert_true(talk->got.flags & TALK_FIN);
	talk_ack(talk, TALK_A + 11);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 9);
	talk_say(talk, TALK_A + 8, "", TALK_FIN); /* again: old */
	assert_int_equal(talk->got.sequence, TALK_A + 10);
}

static void acks_before_what_is_withheld_wait_there(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "cat c", 0);
	talk_say(talk, TALK_A + 5, "", 0);
	talk_expect(talk, TALK_A + 6, "");
	talk_say(talk, TALK_A + 5, "", TALK_RST);
	assert_int_equal(talk->got.sequence, TALK_A + 6);
}

static void keepalives_stay_old(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "cat", 0);
	talk_ack(talk, TALK_A + 5);
	talk_say(talk, TALK_A + 2, "", 0);
	talk_expect(talk, TALK_A + 4, "");
	talk_say(talk, TALK_A + 2, "x", 0);
	talk_expect(talk, TALK_A + 4, "");
	talk_say(talk, TALK_A + 3, "go", 0);
	talk_expect(talk, TALK_A + 5, "go");
	talk_say(talk, TALK_A + 4, "\001", 0); /* garbage is not looked into */
	talk_expect(talk, TALK_A + 6, "\001");
}

static void probes_of_a_zero_window_stay_old(void **state)
{
	struct talk *talk = *state;

	talk->to = "";
	talk_say(talk, TALK_A, "1cat", 0);
	talk_say(talk, TALK_A + 3, "",
		 0); /* in what was taken away, and has no ACK yet */
	talk_expect(talk, TALK_A, "");
	talk_say(talk, TALK_A + 4, "2", 0); /* a probe with a new byte */
	talk_expect(talk, TALK_A + 1, "2");
}

static void an_ack_inside_a_change_rounds_down(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "1 cat 2", 0);
	talk_ack(talk, TALK_A + 4);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 2);
	talk_ack(talk, TALK_A + 7);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 5);
}

static int sack(struct talk *talk, uint32_t left, uint32_t right, uint32_t more)
{
	struct tcp_packet packet = {
		.from = 1,
		.sequence = TALK_B,
		.acknowledgement = TALK_A + 1,
		.flags = TALK_ACK,
		.sacks = {{left, right}, {more, more + 1}},
		.sack_count = more ? 2 : 1,
	};

	return talk_pass(talk, &packet);
}

static void edges_of_sack_blocks_round_inwards(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "1 cat 2 cat 3", 0);
	sack(talk, TALK_A + 3, TALK_A + 12, 0); /* "1 h[orse 2 ho]rse 3" */
	assert_int_equal(talk->got.sack_count, 1);
	assert_int_equal(talk->got.sacks[0][0], TALK_A + 5);
	assert_int_equal(talk->got.sacks[0][1], TALK_A + 8);
	sack(talk, TALK_A + 3, TALK_A + 5,
	     TALK_A + 16); /* nothing is left of the first */
	assert_int_equal(talk->got.sack_count, 1);
	assert_int_equal(talk->got.sacks[0][0], TALK_A + 12);
	assert_int_equal(talk->got.sacks[0][1], TALK_A + 13);
}

static void a_dsack_below_the_ack_goes(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "cat and so on", 0);
	talk_ack(talk, TALK_A + 9);
	sack(talk, TALK_A, TALK_A + 5, TALK_A + 12);
	assert_int_equal(talk->got.sack_count, 1);
	assert_int_equal(talk->got.sacks[0][0], TALK_A + 10);
	sack(talk, TALK_A, TALK_A + 5, 0);
	assert_int_equal(talk->got.sack_count, 0);
}

static int ack_with_window(struct talk *talk, uint32_t acknowledgement, uint16_t window)
{
	return talk_pass(talk, &(struct tcp_packet){
				       .from = 1,
				       .sequence = TALK_B,
				       .acknowledgement = acknowledgement,
				       .flags = TALK_ACK,
				       .window = window,
			       });
}

static void the_window_ends_where_the_receiver_says(void **state)
{
	struct talk *talk = *state;

	talk->to = "12345678901"; /* eight bytes more: one unit of the window */
	talk_say(talk, TALK_A, "1 cat 2", 0);
	ack_with_window(talk, TALK_A, 100);
	assert_int_equal(talk->got.window, 99);
	ack_with_window(talk, TALK_A, 1); /* open stays open */
	assert_int_equal(talk->got.window, 1);
	ack_with_window(talk, TALK_A, 0);
	assert_int_equal(talk->got.window, 0);
	ack_with_window(talk, TALK_A + 15, 100);
	assert_int_equal(talk->got.window, 100);
	talk->to = "";
	talk_say(talk, TALK_A + 7, "catcatcat", 0);
	ack_with_window(talk, TALK_A + 14, UINT16_MAX);
	assert_int_equal(talk->got.window, UINT16_MAX);
}

/* A fifth of 5,000 bytes is "cat", which makes them 7,000. */
static void the_window_leaves_room_for_what_will_grow(void **state)
{
	struct talk *talk = *state;
	static uint8_t bytes[5000];
	struct tcp_packet packet = {.sequence = TALK_A,
				    .acknowledgement = TALK_B,
				    .flags = TALK_ACK,
				    .data = bytes,
				    .length = sizeof(bytes)};
	uint32_t room = 10000 << 3;

	memset(bytes, '-', sizeof(bytes));
	for (size_t i = 0; i < 1000; i++)
		memcpy(bytes + 5 * i, "cat", 3);
	talk_pass(talk, &packet);
	assert_int_equal(talk->got.length, 7000);
	ack_with_window(talk, TALK_A, 875); /* all that came, and nothing else */
	assert_int_equal(talk->got.window, 5000 >> 3);
	ack_with_window(talk, TALK_A + 7000, 10000);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 5000);
	assert_int_equal(talk->got.window, room * 2 / 3 >> 3); /* 1 / (1 + 0.4 * 5/4) */
}

static void the_window_of_a_syn_is_never_scaled(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet answer = {
		.from = 1,
		.sequence = TALK_B - 1,
		.acknowledgement = TALK_A,
		.flags = TALK_SYN | TALK_ACK,
		.window = 1000,
		.has_scale = true,
		.scale = 3,
	};

	talk->to = "12345678901";
	talk_say(talk, TALK_A, "cat", 0);
	assert_int_equal(talk_pass(talk, &answer), 0); /* again */
	assert_int_equal(talk->got.window, 1000);
}

static void urgent_bytes_stay_where_they_are(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet packet = {
		.sequence = TALK_A,
		.acknowledgement = TALK_B,
		.flags = TALK_ACK | TALK_URG,
		.urgent = 5, /* behind the '!' */
		.data = (const uint8_t *)"cat-!--",
		.length = 7,
	};

	talk_pass(talk, &packet);
	talk_expect(talk, TALK_A, "horse-!--");
	assert_int_equal(talk->got.urgent, 7);
	packet.sequence = TALK_A + 7;
	packet.urgent = UINT16_MAX;
	talk_pass(talk, &packet);
	assert_int_equal(talk->got.urgent, UINT16_MAX);
}

static void a_reset_has_the_number_that_is_expected(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "1 cat", 0);
	talk_ack(talk, TALK_A + 4); /* two bytes of the horse: it is told TALK_A + 2 */
	talk_pass(talk, &(struct tcp_packet){
				.sequence = TALK_A + 2,
				.flags = TALK_RST,
			});
	assert_int_equal(talk->got.sequence, TALK_A + 4);
	talk_pass(talk, &(struct tcp_packet){
				.sequence = TALK_A + 5,
				.flags = TALK_RST | TALK_ACK,
			});
	assert_int_equal(talk->got.sequence, TALK_A + 7);
}

static void a_reset_of_the_other_side_is_translated(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "1 cat", 0);
	talk_pass(talk, &(struct tcp_packet){
				.from = 1,
				.sequence = TALK_B,
				.acknowledgement = TALK_A + 7,
				.flags = TALK_RST | TALK_ACK,
			});
	assert_int_equal(talk->got.sequence, TALK_B);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 5);
	/* whoever goes on in spite of it is still translated */
	talk_say(talk, TALK_A + 5, "2", 0);
	talk_expect(talk, TALK_A + 7, "2");
}

static void bytes_before_missing_ones_are_refused(void **state)
{
	struct talk *talk = *state;

	assert_int_equal(talk_say(talk, TALK_A + 3, "x", 0), -EAGAIN);
	assert_int_equal(talk_say(talk, TALK_A, "cat", 0), 1);
	assert_int_equal(talk_say(talk, TALK_A + 3, "x", 0), 1);
	assert_int_equal(talk_stats(talk).early, 1);
}

static void bytes_that_went_past_are_noticed_by_their_ack(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "cat", 0);
	talk_ack(talk, TALK_A + 15); /* ten bytes that never came by */
	assert_int_equal(talk->got.acknowledgement, TALK_A + 13);
	assert_int_equal(talk_say(talk, TALK_A + 14, "x", 0), -EAGAIN);
	assert_int_equal(talk_say(talk, TALK_A + 13, "cat", 0), 1);
	talk_expect(talk, TALK_A + 15, "horse");
}

/* It is not the one that was seen last. */
static void the_byte_in_front_of_a_gap_is_unknown(void **state)
{
	struct talk *talk = *state;

	talk->to = "";
	talk_say(talk, TALK_A, "x", 0);
	talk_ack(talk, TALK_A + 5);
	assert_int_equal(talk_say(talk, TALK_A + 5, "cat", 0), 1);
	talk_expect(talk, TALK_A + 4, "");
}

static void data_behind_a_fin_are_harmless(void **state)
{
	struct talk *talk = *state;

	talk_say(talk, TALK_A, "cat", TALK_FIN);
	talk_expect(talk, TALK_A, "horse");
	talk_say(talk, TALK_A + 4, "cat", 0);
	talk_expect(talk, TALK_A + 6, "horse");
	talk_say(talk, TALK_A, "cat", TALK_FIN);
	talk_expect(talk, TALK_A, "horse");
}

static void both_directions_may_change(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet packet = {
		.from = 1,
		.sequence = TALK_B,
		.acknowledgement = TALK_A + 5,
		.flags = TALK_ACK,
		.data = (const uint8_t *)"cat",
		.length = 3,
	};

	talk->both = true;
	talk_say(talk, TALK_A, "cat", 0);
	talk_pass(talk, &packet);
	talk_expect(talk, TALK_B, "horse");
	assert_int_equal(talk->got.acknowledgement, TALK_A + 3);
	packet = (struct tcp_packet){
		.sequence = TALK_A + 3,
		.acknowledgement = TALK_B + 5,
		.flags = TALK_ACK,
	};
	talk_pass(talk, &packet);
	talk_expect(talk, TALK_A + 5, "");
	assert_int_equal(talk->got.acknowledgement, TALK_B + 3);
}

static void wrong_checksums_are_left_alone(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet packet = {
		.sequence = TALK_A, .data = (const uint8_t *)"cat", .length = 3};
	size_t length = tcp_packet_make(&packet, talk->bytes);

	talk->bytes[length - 1] ^= 1;
	assert_int_equal(nfqueue_edit_begin(talk->edit, talk->bytes, length, length, 0),
			 0);
	assert_int_equal(nfqueue_stream_edit(talk->streams, talk->edit,
					     nfqueue_stream_find_pattern, NULL, 0),
			 0);
	talk_say(talk, TALK_A, "cat", 0);
	talk_expect(talk, TALK_A, "horse");
}

static void what_is_no_whole_tcp_packet_is_refused(void **state)
{
	struct talk *talk = *state;
	struct tcp_packet packet = {.data = (const uint8_t *)"cat", .length = 3};
	size_t length = tcp_packet_make(&packet, talk->bytes);

	nfqueue_edit_begin(talk->edit, talk->bytes, length - 1, length, 0);
	assert_int_equal(nfqueue_stream_translate(talk->streams, talk->edit, 0),
			 -EMSGSIZE);
	talk->bytes[6] = 0x20; /* more fragments */
	nfqueue_edit_begin(talk->edit, talk->bytes, length, length, 0);
	assert_int_equal(nfqueue_stream_translate(talk->streams, talk->edit, 0),
			 -EOPNOTSUPP);
	talk->bytes[6] = 0;
	talk->bytes[32] = 0xf0; /* a header longer than the packet */
	nfqueue_edit_begin(talk->edit, talk->bytes, length, length, 0);
	assert_int_equal(nfqueue_stream_translate(talk->streams, talk->edit, 0),
			 -EBADMSG);
	talk->bytes[9] = 17;
	nfqueue_edit_begin(talk->edit, talk->bytes, length, length, 0);
	assert_int_equal(nfqueue_stream_translate(talk->streams, talk->edit, 0), -ENOENT);
}

#define LARGE 65000u
#define FIRST (65531u - 40u)

/* As a GSO packet is: 65,000 bytes, of which 69,000 become. */
static struct tcp_packet large_packet(uint8_t bytes[LARGE])
{
	memset(bytes, '-', LARGE);
	for (size_t i = 0; i < 2000; i++)
		memcpy(bytes + 10 * i, "cat", 3);
	return (struct tcp_packet){
		.sequence = TALK_A,
		.acknowledgement = TALK_B,
		.flags = TALK_ACK | TALK_FIN,
		.data = bytes,
		.length = LARGE,
	};
}

static void what_is_too_long_comes_again(void **state)
{
	struct talk *talk = *state;
	static uint8_t bytes[LARGE];
	struct tcp_packet packet = large_packet(bytes);
	uint32_t acknowledged;

	assert_int_equal(talk_pass(talk, &packet), 1);
	assert_int_equal(talk->got.length, FIRST);
	assert_false(talk->got.flags & TALK_FIN);
	talk_ack(talk, TALK_A + (uint32_t)talk->got.length);
	acknowledged = talk->got.acknowledgement - TALK_A;
	assert_int_equal(acknowledged, FIRST - 4000);
	packet.sequence += acknowledged;
	packet.data += acknowledged;
	packet.length -= acknowledged;
	talk_pass(talk, &packet);
	assert_int_equal(talk->got.sequence, TALK_A + FIRST);
	assert_int_equal(talk->got.length, 69000 - FIRST);
	assert_true(talk->got.flags & TALK_FIN);
	assert_int_equal(talk_stats(talk).cut, 1);
}

/* The rest of the packet that went last, or nothing. */
static int pass_rest(struct talk *talk)
{
	struct nfqueue_edit *rest;
	const uint8_t *data;
	size_t length;
	int ret;

	assert_int_equal(nfqueue_edit_new(&rest), 0);
	ret = nfqueue_stream_rest(talk->edit, rest);
	if (ret == 1) {
		assert_int_equal(nfqueue_edit_commit(rest), 0);
		data = nfqueue_edit_data(rest, &length);
		memmove(talk->bytes, data, length);
		assert_true(tcp_packet_read(talk->bytes, length, &talk->got));
	}
	nfqueue_edit_free(rest);
	return ret;
}

static void what_is_too_long_follows(void **state)
{
	struct talk *talk = *state;
	static uint8_t bytes[LARGE];
	struct tcp_packet packet = large_packet(bytes);

	packet.flags |= TALK_URG;
	packet.urgent = 100;
	assert_int_equal(talk_pass(talk, &packet), 1);
	assert_int_equal(talk->got.length, FIRST);
	assert_int_equal(pass_rest(talk), 1);
	assert_int_equal(talk->got.sequence, TALK_A + FIRST);
	assert_int_equal(talk->got.acknowledgement, TALK_B);
	assert_int_equal(talk->got.length, 69000 - FIRST);
	assert_int_equal(talk->got.flags, TALK_ACK | TALK_FIN);
	for (size_t i = 0; i < talk->got.length; i++)
		assert_int_equal(talk->got.data[i], '-');
	talk_ack(talk, TALK_A + 69001);
	assert_int_equal(talk->got.acknowledgement, TALK_A + 65001);
	assert_int_equal(pass_rest(talk), 0); /* of the ACK */
}

/* All the new bytes of a change that the first packet ends in. */
static void rest_goes_on_amid_a_change(void **state)
{
	struct talk *talk = *state;
	static uint8_t bytes[LARGE];
	struct tcp_packet packet = large_packet(bytes);
	const size_t first = FIRST - 4000;

	memcpy(bytes + first - 2, "cat", 3);
	assert_int_equal(talk_pass(talk, &packet), 1);
	assert_memory_equal(talk->got.data + FIRST - 3, "-ho", 3);
	assert_int_equal(pass_rest(talk), 1);
	assert_int_equal(talk->got.length, 69002 - FIRST);
	assert_memory_equal(talk->got.data, "rse-", 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_follows_a_change_is_shifted),
		TEST(what_is_not_changed_is_not_touched),
		TEST(repeated_bytes_are_changed_in_the_same_way),
		TEST(a_piece_without_bytes_reminds_the_receiver),
		TEST(what_is_taken_away_is_acknowledged),
		TEST(the_first_bytes_may_be_taken_away),
		TEST(a_match_across_segments_is_found),
		TEST(what_is_withheld_comes_when_it_is_repeated),
		TEST(what_is_repeated_too_early_stays_withheld),
		TEST(what_came_just_now_stays_withheld),
		TEST(what_is_withheld_comes_with_the_fin),
		TEST(acks_before_what_is_withheld_wait_there),
		TEST(keepalives_stay_old),
		TEST(probes_of_a_zero_window_stay_old),
		TEST(an_ack_inside_a_change_rounds_down),
		TEST(edges_of_sack_blocks_round_inwards),
		TEST(a_dsack_below_the_ack_goes),
		TEST(the_window_ends_where_the_receiver_says),
		TEST(the_window_leaves_room_for_what_will_grow),
		TEST(the_window_of_a_syn_is_never_scaled),
		TEST(urgent_bytes_stay_where_they_are),
		TEST(a_reset_has_the_number_that_is_expected),
		TEST(a_reset_of_the_other_side_is_translated),
		TEST(bytes_before_missing_ones_are_refused),
		TEST(bytes_that_went_past_are_noticed_by_their_ack),
		TEST(the_byte_in_front_of_a_gap_is_unknown),
		TEST(data_behind_a_fin_are_harmless),
		TEST(both_directions_may_change),
		TEST(wrong_checksums_are_left_alone),
		TEST(what_is_no_whole_tcp_packet_is_refused),
		TEST(what_is_too_long_comes_again),
		TEST(what_is_too_long_follows),
		TEST(rest_goes_on_amid_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

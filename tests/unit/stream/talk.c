/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

void talk_new(struct talk *talk, const struct nfqueue_streams_options *options)
{
	*talk = (struct talk){.from = "cat", .to = "horse"};
	assert_int_equal(nfqueue_streams_new(&talk->streams, options), 0);
	assert_int_equal(nfqueue_edit_new(&talk->edit), 0);
}

void talk_free(struct talk *talk)
{
	nfqueue_edit_free(talk->edit);
	nfqueue_streams_free(talk->streams);
}

static int edit(struct talk *talk, bool is_edited)
{
	struct nfqueue_stream_pattern pattern = {talk->from, strlen(talk->from), talk->to,
						 strlen(talk->to)};
	struct nfqueue_stream_patterns patterns = {&pattern, 1, 0};

	if (!is_edited)
		return nfqueue_stream_translate(talk->streams, talk->edit, talk->now_ms);
	return nfqueue_stream_edit(talk->streams, talk->edit, nfqueue_stream_find_pattern,
				   &patterns, talk->now_ms);
}

int talk_pass(struct talk *talk, const struct tcp_packet *packet)
{
	size_t length = talk->is_ipv6 ? tcp_packet_make6(packet, talk->bytes)
				      : tcp_packet_make(packet, talk->bytes);
	const uint8_t *out;
	int ret;

	assert_int_equal(nfqueue_edit_begin(talk->edit, talk->bytes, length, length,
					    talk->skb_info),
			 0);
	ret = edit(talk, packet->from == 0 || talk->both);
	assert_int_equal(nfqueue_edit_commit(talk->edit), 0);
	out = nfqueue_edit_data(talk->edit, &length);
	assert_true(tcp_packet_read(out, length, &talk->got));
	if (ret >= 0)
		assert_int_equal(ret, nfqueue_edit_is_changed(talk->edit));
	return ret;
}

int talk_say(struct talk *talk, uint32_t sequence, const char *text, uint8_t flags)
{
	return talk_pass(talk, &(struct tcp_packet){
				       .sequence = sequence,
				       .acknowledgement = TALK_B,
				       .flags = flags | TALK_ACK,
				       .window = 1000,
				       .data = (const uint8_t *)text,
				       .length = strlen(text),
			       });
}

int talk_ack(struct talk *talk, uint32_t acknowledgement)
{
	return talk_pass(talk, &(struct tcp_packet){
				       .from = 1,
				       .sequence = TALK_B,
				       .acknowledgement = acknowledgement,
				       .flags = TALK_ACK,
				       .window = 1000,
			       });
}

void talk_open(struct talk *talk)
{
	struct tcp_packet syn = {
		.sequence = TALK_A - 1, .flags = TALK_SYN, .has_scale = true, .scale = 2};
	struct tcp_packet answer = {
		.from = 1,
		.sequence = TALK_B - 1,
		.acknowledgement = TALK_A,
		.flags = TALK_SYN | TALK_ACK,
		.has_scale = true,
		.scale = 3,
	};

	assert_int_equal(talk_pass(talk, &syn), 0);
	assert_int_equal(talk_pass(talk, &answer), 0);
	assert_int_equal(talk_say(talk, TALK_A, "", 0), 0);
}

void talk_expect(const struct talk *talk, uint32_t sequence, const char *text)
{
	assert_int_equal(talk->got.sequence, sequence);
	assert_int_equal(talk->got.length, strlen(text));
	assert_memory_equal(talk->got.data, text, strlen(text));
}

struct nfqueue_streams_stats talk_stats(const struct talk *talk)
{
	struct nfqueue_streams_stats stats = {.size = sizeof(stats)};

	assert_int_equal(nfqueue_streams_stats(talk->streams, &stats), 0);
	return stats;
}

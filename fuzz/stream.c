/* SPDX-License-Identifier: MIT */
/*
 * Any packets of two hosts in any order: what goes on is sound, memory is bounded, and
 * numbers never go back where they were mapped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nfqueue/packet.h>
#include <nfqueue/stream.h>

#include "stream/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PACKETS_MAX 24
#define MEMORY_MAX 4096
#define CHANGES_MAX 16
#define HEADERS 40
#define PACKET_MAX (HEADERS + 40 + 64)

struct input {
	const uint8_t *data;
	size_t size;
};

struct scene {
	struct nfqueue_streams *streams;
	struct nfqueue_edit *edit;
	uint32_t next[2]; /* where each host is, so that numbers are near it */
	uint64_t now_ms;
	uint8_t packet[PACKET_MAX];
	size_t length;
	int host;
};

static void require(int condition)
{
	if (!condition)
		abort();
}

static uint32_t take(struct input *input)
{
	if (!input->size)
		return 0;
	input->size--;
	return *input->data++;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint16_t sum(uint64_t start, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		start += (uint32_t)data[i] << 8 | data[i + 1];
	if (length % 2)
		start += (uint32_t)data[length - 1] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return (uint16_t)~start;
}

/* Over header and pseudo header. */
static uint16_t tcp_sum(const uint8_t *packet, size_t length)
{
	uint64_t pseudo = (uint16_t)~sum(0, packet + 12, 8);

	return sum(pseudo + 6 + length - 20, packet + 20, length - 20);
}

/* Near `number`, or far from it. */
static uint32_t near(struct input *input, uint32_t number)
{
	uint32_t far = take(input);
	uint32_t byte = take(input);

	if (far == 255)
		return number + (byte << 24);
	return number + (far < 128 ? 0 : byte) - (far < 64 ? byte : 0);
}

/* Options of any kind, of eight bytes a block. Returns their size. */
static size_t put_options(struct input *input, uint32_t acknowledged, uint8_t *at)
{
	uint32_t what = take(input), blocks = what & 3;

	if (!(what & 0x80))
		return 0;
	if (what & 0x40) { /* any kind, any length */
		put32(at, 0x01000000u | take(input) << 16 | (take(input) & 7) << 8);
		at[3] = (uint8_t)take(input);
		return 4;
	}
	put16(at, 0x0101);
	put16(at + 2, 0x0500 | (2 + 8 * blocks));
	for (uint32_t i = 0; i < blocks; i++) {
		put32(at + 4 + 8 * i, near(input, acknowledged));
		put32(at + 8 + 8 * i, near(input, acknowledged + 8));
	}
	return 4 + 8 * blocks;
}

static void make(struct scene *scene, struct input *input, uint32_t what)
{
	static const uint8_t hosts[2] = {1, 2};
	uint8_t *packet = scene->packet, *tcp = packet + 20;
	uint32_t acknowledged = near(input, scene->next[!scene->host]);
	size_t header, count;

	memset(packet, 0, PACKET_MAX);
	packet[0] = 0x45;
	packet[9] = 6;
	packet[15] = hosts[scene->host];
	packet[19] = hosts[!scene->host];
	put16(tcp, 1 + (what & 2) / 2); /* two connections */
	put16(tcp + 2, 1 + (what & 2) / 2);
	put32(tcp + 4, near(input, scene->next[scene->host]));
	put32(tcp + 8, acknowledged);
	tcp[13] = (uint8_t)take(input);
	tcp[15] = (uint8_t)take(input);
	tcp[19] = (uint8_t)(what >> 2);
	header = 20 + put_options(input, acknowledged, tcp + 20);
	tcp[12] = (uint8_t)(header << 2);
	count = take(input) % 64;
	for (size_t i = 0; i < count; i++)
		tcp[header + i] = (uint8_t)('a' + (take(input) & 3));
	scene->length = 20 + header + count;
	put16(packet + 2, (uint32_t)scene->length);
	put16(packet + 10, sum(0, packet, 20));
	put16(tcp + 16, tcp_sum(packet, scene->length));
	scene->next[scene->host] += (uint32_t)count + !!(tcp[13] & 3);
}

static void check_numbers(const struct stream_track *track)
{
	const struct stream_log *log = &track->log;
	uint64_t start = track->seen > 64 ? track->seen - 64 : 0;

	require(track->settled <= track->seen);
	require(!track->held == (track->settled == track->seen));
	require(stream_log_count(log) <= CHANGES_MAX);
	for (uint64_t at = start; at < start + 72; at++) {
		uint64_t to = stream_log_forward(log, at);

		require(to <= stream_log_forward(log, at + 1));
		require(stream_log_floor(log, to) <= stream_log_floor(log, to + 1));
		require(stream_log_floor(log, to) <= stream_log_ceil(log, to));
		require(at < log->pruned ||
			stream_log_forward(log, stream_log_floor(log, to)) <= to);
	}
}

static void check_table(const struct scene *scene)
{
	struct stream_shard *shard = &scene->streams->shards[0];
	size_t count = 0;

	for (int class = 0; class < STREAM_CLASSES; class ++) {
		struct stream_flow *flow = shard->lists[class].oldest;

		for (; flow; flow = flow->newer, count++) {
			require(flow->class == (enum stream_class) class);
			check_numbers(&flow->tracks[0]);
			check_numbers(&flow->tracks[1]);
		}
	}
	require(count == shard->count && count <= 1);
}

static void check_packet(const struct scene *scene, int ret)
{
	size_t length;
	const uint8_t *out = nfqueue_edit_data(scene->edit, &length);

	require(ret == nfqueue_edit_is_changed(scene->edit) || ret < 0);
	require(length >= HEADERS && ((size_t)out[2] << 8 | out[3]) == length);
	require(sum(0, out, 20) == 0 && tcp_sum(out, length) == 0);
}

static int pass(struct scene *scene, uint32_t what)
{
	static const struct nfqueue_stream_pattern pattern[] = {
		{"abc", 3, "longer than that", 16}, {"bca", 3, "", 0}, {"dd", 2, "d", 1}};
	struct nfqueue_stream_patterns patterns = {pattern, 3, 0};

	if (what & 0x80)
		return nfqueue_stream_translate(scene->streams, scene->edit,
						scene->now_ms);
	return nfqueue_stream_edit(scene->streams, scene->edit,
				   nfqueue_stream_find_pattern, &patterns, scene->now_ms);
}

static void send_one(struct scene *scene, struct input *input)
{
	uint32_t what = take(input);
	int ret;

	scene->host = what & 1;
	scene->now_ms += what & 0x40 ? take(input) << 15 : 1;
	make(scene, input, what);
	ret = nfqueue_edit_begin(scene->edit, scene->packet, scene->length, scene->length,
				 what & 0x20 ? NFQUEUE_CHECKSUM_NOT_READY : 0);
	require(ret == 0);
	ret = pass(scene, what);
	require(ret == 0 || ret == 1 || ret == -EAGAIN || ret == -EBADMSG);
	require(nfqueue_edit_commit(scene->edit) == 0);
	check_packet(scene, ret);
	require(scene->streams->limits.budget.used <= MEMORY_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nfqueue_streams_options options = {
		.size = sizeof(options),
		.flows_max = 1,
		.changes_max = CHANGES_MAX,
		.memory_max = MEMORY_MAX,
		.idle_ms = 1000000,
	};
	struct scene scene = {.next = {1000, UINT32_MAX - 50}};
	struct input input = {data, size};

	require(nfqueue_streams_new(&scene.streams, &options) == 0);
	require(nfqueue_edit_new(&scene.edit) == 0);
	for (int i = 0; i < PACKETS_MAX && input.size; i++)
		send_one(&scene, &input);
	check_table(&scene);
	nfqueue_edit_free(scene.edit);
	nfqueue_streams_free(scene.streams);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* The bytes: as many as asked for, GSO packets whole, no byte of a stream lost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue_fixture.h"

#define LENGTH 1000
#define HEADERS 28
#define MTU 1500
#define STREAM 8000000

static int server = -1, client = -1;

static int end(void **state)
{
	close(server);
	close(client);
	server = client = -1;
	return clean_up(state);
}

static void start(void)
{
	queue_output(0);
	server = netns_udp_server(NULL, "127.0.0.1", PORT);
	client = netns_udp_client(NULL, "127.0.0.1", PORT);
}

static const struct {
	uint32_t range;
	size_t copied;
	bool cut;
} ranges[] = {
	{0, LENGTH + HEADERS, false},
	{1, 1, true},
	{64, 64, true},
	{LENGTH + HEADERS - 1, LENGTH + HEADERS - 1, true},
	{LENGTH + HEADERS, LENGTH + HEADERS, false},
	{65535, LENGTH + HEADERS, false},
};

static void check_range(struct nfqueue *queue, size_t index, uint32_t datagram)
{
	struct nfqueue_stats before = stats_of(queue), after;
	struct nfqueue_packet *packet;
	const uint8_t *data;
	size_t length;

	netns_udp_send_long(client, datagram, 1, LENGTH);
	receive(queue, &packet, 1);
	data = nfqueue_packet_data(packet, &length);
	assert_int_equal(length, ranges[index].copied);
	assert_int_equal(data[0], 0x45);
	assert_int_equal(nfqueue_packet_length(packet), LENGTH + HEADERS);
	after = stats_of(queue);
	assert_int_equal(after.truncated - before.truncated, ranges[index].cut);
	assert_int_equal(after.bytes - before.bytes, LENGTH + HEADERS);
	nfqueue_accept(packet);
}

static void as_many_bytes_are_copied_as_the_range_says(void **state)
{
	start();
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		struct nfqueue *queue = open_queue(
			(struct nfqueue_options){.copy_range = ranges[i].range});

		check_range(queue, i, 0);
		close_queue(queue);
	}
}

static void the_copy_range_changes_while_the_queue_is_open(void **state)
{
	const uint32_t count = sizeof(ranges) / sizeof(*ranges);
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct netns_tally tally;

	start();
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < count; i++) {
			uint32_t index = round ? count - 1 - i : i;

			assert_int_equal(
				nfqueue_set_copy_range(queue, ranges[index].range), 0);
			check_range(queue, index, round * count + i);
		}
	flush_and_settle(queue);
	netns_udp_collect(server, 0, 2 * count, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 2 * count);
	assert_int_equal(nfqueue_set_copy_range(queue, 65536), -EINVAL);
	assert_non_null(strstr(nfqueue_error(queue), "65535"));
}

static void metadata_comes_without_a_byte(void **state)
{
	struct nfqueue *queue =
		open_queue((struct nfqueue_options){.copy_range = NFQUEUE_COPY_META});
	struct nfqueue_packet *packet;
	struct netns_tally tally;
	size_t length = 1;

	start();
	for (uint32_t i = 0; i < 2; i++) {
		netns_udp_send_long(client, i, 1, LENGTH);
		receive(queue, &packet, 1);
		assert_null(nfqueue_packet_data(packet, &length));
		assert_int_equal(length, 0);
		assert_int_equal(nfqueue_packet_hook(packet), NFQUEUE_HOOK_OUTPUT);
		nfqueue_accept(packet);
		/* there and back again */
		assert_int_equal(nfqueue_set_copy_range(queue, 0), 0);
		assert_int_equal(nfqueue_set_copy_range(queue, NFQUEUE_COPY_META), 0);
	}
	flush_and_settle(queue);
	netns_udp_collect(server, 0, 2, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 2);
	assert_int_equal(stats_of(queue).truncated, 0);
}

static void the_largest_datagram_comes_up_whole(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct nfqueue_packet *packet;
	struct netns_tally tally;
	size_t length;

	start();
	netns_udp_send_long(client, 0, 1, 65507);
	receive(queue, &packet, 1);
	nfqueue_packet_data(packet, &length);
	/* a netlink attribute carries 65,531 bytes at the most */
	assert_int_equal(length, 65531);
	assert_int_equal(nfqueue_packet_length(packet), 65535);
	nfqueue_accept(packet);
	flush_and_settle(queue);
	netns_udp_collect(server, 0, 1, WAIT_MS, &tally, NULL);
	assert_int_equal(tally.received, 1);
}

/* --- GSO -------------------------------------------------------------------------- */

struct seen {
	uint32_t longest;
	unsigned int gso, copied_short;
};

static struct nfqueue_verdict look(struct nfqueue_packet *packet, void *ctx)
{
	struct seen *seen = ctx;
	size_t length;

	nfqueue_packet_data(packet, &length);
	if (nfqueue_packet_length(packet) > seen->longest)
		seen->longest = nfqueue_packet_length(packet);
	seen->gso += (nfqueue_packet_skb_info(packet) & NFQUEUE_GSO_PACKET) != 0;
	seen->copied_short += length < nfqueue_packet_length(packet);
	return NFQUEUE_ACCEPT;
}

/* A stream to the peer, through a queue in our OUTPUT. */
static struct seen stream(uint32_t flags, const char *ip)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){.flags = flags});
	struct seen seen = {0};
	struct decider decider;
	struct netns_tcp tcp;

	netns_pair(&pair);
	rule("-A OUTPUT -p tcp -j NFQUEUE");
	decider_start(&decider, queue, look, &seen);
	netns_tcp_start(&tcp, NULL, &pair, ip, PORT, STREAM);
	assert_int_equal(netns_tcp_wait(&tcp, 30000), 0);
	decider_stop(&decider);
	assert_int_equal(tcp.received, STREAM);
	assert_int_equal(decider.result, 0);
	assert_int_equal(stats_of(queue).lost_socket + stats_of(queue).lost_full, 0);
	clean_up(NULL);
	return seen;
}

static void gso_packets_come_up_whole_and_every_byte_of_the_stream_arrives(void **state)
{
	static const char *const ips[] = {"10.99.0.2", "fd99::2"};

	for (int i = 0; i < 2; i++) {
		struct seen seen = stream(0, ips[i]);

		assert_true(seen.gso > 0);
		assert_in_range(seen.longest, 32768, 65535);
	}
}

static void without_gso_segments_come_up_and_every_byte_of_the_stream_arrives(
	void **state)
{
	struct seen seen = stream(NFQUEUE_NO_GSO, "10.99.0.2");

	assert_int_equal(seen.gso, 0);
	assert_int_equal(seen.copied_short, 0);
	assert_in_range(seen.longest, 1000, MTU);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_many_bytes_are_copied_as_the_range_says),
		TEST(the_copy_range_changes_while_the_queue_is_open),
		TEST(metadata_comes_without_a_byte),
		TEST(the_largest_datagram_comes_up_whole),
		TEST(gso_packets_come_up_whole_and_every_byte_of_the_stream_arrives),
		TEST(without_gso_segments_come_up_and_every_byte_of_the_stream_arrives),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

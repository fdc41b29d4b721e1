/* SPDX-License-Identifier: MIT */
/* Changed packets arrive as they were changed: from the batch, held, by many threads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "faults.h"
#include "queue_fixture.h"

#define MB (1u << 20)
#define PATIENCE_MS 60000
#define LONGEST 65000

static void say(const char *text)
{
	assert_int_equal(send(udp_client, text, strlen(text), 0), strlen(text));
}

/* The next datagram, as a string; "" if none comes. */
static const char *hear(int timeout_ms)
{
	static char text[LONGEST + 1];
	struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	ssize_t length;

	setsockopt(udp_server, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	length = recv(udp_server, text, LONGEST, 0);
	text[length < 0 ? 0 : length] = '\0';
	return text;
}

static struct nfqueue_packet *next_packet(struct nfqueue *queue)
{
	struct nfqueue_packet *packet;

	receive(queue, &packet, 1);
	return packet;
}

static struct nfqueue_edit *edit_of(struct nfqueue_packet *packet)
{
	struct nfqueue_edit *edit;

	if (nfqueue_packet_edit(packet, &edit) != 0)
		fail_msg("%s", nfqueue_error(nfqueue_packet_queue(packet)));
	return edit;
}

static void set_text(struct nfqueue_packet *packet, const char *text)
{
	assert_int_equal(nfqueue_edit_set_payload(edit_of(packet), text, strlen(text)),
			 0);
}

/* --- what arrives ----------------------------------------------------------------- */

static void a_payload_arrives_as_it_was_changed(void **state)
{
	static const char *const texts[] = {"abcde", "a", "", "a text that is longer"};
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct nfqueue_packet *packet;

		say("12345");
		packet = next_packet(queue);
		set_text(packet, texts[i]);
		assert_int_equal(nfqueue_accept(packet), 0);
		flush_and_settle(queue);
		assert_string_equal(hear(WAIT_MS), texts[i]);
	}
	assert_int_equal(stats_of(queue).modified, 4);
	assert_int_equal(stats_of(queue).accepted, 4);
}

static void what_is_asked_for_and_not_changed_is_not_sent(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;

	say("12345");
	packet = next_packet(queue);
	edit_of(packet);
	assert_int_equal(nfqueue_accept(packet), 0);
	flush_and_settle(queue);
	assert_string_equal(hear(WAIT_MS), "12345");
	assert_int_equal(stats_of(queue).modified, 0);
}

static void a_dropped_packet_is_dropped_whatever_was_changed(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;

	say("12345");
	packet = next_packet(queue);
	set_text(packet, "abcde");
	assert_int_equal(nfqueue_drop(packet), 0);
	flush_and_settle(queue);
	assert_string_equal(hear(QUIET_MS), "");
	assert_int_equal(stats_of(queue).modified, 0);
	assert_int_equal(stats_of(queue).dropped, 1);
}

/* The slot that the packet was in is used again, and so is its edit's memory. */
static void the_next_packet_is_not_the_one_that_was_changed(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.batch_size = 1});

	for (int i = 0; i < 50; i++) {
		struct nfqueue_packet *packet;
		char text[16];

		snprintf(text, sizeof(text), "number %d", i);
		say(text);
		packet = next_packet(queue);
		if (i % 3 == 0)
			set_text(packet, "changed");
		else if (i % 3 == 1)
			edit_of(packet);
		assert_int_equal(nfqueue_accept(packet), 0);
		flush_and_settle(queue);
		assert_string_equal(hear(WAIT_MS), i % 3 == 0 ? "changed" : text);
	}
	assert_int_equal(stats_of(queue).modified, 17);
}

static void a_batch_of_changed_and_unchanged_packets_keeps_its_order(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	char text[16];

	for (int i = 0; i < 64; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		say(text);
	}
	receive(queue, packets, 64);
	for (int i = 0; i < 64; i++) {
		snprintf(text, sizeof(text), "changed %d", i);
		if (i % 4 == 0)
			set_text(packets[i], text);
		assert_int_equal(nfqueue_decide(packets[i], i % 4 == 2 ? NFQUEUE_DROP
								       : NFQUEUE_ACCEPT),
				 0);
	}
	flush_and_settle(queue);
	for (int i = 0; i < 64; i++) {
		if (i % 4 == 2)
			continue;
		snprintf(text, sizeof(text), "%s %d", i % 4 ? "number" : "changed", i);
		assert_string_equal(hear(WAIT_MS), text);
	}
	assert_int_equal(stats_of(queue).modified, 16);
	assert_int_equal(stats_of(queue).sends, 1);
}

/* More than one send takes: netlink_sendmsg() refuses what is longer than its buffer. */
static void many_long_packets_are_sent_in_pieces(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	char *text = malloc(LONGEST);
	struct nfqueue_stats stats;

	assert_non_null(text);
	memset(text, 'a', LONGEST);
	for (int i = 0; i < 20; i++)
		assert_int_equal(send(udp_client, text, LONGEST - 1, 0), LONGEST - 1);
	receive(queue, packets, 20);
	for (int i = 0; i < 20; i++) {
		struct nfqueue_edit *edit = edit_of(packets[i]);

		assert_int_equal(nfqueue_edit_replace(edit, 1000, 1, "bb", 2), 0);
		assert_int_equal(nfqueue_accept(packets[i]), 0);
	}
	flush_and_settle(queue);
	text[1000] = text[1001] = 'b';
	for (int i = 0; i < 20; i++) {
		const char *heard = hear(WAIT_MS);

		assert_int_equal(strlen(heard), LONGEST);
		assert_memory_equal(heard, text, LONGEST);
	}
	free(text);
	stats = stats_of(queue);
	assert_int_equal(stats.modified, 20);
	assert_true(stats.sends > 1);
	assert_nothing_lost(&stats);
}

/* --- with other verdicts ---------------------------------------------------------- */

static void a_mark_and_a_payload_go_together(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;

	rule("-A INPUT -m mark --mark 7");
	say("12345");
	packet = next_packet(queue);
	set_text(packet, "abcde");
	nfqueue_decide(packet, nfqueue_verdict_mark(NFQUEUE_ACCEPT, 7));
	flush_and_settle(queue);
	assert_string_equal(hear(WAIT_MS), "abcde");
	assert_int_equal(rule_count("iptables", "INPUT", 1), 1);
}

static void another_queue_gets_the_changed_packet(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue *other = open_queue((struct nfqueue_options){.queue = 1});
	struct nfqueue_packet *packet;

	say("12345");
	packet = next_packet(queue);
	set_text(packet, "abcde and more");
	nfqueue_decide(packet, nfqueue_verdict_queue(1));
	flush_and_settle(queue);
	packet = next_packet(other);
	assert_int_equal(nfqueue_edit_replace_all(edit_of(packet), "and", 3, "&", 1), 1);
	nfqueue_accept(packet);
	flush_and_settle(other);
	assert_string_equal(hear(WAIT_MS), "abcde & more");
	assert_int_equal(stats_of(queue).modified, 1);
	assert_int_equal(stats_of(queue).requeued, 1);
	assert_int_equal(stats_of(other).modified, 1);
}

static void a_delayed_packet_arrives_changed(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;

	say("12345");
	packet = next_packet(queue);
	set_text(packet, "abcde");
	assert_int_equal(nfqueue_decide_after(packet, NFQUEUE_ACCEPT, 20000), 0);
	assert_int_equal(nfqueue_recv(queue, &packet, 1, 100), 0);
	assert_string_equal(hear(WAIT_MS), "abcde");
}

/* As it came it may be of no use to anybody: a connection that is translated. */
static void above_the_hold_limit_a_packet_is_accepted_changed(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){
		.hold_limit = 1, .overload = NFQUEUE_OVERLOAD_ACCEPT});
	struct nfqueue_packet *packets[2];

	say("12345");
	say("67890");
	receive(queue, packets, 2);
	assert_int_equal(nfqueue_packet_hold(packets[0]), 0);
	set_text(packets[1], "abcde");
	assert_int_equal(nfqueue_decide_after(packets[1], NFQUEUE_ACCEPT, 20000),
			 -ENOSPC);
	assert_int_equal(nfqueue_decide(packets[1], NFQUEUE_DROP), -EALREADY);
	flush_and_settle(queue);
	assert_string_equal(hear(WAIT_MS), "abcde");
	assert_int_equal(nfqueue_drop(packets[0]), 0);
}

/* It was not the program that decided. */
static void a_deadline_sends_the_packet_unchanged(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet, *none;

	say("12345");
	packet = next_packet(queue);
	set_text(packet, "abcde");
	assert_int_equal(nfqueue_packet_hold_for(packet, 10, NFQUEUE_ACCEPT), 0);
	assert_int_equal(nfqueue_recv(queue, &none, 1, 100), 0);
	assert_string_equal(hear(WAIT_MS), "12345");
	assert_int_equal(nfqueue_accept(packet), -EALREADY);
	assert_int_equal(stats_of(queue).modified, 0);
}

/* --- what cannot be changed ------------------------------------------------------- */

static void a_packet_that_was_cut_cannot_be_changed(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.copy_range = 30});
	struct nfqueue_packet *packet;
	struct nfqueue_edit *edit;

	say("12345");
	packet = next_packet(queue);
	assert_int_equal(nfqueue_packet_edit(packet, &edit), -EMSGSIZE);
	assert_null(edit);
	assert_non_null(strstr(nfqueue_error(queue), "copy range"));
	assert_int_equal(nfqueue_accept(packet), 0);
	flush_and_settle(queue);
	assert_string_equal(hear(WAIT_MS), "12345");
}

static void a_decided_packet_cannot_be_changed(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;
	struct nfqueue_edit *edit;

	say("12345");
	packet = next_packet(queue);
	assert_int_equal(nfqueue_accept(packet), 0);
	assert_int_equal(nfqueue_packet_edit(packet, &edit), -EALREADY);
	flush_and_settle(queue);
}

/* An attribute has 65,531 bytes at the most: told, and the packet is not lost. */
static void a_packet_too_long_for_the_kernel_stays_undecided(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;
	char *text = malloc(65535 - 28);

	assert_non_null(text);
	memset(text, 'a', 65535 - 28);
	say("12345");
	packet = next_packet(queue);
	assert_int_equal(nfqueue_edit_set_payload(edit_of(packet), text, 65535 - 28), 0);
	assert_int_equal(nfqueue_accept(packet), -EMSGSIZE);
	assert_non_null(strstr(nfqueue_error(queue), "65531"));
	set_text(packet, "short");
	assert_int_equal(nfqueue_accept(packet), 0);
	flush_and_settle(queue);
	assert_string_equal(hear(WAIT_MS), "short");
	free(text);
}

/* --- what finds no room ----------------------------------------------------------- */

static void limit_send_buffer(struct nfqueue *queue, int size)
{
	assert_int_equal(
		setsockopt(nfqueue_fd(queue), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)),
		0);
}

/* It could never be sent, and would keep all others from it. */
static void a_packet_too_long_for_the_send_buffer_stays_undecided(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packet;
	char *text = calloc(1, LONGEST);

	assert_non_null(text);
	limit_send_buffer(queue, 16384);
	say("12345");
	packet = next_packet(queue);
	memset(text, 'a', LONGEST - 1);
	set_text(packet, text);
	assert_int_equal(nfqueue_accept(packet), -EMSGSIZE);
	assert_non_null(strstr(nfqueue_error(queue), "send buffer"));
	set_text(packet, "short");
	assert_int_equal(nfqueue_accept(packet), 0);
	flush_and_settle(queue);
	assert_string_equal(hear(WAIT_MS), "short");
	free(text);
}

/* Verdicts alone, and payloads among them. */
static void a_small_send_buffer_takes_all_in_pieces(void **state)
{
	struct nfqueue *queue =
		start_on_loopback((struct nfqueue_options){.batch_size = 512});
	struct nfqueue_packet *packets[512];
	struct nfqueue_stats stats;
	char text[1000];

	limit_send_buffer(queue, 1);
	memset(text, 'a', sizeof(text));
	for (int i = 0; i < 512; i++)
		say("12345");
	assert_int_equal(nfqueue_recv(queue, packets, 512, WAIT_MS), 512);
	for (int i = 0; i < 512; i++) {
		struct nfqueue_verdict verdict =
			nfqueue_verdict_mark(NFQUEUE_ACCEPT, (uint32_t)i);

		if (i % 7 == 0)
			assert_int_equal(nfqueue_edit_set_payload(edit_of(packets[i]),
								  text, sizeof(text)),
					 0);
		assert_int_equal(nfqueue_decide(packets[i], verdict), 0);
	}
	flush_and_settle(queue);
	stats = stats_of(queue);
	assert_int_equal(stats.accepted, 512);
	assert_int_equal(stats.modified, 74);
	assert_true(stats.sends > 10);
	assert_nothing_lost(&stats);
}

/* Two of them fill a send; half of them are late. */
static void a_send_that_fails_among_others_loses_nothing(void **state)
{
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	char *text = calloc(1, LONGEST);
	struct nfqueue_stats stats;

	assert_non_null(text);
	limit_send_buffer(queue, 75000);
	memset(text, 'a', LONGEST - 1);
	for (int i = 0; i < 20; i++)
		say("12345");
	receive(queue, packets, 20);
	for (int i = 0; i < 20; i++) {
		set_text(packets[i], text);
		if (i % 2)
			assert_int_equal(nfqueue_packet_hold(packets[i]), 0);
		assert_int_equal(nfqueue_accept(packets[i]), 0);
	}
	for (uint32_t sent = 4; sent <= 16; sent += 12) {
		fail_later_sends(sent == 4 ? 2 : 6, 1);
		assert_int_equal(nfqueue_flush(queue), -ENOBUFS);
		assert_int_equal(fail_no_more(), 0);
		stats = stats_of(queue);
		assert_int_equal(stats.modified, sent);
		assert_int_equal(stats.accepted, sent);
		assert_int_equal(stats.held, 20 - sent);
	}
	flush_and_settle(queue);
	for (int i = 0; i < 20; i++)
		assert_int_equal(strlen(hear(WAIT_MS)), LONGEST - 1);
	stats = stats_of(queue);
	assert_int_equal(stats.modified, 20);
	assert_nothing_lost(&stats);
	free(text);
}

/* With the connection's mark, and all else. */
static void as_many_as_there_can_be_of_the_longest_messages(void **state)
{
	const struct nfqueue_flow_marks marks = {
		.mask = 0xf0000000, .accept = 0x10000000, .drop = 0x20000000};
	struct nfqueue *queue = start_on_loopback(
		(struct nfqueue_options){.batch_size = 1024, .flags = NFQUEUE_CONNTRACK});
	struct nfqueue_verdict verdict = NFQUEUE_FLOW_ACCEPT;
	struct nfqueue_packet *packets[1024];
	struct nfqueue_stats stats;

	assert_int_equal(nfqueue_set_flow_marks(queue, &marks), 0);
	verdict.set |= NFQUEUE_SET_MARK | NFQUEUE_SET_PRIORITY;
	verdict.mark = verdict.priority = 1;
	for (int i = 0; i < 1024; i++)
		say("12345");
	assert_int_equal(nfqueue_recv(queue, packets, 1024, WAIT_MS), 1024);
	for (int i = 0; i < 1024; i++) {
		if (i < 511)
			set_text(packets[i], "changed");
		assert_int_equal(nfqueue_decide(packets[i], verdict), 0);
	}
	assert_int_equal(nfqueue_flush(queue), 0);
	stats = stats_of(queue);
	assert_int_equal(stats.modified, 511);
	assert_int_equal(stats.flow_accepted, 1024);
	assert_nothing_lost(&stats);
}

/* --- with deciders ---------------------------------------------------------------- */

static struct nfqueue_verdict lengthen(struct nfqueue_packet *packet, void *ctx)
{
	static const char text[65535 - 28];

	set_text(packet, "changed");
	nfqueue_edit_set_payload(edit_of(packet), text, sizeof(text));
	return NFQUEUE_ACCEPT;
}

static void engine_on_loopback(struct nfqueue_engine **engine,
			       struct nfqueue_engine_options options)
{
	struct nfqueue_worker_options worker = {.size = sizeof(worker), .deciders = 1};

	options.worker = &worker;
	launch_engine(engine, options);
	queue_output(0);
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
}

/* As in the batch of a reader: the default verdict decides. */
static void a_decider_whose_edit_is_refused_gets_the_default_verdict(void **state)
{
	struct nfqueue_options queue = {.size = sizeof(queue),
					.default_verdict = NFQUEUE_ACCEPT};
	struct nfqueue_engine *engine;
	struct nfqueue_stats stats;

	engine_on_loopback(&engine, (struct nfqueue_engine_options){
					    .decide = lengthen, .queue_options = &queue});
	for (int i = 0; i < 5; i++) {
		say("12345");
		assert_string_equal(hear(WAIT_MS), "12345");
	}
	stats = stats_of_engine(engine);
	assert_int_equal(stats.defaulted, 5);
	assert_int_equal(stats.modified, 0);
	nfqueue_engine_free(engine);
}

/* --- TCP -------------------------------------------------------------------------- */

/* Turns all bits of the payload round. */
static struct nfqueue_verdict invert(struct nfqueue_packet *packet, void *ctx)
{
	static _Thread_local uint8_t bytes[65536];
	struct nfqueue_edit *edit;
	const uint8_t *payload;
	uint32_t length;

	if (nfqueue_packet_edit(packet, &edit) < 0)
		return NFQUEUE_DROP;
	payload = nfqueue_view_payload(nfqueue_edit_view(edit), &length);
	for (uint32_t i = 0; i < length; i++)
		bytes[i] = payload[i] ^ 0xff;
	if (length && nfqueue_edit_set_payload(edit, bytes, length) < 0)
		return NFQUEUE_DROP;
	return NFQUEUE_ACCEPT;
}

static uint64_t retransmitted(void)
{
	FILE *file = popen("awk '/^Tcp:/ && n++ { print $13 }' /proc/net/snmp", "r");
	unsigned long long count = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%llu", &count), 1);
	pclose(file);
	return count;
}

static void send_inverted_twice(const char *ip, uint64_t bytes, uint32_t flags)
{
	struct nfqueue_options options = {.size = sizeof(options), .flags = flags};
	struct nfqueue_engine *engine;
	struct netns_tcp tcp;
	struct nfqueue_stats stats;

	launch_engine(&engine,
		      (struct nfqueue_engine_options){.queue_count = 2,
						      .decide = invert,
						      .queue_options = &options});
	rule("-t mangle -A OUTPUT -p tcp -j NFQUEUE --queue-num 0");
	rule("-t mangle -A POSTROUTING -p tcp -j NFQUEUE --queue-num 1");
	netns_tcp_start(&tcp, NULL, strchr(ip, '1') ? NULL : &pair, ip, PORT, bytes);
	assert_int_equal(netns_tcp_wait(&tcp, PATIENCE_MS), 0);
	assert_int_equal(tcp.received, bytes);
	stats = stats_of_engine(engine);
	assert_true(stats.modified > 2 * (bytes / 65536));
	assert_nothing_lost(&stats);
	nfqueue_engine_free(engine);
	rule("-t mangle -F");
}

/* Half-made checksums and 64 KiB; the second change of each is of a packet whose
 * checksum is there. With the MTU as it is, segments are of 65,535 bytes, which no
 * program can send back. */
static void a_transfer_over_loopback_bears_two_changes_of_every_packet(void **state)
{
	uint64_t before = retransmitted();

	netns_sh("ip link set lo mtu 16384");
	send_inverted_twice("127.0.0.1", 64 * MB, 0);
	send_inverted_twice("::1", 16 * MB, 0);
	send_inverted_twice("127.0.0.1", 8 * MB, NFQUEUE_NO_GSO);
	assert_true(retransmitted() - before < 5);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_payload_arrives_as_it_was_changed),
		TEST(what_is_asked_for_and_not_changed_is_not_sent),
		TEST(a_dropped_packet_is_dropped_whatever_was_changed),
		TEST(the_next_packet_is_not_the_one_that_was_changed),
		TEST(a_batch_of_changed_and_unchanged_packets_keeps_its_order),
		TEST(many_long_packets_are_sent_in_pieces),
		TEST(a_mark_and_a_payload_go_together),
		TEST(another_queue_gets_the_changed_packet),
		TEST(a_delayed_packet_arrives_changed),
		TEST(above_the_hold_limit_a_packet_is_accepted_changed),
		TEST(a_deadline_sends_the_packet_unchanged),
		TEST(a_packet_that_was_cut_cannot_be_changed),
		TEST(a_decided_packet_cannot_be_changed),
		TEST(a_packet_too_long_for_the_kernel_stays_undecided),
		TEST(a_packet_too_long_for_the_send_buffer_stays_undecided),
		TEST(a_small_send_buffer_takes_all_in_pieces),
		TEST(a_send_that_fails_among_others_loses_nothing),
		TEST(as_many_as_there_can_be_of_the_longest_messages),
		TEST(a_decider_whose_edit_is_refused_gets_the_default_verdict),
		TEST(a_transfer_over_loopback_bears_two_changes_of_every_packet),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

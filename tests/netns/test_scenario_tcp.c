/* SPDX-License-Identifier: MIT */
/*
 * TCP, which notices whatever goes wrong: large transfers, forwarded and over loopback,
 * with GSO and without, out of order, through two queues; and connections that are gone
 * while their packets wait.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue_fixture.h"

#define MB (1u << 20)
#define PATIENCE_MS 60000 /* for a transfer, under a sanitizer and on a busy machine */

static struct netns_pair second;

static int end(void **state)
{
	netns_pair_close(&second);
	return clean_up(state);
}

static void set_up_forwarding(void)
{
	netns_forward();
	netns_pair(&pair);
	netns_pair_at(&second, 98);
	rule("-A FORWARD -p tcp -j NFQUEUE");
}

static struct nfqueue *open_long_queue(uint32_t flags)
{
	return open_queue((struct nfqueue_options){
		.copy_range = 128, .flags = flags, .max_length = 16384});
}

static void transfer(const struct netns_pair *from, const struct netns_pair *to,
		     const char *ip, uint64_t bytes)
{
	struct netns_tcp tcp;

	netns_tcp_start(&tcp, from, to, ip, PORT, bytes);
	assert_int_equal(netns_tcp_wait(&tcp, PATIENCE_MS), 0);
	assert_int_equal(tcp.received, bytes);
}

/* A late retransmission must not come between two counts: nothing new comes up. */
static void cut_off(const char *chain)
{
	rule("-I %s -j RETURN", chain);
}

/* What the rule behind cut_off()'s has counted. */
static uint64_t counted(const char *chain)
{
	return rule_count("iptables", chain, 2) + rule_count("ip6tables", chain, 2);
}

/* --- large ------------------------------------------------------------------------ */

/* With GSO, what the rule counts is what comes up. */
static void check_all_accepted(struct nfqueue *queue, const char *chain)
{
	struct nfqueue_stats stats = stats_of(queue);

	assert_int_equal(stats.received, counted(chain));
	assert_int_equal(stats.accepted, stats.received);
	assert_nothing_lost(&stats);
}

static void a_large_transfer_is_forwarded_whole(void **state)
{
	struct nfqueue *queue = open_long_queue(0);
	struct decider decider;

	set_up_forwarding();
	decider_start(&decider, queue, decide_accept, NULL);
	transfer(&pair, &second, "10.98.0.2", 256 * MB);
	transfer(&pair, &second, "fd98::2", 32 * MB);
	cut_off("FORWARD");
	decider_stop(&decider);
	check_all_accepted(queue, "FORWARD");
}

static void a_large_transfer_over_loopback_is_whole(void **state)
{
	struct nfqueue *queue = open_long_queue(0);
	struct decider decider;

	rule("-A OUTPUT -p tcp -j NFQUEUE");
	decider_start(&decider, queue, decide_accept, NULL);
	transfer(NULL, NULL, "127.0.0.1", 256 * MB);
	transfer(NULL, NULL, "::1", 32 * MB);
	cut_off("OUTPUT");
	decider_stop(&decider);
	check_all_accepted(queue, "OUTPUT");
}

/* The kernel cuts each GSO packet: the rule counts one, its segments come up. */
static void a_transfer_is_forwarded_whole_without_gso(void **state)
{
	struct nfqueue *queue = open_long_queue(NFQUEUE_NO_GSO);
	struct decider decider;
	struct nfqueue_stats stats;

	set_up_forwarding();
	decider_start(&decider, queue, decide_accept, NULL);
	transfer(&pair, &second, "10.98.0.2", 32 * MB);
	cut_off("FORWARD");
	decider_stop(&decider);
	stats = stats_of(queue);
	assert_true(stats.received > 32 * MB / 1500);
	assert_true(stats.received > counted("FORWARD"));
	assert_int_equal(stats.accepted, stats.received);
	assert_nothing_lost(&stats);
}

struct switching {
	uint32_t packets, cut, whole;
	int failed;
};

/* GSO is turned off and on again under the stream. */
static struct nfqueue_verdict switch_gso(struct nfqueue_packet *packet, void *ctx)
{
	struct switching *switching = ctx;
	bool on = switching->packets / 50 % 2;

	if (nfqueue_packet_skb_info(packet) & NFQUEUE_GSO_PACKET)
		switching->whole++;
	else
		switching->cut++;
	if (++switching->packets % 50 == 0 &&
	    nfqueue_set_flags(nfqueue_packet_queue(packet), on ? NFQUEUE_GSO : 0,
			      NFQUEUE_GSO) < 0)
		switching->failed++;
	return NFQUEUE_ACCEPT;
}

static void gso_is_switched_under_a_stream_and_every_byte_arrives(void **state)
{
	struct nfqueue *queue = open_long_queue(0);
	struct switching switching = {0};
	struct nfqueue_stats stats;
	struct decider decider;

	set_up_forwarding();
	decider_start(&decider, queue, switch_gso, &switching);
	transfer(&pair, &second, "10.98.0.2", 16 * MB);
	cut_off("FORWARD");
	decider_stop(&decider);
	assert_int_equal(switching.failed, 0);
	assert_true(switching.whole > 0 && switching.cut > 50);
	stats = stats_of(queue);
	assert_true(stats.received > counted("FORWARD"));
	assert_int_equal(stats.accepted, stats.received);
	assert_nothing_lost(&stats);
}

/* --- out of order, and through two queues ----------------------------------------- */

static void reordered_transfer(uint32_t seed)
{
	struct nfqueue *queue = open_long_queue(0);
	struct reorderer reorderer;

	set_up_forwarding();
	reorderer_init(&reorderer, queue, 16, seed);
	reorderer.bogus = 3;
	reorderer_start(&reorderer);
	transfer(&pair, &second, "10.98.0.2", 4 * MB);
	cut_off("FORWARD");
	reorderer_stop(&reorderer);
	reorderer_free(&reorderer);
	assert_int_equal(reorderer.result, 0);
	check_all_accepted(queue, "FORWARD");
	assert_int_equal(end(NULL), 0);
}

static void a_stream_is_whole_when_its_packets_leave_in_another_order(void **state)
{
	reordered_transfer(0);
	reordered_transfer(1);
}

static struct nfqueue_verdict requeue_later(struct nfqueue_packet *packet, void *ctx)
{
	netns_sleep(1);
	return nfqueue_verdict_queue(1);
}

static void a_stream_that_is_requeued_after_a_delay_is_whole(void **state)
{
	struct nfqueue *first = open_long_queue(0);
	struct nfqueue *other = open_queue((struct nfqueue_options){.queue = 1});
	struct decider delay, accept;
	struct nfqueue_stats sent, came;

	rule("-A OUTPUT -p tcp -j NFQUEUE");
	decider_start(&delay, first, requeue_later, NULL);
	decider_start(&accept, other, decide_accept, NULL);
	transfer(NULL, NULL, "127.0.0.1", 4 * MB);
	cut_off("OUTPUT");
	decider_stop(&delay);
	decider_stop(&accept);
	sent = stats_of(first);
	came = stats_of(other);
	assert_int_equal(sent.received, counted("OUTPUT"));
	assert_int_equal(sent.requeued, sent.received);
	assert_int_equal(came.received, sent.requeued);
	assert_int_equal(came.accepted, came.received);
	assert_nothing_lost(&sent);
	assert_nothing_lost(&came);
}

/* --- gone while they wait --------------------------------------------------------- */

#define CONNECTIONS 100

/* The kernel frees a socket whose packets wait, and a request that nobody asks any more
 * (nf_queue's reference to a socket; inet_csk_complete_hashdance()). */
static void connect_and_close(int listener)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	getsockname(listener, (struct sockaddr *)&address, &length);
	if (connect(client, (struct sockaddr *)&address, length) < 0 &&
	    errno != EINPROGRESS)
		fail_msg("cannot connect: %s", strerror(errno));
	close(client);
}

static void connections_closed_while_their_packets_wait_are_accounted_for(void **state)
{
	struct nfqueue *queue = open_long_queue(0);
	struct sockaddr_storage address;
	struct nfqueue_stats stats;
	struct decider decider;
	int listener = netns_peer_socket(NULL, AF_INET, SOCK_STREAM, 0);
	socklen_t length = netns_address(&address, "127.0.0.1", PORT);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 10), 0);
	rule("-A OUTPUT -p tcp -j NFQUEUE");
	for (int i = 0; i < CONNECTIONS / 2; i++) /* all of them wait ... */
		connect_and_close(listener);
	assert_true(netns_queue_waits(0, CONNECTIONS / 2, WAIT_MS));
	decider_start(&decider, queue, decide_accept, NULL);
	for (int i = 0; i < CONNECTIONS / 2; i++) /* ... and these for a moment */
		connect_and_close(listener);
	close(listener);
	rule("-F OUTPUT");
	decider_stop(&decider);
	stats = stats_of(queue);
	assert_true(stats.received >= CONNECTIONS);
	assert_int_equal(stats.accepted, stats.received);
	assert_nothing_lost(&stats);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_large_transfer_is_forwarded_whole),
		TEST(a_large_transfer_over_loopback_is_whole),
		TEST(a_transfer_is_forwarded_whole_without_gso),
		TEST(gso_is_switched_under_a_stream_and_every_byte_arrives),
		TEST(a_stream_is_whole_when_its_packets_leave_in_another_order),
		TEST(a_stream_that_is_requeued_after_a_delay_is_whole),
		TEST(connections_closed_while_their_packets_wait_are_accounted_for),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

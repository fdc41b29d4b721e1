/* SPDX-License-Identifier: MIT */
/*
 * Packets of one flow that wait before the kernel knows the flow: two connection
 * tracking entries race to be confirmed (nf_ct_resolve_clash()). And packets that GRO has
 * glued together (skb_segment_list()).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue_fixture.h"

#define BACKEND 5001
#define CLIENTS 16 /* flows in a row: each one is new to the kernel */

static struct netns_pair second;
static int servers[2] = {-1, -1};
static uint32_t arrived[2]; /* at each of them */

static int end(void **state)
{
	for (int i = 0; i < 2; i++) {
		close(servers[i]);
		servers[i] = -1;
		arrived[i] = 0;
	}
	netns_try("iptables -w -t nat -F");
	netns_pair_close(&second);
	return end_on_loopback(state);
}

/* --- the race --------------------------------------------------------------------- */

/* What peer 99 sends to us at PORT goes to peer 98, as if it were from us. */
static struct nfqueue *set_up_nat(const char *queue_rule)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});

	netns_forward();
	netns_pair(&pair);
	netns_pair_at(&second, 98);
	netns_need("nat", "iptables -w -t nat -A POSTROUTING -o here98 -j MASQUERADE");
	netns_sh("iptables -w %s", queue_rule);
	for (int i = 0; i < 2; i++)
		servers[i] =
			netns_udp_server(&second, "10.98.0.2", (uint16_t)(BACKEND + i));
	return queue;
}

static void translate(const char *which, int backend)
{
	netns_sh("iptables -w -t nat -A PREROUTING -p udp -d 10.99.0.1 --dport %d %s "
		 "-j DNAT --to-destination 10.98.0.2:%d",
		 PORT, which, BACKEND + backend);
}

/* Receives one datagram of ours at one of the servers; says who sent it, and where. */
static struct sockaddr_in next_from(int *server)
{
	struct pollfd waits[2] = {{.fd = servers[0], .events = POLLIN},
				  {.fd = servers[1], .events = POLLIN}};
	struct sockaddr_in from = {0};
	socklen_t length = sizeof(from);
	uint8_t bytes[64];

	if (poll(waits, 2, WAIT_MS) <= 0)
		fail_msg("nothing arrives");
	*server = waits[0].revents ? 0 : 1;
	assert_int_equal(recvfrom(servers[*server], bytes, sizeof(bytes), 0,
				  (struct sockaddr *)&from, &length),
			 16);
	return from;
}

static void assert_nothing_more_arrives(void)
{
	struct pollfd waits[2] = {{.fd = servers[0], .events = POLLIN},
				  {.fd = servers[1], .events = POLLIN}};

	assert_int_equal(poll(waits, 2, QUIET_MS), 0);
}

/* The last packet's answer finds the client: it comes from where the client sent to. */
static void answer(int server, const struct sockaddr_in *to, int client)
{
	struct pollfd wait = {.fd = client, .events = POLLIN};
	char bytes[8];

	assert_int_equal(sendto(servers[server], "answer", 6, 0,
				(const struct sockaddr *)to, sizeof(*to)),
			 6);
	if (poll(&wait, 1, WAIT_MS) != 1)
		fail_msg("no answer comes back from server %d", server);
	assert_int_equal(recv(client, bytes, sizeof(bytes), 0), 6);
}

/* Both wait, then both are accepted, in this order or the other. */
static void race(struct nfqueue *queue, bool reverse, bool answered)
{
	int client = netns_udp_client(&pair, "10.99.0.1", PORT);
	struct nfqueue_packet *packets[64];
	struct sockaddr_in from;
	int server;

	netns_udp_send(client, 0, 2);
	assert_true(netns_queue_waits(0, 2, WAIT_MS));
	receive(queue, packets, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(nfqueue_packet_hold(packets[i]), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(nfqueue_accept(packets[reverse ? 1 - i : i]), 0);
	assert_int_equal(nfqueue_flush(queue), 0);
	for (int i = 0; i < 2; i++) {
		from = next_from(&server);
		assert_int_equal(ntohl(from.sin_addr.s_addr), 0x0a620001);
		arrived[server]++;
		if (answered && i == 0)
			answer(server, &from, client);
	}
	close(client);
}

static void check_races(struct nfqueue *queue)
{
	struct nfqueue_stats stats;

	flush_and_settle(queue);
	stats = stats_of(queue);
	assert_int_equal(stats.received, 2 * CLIENTS);
	assert_int_equal(stats.accepted, 2 * CLIENTS);
	assert_nothing_lost(&stats);
	assert_nothing_more_arrives();
}

static void two_packets_of_a_new_flow_wait_before_masquerade_and_both_arrive(void **state)
{
	struct nfqueue *queue = set_up_nat("-A FORWARD -i here99 -p udp -j NFQUEUE");

	translate("", 0);
	for (int i = 0; i < CLIENTS; i++)
		race(queue, i % 2, true);
	check_races(queue);
}

static void two_packets_of_a_new_flow_wait_at_postrouting_and_both_arrive(void **state)
{
	struct nfqueue *queue =
		set_up_nat("-t mangle -A POSTROUTING -o here98 -p udp -j NFQUEUE");

	translate("", 0);
	for (int i = 0; i < CLIENTS; i++)
		race(queue, i % 2, true);
	check_races(queue);
}

/* The two entries of one flow even go to two destinations. */
static void two_packets_of_a_new_flow_with_different_destinations_both_arrive(
	void **state)
{
	struct nfqueue *queue = set_up_nat("-A FORWARD -i here99 -p udp -j NFQUEUE");

	translate("-m statistic --mode nth --every 2 --packet 0", 0);
	translate("", 1);
	for (int i = 0; i < CLIENTS; i++)
		race(queue, i % 2, false);
	check_races(queue);
	assert_int_equal(arrived[0], CLIENTS);
	assert_int_equal(arrived[1], CLIENTS);
}

/* --- fraglist GRO ----------------------------------------------------------------- */

#define BURST 40
#define BURSTS 8
#define LENGTH 1000

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		netns_skip("cannot write %s: %s", path, strerror(errno));
	close(fd);
}

/* What comes from peer 99 is glued together while it comes within some milliseconds. */
static void turn_fraglist_gro_on(void)
{
	if (!netns_feature(pair.here_name, "rx-gro", true) ||
	    !netns_feature(pair.here_name, "rx-gro-list", true))
		netns_skip("no fraglist GRO on veth in this kernel");
	write_text("/sys/class/net/here99/gro_flush_timeout", "20000000");
}

struct seen {
	uint64_t bytes; /* of datagrams, without headers */
	uint32_t glued;
};

static struct nfqueue_verdict look(struct nfqueue_packet *packet, void *ctx)
{
	struct seen *seen = ctx;

	seen->glued += (nfqueue_packet_skb_info(packet) & NFQUEUE_GSO_PACKET) != 0;
	seen->bytes += nfqueue_packet_length(packet) - 28;
	return NFQUEUE_ACCEPT;
}

/* Bursts through a queue at FORWARD; returns how many datagrams arrived. */
static uint32_t forward_bursts(uint32_t flags, bool nat, struct seen *seen,
			       struct nfqueue_stats *stats)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){.flags = flags});
	struct netns_tally tally;
	struct decider decider;

	netns_forward();
	netns_pair(&pair);
	netns_pair_at(&second, 98);
	turn_fraglist_gro_on();
	if (nat)
		netns_sh("iptables -w -t nat -A POSTROUTING -j MASQUERADE");
	rule("-A FORWARD -i here99 -p udp -j NFQUEUE");
	decider_start(&decider, queue, look, seen);
	udp_server = netns_udp_server(&second, "10.98.0.2", PORT);
	udp_client = netns_udp_client(&pair, "10.98.0.2", PORT);
	for (uint32_t i = 0; i < BURSTS; i++) {
		netns_udp_send_long(udp_client, i * BURST, BURST, LENGTH);
		netns_sleep(50);
	}
	netns_udp_collect(udp_server, 0, BURST * BURSTS, 500, &tally, NULL);
	decider_stop(&decider);
	assert_int_equal(tally.duplicate + tally.foreign + tally.reordered, 0);
	*stats = stats_of(queue);
	assert_int_equal(stats->accepted, stats->received);
	assert_nothing_lost(stats);
	return tally.received;
}

static void come_up_glued(bool nat)
{
	struct nfqueue_stats stats;
	struct seen seen = {0};

	assert_int_equal(forward_bursts(0, nat, &seen, &stats), BURST * BURSTS);
	assert_true(seen.glued > 0);
	assert_true(stats.received < BURST * BURSTS);
	assert_int_equal(stats.received, rule_count("iptables", "FORWARD", 1));
	assert_int_equal(seen.bytes, BURST * BURSTS * LENGTH);
}

static void datagrams_glued_together_by_gro_come_up_as_one_and_arrive_as_many(
	void **state)
{
	come_up_glued(false);
}

static void glued_datagrams_of_a_new_flow_are_masqueraded_and_arrive_as_many(void **state)
{
	come_up_glued(true);
}

/* The segments of a new flow share its entry, which nobody has confirmed yet
 * (nf_ct_drop_unconfirmed()). */
static void come_up_cut(bool nat)
{
	struct nfqueue_stats stats;
	struct seen seen = {0};

	assert_int_equal(forward_bursts(NFQUEUE_NO_GSO, nat, &seen, &stats),
			 BURST * BURSTS);
	assert_int_equal(seen.glued, 0);
	assert_int_equal(stats.received, BURST * BURSTS);
	assert_true(rule_count("iptables", "FORWARD", 1) < BURST * BURSTS);
	assert_int_equal(seen.bytes, BURST * BURSTS * LENGTH);
}

static void glued_datagrams_are_cut_for_a_queue_without_gso(void **state)
{
	come_up_cut(false);
}

static void glued_datagrams_of_a_new_flow_are_cut_and_masqueraded(void **state)
{
	come_up_cut(true);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_packets_of_a_new_flow_wait_before_masquerade_and_both_arrive),
		TEST(two_packets_of_a_new_flow_wait_at_postrouting_and_both_arrive),
		TEST(two_packets_of_a_new_flow_with_different_destinations_both_arrive),
		TEST(datagrams_glued_together_by_gro_come_up_as_one_and_arrive_as_many),

		TEST(glued_datagrams_of_a_new_flow_are_masqueraded_and_arrive_as_many),
		TEST(glued_datagrams_are_cut_for_a_queue_without_gso),
		TEST(glued_datagrams_of_a_new_flow_are_cut_and_masqueraded),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

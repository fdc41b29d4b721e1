/* SPDX-License-Identifier: MIT */
/* Each verdict does what it says, and what the kernel tells of a packet is right. */
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "queue_fixture.h"

#define COUNT 10

static const char *const loopback[] = {"127.0.0.1", "::1"};
static const char *const programs[] = {"iptables", "ip6tables"};

struct flow {
	int server, client;
};

static struct flow udp(const char *ip)
{
	return (struct flow){netns_udp_server(NULL, ip, PORT),
			     netns_udp_client(NULL, ip, PORT)};
}

/* Closes it and returns how many of the first COUNT datagrams came. */
static uint32_t came(struct flow *flow, bool wanted)
{
	struct netns_tally tally;

	netns_udp_collect(flow->server, 0, COUNT, wanted ? WAIT_MS : QUIET_MS, &tally,
			  NULL);
	close(flow->server);
	close(flow->client);
	assert_int_equal(tally.duplicate + tally.foreign, 0);
	return tally.received;
}

/* --- UDP -------------------------------------------------------------------------- */

static void accepted_datagrams_arrive_over_ipv4_and_ipv6(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct nfqueue_stats stats;

	queue_output(0);
	for (int i = 0; i < 2; i++) {
		struct flow flow = udp(loopback[i]);

		netns_udp_send(flow.client, 0, COUNT);
		assert_int_equal(decide_next(queue, COUNT, NFQUEUE_ACCEPT), COUNT);
		assert_int_equal(came(&flow, true), COUNT);
	}
	stats = stats_of(queue);
	assert_int_equal(stats.received, 2 * COUNT);
	assert_int_equal(stats.accepted, 2 * COUNT);
	assert_int_equal(stats.messages, 2);
	assert_sums_up(&stats);
}

static void dropped_datagrams_do_not_arrive_over_ipv4_and_ipv6(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct nfqueue_stats stats;

	queue_output(0);
	for (int i = 0; i < 2; i++) {
		struct flow flow = udp(loopback[i]);

		netns_udp_send(flow.client, 0, COUNT);
		assert_int_equal(decide_next(queue, COUNT, NFQUEUE_DROP), COUNT);
		assert_int_equal(came(&flow, false), 0);
	}
	stats = stats_of(queue);
	assert_int_equal(stats.dropped, 2 * COUNT);
	assert_sums_up(&stats);
}

static void repeated_datagrams_run_the_chain_again_until_a_mark_stops_them(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct nfqueue_stats stats;

	rule("-A OUTPUT -p udp --dport %d", PORT); /* counts each run */
	rule("-A OUTPUT -p udp --dport %d -m mark ! --mark 1 -j NFQUEUE", PORT);
	for (int i = 0; i < 2; i++) {
		struct flow flow = udp(loopback[i]);

		netns_udp_send(flow.client, 0, COUNT);
		assert_int_equal(decide_next(queue, COUNT,
					     nfqueue_verdict_mark(NFQUEUE_REPEAT, 1)),
				 COUNT);
		assert_int_equal(came(&flow, true), COUNT);
		assert_int_equal(rule_count(programs[i], "OUTPUT", 1), 2 * COUNT);
		assert_int_equal(rule_count(programs[i], "OUTPUT", 2), COUNT);
	}
	stats = stats_of(queue);
	assert_int_equal(stats.repeated, 2 * COUNT);
	assert_sums_up(&stats);
}

static void requeued_datagrams_come_up_in_the_other_queue(void **state)
{
	struct nfqueue *first = open_queue((struct nfqueue_options){.queue = 7});
	struct nfqueue *second = open_queue((struct nfqueue_options){.queue = 60007});
	struct nfqueue_packet *packets[64];
	struct nfqueue_stats stats;

	queue_output(7);
	for (int i = 0; i < 2; i++) {
		struct flow flow = udp(loopback[i]);

		netns_udp_send(flow.client, 0, COUNT);
		assert_int_equal(
			decide_next(first, COUNT,
				    nfqueue_verdict_mark(nfqueue_verdict_queue(60007),
							 0xabcd)),
			COUNT);
		receive(second, packets, COUNT);
		for (uint32_t n = 0; n < COUNT; n++) {
			assert_int_equal(datagram_number(packets[n]), n);
			assert_int_equal(nfqueue_packet_mark(packets[n]), 0xabcd);
			nfqueue_accept(packets[n]);
		}
		flush_and_settle(second);
		assert_int_equal(came(&flow, true), COUNT);
	}
	stats = stats_of(first);
	assert_int_equal(stats.requeued, 2 * COUNT);
	assert_sums_up(&stats);
}

static void requeue_to_nobody_drops_and_with_bypass_accepts(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct nfqueue_verdict bypass = nfqueue_verdict_queue(9);
	struct flow flow = udp("127.0.0.1");

	queue_output(0);
	netns_udp_send(flow.client, 0, COUNT);
	decide_next(queue, COUNT, nfqueue_verdict_queue(9));
	assert_int_equal(came(&flow, false), 0);

	flow = udp("127.0.0.1");
	bypass.code |= NFQUEUE_VERDICT_BYPASS;
	netns_udp_send(flow.client, 0, COUNT);
	decide_next(queue, COUNT, bypass);
	assert_int_equal(came(&flow, true), COUNT);
}

static void stop_skips_the_chains_still_to_come_and_accept_does_not(void **state)
{
	static const char later[] =
		"nft 'table inet later { chain c { type filter hook output priority 50; "
		"meta l4proto udp drop; }; }'";
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});

	netns_need("nftables", later);
	queue_output(0);
	for (int i = 0; i < 2; i++) {
		struct flow flow = udp(loopback[i]);

		netns_udp_send(flow.client, 0, COUNT);
		decide_next(queue, COUNT, NFQUEUE_ACCEPT);
		assert_int_equal(came(&flow, false), 0);

		flow = udp(loopback[i]);
		netns_udp_send(flow.client, 0, COUNT);
		decide_next(queue, COUNT, NFQUEUE_STOP);
		assert_int_equal(came(&flow, true), COUNT);
	}
	netns_sh("nft delete table inet later");
	assert_int_equal(stats_of(queue).accepted, 4 * COUNT);
}

static void a_verdict_for_each_datagram_is_kept_when_they_are_mixed(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct nfqueue_packet *packets[64];
	struct flow flow = udp("127.0.0.1");
	struct netns_tally tally;
	struct nfqueue_stats stats;
	uint8_t times[64];

	queue_output(0);
	rule("-t mangle -A POSTROUTING -p udp -m mark --mark 6 -j DROP");
	netns_udp_send(flow.client, 0, 64);
	receive(queue, packets, 64);
	for (uint32_t i = 0; i < 64; i++) {
		if (i % 10 == 0)
			nfqueue_drop(packets[i]);
		else if (i % 10 == 5)
			nfqueue_decide(packets[i],
				       nfqueue_verdict_mark(NFQUEUE_ACCEPT, 6));
		else
			nfqueue_accept(packets[i]);
	}
	flush_and_settle(queue);
	netns_udp_collect(flow.server, 0, 64, QUIET_MS, &tally, times);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(times[i], i % 5 != 0);
	assert_int_equal(tally.reordered, 0);
	stats = stats_of(queue);
	assert_int_equal(stats.dropped, 7);
	assert_int_equal(stats.accepted, 57);
	assert_int_equal(stats.sends, 1);
	assert_sums_up(&stats);
	close(flow.server);
	close(flow.client);
}

/* --- marks ------------------------------------------------------------------------ */

static void a_mark_given_with_the_verdict_is_seen_by_later_rules(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});

	queue_output(0);
	rule("-t mangle -A POSTROUTING -p udp -m mark --mark 0x77");
	rule("-t mangle -A POSTROUTING -p udp -m mark --mark 0x99 -j DROP");
	for (int i = 0; i < 2; i++) {
		struct flow flow = udp(loopback[i]);

		netns_udp_send(flow.client, 0, COUNT);
		decide_next(queue, COUNT, nfqueue_verdict_mark(NFQUEUE_ACCEPT, 0x77));
		assert_int_equal(came(&flow, true), COUNT);
		assert_int_equal(
			rule_count(i ? "ip6tables -t mangle" : "iptables -t mangle",
				   "POSTROUTING", 1),
			COUNT);

		flow = udp(loopback[i]);
		netns_udp_send(flow.client, 0, COUNT);
		decide_next(queue, COUNT, nfqueue_verdict_mark(NFQUEUE_ACCEPT, 0x99));
		assert_int_equal(came(&flow, false), 0);
	}
}

static void a_priority_given_with_the_verdict_is_seen_by_later_rules(void **state)
{
	static const char later[] = "nft 'table inet later { chain c { type filter hook "
				    "postrouting priority 0; "
				    "meta priority 1:5 drop; }; }'";
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct flow flow = udp("127.0.0.1");

	netns_need("nftables", later);
	queue_output(0);
	netns_udp_send(flow.client, 0, COUNT);
	decide_next(queue, COUNT, nfqueue_verdict_priority(NFQUEUE_ACCEPT, 0x10004));
	assert_int_equal(came(&flow, true), COUNT);

	flow = udp("127.0.0.1");
	netns_udp_send(flow.client, 0, COUNT);
	decide_next(queue, COUNT, nfqueue_verdict_priority(NFQUEUE_ACCEPT, 0x10005));
	if (came(&flow, false) != 0)
		netns_skip("no priority in verdicts before Linux 5.18");
	netns_sh("nft delete table inet later");
}

/* --- TCP -------------------------------------------------------------------------- */

static struct nfqueue_verdict decide_ctx(struct nfqueue_packet *packet, void *ctx)
{
	const struct nfqueue_verdict *verdict = ctx;

	return *verdict;
}

static int tcp_through(const char *ip, struct nfqueue_verdict verdict)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct decider decider;
	struct netns_tcp tcp;
	int err;

	decider_start(&decider, queue, decide_ctx, &verdict);
	netns_tcp_start(&tcp, NULL, NULL, ip, PORT, 300000);
	err = netns_tcp_wait(&tcp, verdict.code ? WAIT_MS : 300);
	decider_stop(&decider);
	assert_int_equal(decider.result, 0);
	assert_true(decider.decided > 0);
	close_queue(queue);
	return err;
}

static void tcp_is_whole_with_accept_repeat_and_stop_and_dead_with_drop(void **state)
{
	rule("-A OUTPUT -p tcp -m mark ! --mark 1 -j NFQUEUE");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tcp_through(loopback[i], NFQUEUE_ACCEPT), 0);
		assert_int_equal(
			tcp_through(loopback[i], nfqueue_verdict_mark(NFQUEUE_REPEAT, 1)),
			0);
		assert_int_equal(tcp_through(loopback[i], NFQUEUE_STOP), 0);
		assert_int_equal(tcp_through(loopback[i], NFQUEUE_DROP), -ETIMEDOUT);
	}
}

static void tcp_is_whole_when_it_goes_through_two_queues(void **state)
{
	struct nfqueue *second = open_queue((struct nfqueue_options){.queue = 1});
	struct decider decider;

	rule("-A OUTPUT -p tcp -j NFQUEUE");
	decider_start(&decider, second, decide_accept, NULL);
	for (int i = 0; i < 2; i++)
		assert_int_equal(tcp_through(loopback[i], nfqueue_verdict_queue(1)), 0);
	decider_stop(&decider);
	assert_true(decider.decided > 0);
	assert_int_equal(stats_of(second).accepted, decider.decided);
}

/* --- metadata --------------------------------------------------------------------- */

static void an_output_packet_tells_its_interface_owner_and_mark(void **state)
{
	static const uint16_t protocols[] = {ETH_P_IP, ETH_P_IPV6};
	static const int families[] = {AF_INET, AF_INET6};
	struct nfqueue *queue = open_queue(
		(struct nfqueue_options){.queue = 3, .flags = NFQUEUE_UID_GID});
	struct nfqueue_packet *packet;
	uint32_t mark = 0xfeed, uid, gid;
	uint64_t stamp;

	queue_output(3);
	for (int i = 0; i < 2; i++) {
		struct flow flow = udp(loopback[i]);

		assert_int_equal(
			setsockopt(flow.client, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)),
			0);
		netns_udp_send(flow.client, 0, 1);
		receive(queue, &packet, 1);
		assert_ptr_equal(nfqueue_packet_queue(packet), queue);
		assert_int_equal(nfqueue_packet_queue_number(packet), 3);
		assert_int_equal(nfqueue_packet_id(packet), i + 1);
		assert_int_equal(nfqueue_packet_family(packet), families[i]);
		assert_int_equal(nfqueue_packet_hook(packet), NFQUEUE_HOOK_OUTPUT);
		assert_int_equal(nfqueue_packet_hw_protocol(packet), protocols[i]);
		assert_int_equal(nfqueue_packet_mark(packet), mark);
		assert_int_equal(nfqueue_packet_in_interface(packet), 0);
		assert_int_equal(nfqueue_packet_out_interface(packet),
				 if_nametoindex("lo"));
		assert_int_equal(nfqueue_packet_uid(packet, &uid), 0);
		assert_int_equal(nfqueue_packet_gid(packet, &gid), 0);
		assert_int_equal(uid, geteuid());
		assert_int_equal(gid, getegid());
		assert_int_equal(nfqueue_packet_timestamp(packet, &stamp), -ENOENT);
		assert_int_equal(nfqueue_packet_length(packet), i ? 64 : 44);
		close(flow.server);
		close(flow.client);
	}
}

static void hardware_address(const char *name, uint8_t address[6])
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(request.ifr_name, name);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &request), 0);
	memcpy(address, request.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static void check_time(const struct nfqueue_packet *packet)
{
	uint64_t now = (uint64_t)time(NULL), stamp;

	assert_int_equal(nfqueue_packet_timestamp(packet, &stamp), 0);
	assert_in_range(stamp / 1000000000, now - 60, now + 1);
	assert_int_equal(stamp % 1000, 0);
}

static void an_input_packet_tells_its_interface_sender_and_time(void **state)
{
	static const char *const ips[] = {"10.99.0.1", "fd99::1"};
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct nfqueue_packet *packet;
	const uint8_t *address;
	uint8_t expected[6];
	uint32_t uid;
	size_t length;
	int on = 1;

	netns_pair(&pair);
	netns_peer_enter(&pair);
	hardware_address(pair.peer_name, expected);
	netns_peer_leave(&pair);
	rule("-A INPUT -p udp --dport %d -j NFQUEUE", PORT);
	for (int i = 0; i < 2; i++) {
		int server = netns_udp_server(NULL, ips[i], PORT);
		int client = netns_udp_client(&pair, ips[i], PORT);

		/* The kernel stamps packets only while somebody wants to know. */
		setsockopt(server, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on));
		netns_sleep(50);
		netns_udp_send(client, 0, 1);
		receive(queue, &packet, 1);
		assert_int_equal(nfqueue_packet_hook(packet), NFQUEUE_HOOK_INPUT);
		assert_int_equal(nfqueue_packet_in_interface(packet),
				 if_nametoindex(pair.here_name));
		assert_int_equal(nfqueue_packet_out_interface(packet), 0);
		assert_int_equal(nfqueue_packet_uid(packet, &uid), -ENOENT);
		assert_int_equal(nfqueue_packet_gid(packet, &uid), -ENOENT);
		address = nfqueue_packet_hw_address(packet, &length);
		assert_int_equal(length, 6);
		assert_memory_equal(address, expected, 6);
		check_time(packet);
		close(server);
		close(client);
	}
}

static void each_hook_is_told(void **state)
{
	static const struct {
		const char *chain;
		uint8_t hook;
		bool in, out;
	} hooks[] = {
		{"-t mangle -A PREROUTING", NFQUEUE_HOOK_PREROUTING, true, false},
		{"-t mangle -A FORWARD", NFQUEUE_HOOK_FORWARD, true, true},
		{"-t mangle -A POSTROUTING", NFQUEUE_HOOK_POSTROUTING, false, true},
	};
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct nfqueue_packet *packet;
	struct netns_pair other;
	int client;

	netns_pair(&pair);
	netns_pair_at(&other, 98);
	netns_forward();
	client = netns_udp_client(&pair, "10.98.0.2", PORT);
	for (int i = 0; i < 3; i++) {
		rule("-t mangle -F");
		rule("%s -p udp --dport %d -j NFQUEUE", hooks[i].chain, PORT);
		netns_udp_send(client, 0, 1);
		receive(queue, &packet, 1);
		assert_int_equal(nfqueue_packet_hook(packet), hooks[i].hook);
		assert_int_equal(nfqueue_packet_out_interface(packet),
				 hooks[i].out ? if_nametoindex(other.here_name) : 0);
		if (hooks[i].in)
			assert_int_equal(nfqueue_packet_in_interface(packet),
					 if_nametoindex(pair.here_name));
		nfqueue_drop(packet);
		flush_and_settle(queue);
	}
	close(client);
	netns_pair_close(&other);
}

static void what_the_kernel_did_not_send_is_said_to_be_missing(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){0});
	struct flow flow = udp("127.0.0.1");
	struct nfqueue_packet *packet;
	uint16_t protocol, tci;
	uint32_t number;
	size_t length;

	queue_output(0);
	netns_udp_send(flow.client, 0, 1);
	receive(queue, &packet, 1);
	assert_int_equal(nfqueue_packet_mark(packet), 0);
	assert_int_equal(nfqueue_packet_priority(packet), 0);
	assert_int_equal(nfqueue_packet_physical_in_interface(packet), 0);
	assert_int_equal(nfqueue_packet_physical_out_interface(packet), 0);
	assert_null(nfqueue_packet_hw_address(packet, &length));
	assert_int_equal(length, 0);
	assert_int_equal(nfqueue_packet_uid(packet, &number), -ENOENT);
	assert_int_equal(nfqueue_packet_gid(packet, &number), -ENOENT);
	assert_null(nfqueue_packet_security_context(packet, &length));
	assert_int_equal(nfqueue_packet_conntrack_state(packet, &number), -ENOENT);
	assert_null(nfqueue_packet_conntrack(packet, &length));
	assert_int_equal(nfqueue_packet_vlan(packet, &protocol, &tci), -ENOENT);
	assert_null(nfqueue_packet_l2_header(packet, &length));
	assert_int_equal(length, 0);
	close(flow.server);
	close(flow.client);
}

#define TEST(name) cmocka_unit_test_teardown(name, clean_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(accepted_datagrams_arrive_over_ipv4_and_ipv6),
		TEST(dropped_datagrams_do_not_arrive_over_ipv4_and_ipv6),
		TEST(repeated_datagrams_run_the_chain_again_until_a_mark_stops_them),
		TEST(requeued_datagrams_come_up_in_the_other_queue),
		TEST(requeue_to_nobody_drops_and_with_bypass_accepts),
		TEST(stop_skips_the_chains_still_to_come_and_accept_does_not),
		TEST(a_verdict_for_each_datagram_is_kept_when_they_are_mixed),
		TEST(a_mark_given_with_the_verdict_is_seen_by_later_rules),
		TEST(a_priority_given_with_the_verdict_is_seen_by_later_rules),
		TEST(tcp_is_whole_with_accept_repeat_and_stop_and_dead_with_drop),
		TEST(tcp_is_whole_when_it_goes_through_two_queues),
		TEST(an_output_packet_tells_its_interface_owner_and_mark),
		TEST(an_input_packet_tells_its_interface_sender_and_time),
		TEST(each_hook_is_told),
		TEST(what_the_kernel_did_not_send_is_said_to_be_missing),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

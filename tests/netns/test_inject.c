/* SPDX-License-Identifier: MIT */
/* Packets of the program's own reach whom they are for, with what they were given. */
#include "inject_fixture.h"

#include <arpa/inet.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nfqueue/rules.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TEST(name) cmocka_unit_test_teardown(name, end)

static const struct nfqueue_injection now;
static const struct nfqueue_injector_options defaults;

static void expect(int error, int expected, const char *words)
{
	if (error != expected || !strstr(nfqueue_injector_error(injector), words))
		fail_msg("%d, not %d: %s", error, expected,
			 nfqueue_injector_error(injector));
}

/* --- they arrive ------------------------------------------------------------------ */

static void assert_from(int server, const char *source)
{
	struct sockaddr_storage expected, from = {0};
	socklen_t length = sizeof(from);
	char byte;

	netns_address(&expected, source, 4000);
	assert_int_equal(
		recvfrom(server, &byte, 1, MSG_PEEK, (struct sockaddr *)&from, &length),
		1);
	assert_memory_equal(&from, &expected, length);
}

static void check_arrival(const struct netns_pair *where, const char *from,
			  const char *to)
{
	int server = netns_udp_server(where, to, PORT);

	start(defaults);
	for (uint32_t i = 0; i < 20; i++)
		inject_datagram(from, to, i, now);
	assert_from(server, from);
	assert_come(server, 20);
	assert_counts(20, 0, 0, 0);
	nfqueue_injector_free(injector);
	injector = NULL;
	close(server);
}

static void a_peer_gets_what_anybody_sent(void **state)
{
	netns_pair(&pair);
	check_arrival(&pair, "10.99.0.1", "10.99.0.2");
	check_arrival(&pair, FOREIGN, "10.99.0.2");
	check_arrival(&pair, "fd99::1", "fd99::2");
	check_arrival(&pair, FOREIGN6, "fd99::2");
}

static void a_local_address_gets_what_anybody_sent(void **state)
{
	netns_pair(&pair);
	check_arrival(NULL, "127.0.0.1", "127.0.0.1");
	check_arrival(NULL, FOREIGN, "127.0.0.1");
	check_arrival(NULL, "10.99.0.2", "10.99.0.1");
	check_arrival(NULL, "::1", "::1");
	check_arrival(NULL, FOREIGN6, "::1");
	check_arrival(NULL, "fd99::2", "fd99::1");
}

/* From one peer to another, as if it were routed here. */
static void packets_of_others_are_forwarded(void **state)
{
	struct netns_pair second;
	int server;

	netns_pair(&pair);
	netns_pair_at(&second, 98);
	server = netns_udp_server(&second, "10.98.0.2", PORT);
	start(defaults);
	for (uint32_t i = 0; i < 10; i++)
		inject_datagram("10.99.0.2", "10.98.0.2", i, now);
	assert_from(server, "10.99.0.2");
	assert_come(server, 10);
	close(server);
	netns_pair_close(&second);
}

/* Its answer tells that the peer's kernel found the checksums right. */
static void check_syn(const char *program, const char *from, const char *to)
{
	struct raw_packet syn = {.from = from,
				 .to = to,
				 .from_port = 4000,
				 .to_port = PORT,
				 .protocol = IPPROTO_TCP,
				 .tcp_flags = NFQUEUE_TCP_SYN,
				 .sequence = 1000};
	uint64_t end_ms = netns_now() + WAIT_MS;

	start(defaults);
	assert_int_equal(inject(&syn, now), 0);
	while (!rule_count(program, "INPUT", 1) && netns_now() < end_ms)
		netns_sleep(5);
	assert_int_equal(rule_count(program, "INPUT", 1), 1);
	nfqueue_injector_free(injector);
	injector = NULL;
}

static void a_peer_answers_a_segment(void **state)
{
	netns_pair(&pair);
	rule("-A INPUT -p tcp --sport %d --tcp-flags SYN,RST,ACK RST,ACK", PORT);
	check_syn("iptables", "10.99.0.1", "10.99.0.2");
	check_syn("ip6tables", "fd99::1", "fd99::2");
}

/* --- by which way ----------------------------------------------------------------- */

static void check_interface(const char *from, const char *to, const char *any)
{
	struct netns_pair second;
	struct nfqueue_injection by_second = {0};
	int here, there;

	netns_pair(&pair);
	netns_pair_at(&second, 98);
	here = netns_udp_server(&pair, any, PORT);
	there = netns_udp_server(&second, any, PORT);
	by_second.interface = if_nametoindex(second.here_name);
	start(defaults);
	for (uint32_t i = 0; i < 5; i++)
		inject_datagram(from, to, i, by_second);
	assert_come(there, 5);
	assert_come(here, 0);
	close(here);
	close(there);
	netns_pair_close(&second);
	end(NULL);
}

static void the_interface_may_be_chosen(void **state)
{
	check_interface("10.98.0.1", "224.0.0.1", "0.0.0.0");
	check_interface("fe80::1234", "ff02::1", "::");
}

static void an_interface_that_is_not_there_is_told(void **state)
{
	struct nfqueue_injection nowhere = {.interface = 4711};
	uint32_t wire;
	struct raw_packet packet = datagram(FOREIGN, "127.0.0.1", &wire, 0);

	start(defaults);
	expect(inject(&packet, nowhere), -ENODEV, "cannot send 32 bytes to 127.0.0.1");
	packet = datagram(FOREIGN6, "fd99::2", &wire, 0);
	expect(inject(&packet, nowhere), -ENODEV, "cannot send 52 bytes to fd99::2");
	assert_counts(0, 2, 0, 0);
}

/* `ip rule` knows a route by the source, or by the mark. */
static void check_rule(const char *selector, uint32_t mark)
{
	struct nfqueue_injection marked = {.mark = mark};
	uint32_t wire;
	struct raw_packet packet = datagram(FOREIGN, "203.0.113.5", &wire, 0);
	int server;

	netns_pair(&pair);
	netns_peer_sh(&pair, "ip address add 203.0.113.5/32 dev lo");
	server = netns_udp_server(&pair, "203.0.113.5", PORT);
	start(defaults);
	expect(inject(&packet, marked), -ENETUNREACH, "unreachable");
	netns_sh("ip route add 203.0.113.0/24 via 10.99.0.2 table 77");
	netns_sh("ip rule add %s table 77", selector);
	inject_datagram(FOREIGN, "203.0.113.5", 0, marked);
	assert_come(server, 1);
	netns_sh("ip rule del %s table 77", selector);
	close(server);
	end(NULL);
}

static void the_route_is_chosen_by_source_and_mark(void **state)
{
	check_rule("from " FOREIGN, 0);
	check_rule("fwmark 0x5/0xff", 5);
}

/* --- marks ------------------------------------------------------------------------ */

static void check_mark(uint32_t guard, uint32_t mark, uint32_t expected)
{
	struct nfqueue_injection marked = {.mark = mark};
	struct nfqueue_injection later = {.mark = mark, .delay_us = 1000};

	rule("-A OUTPUT -p udp --dport %d -m mark --mark %#x", PORT, expected);
	rule("-A OUTPUT -p udp --dport %d -m mark ! --mark %#x", PORT, expected);
	start((struct nfqueue_injector_options){.guard_mark = guard});
	for (uint32_t i = 0; i < 3; i++) {
		inject_datagram(FOREIGN, "127.0.0.1", i, marked);
		inject_datagram(FOREIGN6, "::1", i, marked);
		inject_datagram(FOREIGN, "127.0.0.1", i, later);
		inject_datagram(FOREIGN6, "::1", i, later);
	}
	nfqueue_injector_flush(injector);
	assert_counts(12, 0, 0, 0);
	assert_int_equal(rule_count("iptables", "OUTPUT", 1), 6);
	assert_int_equal(rule_count("ip6tables", "OUTPUT", 1), 6);
	assert_int_equal(rule_count("iptables", "OUTPUT", 2), 0);
	assert_int_equal(rule_count("ip6tables", "OUTPUT", 2), 0);
	end(NULL);
}

static void a_packet_has_its_mark_and_the_guard_mark(void **state)
{
	check_mark(0, 0, NFQUEUE_GUARD_MARK);
	check_mark(0, 0x77, NFQUEUE_GUARD_MARK | 0x77);
	check_mark(0x40000001, 0xff00, 0x4000ff01);
	check_mark(1, UINT32_MAX, UINT32_MAX);
}

static struct nfqueue_rules *open_rules(void)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.guard_mark = NFQUEUE_GUARD_MARK};
	struct nfqueue_redirect output = {.size = sizeof(output),
					  .hook = NFQUEUE_HOOK_OUTPUT,
					  .match = "udp dst port 5000",
					  .first_queue = 3};
	struct nfqueue_redirect input = output;
	struct nfqueue_rules *rules;

	input.hook = NFQUEUE_HOOK_INPUT;
	if (nfqueue_rules_open(&rules, &options) || nfqueue_rules_add(rules, &output) ||
	    nfqueue_rules_add(rules, &input) || nfqueue_rules_install(rules))
		fail_msg("%s", nfqueue_rules_error(rules));
	return rules;
}

/* Each packet that comes up goes on twice: without the guard they would never end. */
static void what_is_injected_does_not_come_up_again(void **state)
{
	struct nfqueue *queue = open_queue((struct nfqueue_options){.queue = 3});
	struct nfqueue_rules *rules = open_rules();
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct nfqueue_injection copy = {.size = sizeof(copy)};
	struct nfqueue_packet *packet;
	uint64_t guarded, queued;
	uint32_t came[20];
	size_t length;

	start(defaults);
	netns_udp_send(client, 0, 10);
	for (int i = 0; i < 20; i++) { /* at output, and at input */
		assert_int_equal(nfqueue_recv(queue, &packet, 1, WAIT_MS), 1);
		copy.data = nfqueue_packet_data(packet, &length);
		copy.length = length;
		copy.skb_info = nfqueue_packet_skb_info(packet);
		assert_true(copy.skb_info & NFQUEUE_CHECKSUM_NOT_READY);
		if (nfqueue_packet_hook(packet) == NFQUEUE_HOOK_OUTPUT)
			assert_int_equal(nfqueue_inject(injector, &copy), 0);
		nfqueue_accept(packet);
		nfqueue_flush(queue);
	}
	assert_false(readable(queue, QUIET_MS));
	assert_int_equal(netns_udp_numbers(server, came, 20, WAIT_MS), 20);
	assert_int_equal(nfqueue_rules_counter(rules, -1, &queued, NULL), 0);
	assert_int_equal(nfqueue_rules_guard_counter(rules, &guarded), 0);
	assert_int_equal(queued, 20);
	assert_int_equal(guarded, 20); /* ten copies, in both chains */
	assert_counts(10, 0, 0, 0);
	nfqueue_rules_close(rules);
	close(client);
	close(server);
}

/* --- too long --------------------------------------------------------------------- */

#define LONG 20000

static void fill(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
}

/* Where the connection's next byte goes, in both directions: tcp(7), TCP_REPAIR. */
static uint32_t next_sequence(int fd, int which)
{
	int on = 1, off = -1; /* without a window probe */
	uint32_t sequence;
	socklen_t length = sizeof(sequence);

	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), 0);
	assert_int_equal(
		setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &which, sizeof(which)), 0);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &sequence, &length),
			 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)), 0);
	return sequence;
}

struct connection {
	int client, server;
	uint16_t port; /* of the client */
};

static struct connection connect_tcp(const char *to)
{
	struct connection made;
	struct sockaddr_storage address;
	socklen_t length = netns_address(&address, to, PORT);
	int listener = netns_peer_socket(&pair, address.ss_family, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 1), 0);
	made.client = netns_peer_socket(NULL, address.ss_family, SOCK_STREAM, 0);
	assert_int_equal(connect(made.client, (struct sockaddr *)&address, length), 0);
	made.server = accept(listener, NULL, NULL);
	assert_true(made.server >= 0);
	assert_int_equal(getsockname(made.client, (struct sockaddr *)&address, &length),
			 0);
	made.port = ntohs(((struct sockaddr_in *)&address)->sin_port);
	close(listener);
	return made;
}

static void assert_receives(int fd, const uint8_t *expected, size_t length)
{
	struct timeval timeout = {.tv_sec = WAIT_MS / 1000};
	uint8_t *bytes = malloc(length);

	assert_non_null(bytes);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	assert_int_equal(recv(fd, bytes, length, MSG_WAITALL), length);
	assert_memory_equal(bytes, expected, length);
	free(bytes);
}

static void check_long_tcp(const char *from, const char *to, struct nfqueue_injection how,
			   bool elsewhere)
{
	static uint8_t payload[LONG];
	struct connection made;
	struct raw_packet data = {.from = from,
				  .to = to,
				  .to_port = PORT,
				  .protocol = IPPROTO_TCP,
				  .dont_fragment = 1,
				  .tcp_flags = NFQUEUE_TCP_ACK | NFQUEUE_TCP_PSH,
				  .payload = payload,
				  .length = LONG};

	netns_pair(&pair);
	fill(payload, sizeof(payload));
	made = connect_tcp(to);
	data.from_port = made.port;
	data.sequence = next_sequence(made.client, TCP_SEND_QUEUE);
	data.acknowledgement = next_sequence(made.client, TCP_RECV_QUEUE);
	start(defaults);
	if (elsewhere)
		netns_peer_enter(&pair);
	assert_int_equal(inject(&data, how), 0);
	if (elsewhere)
		netns_peer_leave(&pair);
	nfqueue_injector_flush(injector);
	assert_receives(made.server, payload, LONG);
	assert_counts(1, 0, 0, 0);
	assert_int_equal(injector_stats().cut, 1);
	close(made.client);
	close(made.server);
	end(NULL);
}

static void tcp_longer_than_the_mtu_goes_in_segments(void **state)
{
	const struct nfqueue_injection later = {.delay_us = 1000};

	check_long_tcp("10.99.0.1", "10.99.0.2", now, false);
	check_long_tcp("fd99::1", "fd99::2", now, false);
	check_long_tcp("10.99.0.1", "10.99.0.2", later, false);
	check_long_tcp("fd99::1", "fd99::2", later, false);
}

/* There the destination is local, and any length goes. */
static void the_routes_are_those_of_the_namespace_it_was_opened_in(void **state)
{
	check_long_tcp("10.99.0.1", "10.99.0.2", now, true);
	check_long_tcp("fd99::1", "fd99::2", now, true);
}

/* The device takes more than the route does. */
static void the_mtu_of_the_route_counts(void **state)
{
	netns_pair(&pair);
	netns_sh("ip route add 10.99.0.2/32 dev %s mtu 700", pair.here_name);
	start(defaults);
	for (int df = 0; df < 2; df++) {
		uint8_t payload[1200] = {0};
		struct raw_packet packet = {.from = FOREIGN,
					    .to = "10.99.0.2",
					    .to_port = PORT,
					    .protocol = IPPROTO_TCP,
					    .tcp_flags = NFQUEUE_TCP_ACK,
					    .dont_fragment = (uint8_t)df,
					    .payload = payload,
					    .length = sizeof(payload)};

		assert_int_equal(inject(&packet, now), 0);
	}
	assert_counts(2, 0, 0, 0);
	assert_int_equal(injector_stats().cut, 1); /* the kernel has cut the other */
}

static void long_ipv4_goes_in_fragments_if_it_may(void **state)
{
	static uint8_t payload[LONG];
	struct raw_packet packet = {.from = FOREIGN,
				    .to = "10.99.0.2",
				    .from_port = 4000,
				    .to_port = PORT,
				    .protocol = IPPROTO_UDP,
				    .payload = payload,
				    .length = LONG};
	int server;

	netns_pair(&pair);
	fill(payload, sizeof(payload));
	server = netns_udp_server(&pair, "10.99.0.2", PORT);
	start(defaults);
	assert_int_equal(inject(&packet, now), 0);
	assert_receives(server, payload, LONG);
	packet.dont_fragment = 1;
	expect(inject(&packet, now), -EMSGSIZE, "its route takes no packet");
	packet.from = FOREIGN6;
	packet.to = "fd99::2";
	expect(inject(&packet, now), -EMSGSIZE, "its route takes no packet");
	assert_counts(1, 2, 0, 0);
	assert_int_equal(injector_stats().cut, 1);
	close(server);
}

static void a_fragment_stays_one(void **state)
{
	uint8_t bytes[28] = {0x45, 0, 0, 28, 0, 7, 0x20, 3, 64, IPPROTO_UDP};
	struct nfqueue_injection fragment = {
		.size = sizeof(fragment), .data = bytes, .length = sizeof(bytes)};

	memcpy(bytes + 12, "\xc0\0\2\7\x7f\0\0\1", 8);
	netns_sh("iptables -w -A OUTPUT -m conntrack --ctstate NEW");
	netns_sh("iptables -w -t mangle -A POSTROUTING -f");
	start(defaults);
	assert_int_equal(nfqueue_inject(injector, &fragment), 0);
	assert_int_equal(rule_count("iptables -t mangle", "POSTROUTING", 1), 1);
	netns_sh("iptables -w -t mangle -F");
}

/* --- what is refused -------------------------------------------------------------- */

static void bytes_that_are_no_packet_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *words;
	} rows[] = {
		{"", 0, "no IPv4 or IPv6 packet"},
		{"\x45", 1, "no IPv4 or IPv6 packet"},
		{"\x55\0\0\x14\0\0\0\0\x40\x11\0\0\x7f\0\0\1\x7f\0\0\1", 20,
		 "no IPv4 or IPv6 packet"},
		{"\x44\0\0\x14\0\0\0\0\x40\x11\0\0\x7f\0\0\1\x7f\0\0\1", 20,
		 "no IPv4 or IPv6 packet"},
		{"\x4f\0\0\x14\0\0\0\0\x40\x11\0\0\x7f\0\0\1\x7f\0\0\1", 20,
		 "no IPv4 or IPv6 packet"},
		{"\x45\0\0\x15\0\0\0\0\x40\x11\0\0\x7f\0\0\1\x7f\0\0\1", 20, "cut short"},
		{"\x45\0\0\x14\0\0\0\0\x40\x11\0\0\x7f\0\0\1\0\0\0\0", 20, "no address"},
		{"\x60\0\0\0\0\0\x11\x40", 8, "no IPv4 or IPv6 packet"},
	};
	struct nfqueue_injection how = {.size = sizeof(how)};

	start(defaults);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		how.data = rows[i].bytes;
		how.length = rows[i].length;
		expect(nfqueue_inject(injector, &how), -EINVAL, rows[i].words);
	}
	assert_counts(0, sizeof(rows) / sizeof(rows[0]), 0, 0);
}

static void options_of_other_versions_are_taken_if_they_are_understood(void **state)
{
	struct {
		struct nfqueue_injector_options known;
		uint64_t unknown;
	} newer = {.known.size = sizeof(newer)};
	struct {
		struct nfqueue_injection known;
		uint64_t unknown;
	} injection = {.known = {.size = sizeof(injection)}, .unknown = 1};

	assert_int_equal(nfqueue_injector_new(&injector, &newer.known), 0);
	expect(nfqueue_inject(injector, &injection.known), -EINVAL, "injection.size is");
	injection.known.size = 0;
	expect(nfqueue_inject(injector, &injection.known), -EINVAL, "injection.size is");
	injection.known.size = sizeof(injection.known);
	injection.known.delay_us = NFQUEUE_DELAY_MAX_US + 1;
	expect(nfqueue_inject(injector, &injection.known), -EINVAL, "a day");
	nfqueue_injector_free(injector);
	newer.unknown = 1;
	expect(nfqueue_injector_new(&injector, &newer.known), -EINVAL, "options.size is");
	nfqueue_injector_free(injector);
	newer.known.size = 0;
	expect(nfqueue_injector_new(&injector, &newer.known), -EINVAL, "options.size is");
	assert_string_equal(nfqueue_injector_error(NULL), "out of memory");
	assert_int_equal(nfqueue_injector_free(NULL), 0);
}

/* Where each ends is known to the kernel alone. */
static void several_datagrams_in_one_are_refused(void **state)
{
	const struct nfqueue_injection gso = {.skb_info = NFQUEUE_GSO_PACKET};
	uint32_t wire;
	struct raw_packet packet = datagram(FOREIGN, "127.0.0.1", &wire, 0);

	start(defaults);
	expect(inject(&packet, gso), -EOPNOTSUPP, "several datagrams in one");
	packet.protocol = IPPROTO_TCP;
	assert_int_equal(inject(&packet, gso), 0);
	assert_counts(1, 1, 0, 0);
}

/* The rest of it would have to be added up, too. */
static void a_fragment_without_a_checksum_is_refused(void **state)
{
	uint8_t bytes[28] = {0x45, 0, 0, 28, 0, 7, 0x20, 0, 64, IPPROTO_UDP};
	struct nfqueue_injection fragment = {.size = sizeof(fragment),
					     .data = bytes,
					     .length = sizeof(bytes),
					     .skb_info = NFQUEUE_CHECKSUM_NOT_READY};

	memcpy(bytes + 12, "\xc0\0\2\7\x7f\0\0\1", 8);
	start(defaults);
	expect(nfqueue_inject(injector, &fragment), -EOPNOTSUPP,
	       "cannot make the checksum");
	assert_counts(0, 1, 0, 0);
}

static void a_rule_that_drops_is_told(void **state)
{
	uint32_t wire;
	struct raw_packet packet = datagram(FOREIGN, "127.0.0.1", &wire, 0);

	rule("-A OUTPUT -p udp --dport %d -j DROP", PORT);
	start(defaults);
	expect(inject(&packet, now), -EPERM, "a rule of the output hook dropped it");
	packet = datagram(FOREIGN6, "::1", &wire, 0);
	expect(inject(&packet, now), -EPERM, "a rule of the output hook dropped it");
	assert_counts(0, 2, 0, 0);
}

/* What waits in a queue of somebody else is charged to the socket. */
static void a_full_buffer_is_told_at_once(void **state)
{
	enum { TRIES = 4000 };
	struct nfqueue *queue = start_on_loopback((struct nfqueue_options){
		.max_length = TRIES, .copy_range = 100, .flags = NFQUEUE_FAIL_OPEN});
	static const uint8_t payload[60000];
	uint32_t wire, sent = 0;
	struct raw_packet packet = datagram(FOREIGN, "127.0.0.1", &wire, 0);
	struct nfqueue_packet *first;
	int error = 0;

	packet.payload = payload;
	packet.length = sizeof(payload);
	start(defaults);
	while (!error && sent < TRIES) {
		error = inject(&packet, now);
		sent += !error;
	}
	expect(error, -EAGAIN, "the socket's buffer is full");
	assert_true(sent > 10);
	assert_counts(sent, 1, 0, 0);
	for (uint32_t i = 0; i < sent; i++) {
		assert_int_equal(nfqueue_recv(queue, &first, 1, WAIT_MS), 1);
		assert_int_equal(nfqueue_drop(first), 0);
	}
	flush_and_settle(queue);
	assert_int_equal(inject(&packet, now), 0);
	close(udp_client);
	close(udp_server);
}

/* A device that lets nothing through. */
static void a_full_device_queue_is_told(void **state)
{
	static const uint8_t payload[1200];
	uint32_t wire;
	struct raw_packet packet = datagram(FOREIGN, "10.99.0.2", &wire, 0);
	int error = 0;

	netns_pair(&pair);
	netns_need("the tbf queueing discipline",
		   "tc qdisc add dev lo root tbf rate 8kbit burst 2kb limit 6kb && "
		   "tc qdisc del dev lo root");
	netns_sh("tc qdisc add dev %s root tbf rate 8kbit burst 2kb limit 6kb",
		 pair.here_name);
	packet.payload = payload;
	packet.length = sizeof(payload);
	start(defaults);
	for (int i = 0; i < 20 && !error; i++)
		error = inject(&packet, now);
	expect(error, -ENOBUFS, "the queue of the device is full");
}

/* Returns 0 if the words are right. */
static int try_without(uint64_t capabilities, const char *words)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct sets[2];
	struct nfqueue_injector *none;
	int error;

	if (syscall(SYS_capget, &header, sets) < 0)
		return 1;
	sets[0].effective &= ~(uint32_t)capabilities;
	if (syscall(SYS_capset, &header, sets) < 0)
		return 2;
	error = nfqueue_injector_new(&none, NULL);
	fprintf(stderr, "%d: %s\n", error, nfqueue_injector_error(none));
	if (error != -EPERM || !strstr(nfqueue_injector_error(none), words))
		return 3;
	nfqueue_injector_free(none);
	return 0;
}

static void without_the_right_it_says_so(void **state)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(try_without(1ull << CAP_NET_RAW, "no CAP_NET_RAW"));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_peer_gets_what_anybody_sent),
		TEST(a_local_address_gets_what_anybody_sent),
		TEST(packets_of_others_are_forwarded),
		TEST(a_peer_answers_a_segment),
		TEST(the_interface_may_be_chosen),
		TEST(an_interface_that_is_not_there_is_told),
		TEST(the_route_is_chosen_by_source_and_mark),
		TEST(a_packet_has_its_mark_and_the_guard_mark),
		TEST(what_is_injected_does_not_come_up_again),
		TEST(tcp_longer_than_the_mtu_goes_in_segments),
		TEST(the_routes_are_those_of_the_namespace_it_was_opened_in),
		TEST(the_mtu_of_the_route_counts),
		TEST(long_ipv4_goes_in_fragments_if_it_may),
		TEST(a_fragment_stays_one),
		TEST(bytes_that_are_no_packet_are_refused),
		TEST(options_of_other_versions_are_taken_if_they_are_understood),
		TEST(several_datagrams_in_one_are_refused),
		TEST(a_fragment_without_a_checksum_is_refused),
		TEST(a_rule_that_drops_is_told),
		TEST(a_full_buffer_is_told_at_once),
		TEST(a_full_device_queue_is_told),
		TEST(without_the_right_it_says_so),
	};

	netns_enter(argc > 1 && strcmp(argv[1], "--user") == 0 ? NETNS_USER : 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

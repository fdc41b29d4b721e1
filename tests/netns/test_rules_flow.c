/* SPDX-License-Identifier: MIT */
/* Flow verdicts: what was decided for one packet, the kernel does with the others. */
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>

#include "rules_fixture.h"

#define QUEUE 3
#define MASK 0x00ff0000u
#define AGAIN 5 /* packets behind the one that was decided */
#define MATCH                                                                           \
	"udp dst port 5001 or tcp dst port 5001 or icmp[0] == 8 or (icmp6 and ip6[40] " \
	"== 128)"

/* --- one flow --------------------------------------------------------------------- */

enum protocol { UDP, ECHO, TCP };

struct flow {
	enum protocol protocol;
	const char *ip;
	const struct netns_pair *from, *to;
	int client, server, stream; /* stream: TCP's, accepted */
	uint16_t id;                /* ECHO */
	bool connected;
};

static int family_of(const char *ip)
{
	return strchr(ip, ':') ? AF_INET6 : AF_INET;
}

static void open_echo(struct flow *flow)
{
	static uint16_t next_id = 1000;
	int family = family_of(flow->ip);
	struct sockaddr_storage to;
	socklen_t length = netns_address(&to, flow->ip, 0);

	flow->id = next_id++;
	flow->client =
		netns_peer_socket(flow->from, family, SOCK_RAW | SOCK_NONBLOCK,
				  family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	assert_int_equal(connect(flow->client, (struct sockaddr *)&to, length), 0);
}

static void open_tcp(struct flow *flow)
{
	int family = family_of(flow->ip), on = 1;
	struct sockaddr_storage at;
	socklen_t length = netns_address(&at, flow->ip, PORT);

	flow->server =
		netns_peer_socket(flow->to, family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(flow->server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(flow->server, (struct sockaddr *)&at, length), 0);
	assert_int_equal(listen(flow->server, 8), 0);
	flow->client =
		netns_peer_socket(flow->from, family, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static void open_flow(struct flow *flow)
{
	flow->client = flow->server = flow->stream = -1;
	flow->connected = false;
	if (flow->protocol == ECHO) {
		open_echo(flow);
	} else if (flow->protocol == TCP) {
		open_tcp(flow);
	} else {
		flow->server = netns_udp_server(flow->to, flow->ip, PORT);
		flow->client = netns_udp_client(flow->from, flow->ip, PORT);
	}
}

/* What TCP has not sent yet is not sent any more: it would meet the next rules. */
static void close_flow(struct flow *flow)
{
	const struct linger at_once = {.l_onoff = 1};

	for (int i = 0; i < 3; i++) {
		int fd = i == 0 ? flow->client : i == 1 ? flow->server : flow->stream;

		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(fd);
	}
	flow->client = flow->server = flow->stream = -1;
}

static uint16_t checksum(const uint16_t *words, size_t count)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += words[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void send_echo(const struct flow *flow)
{
	static uint16_t sequence;
	struct icmphdr echo = {.type = ICMP_ECHO};

	if (family_of(flow->ip) == AF_INET6)
		echo.type = ICMP6_ECHO_REQUEST;
	echo.un.echo.id = htons(flow->id);
	echo.un.echo.sequence = htons(++sequence);
	if (echo.type == ICMP_ECHO)
		echo.checksum = checksum((const uint16_t *)&echo, sizeof(echo) / 2);
	send(flow->client, &echo, sizeof(echo), 0);
}

/* One packet, or what TCP makes of it. What is dropped at output is refused: EPERM. */
static void send_one(struct flow *flow)
{
	struct sockaddr_storage to;
	socklen_t length = netns_address(&to, flow->ip, PORT);

	if (flow->protocol == ECHO) {
		send_echo(flow);
	} else if (flow->protocol == TCP && !flow->connected) {
		connect(flow->client, (struct sockaddr *)&to, length);
		flow->connected = true;
	} else {
		send(flow->client, "x", 1, MSG_NOSIGNAL);
	}
}

/* Ours among the echo replies: a raw socket sees all, on loopback the requests, too. */
static bool is_reply(const struct flow *flow, const uint8_t *bytes, ssize_t length)
{
	bool v6 = family_of(flow->ip) == AF_INET6;
	size_t at = v6 ? 0 : 20;
	struct icmphdr echo;

	if (length < (ssize_t)(at + sizeof(echo)))
		return false;
	memcpy(&echo, bytes + at, sizeof(echo));
	return echo.un.echo.id == htons(flow->id) &&
	       echo.type == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY);
}

static uint32_t receive_now(struct flow *flow)
{
	int fd = flow->protocol == UDP ? flow->server : flow->client;
	uint32_t came = 0;
	uint8_t bytes[256];
	ssize_t n;

	if (flow->protocol == TCP) {
		if (flow->stream < 0)
			flow->stream = accept4(flow->server, NULL, NULL, SOCK_NONBLOCK);
		fd = flow->stream;
	}
	while (fd >= 0 && (n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		if (flow->protocol == TCP)
			came += (uint32_t)n;
		else if (flow->protocol == UDP || is_reply(flow, bytes, n))
			came++;
	}
	return came;
}

/* How many came to their end: all that are expected, or none more for a while. */
static uint32_t delivered(struct flow *flow, uint32_t expected)
{
	uint64_t end = netns_now() + (expected ? 5000 : NO_MORE_MS);
	uint32_t came = 0;

	do {
		came += receive_now(flow);
		netns_sleep(2);
	} while ((came < expected || !expected) && netns_now() < end);
	return came;
}

/* --- rules ------------------------------------------------------------------------ */

static void install(uint32_t mask, enum nfqueue_hook hook, const char *match)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = NFQUEUE_ON_CRASH_CLOSED,
						.flow_mask = mask};
	struct nfqueue_redirect wanted = redirect(hook, match, QUEUE);

	check(rules, nfqueue_rules_open(&rules, &options));
	check(rules, nfqueue_rules_add(rules, &wanted));
	check(rules, nfqueue_rules_install(rules));
}

static struct nfqueue_flow_marks marks_now(void)
{
	struct nfqueue_flow_marks marks;

	check(rules, nfqueue_rules_flow_marks(rules, &marks));
	return marks;
}

static uint64_t flow_counted(bool drop)
{
	uint64_t accepted, dropped;

	check(rules, nfqueue_rules_flow_counter(rules, &accepted, &dropped));
	return drop ? dropped : accepted;
}

static bool counted_by(bool drop, uint64_t least)
{
	for (int i = 0; i < 1000 && flow_counted(drop) < least; i++)
		netns_sleep(10);
	return flow_counted(drop) >= least;
}

/* The verdict for what is there; a retransmission may have come beside it. */
static void decide(uint32_t mark)
{
	assert_true(listener_read(&listener, 1, 5000) >= 1);
	listener_mark(&listener, mark);
	listener_read(&listener, 0, 0);
	listener_mark(&listener, mark);
}

/* --- each protocol, at each hook, IPv4 and IPv6 ----------------------------------- */

/* A packet that comes up and is accepted, for itself alone. */
static void pass_one(struct flow *flow)
{
	uint64_t end = netns_now() + 5000;
	bool tcp = flow->protocol == TCP;

	send_one(flow);
	if (!tcp) {
		assert_int_equal(listener_pass(&listener, 1, 5000), 1);
		assert_int_equal(delivered(flow, 1), 1);
		return;
	}
	while (flow->stream < 0 && netns_now() < end) {
		listener_pass(&listener, 1, 10);
		receive_now(flow);
	}
	assert_true(flow->stream >= 0);
	while (listener_pass(&listener, 1, 50))
		;
}

/* TCP sends what is dropped again, and waits with the rest; before it is connected it
 * has nothing to send. */
static void check_dropped(struct flow *flow)
{
	for (int i = 0; i < AGAIN; i++)
		send_one(flow);
	assert_true(counted_by(true, flow->protocol == TCP ? 1 : AGAIN));
	assert_int_equal(delivered(flow, 0), 0);
	assert_int_equal(listener_read(&listener, 1, 0), 0);
	if (flow->protocol != TCP)
		assert_int_equal(flow_counted(true), AGAIN);
	assert_int_equal(flow_counted(false), 0);
}

static void check_accepted(struct flow *flow, bool first)
{
	uint32_t came = 0;

	if (flow->protocol == TCP && first) { /* the one that was decided was a SYN */
		for (int i = 0; i < 1000 && flow->stream < 0; i++) {
			receive_now(flow);
			netns_sleep(5);
		}
		assert_true(flow->stream >= 0);
	} else {
		came += delivered(flow, 1);
	}
	for (int i = 0; i < AGAIN; i++) {
		send_one(flow);
		came += delivered(flow, 1);
	}
	assert_int_equal(came, AGAIN + !(flow->protocol == TCP && first));
	assert_int_equal(listener_read(&listener, 1, 0), 0);
	assert_true(flow_counted(false) >= AGAIN); /* more: the answers, at forward */
	if (flow->protocol == UDP)
		assert_int_equal(flow_counted(false), AGAIN);
	assert_int_equal(flow_counted(true), 0);
}

static void one_flow(struct flow *flow, enum nfqueue_hook hook, bool first, bool drop)
{
	struct nfqueue_flow_marks marks;

	install(MASK, hook, MATCH);
	marks = marks_now();
	open_flow(flow);
	if (!first)
		pass_one(flow);
	send_one(flow);
	decide(drop ? marks.drop : marks.accept);
	if (drop)
		check_dropped(flow);
	else
		check_accepted(flow, first);
	assert_int_equal(counted(0), counted(-1));
	close_flow(flow);
	nfqueue_rules_close(rules);
	rules = NULL;
}

static void each_hook(enum protocol protocol, bool drop)
{
	struct {
		enum nfqueue_hook hook;
		const struct netns_pair *from, *to;
		const char *ip[2];
	} hooks[] = {
		{NFQUEUE_HOOK_INPUT, &pair, NULL, {"10.99.0.1", "fd99::1"}},
		{NFQUEUE_HOOK_FORWARD, &pair, &second, {"10.98.0.2", "fd98::2"}},
		{NFQUEUE_HOOK_OUTPUT, NULL, &pair, {"10.99.0.2", "fd99::2"}},
	};

	netns_need_queue();
	netns_pair(&pair);
	netns_pair_at(&second, 98);
	netns_forward();
	listener_open(&listener, QUEUE);
	for (size_t i = 0; i < 12; i++) {
		size_t h = i / 4;
		struct flow flow = {.protocol = protocol,
				    .ip = hooks[h].ip[i & 1],
				    .from = hooks[h].from,
				    .to = hooks[h].to};

		one_flow(&flow, hooks[h].hook, i & 2, drop);
	}
}

static void an_accepted_udp_flow_does_not_come_up_again(void **state)
{
	each_hook(UDP, false);
}

static void a_dropped_udp_flow_does_not_come_up_again(void **state)
{
	each_hook(UDP, true);
}

static void an_accepted_echo_flow_does_not_come_up_again(void **state)
{
	each_hook(ECHO, false);
}

static void a_dropped_echo_flow_does_not_come_up_again(void **state)
{
	each_hook(ECHO, true);
}

static void an_accepted_tcp_flow_does_not_come_up_again(void **state)
{
	each_hook(TCP, false);
}

static void a_dropped_tcp_flow_does_not_come_up_again(void **state)
{
	each_hook(TCP, true);
}

/* --- on loopback ------------------------------------------------------------------ */

static struct flow udp = {
	.protocol = UDP, .ip = "127.0.0.1", .client = -1, .server = -1, .stream = -1};

static int close_udp(void **state)
{
	close_flow(&udp);
	return clean_up(state);
}

static void start_udp(enum nfqueue_hook hook)
{
	netns_need_queue();
	install(MASK, hook, MATCH);
	listener_open(&listener, QUEUE);
	open_flow(&udp);
}

static void the_bits_of_others_are_left_alone(void **state)
{
	netns_need_command("nft");
	start_udp(NFQUEUE_HOOK_INPUT);
	netns_sh("nft -f - <<'EOF'\n"
		 "table inet other {\n"
		 "	counter untouched { }\n"
		 "	chain before { type filter hook prerouting priority -150;\n"
		 "		udp dport 5001 ct mark set ct mark | 0x50000005;\n"
		 "		udp dport 5001 meta mark set 0x60000006; }\n"
		 "	chain behind { type filter hook input priority 10;\n"
		 "		udp dport 5001 meta mark 0x60000006 "
		 "ct mark & 0xff00ffff == 0x50000005 counter name untouched; }\n"
		 "}\nEOF");
	send_one(&udp);
	decide(0x60000006 | marks_now().accept);
	assert_int_equal(delivered(&udp, 1), 1);
	send_one(&udp);
	assert_int_equal(delivered(&udp, 1), 1);
	assert_int_equal(flow_counted(false), 1);
	netns_sh("nft list counter inet other untouched | grep 'packets 2 '");
	netns_try("nft delete table inet other");
}

static void a_flow_is_both_directions(void **state)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	char byte;

	netns_need_queue();
	install(MASK, NFQUEUE_HOOK_INPUT, "udp port 5001");
	listener_open(&listener, QUEUE);
	open_flow(&udp);
	send_one(&udp);
	decide(marks_now().accept);
	assert_true(netns_now() &&
		    poll(&(struct pollfd){udp.server, POLLIN, 0}, 1, 5000) == 1);
	assert_int_equal(
		recvfrom(udp.server, &byte, 1, 0, (struct sockaddr *)&from, &length), 1);
	assert_int_equal(sendto(udp.server, "r", 1, 0, (struct sockaddr *)&from, length),
			 1);
	assert_int_equal(poll(&(struct pollfd){udp.client, POLLIN, 0}, 1, 5000), 1);
	assert_int_equal(listener_read(&listener, 1, 0), 0);
	assert_int_equal(flow_counted(false), 1);
}

/* Each by its own ports, or ICMP by its id. */
static void other_flows_come_up(void **state)
{
	struct flow more = udp;

	start_udp(NFQUEUE_HOOK_INPUT);
	send_one(&udp);
	decide(marks_now().drop);
	open_flow(&more);
	send_one(&more);
	assert_int_equal(listener_read(&listener, 1, 5000), 1);
	listener_accept(&listener);
	close_flow(&more);
	more.protocol = ECHO;
	for (int i = 0; i < 2; i++) {
		open_flow(&more);
		send_one(&more);
		decide(marks_now().drop);
		close_flow(&more);
	}
	assert_int_equal(flow_counted(true), 0);
}

/* At output: at input of loopback a connection is confirmed, the packet has been out. */
static void only_dropped_first_packets_are_kept_in_the_set(void **state)
{
	netns_need_command("nft");
	start_udp(NFQUEUE_HOOK_OUTPUT);
	send_one(&udp);
	decide(marks_now().drop);
	netns_sh("nft list set inet nfqueue-3 flow-dropped-ipv4-1 | "
		 "grep '127.0.0.1 . 127.0.0.1 . udp . [0-9]* . 5001 '");
	close_flow(&udp);
	check(rules, nfqueue_rules_revoke_flows(rules));
	open_flow(&udp);
	pass_one(&udp);
	send_one(&udp);
	decide(marks_now().drop);
	netns_sh("! nft list set inet nfqueue-3 flow-dropped-ipv4-2 | grep 127.0.0.1");
}

static void what_is_not_tracked_comes_up_each_time(void **state)
{
	netns_need_command("nft");
	start_udp(NFQUEUE_HOOK_INPUT);
	netns_sh("nft add table inet other");
	netns_sh("nft 'add chain inet other first { type filter hook output priority "
		 "-300; }'");
	netns_sh("nft add rule inet other first udp dport 5001 notrack");
	for (int i = 0; i < 3; i++) {
		send_one(&udp);
		assert_int_equal(listener_read(&listener, 1, 5000), 1);
		listener_mark(&listener, i == 2 ? marks_now().drop : marks_now().accept);
		assert_int_equal(delivered(&udp, i != 2), i != 2);
	}
	netns_try("nft delete table inet other");
}

static void stop_carries_out_flow_verdicts_of_what_waits(void **state)
{
	start_udp(NFQUEUE_HOOK_INPUT);
	send_one(&udp);
	send_one(&udp);
	assert_int_equal(listener_read(&listener, 2, 5000), 2);
	check(rules, nfqueue_rules_stop(rules));
	listener_mark(&listener, marks_now().drop);
	assert_int_equal(delivered(&udp, 0), 0);
	send_one(&udp);
	assert_int_equal(delivered(&udp, 1), 1);
}

/* --- what is refused -------------------------------------------------------------- */

static void two_tables_with_the_same_bits_are_refused(void **state)
{
	struct nfqueue_rules_options options = {
		.size = sizeof(options), .name = "nfqueue-more", .flow_mask = 0x00180000};
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, NULL, 9);
	struct nfqueue_rules *more = NULL;

	install(MASK, NFQUEUE_HOOK_INPUT, MATCH);
	check(more, nfqueue_rules_open(&more, &options));
	check(more, nfqueue_rules_add(more, &wanted));
	assert_int_equal(nfqueue_rules_install(more), -EBUSY);
	assert_non_null(
		strstr(nfqueue_rules_error(more), "nfqueue-3 uses the bits 0x180000"));
	nfqueue_rules_close(more);
	options.flow_mask = 0x300;
	check(more, nfqueue_rules_open(&more, &options));
	check(more, nfqueue_rules_add(more, &wanted));
	check(more, nfqueue_rules_install(more));
	nfqueue_rules_close(more);
}

static void without_a_mask_there_are_no_flow_verdicts(void **state)
{
	netns_need_command("nft");
	install(0, NFQUEUE_HOOK_INPUT, MATCH);
	assert_int_equal(marks_now().mask, 0);
	assert_int_equal(nfqueue_rules_flow_counter(rules, NULL, NULL), -ENOENT);
	assert_int_equal(nfqueue_rules_revoke_flows(rules), -ENOENT);
	netns_sh("! nft list table inet nfqueue-3 | grep flow");
}

#define FLOW_TEST(name) cmocka_unit_test_teardown(name, close_udp)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(an_accepted_udp_flow_does_not_come_up_again),
		TEST(a_dropped_udp_flow_does_not_come_up_again),
		TEST(an_accepted_echo_flow_does_not_come_up_again),
		TEST(a_dropped_echo_flow_does_not_come_up_again),
		TEST(an_accepted_tcp_flow_does_not_come_up_again),
		TEST(a_dropped_tcp_flow_does_not_come_up_again),
		FLOW_TEST(the_bits_of_others_are_left_alone),
		FLOW_TEST(a_flow_is_both_directions),
		FLOW_TEST(other_flows_come_up),
		FLOW_TEST(only_dropped_first_packets_are_kept_in_the_set),
		FLOW_TEST(what_is_not_tracked_comes_up_each_time),
		FLOW_TEST(stop_carries_out_flow_verdicts_of_what_waits),
		TEST(two_tables_with_the_same_bits_are_refused),
		TEST(without_a_mask_there_are_no_flow_verdicts),
	};

	netns_enter(argc > 1 && strcmp(argv[1], "--user") == 0 ? NETNS_USER : 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

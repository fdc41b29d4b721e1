/* SPDX-License-Identifier: MIT */
/* Rules that go from process to process, with their socket. */
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "rules_fixture.h"

#define QUEUE 3
#define MASK 0xff00u
#define REVOCATIONS 4

static struct nfqueue_rules_options options_of(enum nfqueue_on_crash on_crash,
					       uint32_t mask)
{
	return (struct nfqueue_rules_options){
		.size = sizeof(struct nfqueue_rules_options),
		.on_crash = on_crash,
		.flow_mask = mask};
}

/* Installs, revokes, hands its socket over; then releases it, or waits to be killed. */
static void be_first(int channel, enum nfqueue_on_crash on_crash, uint32_t mask)
{
	struct nfqueue_rules_options options = options_of(on_crash, mask);
	struct nfqueue_redirect wanted =
		redirect(NFQUEUE_HOOK_INPUT, "udp dst port 5001", QUEUE);
	struct nfqueue_rules *own;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (nfqueue_rules_open(&own, &options) || nfqueue_rules_add(own, &wanted) ||
	    nfqueue_rules_install(own)) {
		fprintf(stderr, "%s\n", nfqueue_rules_error(own));
		_exit(1);
	}
	for (int i = 0; mask && i < REVOCATIONS; i++)
		if (nfqueue_rules_revoke_flows(own))
			_exit(2);
	if (netns_send_fd(channel, nfqueue_rules_fd(own)) < 0)
		_exit(3);
	if (read(channel, &byte, 1) != 1)
		_exit(4);
	nfqueue_rules_release(own);
	if (write(channel, "r", 1) == 1)
		pause();
	_exit(0);
}

struct predecessor {
	pid_t pid;
	int channel, fd;
};

static struct predecessor start_first(enum nfqueue_on_crash on_crash, uint32_t mask)
{
	struct predecessor first;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	first.pid = fork();
	assert_true(first.pid >= 0);
	if (first.pid == 0) {
		close(ends[0]);
		be_first(ends[1], on_crash, mask);
	}
	note_owner(first.pid);
	close(ends[1]);
	first.channel = ends[0];
	first.fd = netns_receive_fd(first.channel);
	return first;
}

static void release_first(const struct predecessor *first)
{
	char byte;

	assert_int_equal(write(first->channel, "x", 1), 1);
	assert_int_equal(read(first->channel, &byte, 1), 1);
}

static void end_first(struct predecessor *first)
{
	kill_owner(first->pid);
	close(first->channel);
}

static void add(const char *match)
{
	struct nfqueue_redirect wanted = redirect(NFQUEUE_HOOK_INPUT, match, QUEUE);

	check(rules, nfqueue_rules_add(rules, &wanted));
}

/* --- what waits and what comes ---------------------------------------------------- */

static void hand_over(enum nfqueue_on_crash on_crash, uint32_t mask, bool killed)
{
	struct predecessor first;
	struct nfqueue_rules_table row;
	struct traffic traffic;

	listener_open(&listener, QUEUE);
	first = start_first(on_crash, mask);
	traffic_start(&traffic);
	traffic_pass_some(&traffic, 200);
	if (killed)
		end_first(&first);
	traffic_pass_some(&traffic, 200);
	check(rules, nfqueue_rules_adopt(&rules, first.fd, NULL));
	traffic_pass_some(&traffic, 200);
	add("udp port 5002");
	add("udp port 5001");
	check(rules, nfqueue_rules_install(rules));
	traffic_pass_some(&traffic, 200);
	if (!killed) {
		release_first(&first);
		traffic_pass_some(&traffic, 200);
		end_first(&first);
	}
	traffic_stop(&traffic);
	assert_int_equal(counted(-1), traffic.sent);
	assert_int_equal(counted(0), 0);
	assert_true(counted(1) >= 200 - TRAFFIC_UNDER_WAY);
	assert_true(counted(1) <= traffic.sent - 600);
	assert_int_equal(nfqueue_rules_list(&row, 1), 1);
	assert_string_equal(row.name, "nfqueue-3");
	assert_int_equal(row.pid, getpid());
	nfqueue_rules_close(rules);
	rules = NULL;
	assert_int_equal(table_count(), 0);
	listener_close(&listener);
}

static void no_packet_passes_by_a_hand_over(void **state)
{
	netns_need_queue();
	hand_over(NFQUEUE_ON_CRASH_OPEN, 0, false);
	hand_over(NFQUEUE_ON_CRASH_OPEN, MASK, false);
	hand_over(NFQUEUE_ON_CRASH_CLOSED, 0, false);
	hand_over(NFQUEUE_ON_CRASH_CLOSED, MASK, false);
}

/* Somebody kept the socket: here the test, else a store of file descriptors. */
static void no_packet_passes_by_a_hand_over_after_a_kill(void **state)
{
	netns_need_queue();
	hand_over(NFQUEUE_ON_CRASH_OPEN, 0, true);
	hand_over(NFQUEUE_ON_CRASH_OPEN, MASK, true);
	hand_over(NFQUEUE_ON_CRASH_CLOSED, 0, true);
	hand_over(NFQUEUE_ON_CRASH_CLOSED, MASK, true);
}

/* --- flow verdicts ---------------------------------------------------------------- */

static void decided_flows_stay_decided(void **state)
{
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct nfqueue_flow_marks marks;
	struct predecessor first;
	struct netns_tally tally;

	netns_need_queue();
	listener_open(&listener, QUEUE);
	first = start_first(NFQUEUE_ON_CRASH_CLOSED, MASK);
	end_first(&first);
	netns_udp_send(client, 0, 1);
	assert_int_equal(listener_read(&listener, 1, 1000), 1);
	check(rules, nfqueue_rules_adopt(&rules, first.fd, NULL));
	check(rules, nfqueue_rules_flow_marks(rules, &marks));
	assert_int_equal(marks.mask, MASK);
	assert_int_equal(marks.accept, (1 + REVOCATIONS) << 9);
	assert_int_equal(marks.drop, marks.accept | 0x100);
	listener_mark(&listener, marks.accept);
	netns_udp_send(client, 1, 5);
	add("udp port 5001");
	check(rules, nfqueue_rules_install(rules));
	netns_udp_send(client, 6, 5);
	netns_udp_collect(server, 0, 11, 1000, &tally, NULL);
	assert_int_equal(tally.received, 11);
	assert_int_equal(listener_read(&listener, 1, 0), 0);
	check(rules, nfqueue_rules_revoke_flows(rules));
	netns_udp_send(client, 11, 1);
	assert_int_equal(listener_pass(&listener, 1, 1000), 1);
	close(client);
	close(server);
}

/* The connection tracking is hooked for the first time, which drops nothing. */
static void adopted_rules_may_get_flow_verdicts(void **state)
{
	struct nfqueue_rules_options options = options_of(NFQUEUE_ON_CRASH_CLOSED, MASK);
	int server = netns_udp_server(NULL, "127.0.0.1", PORT);
	int client = netns_udp_client(NULL, "127.0.0.1", PORT);
	struct nfqueue_flow_marks marks;
	struct predecessor first;

	netns_need_queue();
	listener_open(&listener, QUEUE);
	first = start_first(NFQUEUE_ON_CRASH_CLOSED, 0);
	end_first(&first);
	netns_udp_send(client, 0, 10);
	check(rules, nfqueue_rules_adopt(&rules, first.fd, &options));
	add("udp port 5001");
	check(rules, nfqueue_rules_install(rules));
	assert_int_equal(listener_pass(&listener, 10, 1000), 10);
	check(rules, nfqueue_rules_flow_marks(rules, &marks));
	netns_udp_send(client, 10, 1);
	assert_int_equal(listener_read(&listener, 1, 1000), 1);
	listener_mark(&listener, marks.drop);
	netns_udp_send(client, 11, 5);
	assert_int_equal(listener_read(&listener, 1, NO_MORE_MS), 0);
	close(client);
	close(server);
}

/* --- without an install ----------------------------------------------------------- */

static void adopted_rules_can_be_stopped_and_closed(void **state)
{
	struct predecessor first = start_first(NFQUEUE_ON_CRASH_CLOSED, MASK);
	char text[64];

	end_first(&first);
	check(rules, nfqueue_rules_adopt(&rules, first.fd, NULL));
	assert_int_equal(nfqueue_rules_text(rules, text, sizeof(text)), 0);
	assert_int_equal(loopback("127.0.0.1", PORT, 5), 0);
	assert_int_equal(counted(-1), 5);
	assert_int_equal(nfqueue_rules_counter(rules, 0, NULL, NULL), -ENOENT);
	assert_int_equal(nfqueue_rules_install(rules), -EINVAL);
	check(rules, nfqueue_rules_stop(rules));
	assert_int_equal(loopback("127.0.0.1", PORT, 5), 5);
	assert_int_equal(counted(-1), 5);
	nfqueue_rules_close(rules);
	rules = NULL;
	assert_int_equal(table_count(), 0);
}

static void what_nobody_adopts_is_as_after_a_crash(void **state)
{
	for (int mode = NFQUEUE_ON_CRASH_OPEN; mode <= NFQUEUE_ON_CRASH_CLOSED; mode++) {
		struct predecessor first = start_first(mode, 0);

		check(rules, nfqueue_rules_adopt(&rules, first.fd, NULL));
		release_first(&first);
		end_first(&first);
		assert_int_equal(table_count(), 1);
		nfqueue_rules_release(rules);
		rules = NULL;
		assert_int_equal(table_count(), mode);
		assert_int_equal(nfqueue_rules_clean(), mode);
	}
}

/* --- what is refused -------------------------------------------------------------- */

static void refuse(int fd, const struct nfqueue_rules_options *options, int code,
		   const char *words)
{
	int status = nfqueue_rules_adopt(&rules, fd, options);

	if (status != code || !strstr(nfqueue_rules_error(rules), words))
		fail_msg("%d: %s", status, nfqueue_rules_error(rules));
	nfqueue_rules_close(rules);
	rules = NULL;
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void what_cannot_be_adopted_is_refused_with_words(void **state)
{
	struct nfqueue_rules_options other_crash = options_of(NFQUEUE_ON_CRASH_OPEN, 0);
	struct nfqueue_rules_options other_mask =
		options_of(NFQUEUE_ON_CRASH_CLOSED, 0xff);
	struct nfqueue_rules_options no_mask = options_of(NFQUEUE_ON_CRASH_CLOSED, 1);
	struct predecessor first = start_first(NFQUEUE_ON_CRASH_CLOSED, MASK);

	refuse(open("/dev/null", O_RDONLY), NULL, -EINVAL, "no open nfnetlink socket");
	refuse(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), NULL, -EINVAL,
	       "no open nfnetlink socket");
	refuse(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), NULL, -ENOENT,
	       "no table of ours");
	refuse(dup(first.fd), &no_mask, -EINVAL, "at least 2 bits");
	refuse(dup(first.fd), &other_crash, -EINVAL, "is on crash closed");
	refuse(dup(first.fd), &other_mask, -EINVAL, "has flow mask 0xff00");
	assert_int_equal(table_count(), 1);
	check(rules, nfqueue_rules_adopt(&rules, first.fd, NULL));
	close(first.channel);
}

/* Of a request that the killed process did not live to see answered. */
static void unread_answers_are_no_hindrance(void **state)
{
	struct predecessor first = start_first(NFQUEUE_ON_CRASH_CLOSED, MASK);
	struct nlmsghdr dump = {.nlmsg_len = 20,
				.nlmsg_type = 10 << 8 | 1, /* NFT_MSG_GETTABLE */
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
	struct {
		struct nlmsghdr header;
		uint32_t family;
	} request = {dump, 0}, nonsense = {dump, 0};

	end_first(&first);
	nonsense.header.nlmsg_flags = NLM_F_REQUEST;
	assert_int_equal(send(first.fd, &nonsense, sizeof(nonsense), 0), 20);
	assert_int_equal(send(first.fd, &request, sizeof(request), 0), 20);
	check(rules, nfqueue_rules_adopt(&rules, first.fd, NULL));
	add("udp port 5001");
	check(rules, nfqueue_rules_install(rules));
	check(rules, nfqueue_rules_revoke_flows(rules));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(no_packet_passes_by_a_hand_over),
		TEST(no_packet_passes_by_a_hand_over_after_a_kill),
		TEST(decided_flows_stay_decided),
		TEST(adopted_rules_may_get_flow_verdicts),
		TEST(adopted_rules_can_be_stopped_and_closed),
		TEST(what_nobody_adopts_is_as_after_a_crash),
		TEST(what_cannot_be_adopted_is_refused_with_words),
		TEST(unread_answers_are_no_hindrance),
	};

	netns_enter(argc > 1 && strcmp(argv[1], "--user") == 0 ? NETNS_USER : 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

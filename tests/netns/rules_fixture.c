/* SPDX-License-Identifier: MIT */
#include "rules_fixture.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct netns_pair pair, second;
struct nfqueue_rules *rules;
struct listener listener;
static pid_t owners[4]; /* processes a test started and has not killed */

void kill_owner(pid_t pid)
{
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
		if (owners[i] == pid)
			owners[i] = 0;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

void note_owner(pid_t pid)
{
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		if (owners[i])
			continue;
		owners[i] = pid;
		return;
	}
	fail_msg("too many processes");
}

int clean_up(void **state)
{
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
		if (owners[i])
			kill_owner(owners[i]);
	nfqueue_rules_close(rules);
	rules = NULL;
	listener_close(&listener);
	netns_pair_close(&second);
	netns_pair_close(&pair);
	netns_try("nft flush ruleset");
	return 0;
}

struct nfqueue_redirect redirect(enum nfqueue_hook hook, const char *match,
				 uint16_t queue)
{
	return (struct nfqueue_redirect){.size = sizeof(struct nfqueue_redirect),
					 .hook = hook,
					 .match = match,
					 .first_queue = queue};
}

void check(struct nfqueue_rules *handle, int status)
{
	if (status != 0)
		fail_msg("%d: %s", status, nfqueue_rules_error(handle));
}

void set_up(struct nfqueue_rules **handle, enum nfqueue_on_crash on_crash,
	    const struct nfqueue_redirect *wanted)
{
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = on_crash};

	check(*handle, nfqueue_rules_open(handle, &options));
	check(*handle, nfqueue_rules_add(*handle, wanted));
	check(*handle, nfqueue_rules_install(*handle));
}

uint64_t counted(int index)
{
	uint64_t packets;

	check(rules, nfqueue_rules_counter(rules, index, &packets, NULL));
	return packets;
}

int table_count(void)
{
	int count = nfqueue_rules_list(NULL, 0);

	assert_true(count >= 0);
	return count;
}

uint32_t loopback(const char *ip, uint16_t port, uint32_t count)
{
	int server = netns_udp_server(NULL, ip, port);
	int client = netns_udp_client(NULL, ip, port);
	struct netns_tally tally;

	netns_udp_exchange(client, server, count, NO_MORE_MS, &tally);
	close(client);
	close(server);
	return tally.received;
}

static void *send_always(void *context)
{
	struct traffic *traffic = context;
	unsigned int sent = 0;

	while (!atomic_load(&traffic->stop)) {
		if (sent - atomic_load(&traffic->passed) >= TRAFFIC_UNDER_WAY) {
			usleep(100);
			continue;
		}
		netns_udp_send(traffic->client, sent, 1);
		atomic_store(&traffic->sent, ++sent);
		usleep(20);
	}
	return NULL;
}

void traffic_start(struct traffic *traffic)
{
	memset(traffic, 0, sizeof(*traffic));
	traffic->server = netns_udp_server(NULL, "127.0.0.1", PORT);
	traffic->client = netns_udp_client(NULL, "127.0.0.1", PORT);
	assert_int_equal(pthread_create(&traffic->thread, NULL, send_always, traffic), 0);
}

static void collect(struct traffic *traffic)
{
	uint32_t number;

	while (recv(traffic->server, &number, sizeof(number), MSG_DONTWAIT) > 0)
		assert_int_equal(ntohl(number), traffic->arrived++);
}

static uint32_t pass(struct traffic *traffic, uint32_t expected, int timeout_ms)
{
	uint32_t came = listener_pass(&listener, expected, timeout_ms);

	collect(traffic);
	atomic_fetch_add(&traffic->passed, came);
	return came;
}

void traffic_pass(struct traffic *traffic)
{
	pass(traffic, 0, 0);
}

void traffic_pass_some(struct traffic *traffic, uint32_t count)
{
	unsigned int until = atomic_load(&traffic->passed) + count;
	uint64_t end = netns_now() + 10000;

	while ((int)(atomic_load(&traffic->passed) - until) < 0 && netns_now() < end)
		pass(traffic, 1, 10);
	assert_true((int)(atomic_load(&traffic->passed) - until) >= 0);
}

void traffic_stop(struct traffic *traffic)
{
	uint32_t sent;

	atomic_store(&traffic->stop, true);
	pthread_join(traffic->thread, NULL);
	sent = atomic_load(&traffic->sent);
	while (atomic_load(&traffic->passed) < sent && pass(traffic, 1, 1000) > 0)
		;
	assert_int_equal(listener_read(&listener, 1, 0), 0);
	assert_int_equal(atomic_load(&traffic->passed), sent);
	collect(traffic);
	assert_int_equal(traffic->arrived, sent);
	close(traffic->client);
	close(traffic->server);
}

pid_t start_owner(enum nfqueue_on_crash on_crash, uint16_t queue)
{
	struct nfqueue_redirect wanted =
		redirect(NFQUEUE_HOOK_INPUT, "udp port 5001", queue);
	struct nfqueue_rules_options options = {.size = sizeof(options),
						.on_crash = on_crash};
	char ready = 0;
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct nfqueue_rules *own;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ready = nfqueue_rules_open(&own, &options) == 0 &&
			nfqueue_rules_add(own, &wanted) == 0 &&
			nfqueue_rules_install(own) == 0;
		if (!ready)
			fprintf(stderr, "%s\n", nfqueue_rules_error(own));
		if (write(ends[1], &ready, 1) == 1)
			pause();
		_exit(0);
	}
	note_owner(pid);
	close(ends[1]);
	assert_int_equal(read(ends[0], &ready, 1), 1);
	close(ends[0]);
	assert_true(ready);
	return pid;
}

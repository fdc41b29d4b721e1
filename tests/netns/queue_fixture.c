/* SPDX-License-Identifier: MIT */
#include "queue_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define QUEUES_MAX 16
#define BATCH 64
#define DATAGRAM_HEADERS_V4 28
#define DATAGRAM_HEADERS_V6 48

struct netns_pair pair;
int udp_server = -1, udp_client = -1;
static struct nfqueue *opened[QUEUES_MAX];

/* --- handles ---------------------------------------------------------------------- */

static void flush_rules(void)
{
	netns_try(
		"exec 2>/dev/null; nft flush ruleset; for program in iptables ip6tables; "
		"do $program -w -F; $program -w -t mangle -F; done");
}

int clean_up(void **state)
{
	for (int i = 0; i < QUEUES_MAX; i++) {
		nfqueue_close(opened[i]);
		opened[i] = NULL;
	}
	flush_rules();
	netns_pair_close(&pair);
	return netns_kernel_warned() ? -1 : 0;
}

struct nfqueue *open_queue(struct nfqueue_options options)
{
	struct nfqueue **place = opened;
	int err;

	while (*place)
		assert_true(++place < opened + QUEUES_MAX);
	netns_need_queue();
	options.size = sizeof(options);
	err = nfqueue_open(place, &options);
	if (err < 0)
		fail_msg("queue %u: %d: %s", options.queue, err, nfqueue_error(*place));
	return *place;
}

void close_queue(struct nfqueue *queue)
{
	for (int i = 0; i < QUEUES_MAX; i++)
		if (opened[i] == queue)
			opened[i] = NULL;
	nfqueue_close(queue);
}

/* --- rules ------------------------------------------------------------------------ */

void rule(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	netns_sh("iptables -w %s && ip6tables -w %s", text, text);
}

void queue_output(uint16_t number)
{
	rule("-A OUTPUT -p udp --dport %d -j NFQUEUE --queue-num %u", PORT, number);
}

struct nfqueue *start_on_loopback(struct nfqueue_options options)
{
	struct nfqueue *queue = open_queue(options);

	queue_output((uint16_t)options.queue);
	udp_server = netns_udp_server(NULL, "127.0.0.1", PORT);
	udp_client = netns_udp_client(NULL, "127.0.0.1", PORT);
	return queue;
}

int end_on_loopback(void **state)
{
	close(udp_server);
	close(udp_client);
	udp_server = udp_client = -1;
	return clean_up(state);
}

uint64_t rule_count(const char *program, const char *chain, int index)
{
	unsigned long long packets;
	char command[128];
	FILE *pipe;

	snprintf(command, sizeof(command), "%s -w -nvxL %s %d", program, chain, index);
	pipe = popen(command, "re");
	assert_non_null(pipe);
	if (fscanf(pipe, "%llu", &packets) != 1)
		fail_msg("no count: %s", command);
	pclose(pipe);
	return packets;
}

/* --- receiving -------------------------------------------------------------------- */

bool readable(struct nfqueue *queue, int timeout_ms)
{
	struct pollfd ready = {.fd = nfqueue_fd(queue), .events = POLLIN};

	return poll(&ready, 1, timeout_ms) == 1 && (ready.revents & POLLIN);
}

uint32_t decide_next(struct nfqueue *queue, uint32_t count,
		     struct nfqueue_verdict verdict)
{
	struct nfqueue_packet *packets[BATCH];
	uint32_t came = 0;

	while (came < count) {
		uint32_t left = count - came < BATCH ? count - came : BATCH;
		int n = nfqueue_recv(queue, packets, left, WAIT_MS);

		if (n < 0)
			fail_msg("%d: %s", n, nfqueue_error(queue));
		if (n == 0)
			break;
		for (int i = 0; i < n; i++)
			assert_int_equal(nfqueue_decide(packets[i], verdict), 0);
		came += (uint32_t)n;
	}
	assert_int_equal(nfqueue_flush(queue), 0);
	return came;
}

void receive(struct nfqueue *queue, struct nfqueue_packet **packets, int count)
{
	int n = nfqueue_recv(queue, packets, BATCH, WAIT_MS);

	if (n != count)
		fail_msg("%d came, not %d: %s", n, count, nfqueue_error(queue));
}

void flush_and_settle(struct nfqueue *queue)
{
	struct nfqueue_packet *packets[BATCH];

	assert_int_equal(nfqueue_recv(queue, packets, BATCH, 0), 0);
}

struct nfqueue_stats stats_of(struct nfqueue *queue)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	assert_int_equal(nfqueue_stats_get(queue, &stats), 0);
	return stats;
}

void assert_sums_up(const struct nfqueue_stats *stats)
{
	assert_int_equal(stats->received, stats->accepted + stats->dropped +
						  stats->repeated + stats->requeued +
						  stats->refused + stats->flushed +
						  stats->held);
}

uint32_t datagram_number(const struct nfqueue_packet *packet)
{
	size_t length, headers = nfqueue_packet_family(packet) == AF_INET6
					 ? DATAGRAM_HEADERS_V6
					 : DATAGRAM_HEADERS_V4;
	const uint8_t *data = nfqueue_packet_data(packet, &length);
	uint32_t number;

	assert_true(length >= headers + sizeof(number));
	memcpy(&number, data + headers, sizeof(number));
	return ntohl(number);
}

/* --- threads ---------------------------------------------------------------------- */

struct nfqueue_verdict decide_accept(struct nfqueue_packet *packet, void *ctx)
{
	return NFQUEUE_ACCEPT;
}

static void *decider_main(void *argument)
{
	struct decider *decider = argument;
	struct nfqueue_packet *packets[BATCH];
	bool stop;
	int n;

	do {
		stop = atomic_load(&decider->stop);
		n = nfqueue_recv(decider->queue, packets, BATCH, stop ? QUIET_MS : -1);
		for (int i = 0; i < n; i++)
			nfqueue_decide(packets[i],
				       decider->decide(packets[i], decider->ctx));
		decider->decided += n > 0 ? (uint64_t)n : 0;
	} while (n > 0 || (n == 0 && !stop));
	decider->result = n;
	return NULL;
}

void decider_start(struct decider *decider, struct nfqueue *queue,
		   nfqueue_decide_fn decide, void *ctx)
{
	memset(decider, 0, sizeof(*decider));
	decider->queue = queue;
	decider->decide = decide;
	decider->ctx = ctx;
	atomic_init(&decider->stop, false);
	assert_int_equal(pthread_create(&decider->thread, NULL, decider_main, decider),
			 0);
}

void decider_stop(struct decider *decider)
{
	atomic_store(&decider->stop, true);
	assert_int_equal(nfqueue_wake(decider->queue), 0);
	pthread_join(decider->thread, NULL);
}

static void *sender_main(void *argument)
{
	struct sender *sender = argument;

	netns_udp_send(sender->client, 0, sender->count);
	return NULL;
}

void sender_start(struct sender *sender, const char *ip, uint32_t count)
{
	sender->server = netns_udp_server(NULL, ip, PORT);
	sender->client = netns_udp_client(NULL, ip, PORT);
	sender->count = count;
	assert_int_equal(pthread_create(&sender->thread, NULL, sender_main, sender), 0);
}

void sender_join(struct sender *sender)
{
	pthread_join(sender->thread, NULL);
}

void sender_collect(struct sender *sender, int timeout_ms, struct netns_tally *tally)
{
	netns_udp_collect(sender->server, 0, sender->count, timeout_ms, tally, NULL);
	close(sender->server);
	close(sender->client);
}

void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0}};

	if (syscall(SYS_capset, &header, none) < 0)
		fail_msg("cannot give up capabilities: %s", strerror(errno));
}

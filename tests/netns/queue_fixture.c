/* SPDX-License-Identifier: MIT */
#include "queue_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/capability.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define QUEUES_MAX 16
#define BATCH 64
#define REORDERER_PATIENCE_MS 2
#define DATAGRAM_HEADERS_V4 28
#define DATAGRAM_HEADERS_V6 48
#define BOGUS_ID 0xf0000000 /* no queue of a test gets there */

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

static void check_engine(const struct nfqueue_engine *engine, int err)
{
	if (err < 0)
		fail_msg("%d: %s", err, nfqueue_engine_error(engine));
}

void new_engine(struct nfqueue_engine **engine, struct nfqueue_engine_options options)
{
	int err;

	netns_need_queue();
	options.size = sizeof(options);
	err = nfqueue_engine_new(engine, &options);
	check_engine(*engine, err);
}

void launch_engine(struct nfqueue_engine **engine, struct nfqueue_engine_options options)
{
	new_engine(engine, options);
	check_engine(*engine, nfqueue_engine_start(*engine));
}

struct nfqueue_stats stats_of_engine(struct nfqueue_engine *engine)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	assert_int_equal(nfqueue_engine_stats_get(engine, &stats), 0);
	return stats;
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

void assert_nothing_lost(const struct nfqueue_stats *stats)
{
	assert_sums_up(stats);
	assert_int_equal(stats->lost_full + stats->lost_socket + stats->enobufs, 0);
	assert_int_equal(stats->passed_socket + stats->malformed + stats->defaulted, 0);
	assert_int_equal(stats->refused + stats->flushed + stats->held, 0);
}

/* The sequence number 0 is never the library's, so it can tell whose error it is. */
static void put_verdict(struct mnl_nlmsg_batch *batch, uint16_t queue, uint32_t id)
{
	struct nfqnl_msg_verdict_hdr verdict = {htonl(NF_ACCEPT), htonl(id)};
	struct nlmsghdr *message = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(batch));
	struct nfgenmsg *header;

	message->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT;
	message->nlmsg_flags = NLM_F_REQUEST;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = AF_UNSPEC;
	header->version = NFNETLINK_V0;
	header->res_id = htons(queue);
	mnl_attr_put(message, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
	assert_true(mnl_nlmsg_batch_next(batch));
}

void send_bogus(struct nfqueue *queue, uint32_t count)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	char bytes[4096] __attribute__((aligned(8)));
	struct mnl_nlmsg_batch *batch = mnl_nlmsg_batch_start(bytes, sizeof(bytes) / 2);
	size_t length;

	assert_non_null(batch);
	for (uint32_t i = 0; i < count; i++)
		put_verdict(batch, nfqueue_number(queue), BOGUS_ID + i);
	length = mnl_nlmsg_batch_size(batch);
	assert_int_equal(sendto(nfqueue_fd(queue), bytes, length, 0,
				(struct sockaddr *)&kernel, sizeof(kernel)),
			 length);
	mnl_nlmsg_batch_stop(batch);
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

void reorderer_init(struct reorderer *reorderer, struct nfqueue *queue, uint32_t window,
		    uint32_t seed)
{
	memset(reorderer, 0, sizeof(*reorderer));
	reorderer->queue = queue;
	reorderer->window = window;
	reorderer->seed = seed;
	reorderer->held = calloc(window, sizeof(struct nfqueue_packet *));
	assert_non_null(reorderer->held);
	atomic_init(&reorderer->stop, false);
}

void reorderer_free(struct reorderer *reorderer)
{
	free(reorderer->held);
	reorderer->held = NULL;
}

/* Fisher and Yates, with a small generator of its own: the same order on each machine. */
static void shuffle(struct nfqueue_packet **packets, uint32_t count, uint32_t *seed)
{
	for (uint32_t i = count - 1; i > 0; i--) {
		struct nfqueue_packet *packet = packets[i];
		uint32_t other;

		*seed = *seed * 1664525 + 1013904223;
		other = (uint32_t)((uint64_t)*seed * (i + 1) >> 32);
		packets[i] = packets[other];
		packets[other] = packet;
	}
}

/* Accepts the window from its end. Returns what failed. */
static int reorderer_release(struct reorderer *reorderer, uint32_t *order)
{
	int err = 0;

	if (reorderer->seed && reorderer->count > 0)
		shuffle(reorderer->held, reorderer->count, &reorderer->seed);
	while (err == 0 && reorderer->count > 0) {
		struct nfqueue_packet *packet = reorderer->held[--reorderer->count];

		if (order)
			*order++ = datagram_number(packet);
		err = nfqueue_accept(packet);
	}
	return err < 0 ? err : nfqueue_flush(reorderer->queue);
}

/* Holds one packet more; the window is full when it returns 1. */
static int reorderer_hold(struct reorderer *reorderer, struct nfqueue_packet *packet)
{
	int err;

	if (reorderer->bogus)
		send_bogus(reorderer->queue, reorderer->bogus);
	if (reorderer->taken++ % 64 < reorderer->pass)
		return nfqueue_accept(packet);
	err = nfqueue_packet_hold(packet);
	if (err < 0)
		return err;
	reorderer->held[reorderer->count++] = packet;
	return reorderer->count == reorderer->window;
}

/* Returns how many packets came, or what failed. Receives no more than fit: no packet of
 * a batch may still be undecided when the window is flushed in its midst. */
static int reorderer_step(struct reorderer *reorderer, uint32_t left, int timeout_ms,
			  uint32_t **order)
{
	uint32_t room = reorderer->window - reorderer->count;
	struct nfqueue_packet *packets[BATCH];
	int n, err = 0;

	room = room < BATCH ? room : BATCH;
	n = nfqueue_recv(reorderer->queue, packets, room < left ? room : left,
			 timeout_ms);
	for (int i = 0; i < n && err >= 0; i++)
		err = reorderer_hold(reorderer, packets[i]);
	if (err == 1) {
		err = reorderer_release(reorderer, order ? *order : NULL);
		if (order && *order)
			*order += reorderer->window;
	}
	return err < 0 ? err : n;
}

void reorderer_take(struct reorderer *reorderer, uint32_t total, uint32_t *order)
{
	while (total > 0) {
		int n = reorderer_step(reorderer, total, WAIT_MS, &order);

		if (n <= 0)
			fail_msg("%u more should have come: %d: %s", total, n,
				 nfqueue_error(reorderer->queue));
		total -= (uint32_t)n;
	}
	assert_int_equal(reorderer_release(reorderer, order), 0);
	flush_and_settle(reorderer->queue);
}

static void *reorderer_main(void *argument)
{
	struct reorderer *reorderer = argument;
	bool stop;
	int n;

	do {
		int timeout = reorderer->count > 0 ? REORDERER_PATIENCE_MS : QUIET_MS;

		stop = atomic_load(&reorderer->stop);
		n = reorderer_step(reorderer, BATCH, timeout, NULL);
		if (n == 0)
			n = reorderer_release(reorderer, NULL) < 0 ? -EIO : 0;
	} while (n > 0 || (n == 0 && !stop));
	reorderer->result = n;
	return NULL;
}

void reorderer_start(struct reorderer *reorderer)
{
	assert_int_equal(
		pthread_create(&reorderer->thread, NULL, reorderer_main, reorderer), 0);
}

void reorderer_stop(struct reorderer *reorderer)
{
	atomic_store(&reorderer->stop, true);
	pthread_join(reorderer->thread, NULL);
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

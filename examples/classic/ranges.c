/* SPDX-License-Identifier: MIT */
/*
 * Range verdicts: one message accepts all packets up to an id. How many may wait for it
 * is found out: twice as many when they came in time, half as many when the oldest one
 * had to wait for its limit of one millisecond. Drops packets longer than 1,000 bytes,
 * and tells at the end how many messages it took. On libnetfilter_queue's API;
 * ../ranges.c is the same on ours.
 */
#define _GNU_SOURCE 1 /* ppoll() */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

#define RANGE_MAX 256
#define LATENCY_NS 1000000
#define SOCKET_BUFFER (8 << 20)

struct program {
	struct nfq_handle *handle;
	struct nfq_q_handle *queue;
	uint32_t last_id;  /* accepted, and not yet told */
	uint32_t pending;  /* so many */
	uint32_t limit;    /* so many at the most */
	uint64_t deadline; /* of the oldest of them */
	uint64_t packets, messages;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* --- verdicts --------------------------------------------------------------------- */

static void send_range(struct program *program)
{
	if (!program->pending)
		return;
	if (nfq_set_verdict_batch(program->queue, program->last_id, NF_ACCEPT) < 0)
		warn("range verdict");
	program->pending = 0;
	program->messages++;
}

static void note_accept(struct program *program, uint32_t id)
{
	if (program->pending++ == 0)
		program->deadline = now() + LATENCY_NS;
	program->last_id = id;
	if (program->pending < program->limit)
		return;
	send_range(program);
	if (program->limit < RANGE_MAX)
		program->limit *= 2;
}

/* The oldest has waited long enough: there is not so much traffic. */
static void keep_deadline(struct program *program)
{
	if (!program->pending || now() < program->deadline)
		return;
	send_range(program);
	if (program->limit > 1)
		program->limit /= 2;
}

/* A drop goes out at once: what is gone is not in the range that follows. */
static int decide(struct nfq_q_handle *queue, struct nfgenmsg *message,
		  struct nfq_data *data, void *ctx)
{
	struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(data);
	struct program *program = ctx;
	unsigned char *payload;

	if (!header)
		return 0;
	program->packets++;
	if (nfq_get_payload(data, &payload) <= 1000) {
		note_accept(program, ntohl(header->packet_id));
		return 0;
	}
	program->messages++;
	return nfq_set_verdict(queue, ntohl(header->packet_id), NF_DROP, 0, NULL);
}

/* --- the loop --------------------------------------------------------------------- */

static void receive(struct program *program)
{
	static char buffer[0xffff + 4096] __attribute__((aligned));

	for (int i = 0; i < RANGE_MAX; i++) {
		ssize_t length = recv(nfq_fd(program->handle), buffer, sizeof(buffer),
				      MSG_DONTWAIT);

		if (length >= 0)
			nfq_handle_packet(program->handle, buffer, (int)length);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR && errno != ENOBUFS)
			err(1, "recv");
		keep_deadline(program);
	}
}

/* Sleeps no longer than the oldest packet may wait. */
static void sleep_until_event(const struct program *program, struct pollfd events[2])
{
	struct timespec patience = {0};
	uint64_t time = now();

	if (program->deadline > time)
		patience.tv_nsec = (long)(program->deadline - time);
	ppoll(events, 2, program->pending ? &patience : NULL, NULL);
}

static void loop(struct program *program, int signals)
{
	struct pollfd events[] = {
		{.fd = nfq_fd(program->handle), .events = POLLIN},
		{.fd = signals, .events = POLLIN},
	};

	while (!events[1].revents) {
		sleep_until_event(program, events);
		receive(program);
		keep_deadline(program);
	}
	send_range(program);
}

/* --- the program ------------------------------------------------------------------ */

static void open_queue(struct program *program)
{
	const int on = 1;

	program->handle = nfq_open();
	if (!program->handle)
		err(1, "nfq_open");
	nfnl_rcvbufsiz(nfq_nfnlh(program->handle), SOCKET_BUFFER);
	setsockopt(nfq_fd(program->handle), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on,
		   sizeof(on));
	program->queue = nfq_create_queue(program->handle, 0, decide, program);
	if (!program->queue)
		err(1, "queue 0");
	if (nfq_set_mode(program->queue, NFQNL_COPY_PACKET, 0xffff) < 0)
		err(1, "copy mode");
	if (nfq_set_queue_flags(program->queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) < 0)
		warn("no GSO");
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(void)
{
	struct program program = {.limit = 1};
	int signals = open_signals();

	open_queue(&program);
	loop(&program, signals);
	printf("%llu packets, %llu verdict messages\n",
	       (unsigned long long)program.packets, (unsigned long long)program.messages);
	nfq_destroy_queue(program.queue);
	return nfq_close(program.handle) < 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Changes the order of packets: holds a window of them, and lets the window go in another
 * order. To try how a program bears a network that does not keep the order:
 *
 *	iptables -A INPUT -p udp --dport 5000 -j NFQUEUE --queue-num 0
 *	reorder 8              each 8 packets leave last first
 *	reorder 8 42           each 8 packets leave shuffled; 42 is the shuffle's seed
 *
 * The same seed gives the same order. A window that does not fill up within 200 ms is let
 * go as it is, so that no packet waits for ever. At the end (Ctrl-C) it says what it did.
 * Delete the rule first: what then waits in the kernel, unseen, is dropped with the
 *queue.
 *
 * The one rule to know: a packet that is held leaves the kernel when its verdict is sent,
 * and held packets leave in the order in which they are decided. So to reorder them is to
 * decide them in another order.
 */
#include <nfqueue/nfqueue.h>

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define WINDOW_MAX 10000
#define BATCH 64
#define PATIENCE_MS 200 /* for the next packet of a window that is not full */

struct window {
	struct nfqueue_packet *packets[WINDOW_MAX]; /* held, oldest first */
	uint32_t size;                              /* so many make it full */
	uint32_t count;                             /* held now */
	uint32_t random;  /* state of the shuffle; 0: last first */
	uint64_t windows; /* let go until now */
};

/* --- the order -------------------------------------------------------------------- */

/* Marsaglia's xorshift: enough for an order, useless for secrets. Never 0. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void swap(struct nfqueue_packet **a, struct nfqueue_packet **b)
{
	struct nfqueue_packet *packet = *a;

	*a = *b;
	*b = packet;
}

static void reverse(struct nfqueue_packet **packets, uint32_t count)
{
	for (uint32_t i = 0; i < count / 2; i++)
		swap(&packets[i], &packets[count - 1 - i]);
}

/* Fisher and Yates: each order is equally likely. */
static void shuffle(struct nfqueue_packet **packets, uint32_t count, uint32_t *random)
{
	for (uint32_t left = count; left > 1; left--)
		swap(&packets[left - 1], &packets[next_random(random) % left]);
}

/* --- the window ------------------------------------------------------------------- */

/*
 * Lets go what is held. nfqueue_accept() only notes the verdict; nfqueue_flush() sends
 * them all at once, in this order. After it the pointers are no longer ours.
 */
static int release(struct nfqueue *queue, struct window *window)
{
	if (window->count == 0)
		return 0;
	if (window->random)
		shuffle(window->packets, window->count, &window->random);
	else
		reverse(window->packets, window->count);
	for (uint32_t i = 0; i < window->count; i++)
		nfqueue_accept(window->packets[i]);
	window->count = 0;
	window->windows++;
	return nfqueue_flush(queue);
}

/* A packet belongs to its batch, which ends with the next nfqueue_recv(); held, it stays
 * until we have decided it. */
static int keep(struct nfqueue *queue, struct window *window,
		struct nfqueue_packet *packet)
{
	int err = nfqueue_packet_hold(packet);

	if (err < 0)
		return err;
	window->packets[window->count++] = packet;
	return window->count == window->size ? release(queue, window) : 0;
}

/* What is there now. Windows that become full are let go on the way. */
static int receive(struct nfqueue *queue, struct window *window)
{
	struct nfqueue_packet *packets[BATCH];
	int count = nfqueue_recv(queue, packets, BATCH, 0);
	int err = count < 0 ? count : 0;

	for (int i = 0; i < count && err == 0; i++)
		err = keep(queue, window, packets[i]);
	return err;
}

/* --- the program ------------------------------------------------------------------ */

/* Until a signal comes. poll() waits for ever only when no packet waits for us. */
static int loop(struct nfqueue *queue, struct window *window, int signals)
{
	struct pollfd events[] = {
		{.fd = nfqueue_fd(queue), .events = POLLIN},
		{.fd = signals, .events = POLLIN},
	};
	int err = 0, ready;

	while (err == 0 && events[1].revents == 0) {
		ready = poll(events, 2, window->count > 0 ? PATIENCE_MS : -1);
		err = ready == 0 ? release(queue, window) : receive(queue, window);
	}
	return err;
}

/* SIGINT and SIGTERM as a file descriptor, so that poll() sees them. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Who holds 10,000 packets needs a queue that is as long: by default 4,096 may wait, and
 * what finds it full is lost. 128 bytes of each are enough for us. */
static int open_queue(struct nfqueue **queue, const struct window *window)
{
	struct nfqueue_options options = {
		.size = sizeof(options),
		.copy_range = 128,
		.max_length = 4096 + window->size,
		.default_verdict = NFQUEUE_ACCEPT,
	};

	return nfqueue_open(queue, &options);
}

static void report(struct nfqueue *queue, const struct window *window)
{
	struct nfqueue_stats stats = {.size = sizeof(stats)};

	nfqueue_stats_get(queue, &stats);
	printf("%" PRIu64 " packets received, %" PRIu64 " accepted, in %" PRIu64
	       " windows; %" PRIu64 " lost\n",
	       stats.received, stats.accepted, window->windows,
	       stats.lost_full + stats.lost_socket);
}

static int run(struct window *window)
{
	int signals = open_signals();
	struct nfqueue *queue;
	int err = open_queue(&queue, window);

	if (err == 0)
		err = loop(queue, window, signals);
	if (err == 0)
		err = release(queue, window); /* the last window */
	if (err == 0)
		report(queue, window);
	else
		fprintf(stderr, "reorder: %s\n", nfqueue_error(queue));
	nfqueue_close(queue);
	close(signals);
	return err < 0;
}

int main(int argc, char **argv)
{
	static struct window window; /* too large for the stack */
	long size = argc > 1 ? strtol(argv[1], NULL, 10) : 0;

	if (argc > 3 || size < 1 || size > WINDOW_MAX) {
		fprintf(stderr, "usage: reorder WINDOW [SEED], a window of 1 to %d\n",
			WINDOW_MAX);
		return 2;
	}
	window.size = (uint32_t)size;
	if (argc > 2)
		window.random = (uint32_t)strtoul(argv[2], NULL, 10);
	return run(&window);
}

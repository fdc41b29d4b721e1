/* SPDX-License-Identifier: MIT */
/*
 * Holds packets beyond their batch and decides them in another order: each four leave
 * last first. What is left when the program ends gets the default verdict, accept here.
 * The rule is somebody else's:
 * iptables -A INPUT -p udp -j NFQUEUE --queue-num 0 --queue-bypass
 */
#include <nfqueue/nfqueue.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BATCH 64
#define GROUP 4

struct group {
	struct nfqueue_packet *packets[GROUP];
	int count;
};

/* Held packets leave in the order in which they are decided. */
static int release(struct nfqueue *queue, struct group *group)
{
	while (group->count > 0)
		nfqueue_accept(group->packets[--group->count]);
	return nfqueue_flush(queue);
}

static int hold_batch(struct nfqueue *queue, struct group *group)
{
	struct nfqueue_packet *packets[BATCH];
	int count = nfqueue_recv(queue, packets, BATCH, 0);
	int err = count < 0 ? count : 0;

	for (int i = 0; i < count && err == 0; i++) {
		err = nfqueue_packet_hold(packets[i]);
		if (err < 0)
			break;
		group->packets[group->count++] = packets[i];
		if (group->count == GROUP)
			err = release(queue, group);
	}
	return err;
}

static int loop(struct nfqueue *queue, int signals)
{
	struct group group = {.count = 0};
	struct pollfd events[] = {
		{.fd = nfqueue_fd(queue), .events = POLLIN},
		{.fd = signals, .events = POLLIN},
	};
	int err;

	do {
		err = hold_batch(queue, &group);
		if (err == 0)
			poll(events, 2, -1);
	} while (err == 0 && events[1].revents == 0);
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

int main(void)
{
	struct nfqueue_options options = {
		.size = sizeof(options),
		.default_verdict = NFQUEUE_ACCEPT,
	};
	struct nfqueue *queue;
	int signals = open_signals();
	int err = nfqueue_open(&queue, &options);

	if (err == 0)
		err = loop(queue, signals);
	if (err < 0)
		fprintf(stderr, "hold: %s\n", nfqueue_error(queue));
	nfqueue_close(queue);
	close(signals);
	return err < 0;
}

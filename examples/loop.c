/* SPDX-License-Identifier: MIT */
/*
 * An event loop of one's own: a queue beside other file descriptors. Prints each packet
 * as tcpdump would, and accepts it. The rule is somebody else's:
 * iptables -A INPUT -p icmp -j NFQUEUE --queue-num 0 --queue-bypass
 */
#include <nfqueue/nfqueue.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BATCH 64

static void print_packet(const struct nfqueue_packet *packet)
{
	struct nfqueue_view view;
	char text[256];
	size_t length;
	const uint8_t *data = nfqueue_packet_data(packet, &length);

	nfqueue_view_parse(&view, data, length);
	nfqueue_view_text(&view, text, sizeof(text));
	puts(text);
}

/* One batch without waiting; the flush sends its verdicts now, not with the next. */
static int decide_batch(struct nfqueue *queue)
{
	struct nfqueue_packet *packets[BATCH];
	int count = nfqueue_recv(queue, packets, BATCH, 0);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		print_packet(packets[i]);
		nfqueue_accept(packets[i]);
	}
	return nfqueue_flush(queue);
}

static int loop(struct nfqueue *queue, int signals)
{
	struct pollfd events[] = {
		{.fd = nfqueue_fd(queue), .events = POLLIN},
		{.fd = signals, .events = POLLIN},
	};
	int err;

	do {
		err = decide_batch(queue);
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
	struct nfqueue *queue;
	int signals = open_signals();
	int err = nfqueue_open(&queue, NULL);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (err == 0)
		err = loop(queue, signals);
	if (err < 0)
		fprintf(stderr, "loop: %s\n", nfqueue_error(queue));
	nfqueue_close(queue);
	close(signals);
	return err < 0;
}

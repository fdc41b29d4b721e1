/* SPDX-License-Identifier: MIT */
/*
 * One thread: drops packets longer than 1,000 bytes and accepts the rest, until SIGINT or
 * SIGTERM. On libnetfilter_queue's API; ../first.c is the same on ours.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

#define BURST 64
#define SOCKET_BUFFER (8 << 20)

static int decide(struct nfq_q_handle *queue, struct nfgenmsg *message,
		  struct nfq_data *data, void *ctx)
{
	struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(data);
	unsigned char *payload;
	int length = nfq_get_payload(data, &payload);

	if (!header)
		return 0;
	return nfq_set_verdict(queue, ntohl(header->packet_id),
			       length > 1000 ? NF_DROP : NF_ACCEPT, 0, NULL);
}

static struct nfq_q_handle *open_queue(struct nfq_handle *handle)
{
	struct nfq_q_handle *queue;
	const int on = 1;

	nfnl_rcvbufsiz(nfq_nfnlh(handle), SOCKET_BUFFER);
	setsockopt(nfq_fd(handle), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	queue = nfq_create_queue(handle, 0, decide, NULL);
	if (!queue)
		err(1, "queue 0");
	if (nfq_set_mode(queue, NFQNL_COPY_PACKET, 0xffff) < 0)
		err(1, "copy mode");
	if (nfq_set_queue_flags(queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) < 0)
		warn("no GSO");
	return queue;
}

/* Whether there may be more. That a verdict came too late is no reason to end. */
static bool receive(struct nfq_handle *handle)
{
	static char buffer[0xffff + 4096] __attribute__((aligned));

	for (int i = 0; i < BURST; i++) {
		ssize_t length =
			recv(nfq_fd(handle), buffer, sizeof(buffer), MSG_DONTWAIT);

		if (length >= 0)
			nfq_handle_packet(handle, buffer, (int)length);
		else if (errno == EAGAIN)
			return false;
		else if (errno != EINTR && errno != ENOBUFS)
			err(1, "recv");
	}
	return true;
}

/* As a file descriptor, so that poll() sees them. */
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
	int signals = open_signals();
	struct pollfd events[] = {{.events = POLLIN}, {.fd = signals, .events = POLLIN}};
	struct nfq_handle *handle = nfq_open();
	struct nfq_q_handle *queue;

	if (!handle)
		err(1, "nfq_open");
	queue = open_queue(handle);
	events[0].fd = nfq_fd(handle);
	while (receive(handle) || !events[1].revents)
		poll(events, 2, -1);
	nfq_destroy_queue(queue);
	return nfq_close(handle) < 0;
}

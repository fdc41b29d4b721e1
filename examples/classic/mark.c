/* SPDX-License-Identifier: MIT */
/*
 * Marks what goes to one UDP port: four balanced queues, a thread for each, with a socket
 * and a buffer of its own. On libnetfilter_queue's API; ../mark.c is the same on ours.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <libnetfilter_queue/libnetfilter_queue.h>
#include <libnetfilter_queue/libnetfilter_queue_ipv4.h>
#include <libnetfilter_queue/libnetfilter_queue_ipv6.h>
#include <libnetfilter_queue/libnetfilter_queue_udp.h>
#include <libnetfilter_queue/pktbuff.h>

#define MARK 1
#define QUEUES 4
#define HEADERS 128
#define BURST 64
#define SOCKET_BUFFER (8 << 20)

struct worker {
	struct nfq_handle *handle;
	struct nfq_q_handle *queue;
	uint16_t number;   /* of its queue */
	unsigned int port; /* to mark */
	int signals;       /* readable when the program shall end; nobody reads it */
	pthread_t thread;
	char buffer[HEADERS + 4096] __attribute__((aligned));
};

/* --- the packet ------------------------------------------------------------------- */

static bool ipv4_udp(struct pkt_buff *packet)
{
	struct iphdr *header = nfq_ip_get_hdr(packet);

	return header && header->protocol == IPPROTO_UDP &&
	       (ntohs(header->frag_off) & 0x1fff) == 0 &&
	       nfq_ip_set_transport_header(packet, header) == 0;
}

static bool ipv6_udp(struct pkt_buff *packet)
{
	struct ip6_hdr *header = nfq_ip6_get_hdr(packet);

	return header && nfq_ip6_set_transport_header(packet, header, IPPROTO_UDP) == 1;
}

static bool is_udp_to(struct nfq_data *data, uint16_t protocol, unsigned int port)
{
	bool ipv6 = protocol == ETH_P_IPV6, is = false;
	unsigned char *payload;
	int length = nfq_get_payload(data, &payload);
	struct pkt_buff *packet;
	struct udphdr *udp;

	if (length <= 0 || (!ipv6 && protocol != ETH_P_IP))
		return false;
	packet = pktb_alloc(ipv6 ? AF_INET6 : AF_INET, payload, (size_t)length, 0);
	if (!packet)
		return false;
	if (ipv6 ? ipv6_udp(packet) : ipv4_udp(packet)) {
		udp = nfq_udp_get_hdr(packet);
		is = udp && ntohs(udp->dest) == port;
	}
	pktb_free(packet);
	return is;
}

/* The mark of nfq_set_verdict2() is in host order; that of nfq_set_verdict_mark() is not.
 */
static int decide(struct nfq_q_handle *queue, struct nfgenmsg *message,
		  struct nfq_data *data, void *ctx)
{
	struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(data);
	const struct worker *worker = ctx;
	uint32_t id;

	if (!header)
		return 0;
	id = ntohl(header->packet_id);
	if (is_udp_to(data, ntohs(header->hw_protocol), worker->port))
		return nfq_set_verdict2(queue, id, NF_ACCEPT, MARK, 0, NULL);
	return nfq_set_verdict(queue, id, NF_ACCEPT, 0, NULL);
}

/* --- a worker --------------------------------------------------------------------- */

static void open_queue(struct worker *worker)
{
	const int on = 1;

	worker->handle = nfq_open();
	if (!worker->handle)
		err(1, "nfq_open");
	nfnl_rcvbufsiz(nfq_nfnlh(worker->handle), SOCKET_BUFFER);
	setsockopt(nfq_fd(worker->handle), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on,
		   sizeof(on));
	worker->queue = nfq_create_queue(worker->handle, worker->number, decide, worker);
	if (!worker->queue)
		err(1, "queue %u", worker->number);
	if (nfq_set_mode(worker->queue, NFQNL_COPY_PACKET, HEADERS) < 0)
		err(1, "copy mode");
	if (nfq_set_queue_flags(worker->queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) < 0)
		warn("no GSO");
}

static bool receive(struct worker *worker)
{
	for (int i = 0; i < BURST; i++) {
		ssize_t length = recv(nfq_fd(worker->handle), worker->buffer,
				      sizeof(worker->buffer), MSG_DONTWAIT);

		if (length >= 0)
			nfq_handle_packet(worker->handle, worker->buffer, (int)length);
		else if (errno == EAGAIN)
			return false;
		else if (errno != EINTR && errno != ENOBUFS)
			err(1, "recv");
	}
	return true;
}

static void *run(void *ctx)
{
	struct worker *worker = ctx;
	struct pollfd events[] = {
		{.fd = nfq_fd(worker->handle), .events = POLLIN},
		{.fd = worker->signals, .events = POLLIN},
	};

	while (receive(worker) || !events[1].revents)
		poll(events, 2, -1);
	return NULL;
}

/* --- the program ------------------------------------------------------------------ */

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* All queues are open before the first thread starts. */
static int run_all(struct worker *workers)
{
	int failed = 0;

	for (int i = 0; i < QUEUES; i++)
		open_queue(&workers[i]);
	for (int i = 0; i < QUEUES; i++)
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0)
			errx(1, "no thread");
	for (int i = 0; i < QUEUES; i++) {
		pthread_join(workers[i].thread, NULL);
		nfq_destroy_queue(workers[i].queue);
		failed |= nfq_close(workers[i].handle) < 0;
	}
	return failed;
}

int main(int argc, char **argv)
{
	unsigned int port = argc == 2 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
	static struct worker workers[QUEUES];
	int signals = open_signals();

	if (port < 1 || port > 65535) {
		fprintf(stderr, "usage: mark PORT\n");
		return 2;
	}
	for (uint16_t i = 0; i < QUEUES; i++) {
		workers[i].number = i;
		workers[i].port = port;
		workers[i].signals = signals;
	}
	return run_all(workers);
}

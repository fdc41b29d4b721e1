/* SPDX-License-Identifier: MIT */
/*
 * Subjects `lnfq` and `lnfq-batch`: libnetfilter_queue as its examples use it. The plain
 * loop receives one message and answers with one. The batched loop answers a run of equal
 * verdicts with one nfq_set_verdict_batch(): when the verdict changes, when there are
 * BATCH of them, or when nothing waits.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <netinet/ip.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include <libnetfilter_queue/libnetfilter_queue_ipv4.h>
#include <libnetfilter_queue/libnetfilter_queue_tcp.h>
#include <libnetfilter_queue/libnetfilter_queue_udp.h>
#include <libnetfilter_queue/pktbuff.h>

#include "common.h"
#include "peer.h"

#define BATCH 64

struct subject {
	const struct bench_options *options;
	struct nfq_handle *handle;
	struct nfq_q_handle *queue;
	uint32_t decided;
	uint32_t pending; /* noted and not yet sent, all with the same verdict */
	uint32_t pending_id;
	uint32_t pending_verdict;
};

static void flush(struct subject *subject)
{
	if (!subject->pending)
		return;
	subject->pending = 0;
	if (nfq_set_verdict_batch(subject->queue, subject->pending_id,
				  subject->pending_verdict) < 0)
		err(1, "nfq_set_verdict_batch");
}

static void note(struct subject *subject, uint32_t id, uint32_t verdict)
{
	if (verdict != subject->pending_verdict)
		flush(subject);
	subject->pending_id = id;
	subject->pending_verdict = verdict;
	if (++subject->pending == BATCH)
		flush(subject);
}

static int mangle(struct pkt_buff *packet)
{
	struct iphdr *header = nfq_ip_get_hdr(packet);

	if (!header || nfq_ip_set_transport_header(packet, header) < 0)
		return 0;
	if (header->protocol == IPPROTO_TCP)
		return nfq_tcp_mangle_ipv4(packet, 0, BENCH_EDIT_LENGTH, BENCH_EDIT,
					   BENCH_EDIT_LENGTH);
	return nfq_udp_mangle_ipv4(packet, 0, BENCH_EDIT_LENGTH, BENCH_EDIT,
				   BENCH_EDIT_LENGTH);
}

/* The packet is copied and changed, its checksums are made anew, and it is sent back. */
static int accept_changed(struct nfq_q_handle *queue, uint32_t id, struct nfq_data *data)
{
	struct pkt_buff *packet;
	unsigned char *payload;
	int length = nfq_get_payload(data, &payload), sent;

	packet = pktb_alloc(AF_INET, payload, (size_t)length, 0);
	if (!packet)
		err(1, "pktb_alloc");
	if (mangle(packet) <= 0)
		errx(1, "packet %u cannot be changed", id);
	sent = nfq_set_verdict(queue, id, NF_ACCEPT, pktb_len(packet), pktb_data(packet));
	pktb_free(packet);
	return sent;
}

static int decide(struct nfq_q_handle *queue, struct nfgenmsg *message,
		  struct nfq_data *data, void *ctx)
{
	struct subject *subject = ctx;
	uint32_t id = ntohl(nfq_get_msg_packet_hdr(data)->packet_id);
	uint32_t verdict =
		bench_drops(subject->options->policy, id) ? NF_DROP : NF_ACCEPT;

	if (subject->options->work_us)
		bench_work(subject->options->work_us);
	subject->decided++;
	if (subject->options->edit)
		return accept_changed(queue, id, data);
	if (!subject->options->batch)
		return nfq_set_verdict(queue, id, verdict, 0, NULL);
	note(subject, id, verdict);
	return 0;
}

/* The library leaves the size of the buffer to the program; its examples take the plain
 * loop's overflow of the socket, ENOBUFS, as news of lost packets and go on. */
static void run(struct subject *subject)
{
	static char buffer[0xffff + 4096] __attribute__((aligned));
	int fd = nfq_fd(subject->handle);
	uint32_t limit = subject->options->drain;
	int flags = subject->options->batch ? MSG_DONTWAIT : 0;

	while (!limit || subject->decided < limit) {
		ssize_t length = recv(fd, buffer, sizeof(buffer), flags);

		if (length < 0 && errno == EAGAIN) {
			flush(subject);
			length = recv(fd, buffer, sizeof(buffer), 0);
		}
		if (length >= 0)
			nfq_handle_packet(subject->handle, buffer, (int)length);
		else if (errno != ENOBUFS && errno != EINTR)
			err(1, "recv");
	}
	flush(subject);
}

int main(int argc, char **argv)
{
	struct bench_options options;
	struct subject subject = {.options = &options};
	struct bench_time start;

	bench_parse(&options, argc, argv);
	subject.queue = peer_open(&subject.handle, decide, &subject);
	if (options.copy_range &&
	    nfq_set_mode(subject.queue, NFQNL_COPY_PACKET, options.copy_range) < 0)
		err(1, "nfq_set_mode");
	if (options.drain || options.large)
		peer_enlarge(subject.handle, subject.queue);
	while (bench_ready(&options)) {
		subject.decided = 0;
		start = bench_now();
		run(&subject);
		bench_report(subject.decided, start);
	}
	nfq_destroy_queue(subject.queue);
	nfq_close(subject.handle);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Subject `floor`: the least a program can do. It receives up to 64 messages in one call,
 * looks at nothing but their ids, and answers with one send: one range verdict, or, where
 * verdicts differ, one for each run of equal ones. No library costs less than this.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/netfilter.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common.h"
#include "peer.h"

#define SLOTS 64
#define SLOT_SIZE 69632u /* 65,531 bytes and the attributes before them */
#define ID_OFFSET 24u    /* the packet header is the first attribute */

struct verdict_message {
	struct nlmsghdr netlink;
	struct nfgenmsg netfilter;
	struct nlattr attribute;
	struct nfqnl_msg_verdict_hdr verdict;
};

/* The kernel's own size: a hole in the struct would shift what it reads. */
_Static_assert(sizeof(struct verdict_message) == 32, "no padding");

struct subject {
	int fd;
	enum bench_policy policy;
	struct mmsghdr received[SLOTS];
	struct iovec vectors[SLOTS];
	uint8_t *slots;
	struct verdict_message verdicts[SLOTS];
	unsigned int messages;
};

static bool is_packet(const uint8_t *slot)
{
	uint16_t type;

	memcpy(&type, slot + offsetof(struct nlmsghdr, nlmsg_type), sizeof(type));
	return type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET);
}

static uint32_t packet_id(const uint8_t *slot)
{
	uint32_t id;

	memcpy(&id, slot + ID_OFFSET, sizeof(id));
	return ntohl(id);
}

static void range_verdict(struct subject *subject, uint32_t id, uint32_t verdict)
{
	unsigned int i = subject->messages;

	if (i && subject->verdicts[i - 1].verdict.verdict == htonl(verdict))
		i--;
	else
		subject->messages++;
	subject->verdicts[i].verdict =
		(struct nfqnl_msg_verdict_hdr){htonl(verdict), htonl(id)};
}

static void send_verdicts(struct subject *subject)
{
	size_t length = subject->messages * sizeof(subject->verdicts[0]);

	subject->messages = 0;
	if (length && send(subject->fd, subject->verdicts, length, 0) < 0)
		err(1, "send");
}

static uint32_t decide_each(struct subject *subject, int count)
{
	uint32_t packets = 0;

	for (int i = 0; i < count; i++) {
		const uint8_t *slot = subject->vectors[i].iov_base;
		uint32_t id;

		if (!is_packet(slot))
			continue;
		id = packet_id(slot);
		range_verdict(subject, id,
			      bench_drops(subject->policy, id) ? NF_DROP : NF_ACCEPT);
		packets++;
	}
	return packets;
}

/* All alike: only the newest id matters. Errors among the packets are not counted. */
static uint32_t accept_all(struct subject *subject, int count)
{
	uint32_t packets = 0;

	for (int i = count; i-- > 0;) {
		const uint8_t *slot = subject->vectors[i].iov_base;

		if (!is_packet(slot))
			continue;
		if (!packets++)
			range_verdict(subject, packet_id(slot), NF_ACCEPT);
	}
	return packets;
}

static uint32_t run(struct subject *subject, uint32_t limit)
{
	uint32_t decided = 0;

	while (!limit || decided < limit) {
		int n = recvmmsg(subject->fd, subject->received, SLOTS, MSG_WAITFORONE,
				 NULL);

		if (n < 0)
			err(1, "recvmmsg");
		decided += subject->policy == BENCH_ACCEPT ? accept_all(subject, n)
							   : decide_each(subject, n);
		send_verdicts(subject);
	}
	return decided;
}

static void prepare(struct subject *subject)
{
	subject->slots = malloc(SLOTS * SLOT_SIZE);
	if (!subject->slots)
		err(1, "malloc");
	for (unsigned int i = 0; i < SLOTS; i++) {
		subject->vectors[i].iov_base = subject->slots + i * SLOT_SIZE;
		subject->vectors[i].iov_len = SLOT_SIZE;
		subject->received[i].msg_hdr.msg_iov = &subject->vectors[i];
		subject->received[i].msg_hdr.msg_iovlen = 1;
		subject->verdicts[i] = (struct verdict_message){
			.netlink = {.nlmsg_len = sizeof(struct verdict_message),
				    .nlmsg_type = NFNL_SUBSYS_QUEUE << 8 |
						  NFQNL_MSG_VERDICT_BATCH,
				    .nlmsg_flags = NLM_F_REQUEST},
			.netfilter = {.version = NFNETLINK_V0},
			.attribute = {sizeof(struct nlattr) +
					      sizeof(struct nfqnl_msg_verdict_hdr),
				      NFQA_VERDICT_HDR},
		};
	}
}

/* Nothing calls it: the packets are read past the library. */
static int no_decide(struct nfq_q_handle *queue, struct nfgenmsg *message,
		     struct nfq_data *data, void *ctx)
{
	return -1;
}

static int open_queue(void)
{
	struct nfq_handle *handle;
	struct nfq_q_handle *queue = peer_open(&handle, no_decide, NULL);

	peer_enlarge(handle, queue);
	return nfq_fd(handle);
}

int main(int argc, char **argv)
{
	struct subject subject = {0};
	struct bench_options options;
	struct bench_time start;

	bench_parse(&options, argc, argv);
	subject.policy = options.policy;
	subject.fd = open_queue();
	prepare(&subject);
	while (bench_ready(&options)) {
		start = bench_now();
		bench_report(run(&subject, options.drain), start);
	}
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * On libmnl, with libnetfilter_queue for the messages only: a socket of its own, verdicts
 * of a burst in one send. Drops packets longer than 1,000 bytes, and sends the others
 * through their chain once more, with a bit in the mark that says that they were seen.
 * ../repeat.c is the same on ours.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>

#define QUEUE 0
#define SEEN 0x100
#define COPY_RANGE 128
#define BURST 64
#define VERDICT_SIZE 64 /* with a mark: 40 bytes */
#define SOCKET_BUFFER (8 << 20)

struct program {
	struct mnl_socket *socket;
	struct mnl_nlmsg_batch *verdicts;
	char sent[(BURST + 1) * VERDICT_SIZE] __attribute__((aligned));
	char received[COPY_RANGE + 4096] __attribute__((aligned));
};

/* --- messages to the kernel ------------------------------------------------------- */

static void send_bytes(struct program *program, const void *bytes, size_t length)
{
	if (mnl_socket_sendto(program->socket, bytes, length) < 0)
		err(1, "send");
}

/* What is wrong with it comes back as a message, which receive() reads. */
static void configure(struct program *program)
{
	char buffer[256] __attribute__((aligned));
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, QUEUE);

	nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, COPY_RANGE);
	send_bytes(program, message, message->nlmsg_len);

	message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, QUEUE);
	mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	send_bytes(program, message, message->nlmsg_len);
}

static void note_verdict(struct program *program, uint32_t id, int verdict, uint32_t mark)
{
	void *place = mnl_nlmsg_batch_current(program->verdicts);
	struct nlmsghdr *message = nfq_nlmsg_put(place, NFQNL_MSG_VERDICT, QUEUE);

	nfq_nlmsg_verdict_put(message, (int)id, verdict);
	if (verdict == NF_REPEAT)
		nfq_nlmsg_verdict_put_mark(message, mark);
	mnl_nlmsg_batch_next(program->verdicts);
}

static void send_verdicts(struct program *program)
{
	if (mnl_nlmsg_batch_is_empty(program->verdicts))
		return;
	send_bytes(program, mnl_nlmsg_batch_head(program->verdicts),
		   mnl_nlmsg_batch_size(program->verdicts));
	mnl_nlmsg_batch_reset(program->verdicts);
}

/* --- messages from the kernel ----------------------------------------------------- */

/* The kernel tells the whole length only of what it has cut. */
static uint32_t packet_length(struct nlattr **attributes)
{
	if (attributes[NFQA_CAP_LEN])
		return ntohl(mnl_attr_get_u32(attributes[NFQA_CAP_LEN]));
	if (attributes[NFQA_PAYLOAD])
		return mnl_attr_get_payload_len(attributes[NFQA_PAYLOAD]);
	return 0;
}

static int decide(const struct nlmsghdr *message, void *ctx)
{
	struct nlattr *attributes[NFQA_MAX + 1] = {NULL};
	const struct nfqnl_msg_packet_hdr *header;
	uint32_t mark = SEEN, verdict = NF_REPEAT;

	if (nfq_nlmsg_parse(message, attributes) < 0 || !attributes[NFQA_PACKET_HDR])
		return MNL_CB_OK;
	header = mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]);
	if (attributes[NFQA_MARK])
		mark |= ntohl(mnl_attr_get_u32(attributes[NFQA_MARK]));
	if (packet_length(attributes) > 1000)
		verdict = NF_DROP;
	note_verdict(ctx, ntohl(header->packet_id), (int)verdict, mark);
	return MNL_CB_OK;
}

/* A packet that is gone when its verdict comes is ENOENT: no reason to end. */
static bool receive(struct program *program, int flags)
{
	ssize_t length = recv(mnl_socket_get_fd(program->socket), program->received,
			      sizeof(program->received), flags);

	if (length < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		err(1, "recv");
	if (length > 0 &&
	    mnl_cb_run(program->received, (size_t)length, 0, 0, decide, program) < 0 &&
	    errno != ENOENT)
		err(1, "queue %d", QUEUE);
	return length > 0;
}

/* --- the program ------------------------------------------------------------------ */

static void open_all(struct program *program)
{
	const int on = 1, size = SOCKET_BUFFER;
	int fd;

	program->verdicts = mnl_nlmsg_batch_start(program->sent, BURST * VERDICT_SIZE);
	program->socket = mnl_socket_open(NETLINK_NETFILTER);
	if (!program->verdicts || !program->socket ||
	    mnl_socket_bind(program->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		err(1, "socket");
	fd = mnl_socket_get_fd(program->socket);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	configure(program);
}

int main(void)
{
	static struct program program;

	open_all(&program);
	for (;;) {
		receive(&program, 0);
		for (int i = 1; i < BURST && receive(&program, MSG_DONTWAIT); i++)
			;
		send_verdicts(&program);
	}
}

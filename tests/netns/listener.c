/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct nlmsghdr *begin(char *bytes, uint8_t type, uint16_t queue)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
	struct nfgenmsg *header;

	message->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | type;
	message->nlmsg_flags = NLM_F_REQUEST;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = AF_UNSPEC;
	header->version = NFNETLINK_V0;
	header->res_id = htons(queue);
	return message;
}

static void send_message(struct listener *listener, const struct nlmsghdr *message)
{
	if (mnl_socket_sendto(listener->socket, message, message->nlmsg_len) < 0)
		fail_msg("the queue takes no message: %s", strerror(errno));
}

static void configure(struct listener *listener)
{
	struct nfqnl_msg_config_params params = {htonl(0xffff), NFQNL_COPY_PACKET};
	struct nfqnl_msg_config_cmd command = {.command = NFQNL_CFG_CMD_BIND};
	char bytes[256] __attribute__((aligned(8)));
	struct nlmsghdr *message = begin(bytes, NFQNL_MSG_CONFIG, listener->queue);

	mnl_attr_put(message, NFQA_CFG_CMD, sizeof(command), &command);
	mnl_attr_put(message, NFQA_CFG_PARAMS, sizeof(params), &params);
	mnl_attr_put_u32(message, NFQA_CFG_QUEUE_MAXLEN, htonl(4096));
	message->nlmsg_flags |= NLM_F_ACK;
	send_message(listener, message);
	if (mnl_socket_recvfrom(listener->socket, bytes, sizeof(bytes)) < 0 ||
	    ((struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error)
		fail_msg("queue %u cannot be taken", listener->queue);
}

void listener_open(struct listener *listener, uint16_t queue)
{
	int buffer = 16 << 20;

	memset(listener, 0, sizeof(*listener));
	listener->queue = queue;
	listener->socket = mnl_socket_open(NETLINK_NETFILTER);
	if (!listener->socket ||
	    mnl_socket_bind(listener->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		fail_msg("no netlink socket: %s", strerror(errno));
	setsockopt(mnl_socket_get_fd(listener->socket), SOL_SOCKET, SO_RCVBUFFORCE,
		   &buffer, sizeof(buffer));
	configure(listener);
}

void listener_close(struct listener *listener)
{
	if (listener->socket)
		mnl_socket_close(listener->socket);
	listener->socket = NULL;
}

static bool take_packet(struct listener *listener, const struct nlmsghdr *message)
{
	struct nfqnl_msg_packet_hdr header;
	struct nlattr *attr;

	if (message->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return false;
	mnl_attr_for_each(attr, message, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) != NFQA_PACKET_HDR)
			continue;
		memcpy(&header, mnl_attr_get_payload(attr), sizeof(header));
		assert_true(listener->waiting < 4096);
		listener->ids[listener->waiting++] = ntohl(header.packet_id);
		listener->last_hook = header.hook;
		return true;
	}
	return false;
}

uint32_t listener_read(struct listener *listener, uint32_t expected, int timeout_ms)
{
	struct pollfd wait = {.fd = mnl_socket_get_fd(listener->socket),
			      .events = POLLIN};
	char bytes[80000] __attribute__((aligned(8)));
	uint32_t came = 0;

	while (poll(&wait, 1, came < expected ? timeout_ms : 0) > 0) {
		ssize_t n = mnl_socket_recvfrom(listener->socket, bytes, sizeof(bytes));

		if (n < 0)
			fail_msg("queue %u: %s", listener->queue, strerror(errno));
		came += take_packet(listener, (struct nlmsghdr *)bytes);
	}
	return came;
}

static void decide_all(struct listener *listener, const uint32_t *mark)
{
	struct nfqnl_msg_verdict_hdr verdict = {.verdict = htonl(NF_ACCEPT)};
	char bytes[256] __attribute__((aligned(8)));

	for (uint32_t i = 0; i < listener->waiting; i++) {
		struct nlmsghdr *message =
			begin(bytes, NFQNL_MSG_VERDICT, listener->queue);

		verdict.id = htonl(listener->ids[i]);
		mnl_attr_put(message, NFQA_VERDICT_HDR, sizeof(verdict), &verdict);
		if (mark)
			mnl_attr_put_u32(message, NFQA_MARK, htonl(*mark));
		send_message(listener, message);
	}
	listener->waiting = 0;
}

void listener_accept(struct listener *listener)
{
	decide_all(listener, NULL);
}

void listener_mark(struct listener *listener, uint32_t mark)
{
	decide_all(listener, &mark);
}

uint32_t listener_pass(struct listener *listener, uint32_t expected, int timeout_ms)
{
	uint32_t came = listener_read(listener, expected, timeout_ms);

	listener_accept(listener);
	return came;
}

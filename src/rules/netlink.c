/* SPDX-License-Identifier: MIT */
#include "rules/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the kernel puts into one message of a dump, at most: netlink_dump() */
#define RECEIVE_SIZE 32768

static int complete_socket(struct rules_socket *socket)
{
	struct stat status;
	int on = 1;

	if (fstat(mnl_socket_get_fd(socket->netlink), &status) < 0)
		return -errno;
	/* Both only make errors more readable: a kernel without them serves too. */
	mnl_socket_setsockopt(socket->netlink, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(socket->netlink, NETLINK_CAP_ACK, &on, sizeof(on));
	socket->port_id = mnl_socket_get_portid(socket->netlink);
	socket->inode = status.st_ino;
	return 0;
}

int rules_socket_open(struct rules_socket *socket)
{
	int error = 0;

	socket->netlink = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!socket->netlink)
		return -errno;
	if (mnl_socket_bind(socket->netlink, 0, MNL_SOCKET_AUTOPID) < 0)
		error = -errno;
	if (!error)
		error = complete_socket(socket);
	if (error)
		rules_socket_close(socket);
	return error;
}

/* The process that had it may have died amid a request. Reading also ends its dump:
 * netlink_recvmsg() goes on with it until it is done. */
static void throw_away(int fd)
{
	char bytes[RECEIVE_SIZE];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}

static bool is_nfnetlink(int fd)
{
	int domain = 0, protocol = 0;
	socklen_t length = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 &&
	       domain == AF_NETLINK && protocol == NETLINK_NETFILTER;
}

int rules_socket_adopt(struct rules_socket *socket, int fd)
{
	int error = is_nfnetlink(fd) ? 0 : -EINVAL;

	if (!error) {
		socket->netlink = mnl_socket_fdopen(fd);
		error = socket->netlink ? 0 : -errno;
	}
	if (error) {
		close(fd);
		return error;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	throw_away(fd);
	error = complete_socket(socket);
	if (error)
		rules_socket_close(socket);
	return error;
}

int rules_socket_fd(const struct rules_socket *socket)
{
	return socket->netlink ? mnl_socket_get_fd(socket->netlink) : -EBADF;
}

void rules_socket_close(struct rules_socket *socket)
{
	if (socket->netlink)
		mnl_socket_close(socket->netlink);
	socket->netlink = NULL;
}

/* The extended ACK stands behind struct nlmsgerr and the request, where that is echoed.
 * */
static void note_words(struct rules_socket *socket, const struct nlmsghdr *message)
{
	const struct nlmsgerr *refusal = mnl_nlmsg_get_payload(message);
	size_t offset = sizeof(*refusal);
	struct nlattr *attr;

	socket->words[0] = '\0';
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(message->nlmsg_flags & NLM_F_CAPPED)) {
		if (refusal->msg.nlmsg_len < sizeof(struct nlmsghdr) ||
		    refusal->msg.nlmsg_len > mnl_nlmsg_get_payload_len(message))
			return;
		offset += refusal->msg.nlmsg_len - sizeof(struct nlmsghdr);
	}
	if (offset > mnl_nlmsg_get_payload_len(message))
		return;
	mnl_attr_for_each(attr, message, offset)
	{
		if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG ||
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
			continue;
		snprintf(socket->words, sizeof(socket->words), "%s",
			 mnl_attr_get_str(attr));
	}
}

static int refusal_of(struct rules_socket *socket, const struct nlmsghdr *message)
{
	const struct nlmsgerr *refusal = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*refusal))
		return -EBADMSG;
	if (refusal->error < 0)
		note_words(socket, message);
	return refusal->error;
}

/* --- requests --------------------------------------------------------------------- */

struct exchange {
	struct rules_socket *socket;
	rules_reply *reply;
	void *context;
	bool ended;
	bool interrupted; /* the dump is not of one moment */
};

static int take_message(struct exchange *exchange, const struct nlmsghdr *message)
{
	if (message->nlmsg_seq != exchange->socket->sequence)
		return 0;
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		exchange->interrupted = true;
	switch (message->nlmsg_type) {
	case NLMSG_ERROR:
		exchange->ended = true;
		return refusal_of(exchange->socket, message);
	case NLMSG_DONE:
		exchange->ended = true;
		return 0;
	default:
		if (message->nlmsg_type < NLMSG_MIN_TYPE || !exchange->reply)
			return 0;
		return exchange->reply(message, exchange->context);
	}
}

static int take_reply(struct exchange *exchange)
{
	char bytes[RECEIVE_SIZE] __attribute__((aligned(8)));
	const struct nlmsghdr *message = (const struct nlmsghdr *)bytes;
	ssize_t received;
	int left, error = 0;

	received = mnl_socket_recvfrom(exchange->socket->netlink, bytes, sizeof(bytes));
	if (received < 0)
		return errno == EINTR ? 0 : -errno;
	left = (int)received;
	while (!error && mnl_nlmsg_ok(message, left)) {
		error = take_message(exchange, message);
		message = mnl_nlmsg_next(message, &left);
	}
	return error;
}

int rules_request(struct rules_socket *socket, uint16_t type, uint16_t flags,
		  void (*fill)(struct nlmsghdr *message, const void *what),
		  const void *what, rules_reply *reply, void *context)
{
	char bytes[RULES_MESSAGE_MAX] __attribute__((aligned(8)));
	struct exchange exchange = {.socket = socket, .reply = reply, .context = context};
	struct nlmsghdr *message;
	int error = 0;

	socket->words[0] = '\0';
	message = nftnl_nlmsg_build_hdr(bytes, 0, NFPROTO_INET, flags | NLM_F_ACK,
					++socket->sequence);
	message->nlmsg_type = type;
	if (fill)
		fill(message, what);
	if (mnl_socket_sendto(socket->netlink, message, message->nlmsg_len) < 0)
		return -errno;
	while (!error && !exchange.ended)
		error = take_reply(&exchange);
	return !error && exchange.interrupted ? -EINTR : error;
}

/* --- transactions ----------------------------------------------------------------- */

void rules_batch_begin(struct rules_batch *batch, struct rules_socket *socket,
		       size_t messages)
{
	*batch = (struct rules_batch){.socket = socket};
	batch->size = (messages + 2) * RULES_MESSAGE_MAX;
	batch->bytes = malloc(batch->size);
	if (!batch->bytes) {
		batch->error = -ENOMEM;
		return;
	}
	rules_batch_end_message(batch,
				nftnl_batch_begin(batch->bytes, ++socket->sequence));
}

struct nlmsghdr *rules_batch_message(struct rules_batch *batch, uint16_t type,
				     uint16_t flags)
{
	if (batch->error)
		return NULL;
	if (batch->size - batch->used < 2 * RULES_MESSAGE_MAX) {
		batch->error = -EMSGSIZE;
		return NULL;
	}
	return nftnl_nlmsg_build_hdr(batch->bytes + batch->used, type, NFPROTO_INET,
				     flags, ++batch->socket->sequence);
}

void rules_batch_end_message(struct rules_batch *batch, const struct nlmsghdr *message)
{
	batch->used += MNL_ALIGN(message->nlmsg_len);
}

/* netlink_sendmsg() refuses what is larger than the send buffer. */
static void make_room(struct mnl_socket *netlink, size_t needed)
{
	int bytes = (int)needed + RULES_MESSAGE_MAX, now = 0,
	    fd = mnl_socket_get_fd(netlink);
	socklen_t length = sizeof(now);

	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &now, &length);
	if (now < bytes &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/*
 * The kernel has processed all of it when send() returns (nfnetlink_rcv() runs inside),
 * so what it has to say is there already: the first refusal counts. Refusals come
 * unasked.
 */
static int first_refusal(struct rules_socket *socket)
{
	char bytes[RECEIVE_SIZE] __attribute__((aligned(8)));
	int fd = mnl_socket_get_fd(socket->netlink), left;
	const struct nlmsghdr *message;
	int first = 0, error;
	ssize_t received;

	while ((received = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0) {
		message = (const struct nlmsghdr *)bytes;
		for (left = (int)received; mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left)) {
			if (message->nlmsg_type != NLMSG_ERROR || first)
				continue;
			error = refusal_of(socket, message);
			first = error;
		}
	}
	return first || errno == EAGAIN ? first : -errno;
}

static int send_batch(struct rules_batch *batch)
{
	struct rules_socket *socket = batch->socket;
	int error = batch->error;

	socket->words[0] = '\0';
	if (!error)
		make_room(socket->netlink, batch->used);
	if (!error && mnl_socket_sendto(socket->netlink, batch->bytes, batch->used) < 0)
		error = -errno;
	if (!error)
		error = first_refusal(socket);
	free(batch->bytes);
	batch->bytes = NULL;
	return error;
}

int rules_batch_commit(struct rules_batch *batch)
{
	if (!batch->error)
		rules_batch_end_message(batch,
					nftnl_batch_end(batch->bytes + batch->used,
							++batch->socket->sequence));
	return send_batch(batch);
}

/* Without its end a batch is checked and undone: nfnetlink_rcv_batch(). */
int rules_batch_check(struct rules_batch *batch)
{
	return send_batch(batch);
}

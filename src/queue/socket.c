/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>

/* Older headers lack it; the kernel has it since 4.12. */
#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK 11
#endif

int queue_socket(const struct nfqueue *queue)
{
	return mnl_socket_get_fd(queue->socket);
}

static bool set_netlink_option(const struct nfqueue *queue, int option)
{
	int on = 1;

	return mnl_socket_setsockopt(queue->socket, option, &on, sizeof(on)) == 0;
}

/*
 * Connected to the kernel (port id 0), so that no other process can send to this socket:
 * netlink_getsockbyportid() refuses it. Spares a check of every message's sender.
 */
static int connect_to_kernel(const struct nfqueue *queue)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	return connect(queue_socket(queue), (struct sockaddr *)&kernel, sizeof(kernel));
}

/* A send's least: the longest payload, or as many verdicts as a flush has. The default is
 * more, unless somebody has made it less. */
#define SEND_BUFFER_MIN (128 << 10)

/* What netlink_sendmsg() keeps of the buffer for itself. */
#define SEND_RESERVE 32

static int send_buffer(const struct nfqueue *queue)
{
	socklen_t length = sizeof(int);
	int size = 0;

	getsockopt(queue_socket(queue), SOL_SOCKET, SO_SNDBUF, &size, &length);
	return size;
}

/* The kernel doubles what it is given. */
static void grow_send_buffer(const struct nfqueue *queue)
{
	int fd = queue_socket(queue), half = SEND_BUFFER_MIN / 2;

	if (send_buffer(queue) >= SEND_BUFFER_MIN)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &half, sizeof(half)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof(half));
}

/* Source: netlink_sendmsg(), which refuses what is longer with EMSGSIZE. */
size_t queue_send_room(struct nfqueue *queue)
{
	size_t room = atomic_load_explicit(&queue->send_room, memory_order_relaxed);
	int size;

	if (room)
		return room;
	size = send_buffer(queue);
	room = size > SEND_RESERVE ? (size_t)(size - SEND_RESERVE) : 1;
	atomic_store_explicit(&queue->send_room, room, memory_order_relaxed);
	return room;
}

static void set_options(struct nfqueue *queue)
{
	if (set_netlink_option(queue, NETLINK_NO_ENOBUFS))
		queue_set_has(queue, NFQUEUE_CAP_NO_ENOBUFS, true);
	if (set_netlink_option(queue, NETLINK_EXT_ACK))
		queue_set_has(queue, NFQUEUE_CAP_EXT_ACK, true);
	set_netlink_option(queue, NETLINK_CAP_ACK);
	buffer_set(queue);
	grow_send_buffer(queue);
}

int queue_socket_open(struct nfqueue *queue)
{
	queue->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!queue->socket && errno == EPROTONOSUPPORT)
		return queue_error(
			queue, -EOPNOTSUPP,
			"this kernel has no nfnetlink (CONFIG_NETFILTER_NETLINK): "
			"load the module nfnetlink_queue");
	if (!queue->socket)
		return queue_error(queue, -errno, "cannot open a netlink socket: %s",
				   strerror(errno));
	if (mnl_socket_bind(queue->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    connect_to_kernel(queue) < 0)
		return queue_error(queue, -errno, "cannot bind a netlink socket: %s",
				   strerror(errno));
	set_options(queue);
	return 0;
}

static bool is_netfilter_socket(int fd)
{
	int domain = 0, protocol = -1;
	socklen_t length = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 &&
	       domain == AF_NETLINK && protocol == NETLINK_NETFILTER;
}

int queue_socket_adopt(struct nfqueue *queue, int fd)
{
	if (!is_netfilter_socket(fd))
		return queue_error(queue, -EINVAL, "descriptor %d is no netfilter socket",
				   fd);
	queue->socket = mnl_socket_fdopen(fd);
	if (!queue->socket)
		return queue_error(queue, -errno, "cannot take over descriptor %d: %s",
				   fd, strerror(errno));
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	set_options(queue);
	return 0;
}

ssize_t queue_send_vectors(struct nfqueue *queue, struct iovec *vectors, size_t count)
{
	struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
	ssize_t sent;

	do
		sent = sendmsg(queue_socket(queue), &message, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

ssize_t queue_send(struct nfqueue *queue, const void *data, size_t length)
{
	ssize_t sent;

	do
		sent = send(queue_socket(queue), data, length, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

int nfqueue_fd(const struct nfqueue *queue)
{
	return queue_socket(queue);
}

/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include <errno.h>
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

/* The kernel doubles what it is given, and counts with what it doubled: so do we. */
static void set_receive_buffer(struct nfqueue *queue, uint32_t wanted)
{
	int fd = queue_socket(queue), half = (int)(wanted / 2), granted = 0;
	socklen_t length = sizeof(granted);

	/* RCVBUFFORCE needs the capability in the first user namespace: a container has
	 * not. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof(half));
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &length) < 0)
		return;
	queue->socket_buffer = (uint32_t)granted;
	if (queue->socket_buffer >= wanted - 1)
		queue_set_has(queue, NFQUEUE_CAP_BUFFER, true);
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

int queue_socket_open(struct nfqueue *queue, uint32_t wanted_buffer)
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
	if (set_netlink_option(queue, NETLINK_NO_ENOBUFS))
		queue_set_has(queue, NFQUEUE_CAP_NO_ENOBUFS, true);
	if (set_netlink_option(queue, NETLINK_EXT_ACK))
		queue_set_has(queue, NFQUEUE_CAP_EXT_ACK, true);
	set_netlink_option(queue, NETLINK_CAP_ACK);
	set_receive_buffer(queue, wanted_buffer);
	return 0;
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

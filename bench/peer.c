/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <err.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "common.h"

struct nfq_q_handle *peer_open(struct nfq_handle **handle, nfq_callback *decide,
			       void *ctx)
{
	struct nfq_q_handle *queue;

	*handle = nfq_open();
	if (!*handle)
		err(1, "nfq_open");
	queue = nfq_create_queue(*handle, 0, decide, ctx);
	if (!queue)
		err(1, "nfq_create_queue");
	if (nfq_set_mode(queue, NFQNL_COPY_PACKET, 0xffff) < 0)
		err(1, "nfq_set_mode");
	return queue;
}

void peer_enlarge(struct nfq_handle *handle, struct nfq_q_handle *queue)
{
	int on = 1;

	bench_socket_buffer(nfq_fd(handle));
	if (setsockopt(nfq_fd(handle), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on)))
		err(1, "NETLINK_NO_ENOBUFS");
	if (nfq_set_queue_maxlen(queue, BENCH_MAX_LENGTH) < 0)
		err(1, "nfq_set_queue_maxlen");
	if (nfq_set_queue_flags(queue, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) < 0)
		err(1, "nfq_set_queue_flags");
}

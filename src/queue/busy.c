/* SPDX-License-Identifier: MIT */
/*
 * Busy polling: a wakeup costs more than all that the library does with a packet. Netlink
 * knows no SO_BUSY_POLL, so it is the receive itself that is repeated. One message by a
 * plain recvmsg(2) is cheaper than a batch of one; a batch, when the one before did not
 * wait.
 */
#include "queue/queue.h"

#include "queue/clock.h"

#include <errno.h>

/* While it does not pay, it is tried for this part of the time only. */
#define SPIN_LEAST 16

static int receive_one(struct nfqueue *queue)
{
	struct mmsghdr *header = &queue->headers[0];
	ssize_t length = recvmsg(queue_socket(queue), &header->msg_hdr, MSG_DONTWAIT);

	if (length < 0)
		return -errno;
	header->msg_len = (unsigned int)length;
	return 1;
}

static int receive_ready(struct nfqueue *queue, unsigned int size)
{
	int count = queue->has_backlog ? recvmmsg(queue_socket(queue), queue->headers,
						  size, MSG_DONTWAIT, NULL)
				       : receive_one(queue);

	if (count < 0)
		return queue->has_backlog ? -errno : count;
	return count;
}

static void adapt(struct nfqueue *queue, bool paid)
{
	uint32_t least = queue->busy_poll_us / SPIN_LEAST;

	if (paid)
		queue->spin_us = queue->busy_poll_us;
	else if (queue->spin_us / 2 > least)
		queue->spin_us /= 2;
	else
		queue->spin_us = least;
}

void busy_slept(struct nfqueue *queue, uint64_t slept_us)
{
	adapt(queue, slept_us <= queue->busy_poll_us);
}

int busy_poll(struct nfqueue *queue, unsigned int size, uint64_t end_us)
{
	int count = receive_ready(queue, size);
	uint64_t spin_end;

	if (count != -EAGAIN) {
		queue->has_backlog = count > 0;
		return count;
	}
	queue->has_backlog = false;
	spin_end = clock_us() + queue->spin_us;
	if (spin_end > end_us)
		spin_end = end_us;
	while (count == -EAGAIN && clock_us() < spin_end) {
		if (atomic_load_explicit(&queue->attention, memory_order_relaxed))
			return -EAGAIN;
		count = receive_one(queue);
	}
	if (count > 0)
		adapt(queue, true);
	return count;
}

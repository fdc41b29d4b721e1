/* SPDX-License-Identifier: MIT */
/* The socket's buffer: large enough for all that may wait, or growing when it fills. */
#include "queue/queue.h"

#include <linux/sock_diag.h>

#define SOCKET_BUFFER_LIMIT (INT32_MAX - 1)

/* What stands beside the bytes of a message in the kernel, with room for it to grow:
 * struct skb_shared_info behind them, struct sk_buff elsewhere. */
#define SHARED_INFO 320u
#define SK_BUFF 256u

/* A look at the buffer costs a system call: after so many full batches in a row. */
#define LOOK_AFTER 8u

/* What the kernel charges a socket for a message: the memory it takes, not its length.
 * Memory comes in powers of two: 2,304 bytes for 600. Source: __alloc_skb(). */
static uint64_t message_charge(size_t length)
{
	uint64_t memory = 1024;

	while (memory < length + SHARED_INFO)
		memory *= 2;
	return memory + SK_BUFF;
}

static uint32_t wanted_size(const struct nfqueue *queue)
{
	uint64_t wanted = queue->socket_buffer_wanted;

	if (!wanted)
		wanted = queue->max_length *
			 message_charge(
				 message_size(queue->copy_range, queue->flags_wanted));
	return wanted < SOCKET_BUFFER_LIMIT ? (uint32_t)wanted : SOCKET_BUFFER_LIMIT;
}

/* The kernel doubles what it is given, and counts with what it doubled: so do we. */
static void set_size(struct nfqueue *queue, uint32_t wanted)
{
	int fd = queue_socket(queue), half = (int)(wanted / 2), granted = 0;
	socklen_t length = sizeof(granted);

	/* RCVBUFFORCE needs the capability in the first user namespace: a container has
	 * not. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof(half));
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &length) == 0)
		queue->socket_buffer = (uint32_t)granted;
}

void buffer_set(struct nfqueue *queue)
{
	uint32_t wanted = wanted_size(queue);

	if (wanted > queue->socket_buffer)
		set_size(queue, wanted);
	queue_set_has(queue, NFQUEUE_CAP_BUFFER, queue->socket_buffer >= wanted - 1);
}

static bool is_half_full(const struct nfqueue *queue)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t length = sizeof(info);

	if (getsockopt(queue_socket(queue), SOL_SOCKET, SO_MEMINFO, info, &length) < 0)
		return false;
	return info[SK_MEMINFO_RMEM_ALLOC] > queue->socket_buffer / 2;
}

static void grow(struct nfqueue *queue)
{
	uint32_t before = queue->socket_buffer, limit = queue->socket_buffer_max;

	set_size(queue, before < limit / 2 ? before * 2 : limit);
	if (queue->socket_buffer > before)
		counter_add_shared(&queue->counters.buffer_grown, 1);
	else
		queue->socket_buffer_max = 0; /* the kernel gives no more */
}

void buffer_tend(struct nfqueue *queue, bool full_batch, bool lost)
{
	if (queue->socket_buffer_max <= queue->socket_buffer)
		return;
	queue->full_batches = full_batch ? queue->full_batches + 1 : 0;
	if (lost ||
	    (queue->full_batches % LOOK_AFTER == LOOK_AFTER - 1 && is_half_full(queue)))
		grow(queue);
}

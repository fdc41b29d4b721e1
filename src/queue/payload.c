/* SPDX-License-Identifier: MIT */
#include "queue/payload.h"

#include "queue/queue.h"

#include <nfqueue/edit.h>
#include <stdlib.h>
#include <sys/uio.h>

/* Each has two vectors, and what is written behind the last one is one more.
 * Source: UIO_MAXIOV. */
#define PAYLOADS_MAX 511u

/* What netlink_sendmsg() keeps of the socket's buffer for itself. */
#define SEND_RESERVE 32u

struct payload {
	const uint8_t *data;
	uint32_t length;
	size_t end; /* of the head of its message, in what is written */
};

struct payloads {
	const struct nfqueue *queue;
	size_t plain; /* what is written of a send without them, at the most */
	size_t room;  /* bytes of payloads that one send takes; 0: not asked yet */
	size_t bytes;
	uint32_t max, count, placed;
	struct iovec *vectors;
	struct payload payload[];
};

/* Source: netlink_sendmsg(), which refuses what is longer with EMSGSIZE. */
static size_t room(struct payloads *payloads)
{
	socklen_t length = sizeof(int);
	size_t plain = payloads->plain + SEND_RESERVE;
	int size = 0;

	if (payloads->room)
		return payloads->room;
	getsockopt(queue_socket(payloads->queue), SOL_SOCKET, SO_SNDBUF, &size, &length);
	payloads->room = (size_t)size > plain ? (size_t)size - plain : 1;
	return payloads->room;
}

struct payloads *payloads_new(const struct nfqueue *queue, size_t size, size_t plain)
{
	uint32_t max = size < PAYLOADS_MAX ? (uint32_t)size : PAYLOADS_MAX;
	size_t list = sizeof(struct payloads) + max * sizeof(struct payload);
	struct payloads *payloads;

	payloads = malloc(list + (2 * max + 1) * sizeof(struct iovec));
	if (!payloads)
		return NULL;
	*payloads = (struct payloads){.queue = queue, .plain = plain, .max = max};
	payloads->vectors = (struct iovec *)(void *)((char *)payloads + list);
	return payloads;
}

/* The edit has zeroes behind its bytes: the padding. */
static size_t padded(uint32_t length)
{
	return ((size_t)length + 3) & ~(size_t)3;
}

bool payloads_put(struct payloads *payloads, const struct nfqueue_edit *edit)
{
	struct payload *payload = &payloads->payload[payloads->count];
	size_t length;

	if (payloads->count == payloads->max)
		return false;
	payload->data = nfqueue_edit_data(edit, &length);
	payload->length = (uint32_t)length;
	if (payloads->count && payloads->bytes + padded(payload->length) > room(payloads))
		return false;
	payloads->count++;
	payloads->bytes += padded(payload->length);
	return true;
}

uint32_t payloads_next_length(const struct payloads *payloads)
{
	return payloads->payload[payloads->placed].length;
}

void payloads_place(struct payloads *payloads, size_t end)
{
	payloads->payload[payloads->placed++].end = end;
}

static ssize_t send_gathered(const struct payloads *payloads, struct nfqueue *queue,
			     const struct wire_writer *writer)
{
	struct iovec *vector = payloads->vectors;
	size_t from = 0;

	for (uint32_t i = 0; i < payloads->count; i++) {
		const struct payload *payload = &payloads->payload[i];

		*vector++ = (struct iovec){writer->data + from, payload->end - from};
		*vector++ = (struct iovec){(void *)(uintptr_t)payload->data,
					   padded(payload->length)};
		from = payload->end;
	}
	*vector++ = (struct iovec){writer->data + from, writer->length - from};
	return queue_send_vectors(queue, payloads->vectors,
				  (size_t)(vector - payloads->vectors));
}

ssize_t payloads_send(const struct payloads *payloads, struct nfqueue *queue,
		      const struct wire_writer *writer)
{
	if (payloads->count == 0)
		return queue_send(queue, writer->data, writer->length);
	return send_gathered(payloads, queue, writer);
}

void payloads_clear(struct payloads *payloads)
{
	payloads->count = payloads->placed = 0;
	payloads->bytes = 0;
}

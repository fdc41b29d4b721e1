/* SPDX-License-Identifier: MIT */
#include "queue/payload.h"

#include "queue/queue.h"

#include <nfqueue/edit.h>
#include <stdlib.h>
#include <sys/uio.h>

/* Each has two vectors, and what is written behind the last one is one more.
 * Source: UIO_MAXIOV. */
#define PAYLOADS_MAX 511u

struct payload {
	const uint8_t *data;
	uint32_t length;
	size_t end; /* of the head of its message, in what is written */
};

struct payloads {
	uint32_t max, count, placed;
	struct iovec *vectors;
	struct payload payload[];
};

struct payloads *payloads_new(size_t size)
{
	uint32_t max = size < PAYLOADS_MAX ? (uint32_t)size : PAYLOADS_MAX;
	size_t list = sizeof(struct payloads) + max * sizeof(struct payload);
	struct payloads *payloads;

	payloads = malloc(list + (2 * max + 1) * sizeof(struct iovec));
	if (!payloads)
		return NULL;
	*payloads = (struct payloads){.max = max};
	payloads->vectors = (struct iovec *)(void *)((char *)payloads + list);
	return payloads;
}

/* The edit has zeroes behind its bytes: the padding. */
static size_t padded(uint32_t length)
{
	return ((size_t)length + 3) & ~(size_t)3;
}

size_t payload_length(const struct nfqueue_edit *edit)
{
	size_t length;

	nfqueue_edit_data(edit, &length);
	return padded((uint32_t)length);
}

bool payloads_put(struct payloads *payloads, const struct nfqueue_edit *edit)
{
	struct payload *payload = &payloads->payload[payloads->count];
	size_t length;

	if (payloads->count == payloads->max)
		return false;
	payload->data = nfqueue_edit_data(edit, &length);
	payload->length = (uint32_t)length;
	payloads->count++;
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
}

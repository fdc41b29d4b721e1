/* SPDX-License-Identifier: MIT */
/* The queues of a handle: nfq_create_queue(), nfq_destroy_queue(). */
#include <errno.h>
#include <stdlib.h>

#include "compat/exec/exec.h"
#include "handle.h"
#include "uncut.h"

struct nfq_q_handle *queue_find(struct nfq_handle *handle, uint16_t number)
{
	struct nfq_q_handle *queue;

	/* Pairs with the release in publish(). */
	queue = atomic_load_explicit(&handle->queues, memory_order_acquire);
	while (queue && queue->number != number)
		queue = queue->next;
	return queue;
}

static void publish(struct nfq_handle *handle, struct nfq_q_handle *queue)
{
	queue->next = atomic_load_explicit(&handle->queues, memory_order_relaxed);
	/* Pairs with the acquire in queue_find(). */
	while (!atomic_compare_exchange_weak_explicit(&handle->queues, &queue->next,
						      queue, memory_order_release,
						      memory_order_relaxed))
		;
}

static struct nfq_q_handle *new_queue(struct nfq_handle *handle, uint16_t number)
{
	struct nfq_q_handle *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->handle = handle;
	queue->number = number;
	atomic_init(&queue->state, QUEUE_BUSY);
	publish(handle, queue);
	return queue;
}

/* The node for this number, ours to bind; NULL: the handle has that queue. */
static struct nfq_q_handle *take_queue(struct nfq_handle *handle, uint16_t number)
{
	struct nfq_q_handle *queue = queue_find(handle, number);
	enum queue_state gone = QUEUE_GONE;

	if (!queue)
		return new_queue(handle, number);
	return atomic_compare_exchange_strong(&queue->state, &gone, QUEUE_BUSY) ? queue
										: NULL;
}

struct nfq_q_handle *nfq_create_queue(struct nfq_handle *handle, uint16_t number,
				      nfq_callback *callback, void *data)
{
	struct wire_config config = {.queue = number, .command = WIRE_CMD_BIND};
	struct nfq_q_handle *queue = take_queue(handle, number);
	int rc;

	if (!queue)
		return NULL;
	rc = request_run(handle, &config);
	if (rc < 0) {
		nfq_errno = rc;
		atomic_store(&queue->state, QUEUE_GONE);
		return NULL;
	}
	queue->callback = callback;
	queue->data = data;
	/* Pairs with the acquire in dispatch_packet(). */
	atomic_store_explicit(&queue->state, QUEUE_LIVE, memory_order_release);
	exec_open(number);
	uncut_ask(queue);
	return queue;
}

int nfq_destroy_queue(struct nfq_q_handle *queue)
{
	struct wire_config config = {.queue = queue->number, .command = WIRE_CMD_UNBIND};
	int rc;

	exec_close(queue->number);
	rc = request_run(queue->handle, &config);
	if (rc == 0)
		atomic_store(&queue->state, QUEUE_GONE);
	else
		exec_open(queue->number);
	return rc;
}

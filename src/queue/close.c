/* SPDX-License-Identifier: MIT */
/* The end of a queue: what the program still has gets the default verdict. */
#include "queue/queue.h"

#include "queue/worker.h"

#include <stdlib.h>

/* What came with an ACK was never seen by the program: it goes as a batch of its own. */
static int settle_backlog(struct nfqueue *queue)
{
	struct nfqueue_packet *packets[1];
	int count = 0;

	while (!TAILQ_EMPTY(&queue->backlog) && count >= 0)
		count = nfqueue_recv(queue, packets, 1, 0);
	return count < 0 ? count : 0;
}

int queue_settle(struct nfqueue *queue)
{
	struct nfqueue_packet *packet;
	int err;

	while ((packet = TAILQ_FIRST(&queue->held))) {
		err = nfqueue_decide(packet, queue->default_verdict);
		if (err < 0)
			return err;
		counter_add(&queue->counters.defaulted, 1);
	}
	for (unsigned int i = 0; i < queue->batch_count; i++)
		if (queue->batch[i]->state == PACKET_UNDECIDED)
			queue->batch[i]->held = false;
	err = settle_backlog(queue);
	if (err < 0)
		return err;
	verdicts_default(queue);
	return nfqueue_flush(queue);
}

void nfqueue_close(struct nfqueue *queue)
{
	if (!queue)
		return;
	if (queue->socket) {
		queue_settle(queue);
		mnl_socket_close(queue->socket);
	}
	slots_free(queue);
	free(queue);
}

/* SPDX-License-Identifier: MIT */
/* The end of a queue: what the program still has gets the default verdict. */
#include "queue/queue.h"

#include "queue/clock.h"
#include "queue/passing.h"
#include "queue/worker.h"

#include <errno.h>
#include <stdlib.h>

/* So long the kernel may have no memory to take our last verdicts. */
#define PATIENCE_MS 1000

/* What came with an ACK was never seen by the program: it goes as a batch of its own. */
static int settle_backlog(struct nfqueue *queue)
{
	struct nfqueue_packet *packets[1];
	int count = 0;

	while (!TAILQ_EMPTY(&queue->backlog) && count >= 0)
		count = nfqueue_recv(queue, packets, 1, 0);
	return count < 0 ? count : 0;
}

/* The program may still have it: it will be told when it decides. True if it is to be
 * sent now. Under held_lock. */
static bool force(struct nfqueue *queue, struct nfqueue_packet *packet)
{
	if (packet->delayed && wheel_armed(&packet->deadline)) {
		deadline_remove(queue, packet);
		queue_count_delayed(queue, -1);
		return true;
	}
	if (!held_force(packet, queue->default_verdict))
		return false;
	counter_add_shared(&queue->counters.defaulted, 1);
	return true;
}

static void force_held(struct nfqueue *queue)
{
	struct nfqueue_packet *packet;

	pthread_mutex_lock(&queue->held_lock);
	TAILQ_FOREACH(packet, &queue->held, entry)
	{
		if (force(queue, packet))
			late_push(packet);
	}
	pthread_mutex_unlock(&queue->held_lock);
}

static int try_settle(struct nfqueue *queue)
{
	int err = batch_finish(queue);

	if (err == 0)
		err = settle_backlog(queue);
	if (err == 0)
		err = batch_finish(queue);
	if (err < 0)
		return err;
	force_held(queue);
	err = flush_late(queue);
	/* Another thread may have decided one, and not yet put it in line. */
	if (err == 0 && atomic_load_explicit(&queue->held_count, memory_order_acquire))
		return -EAGAIN;
	return err;
}

/* From here on nobody reads the socket for a configuration: what is in it may be for
 * another process. */
static void shut(struct nfqueue *queue)
{
	gate_enter(queue);
	queue->is_shut = true;
	gate_leave(queue);
}

/* The kernel may have no memory for our verdicts for a moment: none is lost for that. */
int queue_settle(struct nfqueue *queue)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	uint64_t end = clock_ms() + PATIENCE_MS;
	int err;

	shut(queue);
	while (error_passes(err = try_settle(queue)) && clock_ms() < end)
		nanosleep(&pause, NULL);
	return err;
}

static void destroy(struct nfqueue *queue)
{
	slots_free(queue);
	free(queue->wheel);
	pthread_mutex_destroy(&queue->socket_lock);
	pthread_mutex_destroy(&queue->config_lock);
	pthread_mutex_destroy(&queue->held_lock);
	pthread_mutex_destroy(&queue->late_lock);
	pthread_mutex_destroy(&queue->error_lock);
	free(queue);
}

void nfqueue_close(struct nfqueue *queue)
{
	if (!queue)
		return;
	if (queue->socket) {
		queue_settle(queue);
		mnl_socket_close(queue->socket);
	}
	destroy(queue);
}

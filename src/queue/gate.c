/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time reads the socket. A configuration reads its own ACK, so it needs
 * the socket for itself: it asks a sleeping reader to step aside. Packets that come
 * before the ACK are kept, and the reader's slots fit when the kernel begins to send
 * more.
 */
#include "queue/queue.h"

#include "queue/passing.h"

#include <errno.h>
#include <time.h>

/* Whoever asks has config_lock until it is done. */
static void step_aside(struct nfqueue *queue)
{
	pthread_mutex_lock(&queue->config_lock);
	pthread_mutex_unlock(&queue->config_lock);
}

static bool is_wanted(const struct nfqueue *queue)
{
	return atomic_load_explicit(&queue->socket_wanted, memory_order_acquire) > 0;
}

void gate_enter(struct nfqueue *queue)
{
	if (is_wanted(queue))
		step_aside(queue);
	pthread_mutex_lock(&queue->socket_lock);
}

void gate_leave(struct nfqueue *queue)
{
	pthread_mutex_unlock(&queue->socket_lock);
}

void gate_yield(struct nfqueue *queue)
{
	if (!is_wanted(queue))
		return;
	gate_leave(queue);
	step_aside(queue);
	pthread_mutex_lock(&queue->socket_lock);
}

static void take_socket(struct nfqueue *queue)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	if (pthread_mutex_trylock(&queue->socket_lock) == 0)
		return;
	atomic_fetch_add_explicit(&queue->socket_wanted, 1, memory_order_acq_rel);
	while (error_passes(wake_send(queue, 0)))
		nanosleep(&pause, NULL);
	pthread_mutex_lock(&queue->socket_lock);
	atomic_fetch_sub_explicit(&queue->socket_wanted, 1, memory_order_acq_rel);
}

int gate_enter_config(struct nfqueue *queue)
{
	pthread_mutex_lock(&queue->config_lock);
	take_socket(queue);
	if (!queue->is_shut)
		return 0;
	gate_leave_config(queue);
	return queue_error(queue, -ESHUTDOWN, "queue %u: it is being closed",
			   queue->number);
}

void gate_leave_config(struct nfqueue *queue)
{
	pthread_mutex_unlock(&queue->socket_lock);
	pthread_mutex_unlock(&queue->config_lock);
}

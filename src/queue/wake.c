/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include <errno.h>

/*
 * Asks the kernel for an ACK to a command that does nothing: it comes through the socket
 * that the reader sleeps on. No second file descriptor to poll, one system call a batch.
 * Async-signal-safe: stack, and one send(2).
 */
int wake_send(struct nfqueue *queue, uint32_t sequence)
{
	struct wire_config config = {.queue = queue->number,
				     .command = WIRE_CMD_PF_UNBIND};
	struct wire_writer writer;
	uint8_t buffer[64];
	int saved = errno;
	ssize_t sent;

	wire_writer_init(&writer, buffer, sizeof(buffer));
	wire_put_config(&writer, &config, sequence, true);
	sent = queue_send(queue, buffer, writer.length);
	errno = saved;
	return sent < 0 ? (int)sent : 0;
}

/*
 * The ACK only ends a sleep. It is lost when the socket buffer is full, but then there is
 * no sleep, and the flag keeps the reader from the next one. Pairs with was_woken().
 */
int nfqueue_wake(struct nfqueue *queue)
{
	atomic_store_explicit(&queue->woken, true, memory_order_release);
	return wake_send(queue, 0);
}

/*
 * `idle` and `attention` are in one total order, here and in receive.c: one of us sees
 * what the other has written. One kick a sleep is enough.
 */
int wake_reader(struct nfqueue *queue)
{
	int err;

	if (!atomic_load(&queue->attention))
		atomic_store(&queue->attention, true);
	if (is_reader(queue) || !atomic_load(&queue->idle) ||
	    atomic_exchange(&queue->kicked, true))
		return 0;
	err = wake_send(queue, 0);
	if (err < 0)
		atomic_store(&queue->kicked, false);
	return err;
}

/* A kick that was sent may have been received already: only one sent from here on counts.
 */
void wake_expect(struct nfqueue *queue)
{
	atomic_store(&queue->kicked, false);
	atomic_store(&queue->idle, true);
}

void wake_clear(struct nfqueue *queue)
{
	atomic_store_explicit(&queue->idle, false, memory_order_relaxed);
}

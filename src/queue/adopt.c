/* SPDX-License-Identifier: MIT */
/* A socket that another process had: what that process had received is decided. */
#include "queue/queue.h"

#include "proc/proc.h"

static bool newest_id(struct nfqueue *queue, uint32_t *id)
{
	struct proc_queue row;

	if (proc_queue_find(queue->number, &row) < 0 ||
	    row.port_id != mnl_socket_get_portid(queue->socket))
		return false;
	*id = row.last_id;
	queue->lost_full_before = row.dropped_full;
	return true;
}

static void send_range(struct nfqueue *queue, uint32_t id)
{
	struct wire_verdict verdict = {
		.queue = queue->number,
		.id = id,
		.code = queue->default_verdict.code,
		.mark = queue->default_verdict.mark,
		.present = queue->default_verdict.set & NFQUEUE_SET_MARK ? 1u << WIRE_MARK
									 : 0,
	};
	uint8_t buffer[WIRE_VERDICT_PLAIN_MAX];
	struct wire_writer writer;

	wire_writer_init(&writer, buffer, sizeof(buffer));
	wire_put_range_verdict(&writer, &verdict, 0);
	queue_send(queue, buffer, writer.length); /* ENOENT: there was none */
}

/*
 * The socket holds, in the order of their ids, what nobody has received yet: all older
 * ones were received. The newest id is read before the socket is found empty, so nothing
 * that comes between is taken for received.
 */
int adopt_orphans(struct nfqueue *queue)
{
	struct nfqueue_packet *first;
	uint32_t newest = 0;
	bool known = newest_id(queue, &newest);
	int err = queue_read_ahead(queue);

	if (err < 0)
		return err;
	first = TAILQ_FIRST(&queue->backlog);
	if (!first && !known)
		return 0; /* a user namespace that may not look */
	send_range(queue, first ? first->wire.id - 1 : newest);
	if (first)
		return 0;
	queue->expects_id = true;
	queue->expected_id = newest + 1;
	tally_publish(queue);
	return 0;
}

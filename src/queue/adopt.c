/* SPDX-License-Identifier: MIT */
/* A socket that another process had: what that process had received is decided. */
#include "queue/queue.h"

#include "proc/proc.h"

#include <string.h>

/*
 * The newest id is read before a configuration, which takes the queue's lock in the
 * kernel (nfqnl_set_mode()): what had an id by then is in the socket when its ACK comes.
 */
struct adoption adopt_begin(struct nfqueue *queue)
{
	struct adoption adoption = {.known = false};
	struct proc_queue row;

	if (proc_queue_find(queue->number, &row) < 0 ||
	    row.port_id != mnl_socket_get_portid(queue->socket))
		return adoption;
	adoption.known = true;
	adoption.newest_id = row.last_id;
	queue->lost_full_before = row.dropped_full;
	return adoption;
}

static int send_range(struct nfqueue *queue, uint32_t id)
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
	ssize_t sent;

	wire_writer_init(&writer, buffer, sizeof(buffer));
	wire_put_range_verdict(&writer, &verdict, 0);
	sent = queue_send(queue, buffer, writer.length); /* ENOENT: there was none */
	return sent < 0 ? queue_error(queue, (int)sent, "cannot take over queue %u: %s",
				      queue->number, strerror((int)-sent))
			: 0;
}

/*
 * The socket holds, in the order of their ids, what nobody has received yet: all older
 * ones were received.
 */
int adopt_orphans(struct nfqueue *queue, const struct adoption *adoption)
{
	struct nfqueue_packet *first;
	int err = queue_read_ahead(queue);

	if (err < 0)
		return err;
	first = TAILQ_FIRST(&queue->backlog);
	if (first)
		return send_range(queue, first->id - 1);
	if (!adoption->known)
		return 0; /* a user namespace that may not look */
	queue->expects_id = true;
	queue->expected_id = adoption->newest_id + 1;
	tally_publish(queue);
	return send_range(queue, adoption->newest_id);
}

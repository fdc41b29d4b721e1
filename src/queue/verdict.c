/* SPDX-License-Identifier: MIT */
/* Verdicts are noted beside their packets, until a flush sends them. */
#include "queue/queue.h"

#include "queue/worker.h"

#include <errno.h>
#include <stdlib.h>

/* Source: verdicthdr_get(): anything else is -EINVAL there, and the packet stays. */
bool verdict_is_known(uint32_t code)
{
	switch (code & 0xff) {
	case NFQUEUE_VERDICT_DROP:
	case NFQUEUE_VERDICT_ACCEPT:
	case NFQUEUE_VERDICT_QUEUE:
	case NFQUEUE_VERDICT_REPEAT:
	case NFQUEUE_VERDICT_STOP:
		return true;
	default:
		return false;
	}
}

bool packet_in_batch(const struct nfqueue_packet *packet)
{
	const struct nfqueue *queue = packet->queue;

	return queue->batch_count && packet->order >= queue->batch[0]->order;
}

/* Held packets are sent in the order in which they are decided: they wait in line. */
static int note_late(struct nfqueue_packet *packet)
{
	struct nfqueue *queue = packet->queue;

	if (queue->late_count == queue->late_size) {
		size_t size = queue->late_size ? queue->late_size * 2 : 256;
		void *grown = realloc(queue->late, size * sizeof(*queue->late));

		if (!grown)
			return -ENOMEM;
		queue->late = grown;
		queue->late_size = size;
	}
	queue->late[queue->late_count++] = packet;
	if (!packet_in_batch(packet))
		TAILQ_REMOVE(&queue->held, packet, entry);
	return 0;
}

int nfqueue_decide(struct nfqueue_packet *packet, struct nfqueue_verdict verdict)
{
	int err;

	if (packet->state != PACKET_UNDECIDED)
		return -EALREADY;
	if (!verdict_is_known(verdict.code))
		return queue_error(packet->queue, -EINVAL,
				   "packet %u: unknown verdict 0x%x", packet->wire.id,
				   verdict.code);
	if (packet->held) {
		err = note_late(packet);
		if (err < 0)
			return err;
	}
	if (verdict.code == NFQUEUE_VERDICT_DROP)
		verdict = NFQUEUE_DROP; /* nobody will see its mark */
	packet->verdict = verdict;
	packet->state = PACKET_DECIDED;
	return 0;
}

int nfqueue_accept(struct nfqueue_packet *packet)
{
	return nfqueue_decide(packet, NFQUEUE_ACCEPT);
}

int nfqueue_drop(struct nfqueue_packet *packet)
{
	return nfqueue_decide(packet, NFQUEUE_DROP);
}

int nfqueue_packet_hold(struct nfqueue_packet *packet)
{
	if (packet->state != PACKET_UNDECIDED)
		return -EALREADY;
	packet->held = true;
	return 0;
}

bool packet_is_held(const struct nfqueue_packet *packet)
{
	return packet->held;
}

void verdicts_default(struct nfqueue *queue)
{
	for (unsigned int i = 0; i < queue->batch_count; i++) {
		struct nfqueue_packet *packet = queue->batch[i];

		if (packet->state != PACKET_UNDECIDED || packet->held)
			continue;
		packet->verdict = queue->default_verdict;
		packet->state = PACKET_DECIDED;
		counter_add(&queue->counters.defaulted, 1);
	}
}

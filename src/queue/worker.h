/* SPDX-License-Identifier: MIT */
/* What the engine needs of a queue beyond the public API. */
#ifndef NFQUEUE_QUEUE_WORKER_H
#define NFQUEUE_QUEUE_WORKER_H

#include <nfqueue/queue.h>

#include <stdbool.h>

/* Whether the program has taken the packet out of its batch. */
bool packet_is_held(const struct nfqueue_packet *packet);

/* Decides all that waits here, held packets and those of the batch alike, with the
 * default verdict, and sends it. Returns as nfqueue_flush(). */
int queue_settle(struct nfqueue *queue);

#endif

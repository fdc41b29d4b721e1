/* SPDX-License-Identifier: MIT */
/* What the engine needs of a queue beyond the public API. */
#ifndef NFQUEUE_QUEUE_WORKER_H
#define NFQUEUE_QUEUE_WORKER_H

#include <nfqueue/queue.h>

#include <stdbool.h>

struct sender;

/* Whether this thread's last successful hold was of this packet. Asked once: it may be
 * another thread's by now, or gone, so it cannot be looked at. */
bool packet_was_held(const struct nfqueue_packet *packet);

/* The queue's default verdict, if the packet has none. */
void packet_decide_default(struct nfqueue_packet *packet);

/* There was no room for a detached packet: it is decided, sent with the next flush. */
void packet_overflow(struct nfqueue_packet *packet, struct nfqueue_verdict verdict);

/* The reader had to wait for room. */
void queue_count_wait(struct nfqueue *queue);

/* Before other threads use the queue; NULL: no memory, or too many. */
struct sender *queue_sender_new(struct nfqueue *queue, size_t size);

/* All packets of the batch leave it: they may be decided by other threads, each by one,
 * and are sent by these. Reader. */
void queue_detach(struct nfqueue *queue);

/* Sends decided, detached packets. Returns how many of them, and these are gone; or
 * -errno of send(2). */
int queue_send_detached(struct sender *sender, struct nfqueue_packet **packets,
			size_t count);

/* What nfqueue_recv() does beside receiving: deadlines, late verdicts. Reader. */
int queue_tend(struct nfqueue *queue);

/* Whether nfqueue_recv() would return packets without a look into the socket. */
bool queue_has_backlog(struct nfqueue *queue);

/* Decides all that waits here, held packets and those of the batch alike, with the
 * default verdict, and sends it. Returns as nfqueue_flush(). */
int queue_settle(struct nfqueue *queue);

#endif

/* SPDX-License-Identifier: MIT */
/* A queue opened with libnetfilter_queue: for all subjects but ours. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <sys/types.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

/* Opens queue 0, whole packets, all else as the library leaves it; exits on an error. */
struct nfq_q_handle *peer_open(struct nfq_handle **handle, nfq_callback *decide,
			       void *ctx);

/* Packets uncut, no ENOBUFS, and a buffer and a maximum length that hold a drain. */
void peer_enlarge(struct nfq_handle *handle, struct nfq_q_handle *queue);

#endif

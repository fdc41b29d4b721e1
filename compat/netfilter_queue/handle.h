/* SPDX-License-Identifier: MIT */
/*
 * What the files of the classic API share. The API has no locks and may be called from
 * many threads, and from signal handlers: so nothing here has a lock either. Queues and
 * requests are nodes of lists that only grow until nfq_close(), and are used again.
 */
#ifndef NFQUEUE_COMPAT_HANDLE_H
#define NFQUEUE_COMPAT_HANDLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libnetfilter_queue/libnetfilter_queue.h>

#include "wire/wire.h"

/* Whether the kernel sends us packets of a queue. One that is gone is kept: packets of it
 * may still lie in the socket, and a callback in another thread may still use it. */
enum queue_state {
	QUEUE_BUSY, /* being bound */
	QUEUE_LIVE,
	QUEUE_GONE,
};

struct nfq_q_handle {
	struct nfq_q_handle *next; /* written before it is published in handle->queues */
	struct nfq_handle *handle;
	uint16_t number;
	_Atomic enum queue_state state;
	nfq_callback *callback; /* these two: written before QUEUE_LIVE */
	void *data;
};

/* A setter that waits for its answer. */
struct request {
	struct request *next; /* written before it is published in handle->requests */
	/* Sequence number << 32 | answer, one word so that no answer meets the next
	 * request in this node. 0: free. */
	_Atomic uint64_t state;
};

struct nfq_handle {
	struct nfnl_handle *nfnlh;
	struct nfnl_subsys_handle *subsystem;
	struct nfnl_callback on_packet; /* for those who call libnfnetlink themselves */
	_Atomic(struct nfq_q_handle *) queues;
	_Atomic(struct request *) requests;
	struct request first_request; /* so that hardly anybody needs malloc() */
	atomic_uint sequence;         /* how many requests there have been */
	atomic_uint unheard; /* the last request whose wait a callback has ended */
	atomic_uintptr_t
		reader; /* the thread that last called nfq_handle_packet(), or 0 */
};

/* --- queue.c ---------------------------------------------------------------------- */

/* The queue of that number, live or gone; NULL: this handle has never had it. */
struct nfq_q_handle *queue_find(struct nfq_handle *handle, uint16_t number);

/* --- verdict.c --------------------------------------------------------------------- */

/* Whether the kernel's error is its answer to a verdict. Counts it. */
bool verdict_refused(const struct wire_error *error);

/* --- dispatch.c ------------------------------------------------------------------- */

/* Hands one packet message to the callback of its queue. Returns what that returned;
 * 0 for a packet of a queue that is gone; -1: no such queue. */
int dispatch_packet(struct nfq_handle *handle, struct nlmsghdr *message);

/* --- request.c -------------------------------------------------------------------- */

/* Sends a configuration and waits until the kernel's answer is known. Returns 0, or -1
 * with errno. Packets that come first go to their callbacks. */
int request_run(struct nfq_handle *handle, const struct wire_config *config);

/* Takes note of the kernel's answer to a request of this handle. Returns true if it was
 * one. */
bool request_answered(struct nfq_handle *handle, const struct wire_error *error);

#endif

/* SPDX-License-Identifier: MIT */
/* Opening and closing: nfq_open(), nfq_close() and what they hold. */
#include "handle.h"

#include <errno.h>
#include <stdlib.h>

#include "compat/exec/exec.h"

int nfq_errno;

/* libnfnetlink's way to a packet: for programs that call nfnl_catch() and such. */
static int on_packet(struct nlmsghdr *message, struct nfattr *attributes[], void *data)
{
	return dispatch_packet(data, message);
}

static struct nfq_handle *new_handle(struct nfnl_handle *nfnlh)
{
	struct nfq_handle *handle = calloc(1, sizeof(*handle));

	if (!handle)
		return NULL;
	handle->nfnlh = nfnlh;
	handle->on_packet = (struct nfnl_callback){
		.call = on_packet, .data = handle, .attr_count = NFQA_MAX};
	atomic_init(&handle->requests, &handle->first_request);
	return handle;
}

struct nfq_handle *nfq_open_nfnl(struct nfnl_handle *nfnlh)
{
	struct nfq_handle *handle = new_handle(nfnlh);

	if (!handle)
		return NULL;
	handle->subsystem = nfnl_subsys_open(nfnlh, NFNL_SUBSYS_QUEUE, NFQNL_MSG_MAX, 0);
	if (!handle->subsystem)
		goto out;
	nfq_errno = nfnl_callback_register(handle->subsystem, NFQNL_MSG_PACKET,
					   &handle->on_packet);
	if (nfq_errno < 0)
		goto out_subsystem;
	exec_enlarge(nfnl_fd(nfnlh));
	return handle;

out_subsystem:
	nfnl_subsys_close(handle->subsystem);
out:
	free(handle);
	return NULL;
}

struct nfq_handle *nfq_open(void)
{
	struct nfnl_handle *nfnlh = nfnl_open();
	struct nfq_handle *handle;
	int err;

	if (!nfnlh)
		return NULL;
	nfnl_unset_sequence_tracking(nfnlh);
	handle = nfq_open_nfnl(nfnlh);
	if (!handle) {
		err = errno;
		nfnl_close(nfnlh);
		errno = err;
	}
	return handle;
}

static void close_queues(struct nfq_handle *handle)
{
	struct nfq_q_handle *queue = atomic_load(&handle->queues);

	for (; queue; queue = queue->next)
		if (atomic_load(&queue->state) == QUEUE_LIVE)
			exec_close(queue->number);
}

static void free_queues(struct nfq_handle *handle)
{
	struct nfq_q_handle *queue = atomic_load(&handle->queues), *next;

	for (; queue; queue = next) {
		next = queue->next;
		free(queue);
	}
}

static void free_requests(struct nfq_handle *handle)
{
	struct request *request = atomic_load(&handle->requests), *next;

	for (; request != &handle->first_request; request = next) {
		next = request->next;
		free(request);
	}
}

int nfq_close(struct nfq_handle *handle)
{
	int rc;

	close_queues(handle);
	rc = nfnl_close(handle->nfnlh);
	if (rc < 0)
		return rc;
	free_queues(handle);
	free_requests(handle);
	free(handle);
	return rc;
}

struct nfnl_handle *nfq_nfnlh(struct nfq_handle *handle)
{
	return handle->nfnlh;
}

int nfq_fd(struct nfq_handle *handle)
{
	return nfnl_fd(handle->nfnlh);
}

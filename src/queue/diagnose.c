/* SPDX-License-Identifier: MIT */
/* One errno of the kernel, several causes: tell them apart, and say what to do. */
#include "queue/queue.h"

#include "proc/proc.h"

#include <errno.h>
#include <string.h>

/* A configuration command that has done nothing since 3.8, but needs the privilege. */
static bool is_privileged(struct nfqueue *queue)
{
	struct wire_config config = {.queue = queue->number, .command = WIRE_CMD_PF_BIND};

	return queue_configure(queue, &config) != -EPERM;
}

static int diagnose_busy(struct nfqueue *queue)
{
	struct proc_queue row;
	char name[16] = "";
	int32_t pid = 0;

	if (proc_queue_find(queue->number, &row) == 0) {
		/* It is ours: the ACK of a first try was lost. */
		if (row.port_id == mnl_socket_get_portid(queue->socket))
			return 0;
		pid = proc_port_owner(row.port_id, name);
	}
	if (pid)
		return queue_error(
			queue, -EBUSY,
			"queue %u belongs to process %d (%s): stop that, or use "
			"another queue number",
			queue->number, pid, name);
	return queue_error(
		queue, -EBUSY,
		"queue %u belongs to another process, which cannot be seen from "
		"here: use another queue number",
		queue->number);
}

int diagnose_bind(struct nfqueue *queue, int error)
{
	switch (error) {
	case -EBUSY: /* bound twice through one socket */
		return diagnose_busy(queue);
	case -EPERM:
		if (is_privileged(queue))
			return diagnose_busy(queue);
		return queue_error(
			queue, -EPERM,
			"no privilege to open queue %u: CAP_NET_ADMIN is needed in "
			"this network namespace (run as root, or setcap "
			"cap_net_admin+ep on the program)",
			queue->number);
	case -EINVAL: /* nfnetlink_rcv_msg(): nobody serves this subsystem */
	case -EOPNOTSUPP:
		return queue_error(
			queue, -EOPNOTSUPP,
			"this kernel has no nfnetlink_queue: load the module, or "
			"build with CONFIG_NETFILTER_NETLINK_QUEUE");
	default:
		return queue_error(queue, error, "cannot bind queue %u: %s%s%s",
				   queue->number, strerror(-error),
				   *queue->ack_text ? ": " : "", queue->ack_text);
	}
}

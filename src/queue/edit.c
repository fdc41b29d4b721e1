/* SPDX-License-Identifier: MIT */
/* A packet's own edit, which goes with the program's verdict. */
#include <nfqueue/edit.h>

#include "packet/editor.h"
#include "queue/queue.h"

#include <errno.h>
#include <linux/netlink.h>

static int check(struct nfqueue_packet *packet)
{
	if (!queue_may_mangle(packet->queue))
		return queue_error(packet->queue, -EPERM,
				   "packet %u: this kernel drops what is changed from a "
				   "user namespace: run where the network namespace "
				   "belongs to the first one",
				   packet->id);
	if (packet->wire.family == AF_BRIDGE)
		return queue_error(packet->queue, -EOPNOTSUPP,
				   "packet %u: recent kernels drop a bridge's packet "
				   "that is changed",
				   packet->id);
	return 0;
}

static int begin(struct nfqueue_packet *packet)
{
	const struct wire_bytes *payload = &packet->wire.payload;
	int err = check(packet);

	if (err < 0)
		return err;
	if (!packet->edit) {
		err = nfqueue_edit_new(&packet->edit);
		if (err < 0)
			return queue_error(packet->queue, err,
					   "packet %u: no memory to edit it", packet->id);
	}
	err = nfqueue_edit_begin(packet->edit, payload->data, payload->length,
				 nfqueue_packet_length(packet), packet->wire.skb_info);
	if (err < 0)
		return queue_error(packet->queue, err, "packet %u: %s", packet->id,
				   nfqueue_edit_error(packet->edit));
	packet->edited = true;
	return 0;
}

int nfqueue_packet_edit(struct nfqueue_packet *packet, struct nfqueue_edit **edit)
{
	int err;

	*edit = NULL;
	if (packet_state(packet) != PACKET_UNDECIDED)
		return -EALREADY;
	if (!packet->edited) {
		err = begin(packet);
		if (err < 0)
			return err;
	}
	*edit = packet->edit;
	return 0;
}

/* What could never be sent would keep all others from it. */
static int check_length(struct nfqueue_packet *packet)
{
	size_t length, room = queue_send_room(packet->queue);

	nfqueue_edit_data(packet->edit, &length);
	if (length > WIRE_PAYLOAD_MAX)
		return queue_error(packet->queue, -EMSGSIZE,
				   "packet %u: %zu bytes: the kernel takes %u",
				   packet->id, length, WIRE_PAYLOAD_MAX);
	if (NLA_ALIGN(length) + VERDICT_MAX > room)
		return queue_error(packet->queue, -EMSGSIZE,
				   "packet %u: %zu bytes: the socket's send buffer takes "
				   "%zu: raise net.core.wmem_max",
				   packet->id, length, room - VERDICT_MAX);
	return 0;
}

int packet_commit_edit(struct nfqueue_packet *packet, struct nfqueue_verdict *verdict)
{
	int err;

	if ((verdict->code & 0xff) == NFQUEUE_VERDICT_DROP ||
	    !nfqueue_edit_is_changed(packet->edit))
		return 0;
	err = nfqueue_edit_commit(packet->edit);
	if (err < 0)
		return queue_error(packet->queue, err, "packet %u: %s", packet->id,
				   nfqueue_edit_error(packet->edit));
	err = check_length(packet);
	if (err < 0)
		return err;
	verdict->set |= SET_PAYLOAD | COALESCE_ALONE;
	return 0;
}

void packet_end_edit(struct nfqueue_packet *packet)
{
	edit_reset(packet->edit);
	packet->edited = false;
}

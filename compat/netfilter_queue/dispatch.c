/* SPDX-License-Identifier: MIT */
/* nfq_handle_packet(): from the bytes that the program received to its callback. */
#include <errno.h>
#include <pthread.h>

#include "compat/exec/exec.h"
#include "data.h"
#include "handle.h"
#include "uncut.h"

#define MESSAGE_HEAD (NLMSG_HDRLEN + sizeof(struct nfgenmsg))

/* Stops where a length lies, with what was there until then. */
static void find_attributes(struct nfq_data *data, const uint8_t *bytes, size_t size)
{
	uint16_t length, type;

	data->present = 0;
	for (size_t at = 0; at + NLA_HDRLEN <= size; at += NLA_ALIGN(length)) {
		length = load_host16(bytes + at);
		if (length < NLA_HDRLEN || length > size - at)
			return;
		type = load_host16(bytes + at + 2) & NLA_TYPE_MASK;
		if (type > DATA_MAX)
			continue;
		data->attribute[type] = bytes + at;
		data->present |= 1u << type;
	}
}

static void count_packet(const struct nfq_q_handle *queue, const struct nfq_data *data)
{
	const uint8_t *header = data_get(data, WIRE_PACKET_HDR, 4);

	if (header)
		exec_packet(queue->number, load_be32(header));
}

int dispatch_packet(struct nfq_handle *handle, struct nlmsghdr *message)
{
	uint8_t *bytes = (uint8_t *)message;
	struct nfgenmsg *nfmsg = (struct nfgenmsg *)(bytes + NLMSG_HDRLEN);
	struct nfq_q_handle *queue;
	struct nfq_data data;

	if (message->nlmsg_len < MESSAGE_HEAD)
		return -1;
	queue = queue_find(handle, be16toh(nfmsg->res_id));
	if (!queue)
		return -1;
	/* Pairs with the release in nfq_create_queue(). */
	if (atomic_load_explicit(&queue->state, memory_order_acquire) != QUEUE_LIVE)
		return 0;
	if (!queue->callback)
		return -1;
	find_attributes(&data, bytes + MESSAGE_HEAD, message->nlmsg_len - MESSAGE_HEAD);
	count_packet(queue, &data);
	return queue->callback(queue, nfmsg, &data, queue->data);
}

/* What a loop should hear of: not that a packet was gone before its verdict came, nor an
 * answer that a setter was waiting for. */
static int handle_error(struct nfq_handle *handle, const struct wire_message *message)
{
	struct wire_error error;

	if (wire_error_decode(message, &error) < 0)
		return -1;
	if (request_answered(handle, &error))
		return 0;
	return verdict_refused(&error) && error.error == -ENOENT ? 0 : -1;
}

static int handle_message(struct nfq_handle *handle, struct nlmsghdr *header,
			  const struct wire_message *message)
{
	if (wire_is_packet(message))
		return dispatch_packet(handle, header);
	if (message->type == NLMSG_ERROR)
		return handle_error(handle, message);
	/* Of another subsystem that shares the socket, or nobody's. */
	return nfnl_handle_packet(handle->nfnlh, (char *)header, (int)message->length);
}

int nfq_handle_packet(struct nfq_handle *handle, char *buffer, int length)
{
	struct wire_bytes rest = {.data = (uint8_t *)buffer};
	struct wire_message message;
	struct nlmsghdr *header;

	atomic_store_explicit(&handle->reader, (uintptr_t)pthread_self(),
			      memory_order_relaxed);
	rest.length = length < 0 ? 0 : (uint32_t)length;
	while (rest.length >= NLMSG_HDRLEN) {
		header = (struct nlmsghdr *)(buffer + (rest.data - (uint8_t *)buffer));
		if (wire_message_next(&rest, &message) < 0 &&
		    (!uncut_fit(header, rest.length) ||
		     wire_message_next(&rest, &message) < 0))
			return -1;
		if (handle_message(handle, header, &message) < 0)
			return -1;
	}
	return 0;
}

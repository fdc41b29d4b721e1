/* SPDX-License-Identifier: MIT */
/* nfq_set_verdict() and its kin: one message, one system call, no answer. */
#include <endian.h>
#include <errno.h>
#include <sys/uio.h>

#include "compat/exec/exec.h"
#include "handle.h"
#include "uncut.h"
#include "wire/bytes.h"
#include "wire/writer.h"

#define NO_MARK NULL

struct verdict {
	struct nfq_q_handle *queue;
	enum wire_message_type type;
	uint32_t id;
	uint32_t code;
	const uint32_t *mark; /* host order; NULL: none */
	uint32_t length;      /* of the payload; 0: none */
	const unsigned char *payload;
};

/* Message and attribute tell the payload's exact length, though padding follows. */
static void write_head(struct wire_writer *writer, const struct verdict *verdict)
{
	uint8_t *at;

	wire_message_begin(writer, verdict->type, 0, 0, verdict->queue->number);
	at = wire_attribute_reserve(writer, WIRE_VERDICT_HDR, 8);
	if (!at)
		return;
	store_be32(at, verdict->code);
	store_be32(at + 4, verdict->id);
	if (verdict->mark)
		wire_put_u32(writer, WIRE_MARK, *verdict->mark);
	if (verdict->length)
		wire_attribute_head(writer, WIRE_PAYLOAD, verdict->length);
	wire_message_end_before(writer, verdict->length);
}

/* Returns the bytes sent, or -1 with errno. */
static int send_message(const struct verdict *verdict)
{
	static const uint8_t zeros[NLMSG_ALIGNTO];
	uint8_t head[WIRE_VERDICT_PLAIN_MAX + NLA_HDRLEN];
	struct wire_writer writer;
	struct iovec part[3] = {{.iov_base = head}};
	struct msghdr message = {.msg_iov = part, .msg_iovlen = 3};
	int fd;

	wire_writer_init(&writer, head, sizeof(head));
	write_head(&writer, verdict);
	if (writer.error < 0) {
		errno = -writer.error;
		return -1;
	}
	fd = nfnl_fd(verdict->queue->handle->nfnlh);
	if (!verdict->length) /* cheaper than sendmsg() */
		return (int)send(fd, head, writer.length, 0);
	part[0].iov_len = writer.length;
	part[1].iov_base = (void *)(uintptr_t)verdict->payload;
	part[1].iov_len = verdict->length;
	part[2].iov_base = (void *)(uintptr_t)zeros;
	part[2].iov_len = -verdict->length & (NLMSG_ALIGNTO - 1);
	return (int)sendmsg(fd, &message, 0);
}

static int send_verdict(struct verdict verdict)
{
	uint16_t queue = verdict.queue->number;
	int sent;

	if (verdict.length && !uncut_may_replace(verdict.queue, verdict.id))
		verdict.length = 0;
	sent = send_message(&verdict);
	if (sent < 0)
		exec_refused(queue);
	else
		exec_verdict(queue, verdict.id, verdict.type == WIRE_MSG_VERDICT_BATCH);
	return sent;
}

bool verdict_refused(const struct wire_error *error)
{
	const uint16_t type = WIRE_SUBSYSTEM_QUEUE << 8;

	if (error->request_type != (type | WIRE_MSG_VERDICT) &&
	    error->request_type != (type | WIRE_MSG_VERDICT_BATCH))
		return false;
	if (error->request.length >= sizeof(struct nfgenmsg))
		exec_refused(load_be16(error->request.data + 2)); /* res_id */
	return true;
}

int nfq_set_verdict(struct nfq_q_handle *queue, uint32_t id, uint32_t verdict,
		    uint32_t length, const unsigned char *payload)
{
	return send_verdict((struct verdict){queue, WIRE_MSG_VERDICT, id, verdict,
					     NO_MARK, length, payload});
}

int nfq_set_verdict2(struct nfq_q_handle *queue, uint32_t id, uint32_t verdict,
		     uint32_t mark, uint32_t length, const unsigned char *payload)
{
	return send_verdict((struct verdict){queue, WIRE_MSG_VERDICT, id, verdict, &mark,
					     length, payload});
}

int nfq_set_verdict_batch(struct nfq_q_handle *queue, uint32_t id, uint32_t verdict)
{
	return send_verdict((struct verdict){queue, WIRE_MSG_VERDICT_BATCH, id, verdict,
					     NO_MARK, 0, NULL});
}

int nfq_set_verdict_batch2(struct nfq_q_handle *queue, uint32_t id, uint32_t verdict,
			   uint32_t mark)
{
	return send_verdict((struct verdict){queue, WIRE_MSG_VERDICT_BATCH, id, verdict,
					     &mark, 0, NULL});
}

/* The one whose mark is in network order already. */
int nfq_set_verdict_mark(struct nfq_q_handle *queue, uint32_t id, uint32_t verdict,
			 uint32_t mark, uint32_t length, const unsigned char *payload)
{
	return nfq_set_verdict2(queue, id, verdict, be32toh(mark), length, payload);
}

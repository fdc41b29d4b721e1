/* SPDX-License-Identifier: MIT */
/* What a program tells the kernel. It answers with errors only, which ipq_read() reads.
 */
#include "ipq.h"

#include "compat/exec/exec.h"

#include <string.h>

/* The longest of an IP packet. The kernel takes more for "as much as possible". */
#define RANGE_MAX 0xffff

static int send_vectors(const struct ipq_handle *h, struct iovec *vectors, size_t count)
{
	struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
	ssize_t sent = sendmsg(h->fd, &message, 0);

	return sent < 0 ? ipq_fail(IPQ_ERROR_SEND) : (int)sent;
}

int ipq_set_mode(const struct ipq_handle *h, uint8_t mode, size_t len)
{
	struct wire_config config = {
		.queue = IPQ_QUEUE,
		.present = WIRE_CONFIG_HAS_PARAMS,
		.copy_mode = mode,
		.copy_range = len < RANGE_MAX ? (uint32_t)len : RANGE_MAX,
	};
	uint8_t request[64];
	struct wire_writer writer;
	struct iovec vector = {.iov_base = request};

	if (mode > IPQ_COPY_MAX) { /* the kernel would not answer: nfqnl_recv_config() */
		errno = EINVAL;
		return ipq_fail(IPQ_ERROR_SEND);
	}
	wire_writer_init(&writer, request, sizeof(request));
	wire_put_config(&writer, &config, 0, false);
	vector.iov_len = writer.length;
	return send_vectors(h, &vector, 1);
}

/* ip_queue did not look at less than a header: a program that accepts with the few bytes
 * it has read must not cut the packet. Source: ipq_mangle_ipv4() of Linux 2.6. */
static bool is_packet(const struct ipq_handle *h, size_t length)
{
	return length >= (ipq_reader(h)->family == AF_INET6 ? 40 : 20);
}

static int send_verdict(const struct ipq_handle *h, ipq_id_t id, unsigned int verdict,
			size_t data_len, unsigned char *buf)
{
	struct wire_verdict message = {
		.queue = IPQ_QUEUE, .id = (uint32_t)id, .code = verdict};
	uint8_t head[WIRE_VERDICT_PLAIN_MAX];
	uint8_t padding[NLMSG_ALIGNTO] = {0};
	struct wire_writer writer;
	struct iovec vectors[3] = {{.iov_base = head}};

	if (id > UINT32_MAX || data_len > WIRE_PAYLOAD_MAX) {
		errno = id > UINT32_MAX ? ENOENT : EMSGSIZE;
		return ipq_fail(IPQ_ERROR_SEND);
	}
	wire_writer_init(&writer, head, sizeof(head));
	if (!buf || !is_packet(h, data_len)) {
		wire_put_verdict(&writer, &message, 0);
		vectors[0].iov_len = writer.length;
		return send_vectors(h, vectors, 1);
	}
	message.present = 1u << WIRE_PAYLOAD;
	message.payload = (struct wire_bytes){buf, (uint32_t)data_len};
	wire_put_verdict_head(&writer, &message, 0);
	vectors[0].iov_len = writer.length;
	vectors[1] = (struct iovec){buf, data_len};
	vectors[2] = (struct iovec){padding, -data_len & (NLMSG_ALIGNTO - 1)};
	return send_vectors(h, vectors, 3);
}

int ipq_set_verdict(const struct ipq_handle *h, ipq_id_t id, unsigned int verdict,
		    size_t data_len, unsigned char *buf)
{
	int sent = send_verdict(h, id, verdict, data_len, buf);

	if (sent < 0)
		exec_refused(IPQ_QUEUE);
	else
		exec_verdict(IPQ_QUEUE, (uint32_t)id, false);
	return sent;
}

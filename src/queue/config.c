/* SPDX-License-Identifier: MIT */
/* Configuration: one message, one ACK. Packets that come before the ACK are kept. */
#include "queue/queue.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_SIZE 128
/* The ACK comes with the send; it is lost only if the socket buffer is full just then. */
#define CONFIG_TRIES 5
#define CONFIG_WAIT_MS 20

/* Takes in what came: a packet is kept for nfqueue_recv(). */
static void keep_for_later(struct nfqueue *queue, struct nfqueue_packet *packet,
			   size_t length)
{
	bool kept;

	packet->left = true;
	version_turn(&queue->counters.version);
	kept = receive_message(packet, length, false);
	tally_publish(queue);
	version_turn(&queue->counters.version);
	if (kept)
		TAILQ_INSERT_TAIL(&queue->backlog, packet, entry);
	else
		free(packet);
}

/* The length of the next message; -errno. */
static ssize_t peek(struct nfqueue *queue)
{
	ssize_t length =
		recv(queue_socket(queue), NULL, 0, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);

	return length < 0 ? -errno : length;
}

/* Memory of the message's own size, and before it is read: a backlog of full slots would
 * be huge, and what is read must not be lost. Returns 1; 0 there is none; -errno. */
static int read_one(struct nfqueue *queue)
{
	ssize_t length = peek(queue);
	struct nfqueue_packet *packet;

	if (length == -EAGAIN)
		return 0;
	if (length == -ENOBUFS)
		counter_add(&queue->counters.enobufs, 1);
	if (length == -ENOBUFS || length == -EINTR)
		return 1;
	if (length < 0)
		return (int)length;
	packet = packet_new_alone(queue, (size_t)length);
	if (!packet)
		return -ENOMEM;
	length =
		recv(queue_socket(queue), packet->buffer, packet->capacity, MSG_DONTWAIT);
	if (length >= 0)
		keep_for_later(queue, packet, (size_t)length);
	else
		free(packet);
	return 1; /* if not, the next look tells why */
}

/* Reads messages until the ACK has come or nothing is left. */
static int read_until_ack(struct nfqueue *queue)
{
	int more = 1;

	while (!queue->ack_received && more > 0)
		more = read_one(queue);
	return more < 0 ? more : 0;
}

static int send_config(struct nfqueue *queue, const struct wire_config *config)
{
	uint8_t buffer[CONFIG_SIZE];
	struct wire_writer writer;
	ssize_t sent;

	queue->ack_sequence =
		SEQUENCE_CONFIG | (++queue->config_sequence & SEQUENCE_MASK);
	wire_writer_init(&writer, buffer, sizeof(buffer));
	wire_put_config(&writer, config, queue->ack_sequence, true);
	sent = writer.error ? writer.error : queue_send(queue, buffer, writer.length);
	return sent < 0 ? (int)sent : 0;
}

static int request(struct nfqueue *queue, const struct wire_config *config)
{
	struct pollfd ready = {.fd = queue_socket(queue), .events = POLLIN};
	int err;

	queue->ack_received = false;
	queue->ack_text[0] = '\0';
	for (int try = 0; try < CONFIG_TRIES; try++) {
		err = send_config(queue, config);
		if (err == 0)
			err = read_until_ack(queue);
		if (err < 0)
			return err;
		if (queue->ack_received)
			return queue->ack_error;
		poll(&ready, 1, CONFIG_WAIT_MS);
	}
	return -ETIMEDOUT;
}

/* poll() must tell of what was read with the ACK: packets, a nfqueue_wake(), or that a
 * verdict is late. Pairs with wake_reader(). */
static void tell_poll(struct nfqueue *queue)
{
	atomic_store(&queue->kicked, false);
	if (atomic_load(&queue->attention) ||
	    atomic_load_explicit(&queue->woken, memory_order_relaxed) ||
	    !TAILQ_EMPTY(&queue->backlog))
		wake_send(queue, 0);
}

int queue_configure(struct nfqueue *queue, const struct wire_config *config)
{
	int err = request(queue, config);

	queue->ack_sequence = 0;
	tell_poll(queue);
	return err;
}

int queue_read_ahead(struct nfqueue *queue)
{
	int more = 1;

	while (more > 0 && TAILQ_EMPTY(&queue->backlog))
		more = read_one(queue);
	tell_poll(queue);
	return more < 0 ? more : 0;
}

int queue_apply_flag(struct nfqueue *queue, uint32_t flag, bool on)
{
	struct wire_config config = {
		.queue = queue->number,
		.present = WIRE_CONFIG_HAS_FLAGS,
		.flags = on ? flag : 0,
		.mask = flag,
	};
	int err = queue_configure(queue, &config);

	if (err < 0)
		return err;
	queue_set_has(queue, flag, on);
	return 0;
}

/* The kernel's words, ready to stand behind an error of ours. */
static const char *kernel_words(const struct nfqueue *queue, int err, char *text,
				size_t size)
{
	const char *words = queue->ack_text;

	snprintf(text, size, "%s%s%s%s", strerror(-err), *words ? " (kernel: " : "",
		 words, *words ? ")" : "");
	return text;
}

static int set_flags(struct nfqueue *queue, uint32_t flags, uint32_t mask)
{
	char words[256];
	int err, result = 0;

	for (uint32_t flag = 1; flag <= NFQUEUE_SECCTX; flag <<= 1) {
		if (!(mask & flag))
			continue;
		err = queue_apply_flag(queue, flag, flags & flag);
		if (err == 0)
			continue;
		result = queue_error(queue, err, "queue %u: cannot turn %s %s: %s",
				     queue->number, flag_name(flag),
				     flags & flag ? "on" : "off",
				     kernel_words(queue, err, words, sizeof(words)));
	}
	queue->flags_wanted = (queue->flags_wanted & ~mask) | (flags & mask);
	slots_resize(queue);
	buffer_set(queue);
	return result;
}

int nfqueue_set_flags(struct nfqueue *queue, uint32_t flags, uint32_t mask)
{
	const uint32_t known = NFQUEUE_FAIL_OPEN | NFQUEUE_CONNTRACK | NFQUEUE_GSO |
			       NFQUEUE_UID_GID | NFQUEUE_SECCTX;
	int err;

	if ((flags | mask) & ~known)
		return queue_error(queue, -EINVAL, "queue %u: unknown flags 0x%x",
				   queue->number, (flags | mask) & ~known);
	err = gate_enter_config(queue);
	if (err < 0)
		return err;
	err = set_flags(queue, flags, mask);
	gate_leave_config(queue);
	return err;
}

static int set_copy_range(struct nfqueue *queue, uint32_t copy_range)
{
	bool meta = copy_range == NFQUEUE_COPY_META;
	struct wire_config config = {
		.queue = queue->number,
		.present = WIRE_CONFIG_HAS_PARAMS,
		.copy_mode = meta ? WIRE_COPY_META : WIRE_COPY_PACKET,
		.copy_range = meta ? 0 : copy_range,
	};
	char words[256];
	int err = queue_configure(queue, &config);

	if (err < 0)
		return queue_error(queue, err, "queue %u: cannot set copy range %u: %s",
				   queue->number, copy_range,
				   kernel_words(queue, err, words, sizeof(words)));
	queue->copy_range = copy_range ? copy_range : COPY_RANGE_ALL;
	slots_resize(queue);
	buffer_set(queue);
	return 0;
}

int nfqueue_set_copy_range(struct nfqueue *queue, uint32_t copy_range)
{
	int err;

	if (copy_range > COPY_RANGE_ALL && copy_range != NFQUEUE_COPY_META)
		return queue_error(
			queue, -EINVAL,
			"copy range %u: 0 (all) to 65535, or NFQUEUE_COPY_META",
			copy_range);
	err = gate_enter_config(queue);
	if (err < 0)
		return err;
	err = set_copy_range(queue, copy_range);
	gate_leave_config(queue);
	return err;
}

static int set_max_length(struct nfqueue *queue, uint32_t max_length)
{
	struct wire_config config = {
		.queue = queue->number,
		.present = WIRE_CONFIG_HAS_MAXLEN,
		.max_length = max_length,
	};
	char words[256];
	int err = queue_configure(queue, &config);

	if (err < 0)
		return queue_error(queue, err, "queue %u: cannot set max length %u: %s",
				   queue->number, max_length,
				   kernel_words(queue, err, words, sizeof(words)));
	queue->max_length = max_length;
	buffer_set(queue);
	late_reserve(queue);
	return 0;
}

int nfqueue_set_max_length(struct nfqueue *queue, uint32_t max_length)
{
	int err;

	if (max_length == 0 || max_length > MAX_LENGTH_LIMIT)
		return queue_error(queue, -EINVAL, "max length %u: 1 to %u", max_length,
				   MAX_LENGTH_LIMIT);
	err = gate_enter_config(queue);
	if (err < 0)
		return err;
	err = set_max_length(queue, max_length);
	gate_leave_config(queue);
	return err;
}

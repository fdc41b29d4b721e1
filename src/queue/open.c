/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX_LENGTH 4096u
#define DEFAULT_BATCH_SIZE 64u
#define BATCH_SIZE_LIMIT 1024u
#define SOCKET_BUFFER_LIMIT (INT32_MAX - 1)

#define FLAGS_KNOWN                                                              \
	(NFQUEUE_FAIL_OPEN | NFQUEUE_CONNTRACK | NFQUEUE_GSO | NFQUEUE_UID_GID | \
	 NFQUEUE_SECCTX | NFQUEUE_NO_GSO)

/* What stands beside the bytes of a message in the kernel, with room for it to grow:
 * struct skb_shared_info behind them, struct sk_buff elsewhere. */
#define SHARED_INFO 320u
#define SK_BUFF 256u

static int check_options(struct nfqueue *queue, const struct nfqueue_options *options)
{
	uint32_t unknown = (options->flags | options->required) & ~FLAGS_KNOWN;

	if (options->size == 0)
		return queue_error(
			queue, -EINVAL,
			"set nfqueue_options.size to sizeof(struct nfqueue_options)");
	if (options->queue > UINT16_MAX)
		return queue_error(queue, -EINVAL, "queue number %u: 0 to 65535",
				   options->queue);
	if (options->copy_range > COPY_RANGE_ALL &&
	    options->copy_range != NFQUEUE_COPY_META)
		return queue_error(
			queue, -EINVAL,
			"copy range %u: 0 (all) to 65535, or NFQUEUE_COPY_META",
			options->copy_range);
	if (options->max_length > MAX_LENGTH_LIMIT)
		return queue_error(queue, -EINVAL, "max length %u: 1 to %u",
				   options->max_length, MAX_LENGTH_LIMIT);
	if (options->batch_size > BATCH_SIZE_LIMIT)
		return queue_error(queue, -EINVAL, "batch size %u: 1 to %u",
				   options->batch_size, BATCH_SIZE_LIMIT);
	if (!verdict_is_known(options->default_verdict.code))
		return queue_error(queue, -EINVAL, "unknown default verdict 0x%x",
				   options->default_verdict.code);
	if (unknown)
		return queue_error(queue, -EINVAL, "unknown flags 0x%x", unknown);
	return 0;
}

/* What the kernel charges a socket for a message: the memory it takes, not its length.
 * Memory comes in powers of two: 2,304 bytes for 600. Source: __alloc_skb(). */
static uint64_t message_charge(size_t length)
{
	uint64_t memory = 1024;

	while (memory < length + SHARED_INFO)
		memory *= 2;
	return memory + SK_BUFF;
}

static uint32_t wanted_buffer(const struct nfqueue *queue,
			      const struct nfqueue_options *options)
{
	uint64_t wanted = options->socket_buffer;

	if (!wanted)
		wanted = queue->max_length *
			 message_charge(message_size(queue->copy_range,
						     options->flags | options->required));
	return wanted < SOCKET_BUFFER_LIMIT ? (uint32_t)wanted : SOCKET_BUFFER_LIMIT;
}

/* One message: a queue that is bound but has no copy mode drops everything. */
static int bind_queue(struct nfqueue *queue)
{
	bool meta = queue->copy_range == NFQUEUE_COPY_META;
	struct wire_config config = {
		.queue = queue->number,
		.command = WIRE_CMD_BIND,
		.present = WIRE_CONFIG_HAS_PARAMS | WIRE_CONFIG_HAS_MAXLEN,
		.copy_mode = meta ? WIRE_COPY_META : WIRE_COPY_PACKET,
		.copy_range = meta ? 0 : queue->copy_range,
		.max_length = queue->max_length,
	};
	int err = queue_configure(queue, &config);

	return err < 0 ? diagnose_bind(queue, err) : 0;
}

/* Each flag alone: the kernel refuses a message with one that it lacks as a whole. */
static int apply_flags(struct nfqueue *queue, uint32_t wanted, uint32_t required)
{
	int err;

	wanted |= required;
	if (!(wanted & NFQUEUE_NO_GSO))
		wanted |= NFQUEUE_GSO;
	for (uint32_t flag = 1; flag <= NFQUEUE_SECCTX; flag <<= 1) {
		if (!(wanted & flag))
			continue;
		err = queue_apply_flag(queue, flag, true);
		if (err < 0 && (required & flag))
			return queue_error(
				queue, err, "queue %u: this kernel has no %s: %s",
				queue->number, flag_name(flag), strerror(-err));
	}
	return 0;
}

static void take_options(struct nfqueue *queue, const struct nfqueue_options *options)
{
	queue->number = (uint16_t)options->queue;
	queue->copy_range = options->copy_range ? options->copy_range : COPY_RANGE_ALL;
	queue->max_length =
		options->max_length ? options->max_length : DEFAULT_MAX_LENGTH;
	queue->batch_size =
		options->batch_size ? options->batch_size : DEFAULT_BATCH_SIZE;
	queue->default_verdict = options->default_verdict;
	queue->expected_id = 1; /* a new queue starts there: instance_create() */
}

static int open_queue(struct nfqueue *queue, const struct nfqueue_options *options)
{
	int err = check_options(queue, options);

	if (err < 0)
		return err;
	take_options(queue, options);
	err = queue_socket_open(queue, wanted_buffer(queue, options));
	if (err < 0)
		return err;
	err = bind_queue(queue);
	if (err < 0)
		return err;
	err = apply_flags(queue, options->flags, options->required);
	if (err < 0)
		return err;
	if (slots_new(queue) < 0)
		return queue_error(queue, -ENOMEM,
				   "queue %u: no memory for %u slots of %zu",
				   queue->number, queue->batch_size, queue->slot_size);
	return 0;
}

/* A caller built against an older, shorter struct leaves the newer members at zero. */
static struct nfqueue_options copy_options(const struct nfqueue_options *given)
{
	struct nfqueue_options options = {.size = sizeof(options)};

	if (given)
		memcpy(&options, given,
		       given->size < sizeof(options) ? given->size : sizeof(options));
	return options;
}

int nfqueue_open(struct nfqueue **queue, const struct nfqueue_options *options)
{
	struct nfqueue_options copy = copy_options(options);
	int err;

	*queue = calloc(1, sizeof(**queue));
	if (!*queue)
		return -ENOMEM;
	TAILQ_INIT(&(*queue)->held);
	TAILQ_INIT(&(*queue)->backlog);
	if (options && options->size == 0)
		copy.size = 0;
	err = open_queue(*queue, &copy);
	if (err < 0 && (*queue)->socket) {
		mnl_socket_close((*queue)->socket);
		(*queue)->socket = NULL;
	}
	return err;
}

uint16_t nfqueue_number(const struct nfqueue *queue)
{
	return queue->number;
}

uint32_t nfqueue_capabilities(const struct nfqueue *queue)
{
	return queue_capabilities(queue);
}

uint32_t nfqueue_socket_buffer(const struct nfqueue *queue)
{
	return queue->socket_buffer;
}

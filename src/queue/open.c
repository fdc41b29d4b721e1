/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_MAX_LENGTH 4096u
#define DEFAULT_BATCH_SIZE 64u
#define BATCH_SIZE_LIMIT 1024u
#define BUSY_POLL_LIMIT 1000000u

#define FLAGS_KNOWN                                                              \
	(NFQUEUE_FAIL_OPEN | NFQUEUE_CONNTRACK | NFQUEUE_GSO | NFQUEUE_UID_GID | \
	 NFQUEUE_SECCTX | NFQUEUE_NO_GSO)

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
	if (!verdict_is_known(options->default_verdict))
		return queue_error(queue, -EINVAL, "unknown default verdict 0x%x",
				   options->default_verdict.code);
	if (unknown)
		return queue_error(queue, -EINVAL, "unknown flags 0x%x", unknown);
	if (options->overload > NFQUEUE_OVERLOAD_ACCEPT)
		return queue_error(queue, -EINVAL,
				   "overload %u: for held packets it is "
				   "NFQUEUE_OVERLOAD_DROP or _ACCEPT",
				   options->overload);
	if (options->busy_poll_us > BUSY_POLL_LIMIT)
		return queue_error(queue, -EINVAL, "busy poll of %u us: at most %u",
				   options->busy_poll_us, BUSY_POLL_LIMIT);
	return 0;
}

/* One message: a queue that is bound but has no copy mode drops everything. */
static int set_params(struct nfqueue *queue, enum wire_command command)
{
	bool meta = queue->copy_range == NFQUEUE_COPY_META;
	struct wire_config config = {
		.queue = queue->number,
		.command = (uint8_t)command,
		.present = WIRE_CONFIG_HAS_PARAMS | WIRE_CONFIG_HAS_MAXLEN,
		.copy_mode = meta ? WIRE_COPY_META : WIRE_COPY_PACKET,
		.copy_range = meta ? 0 : queue->copy_range,
		.max_length = queue->max_length,
	};

	return queue_configure(queue, &config);
}

static int bind_queue(struct nfqueue *queue)
{
	int err = set_params(queue, WIRE_CMD_BIND);

	return err < 0 ? diagnose_bind(queue, err) : 0;
}

/* Each flag alone: the kernel refuses a message with one that it lacks as a whole. */
static int apply_flags(struct nfqueue *queue, uint32_t required)
{
	uint32_t wanted = queue->flags_wanted;
	int err;

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
	queue->default_verdict = verdict_normal(options->default_verdict);
	queue->socket_buffer_wanted = options->socket_buffer;
	queue->socket_buffer_max = options->socket_buffer_max;
	queue->flags_wanted = options->flags | options->required;
	if (!(queue->flags_wanted & NFQUEUE_NO_GSO))
		queue->flags_wanted |= NFQUEUE_GSO;
	queue->hold_limit = options->hold_limit;
	queue->overload = (enum nfqueue_overload)options->overload;
	queue->busy_poll_us = queue->spin_us = options->busy_poll_us;
	queue->expected_id = 1; /* a new queue starts there: instance_create() */
	queue->expects_id = true;
}

/* The kernel's side of an open, once there is a socket. */
static int configure(struct nfqueue *queue, const struct nfqueue_options *options,
		     int (*begin)(struct nfqueue *queue))
{
	int err = begin(queue);

	if (err < 0)
		return err;
	err = apply_flags(queue, options->required);
	if (err < 0)
		return err;
	if (slots_new(queue) < 0 || deadlines_new(queue) < 0)
		return queue_error(
			queue, -ENOMEM, "queue %u: no memory for %u slots of %zu",
			queue->number, queue->batch_size, (size_t)queue->slot_size);
	return 0;
}

static int open_queue(struct nfqueue *queue, const struct nfqueue_options *options)
{
	int err = check_options(queue, options);

	if (err < 0)
		return err;
	take_options(queue, options);
	err = queue_socket_open(queue);
	return err < 0 ? err : configure(queue, options, bind_queue);
}

/* What the owner before had turned on. */
static void clear_flags(struct nfqueue *queue)
{
	for (uint32_t flag = 1; flag <= NFQUEUE_SECCTX; flag <<= 1)
		if (!(queue->flags_wanted & flag))
			queue_apply_flag(queue, flag, false);
}

/* It is bound already, or it was only about to be. */
static int rebind_queue(struct nfqueue *queue)
{
	struct adoption adoption = adopt_begin(queue);
	int err = set_params(queue, WIRE_CMD_NONE);

	if (err == -ENODEV)
		return bind_queue(queue);
	if (err == -EPERM)
		return diagnose_bind(queue, err);
	if (err < 0)
		return queue_error(queue, err, "cannot take over queue %u: %s",
				   queue->number, strerror(-err));
	clear_flags(queue);
	return adopt_orphans(queue, &adoption);
}

static int adopt_queue(struct nfqueue *queue, const struct nfqueue_options *options,
		       int fd)
{
	int err = check_options(queue, options);

	if (err < 0)
		return err;
	take_options(queue, options);
	queue->expects_id = false;
	err = queue_socket_adopt(queue, fd);
	return err < 0 ? err : configure(queue, options, rebind_queue);
}

/* A caller built against an older, shorter struct leaves the newer members at zero. */
static struct nfqueue_options copy_options(const struct nfqueue_options *given)
{
	struct nfqueue_options options = {.size = sizeof(options)};

	if (given)
		memcpy(&options, given,
		       given->size < sizeof(options) ? given->size : sizeof(options));
	if (given && given->size == 0)
		options.size = 0; /* and so it is told */
	return options;
}

static struct nfqueue *new_queue(void)
{
	struct nfqueue *queue = aligned_alloc(CACHE_LINE, sizeof(*queue));

	if (!queue)
		return NULL;
	memset(queue, 0, sizeof(*queue));
	TAILQ_INIT(&queue->held);
	TAILQ_INIT(&queue->orphans);
	TAILQ_INIT(&queue->backlog);
	queue->sleep_until = UINT64_MAX;
	pthread_mutex_init(&queue->socket_lock, NULL);
	pthread_mutex_init(&queue->config_lock, NULL);
	pthread_mutex_init(&queue->held_lock, NULL);
	pthread_mutex_init(&queue->late_lock, NULL);
	pthread_mutex_init(&queue->error_lock, NULL);
	atomic_store(&queue->idle, true);
	return queue;
}

/* A failed open leaves a handle that has the error in words, and nothing else. */
static int drop_socket(struct nfqueue *queue, int err)
{
	if (err < 0 && queue->socket) {
		mnl_socket_close(queue->socket);
		queue->socket = NULL;
	}
	return err;
}

int nfqueue_open(struct nfqueue **queue, const struct nfqueue_options *options)
{
	struct nfqueue_options copy = copy_options(options);

	*queue = new_queue();
	if (!*queue)
		return -ENOMEM;
	return drop_socket(*queue, open_queue(*queue, &copy));
}

int nfqueue_adopt(struct nfqueue **queue, int fd, const struct nfqueue_options *options)
{
	struct nfqueue_options copy = copy_options(options);
	int err;

	*queue = new_queue();
	if (!*queue) {
		close(fd);
		return -ENOMEM;
	}
	err = adopt_queue(*queue, &copy, fd);
	if (err < 0 && !(*queue)->socket)
		close(fd);
	return drop_socket(*queue, err);
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

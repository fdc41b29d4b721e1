/* SPDX-License-Identifier: MIT */
/* The setters: each is one message and its answer. */
#include "handle.h"

static int set_family(struct nfq_handle *handle, enum wire_command command,
		      uint16_t family)
{
	struct wire_config config = {.command = command, .family = family};

	return request_run(handle, &config);
}

/* The kernel ignores both since 3.8, but answers; programs check. */
int nfq_bind_pf(struct nfq_handle *handle, uint16_t family)
{
	return set_family(handle, WIRE_CMD_PF_BIND, family);
}

int nfq_unbind_pf(struct nfq_handle *handle, uint16_t family)
{
	return set_family(handle, WIRE_CMD_PF_UNBIND, family);
}

int nfq_set_mode(struct nfq_q_handle *queue, uint8_t mode, uint32_t range)
{
	struct wire_config config = {.queue = queue->number,
				     .present = WIRE_CONFIG_HAS_PARAMS,
				     .copy_mode = mode,
				     .copy_range = range};

	return request_run(queue->handle, &config);
}

int nfq_set_queue_flags(struct nfq_q_handle *queue, uint32_t mask, uint32_t flags)
{
	struct wire_config config = {.queue = queue->number,
				     .present = WIRE_CONFIG_HAS_FLAGS,
				     .flags = flags,
				     .mask = mask};

	return request_run(queue->handle, &config);
}

int nfq_set_queue_maxlen(struct nfq_q_handle *queue, uint32_t length)
{
	struct wire_config config = {.queue = queue->number,
				     .present = WIRE_CONFIG_HAS_MAXLEN,
				     .max_length = length};

	return request_run(queue->handle, &config);
}

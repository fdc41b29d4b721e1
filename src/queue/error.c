/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include <stdio.h>

int queue_error(struct nfqueue *queue, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(queue->error, sizeof(queue->error), format, arguments);
	va_end(arguments);
	return code;
}

const char *nfqueue_error(const struct nfqueue *queue)
{
	return queue ? queue->error : "out of memory";
}

const char *flag_name(uint32_t flag)
{
	switch (flag) {
	case NFQUEUE_FAIL_OPEN:
		return "fail open";
	case NFQUEUE_CONNTRACK:
		return "conntrack";
	case NFQUEUE_GSO:
		return "GSO";
	case NFQUEUE_UID_GID:
		return "uid/gid";
	case NFQUEUE_SECCTX:
		return "security context";
	default:
		return "unknown";
	}
}

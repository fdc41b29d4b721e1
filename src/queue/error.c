/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include <stdio.h>
#include <string.h>

int queue_error(struct nfqueue *queue, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	pthread_mutex_lock(&queue->error_lock);
	vsnprintf(queue->error, sizeof(queue->error), format, arguments);
	pthread_mutex_unlock(&queue->error_lock);
	va_end(arguments);
	return code;
}

/* A copy of each thread's own: another may write the next error meanwhile. */
const char *nfqueue_error(const struct nfqueue *queue)
{
	static _Thread_local char text[QUEUE_ERROR_MAX];
	pthread_mutex_t *lock;

	if (!queue)
		return "out of memory";
	lock = (pthread_mutex_t *)(uintptr_t)&queue->error_lock;
	pthread_mutex_lock(lock);
	memcpy(text, queue->error, sizeof(text));
	pthread_mutex_unlock(lock);
	return text;
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

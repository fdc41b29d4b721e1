/* SPDX-License-Identifier: MIT */
#include "inject/inject.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int inject_error(struct nfqueue_injector *injector, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	pthread_mutex_lock(&injector->error_lock);
	vsnprintf(injector->error, sizeof(injector->error), format, arguments);
	pthread_mutex_unlock(&injector->error_lock);
	va_end(arguments);
	return code;
}

static const char *hint(int code)
{
	switch (code) {
	case -EPERM:
		return ": a rule of the output hook dropped it, or, before Linux 6.2, "
		       "CAP_NET_ADMIN is missing for its mark";
	case -EAGAIN:
		return ": the socket's buffer is full of packets that have not left";
	case -ENOBUFS:
		return ": the queue of the device is full";
	case -EMSGSIZE:
		return ": its route takes no packet of this length, and it cannot be cut";
	default:
		return "";
	}
}

int inject_error_refused(struct nfqueue_injector *injector, int code,
			 const struct inject_target *target)
{
	const int family = target->ip_version == 4 ? AF_INET : AF_INET6;
	char to[INET6_ADDRSTRLEN] = "";

	inet_ntop(family, target->destination, to, sizeof(to));
	return inject_error(injector, code, "cannot send %zu bytes to %s: %s%s",
			    target->length, to, strerror(-code), hint(code));
}

/* A copy of each thread's own: another may write the next error meanwhile. */
const char *nfqueue_injector_error(const struct nfqueue_injector *injector)
{
	static _Thread_local char text[INJECT_ERROR_MAX];
	pthread_mutex_t *lock;

	if (!injector)
		return "out of memory";
	lock = (pthread_mutex_t *)(uintptr_t)&injector->error_lock;
	pthread_mutex_lock(lock);
	memcpy(text, injector->error, sizeof(text));
	pthread_mutex_unlock(lock);
	return text;
}

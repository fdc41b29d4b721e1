/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int engine_error(struct nfqueue_engine *engine, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	pthread_mutex_lock(&engine->error_lock);
	vsnprintf(engine->error, sizeof(engine->error), format, arguments);
	pthread_mutex_unlock(&engine->error_lock);
	va_end(arguments);
	return code;
}

/* A copy of each thread's own: another may write the next error meanwhile. */
const char *nfqueue_engine_error(const struct nfqueue_engine *engine)
{
	static _Thread_local char text[ENGINE_ERROR_MAX];
	pthread_mutex_t *lock;

	if (!engine)
		return "out of memory";
	lock = (pthread_mutex_t *)(uintptr_t)&engine->error_lock;
	pthread_mutex_lock(lock);
	memcpy(text, engine->error, sizeof(text));
	pthread_mutex_unlock(lock);
	return text;
}

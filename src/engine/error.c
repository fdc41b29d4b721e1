/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"

#include <stdarg.h>
#include <stdio.h>

int engine_error(struct nfqueue_engine *engine, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(engine->error, sizeof(engine->error), format, arguments);
	va_end(arguments);
	return code;
}

const char *nfqueue_engine_error(const struct nfqueue_engine *engine)
{
	return engine ? engine->error : "out of memory";
}

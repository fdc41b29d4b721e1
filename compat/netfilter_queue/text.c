/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>

void text_put(struct text *text, const char *format, ...)
{
	size_t used = text->used < text->size ? text->used : text->size;
	va_list values;
	int length;

	va_start(values, format);
	length = vsnprintf(text->buffer + used, text->size - used, format, values);
	va_end(values);
	if (length > 0)
		text->used += (size_t)length;
}

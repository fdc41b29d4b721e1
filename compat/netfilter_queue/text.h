/* SPDX-License-Identifier: MIT */
/* Text as snprintf() makes it: what does not fit is counted all the same. */
#ifndef NFQUEUE_COMPAT_TEXT_H
#define NFQUEUE_COMPAT_TEXT_H

#include <stddef.h>

struct text {
	char *buffer;
	size_t size;
	size_t used; /* of the whole text, without its end */
};

void text_put(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif

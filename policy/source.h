/* SPDX-License-Identifier: MIT */
/* Where the text of a policy comes from. */
#ifndef POLICY_SOURCE_H
#define POLICY_SOURCE_H

#include <stddef.h>

/* Reads a whole file, "-" standard input. 0, -errno, -EFBIG: more than `max` bytes. */
int policy_source_read(const char *path, size_t max, char **text, size_t *size);

#endif

/* SPDX-License-Identifier: MIT */
/* Numbers of the command line: read, and printed for people. */
#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include <stdint.h>

/* A decimal or 0x number from `min` to `max`. Returns 0, or -EINVAL. */
int number_parse(const char *text, uint32_t min, uint32_t max, uint32_t *out);

/* The same with a size behind it: k, M or G, of 1,024 each. */
int size_parse(const char *text, uint32_t max, uint32_t *out);

/* N, or N-M with M >= N, both 0..65535. */
int queue_range_parse(const char *text, uint32_t *first, uint32_t *count);

/* "1,234,567" in a buffer of the caller's, at least 32 bytes. Returns it. */
const char *number_text(uint64_t number, char *text);

#endif

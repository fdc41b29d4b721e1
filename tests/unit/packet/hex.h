/* SPDX-License-Identifier: MIT */
#ifndef NFQUEUE_TEST_HEX_H
#define NFQUEUE_TEST_HEX_H

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of a hex string with blanks, in a block of their exact size, so that ASan
 * sees a read past the end. */
static inline uint8_t *from_hex(const char *hex, uint32_t *length)
{
	uint8_t *bytes = malloc(strlen(hex) + 1), *exact;
	unsigned int byte;

	*length = 0;
	while (*hex) {
		if (isspace((unsigned char)*hex)) {
			hex++;
			continue;
		}
		if (!bytes || sscanf(hex, "%2x", &byte) != 1)
			abort();
		bytes[(*length)++] = (uint8_t)byte;
		hex += 2;
	}
	exact = malloc(*length);
	if (*length)
		memcpy(exact, bytes, *length);
	free(bytes);
	return exact;
}

#endif

/* SPDX-License-Identifier: MIT */
/* A packet to send, looked at before the kernel is: what it is, and where it goes. Bytes
 * only: no socket. */
#ifndef NFQUEUE_INJECT_TARGET_H
#define NFQUEUE_INJECT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inject_target {
	const uint8_t *data;
	size_t length; /* as the IP header has it, what stands behind is none of it */
	uint8_t ip_version;
	uint8_t protocol;        /* of its transport header */
	uint8_t address_length;  /* 4 or 16 */
	uint8_t header_length;   /* of IPv4, with options */
	uint8_t destination[16]; /* the first `address_length` bytes */
	uint8_t source[16];
	bool routes_source; /* the source may choose the route, too: not for all */
	bool dont_fragment; /* IPv4 */
	uint32_t mark, interface;
};

/* Returns 0; -EINVAL, with the words for it. */
int inject_target_find(struct inject_target *target, const void *data, size_t length,
		       const char **words);

#endif

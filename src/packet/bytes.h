/* SPDX-License-Identifier: MIT */
/* Network byte order to host byte order, from any address: packets are not aligned. */
#ifndef NFQUEUE_PACKET_BYTES_H
#define NFQUEUE_PACKET_BYTES_H

#include <stdint.h>

static inline uint16_t load16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t load32(const uint8_t *bytes)
{
	return (uint32_t)load16(bytes) << 16 | load16(bytes + 2);
}

#endif

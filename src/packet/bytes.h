/* SPDX-License-Identifier: MIT */
/* Between network and host byte order, at any address: packets are not aligned. */
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

static inline void store16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static inline void store32(uint8_t *bytes, uint32_t value)
{
	store16(bytes, value >> 16);
	store16(bytes + 2, value);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Loads and stores at any alignment: be* in network order, host* as netlink's own headers
 * are. The compiler makes one instruction (and a swap) of each.
 */
#ifndef NFQUEUE_WIRE_BYTES_H
#define NFQUEUE_WIRE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t load_host16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint32_t load_host32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint16_t load_be16(const uint8_t *at)
{
	return be16toh(load_host16(at));
}

static inline uint32_t load_be32(const uint8_t *at)
{
	return be32toh(load_host32(at));
}

static inline uint64_t load_be64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return be64toh(value);
}

static inline void store_host16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void store_host32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void store_be16(uint8_t *at, uint16_t value)
{
	store_host16(at, htobe16(value));
}

static inline void store_be32(uint8_t *at, uint32_t value)
{
	store_host32(at, htobe32(value));
}

#endif

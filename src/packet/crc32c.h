/* SPDX-License-Identifier: MIT */
#ifndef NFQUEUE_PACKET_CRC32C_H
#define NFQUEUE_PACKET_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC32c, Castagnoli's polynomial, as a number; SCTP sends its lowest byte first.
 * Source: RFC 9260 appendix A. */
uint32_t crc32c(const uint8_t *data, size_t length);

#endif

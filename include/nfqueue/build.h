/* SPDX-License-Identifier: MIT */
/*
 * Packets made from others: the checksum of any bytes, the segments of a packet that is
 * too long for its way, the answer that rejects a packet. All work on bytes alone:
 * nothing is allocated, nothing kept. Any thread.
 */
#ifndef NFQUEUE_BUILD_H
#define NFQUEUE_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The Internet checksum of the bytes: what stands in an IPv4, ICMP, UDP or TCP header,
 * made over bytes in which that field is 0. Over bytes that hold it, it is 0 if they are
 * sound. The pseudo header of TCP, UDP and ICMPv6 is for the caller to put in front.
 *
 * @param data   the first byte, any alignment; may be NULL if there are none
 * @param length bytes; zero follows an odd last one
 * @return the checksum in host byte order. Never an error.
 * Source: RFC 1071.
 */
NFQUEUE_API uint16_t nfqueue_checksum(const void *data, size_t length);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
/* Packet buffers of the library, as lines. */
#ifndef NFQUEUE_TESTS_COMPAT_BUFFER_H
#define NFQUEUE_TESTS_COMPAT_BUFFER_H

#include "client.h"

#define DIGITS "0123456789"

/** A buffer with a packet of packet.h: UDP, or TCP; its payload is DIGITS. */
struct pkt_buff *buffer_new(int family, int protocol, size_t extra);

/** The same, of any bytes. */
struct pkt_buff *buffer_of(int family, const void *bytes, size_t length, size_t extra);

/** Its length, what is free behind it, where its headers are, its bytes. */
void buffer_tell(struct pkt_buff *buffer, const char *function, const char *label);

/** Finds the transport header, as programs do. */
void buffer_find_transport(struct pkt_buff *buffer, int family, int protocol);

#endif

/* SPDX-License-Identifier: MIT */
/* IP packets whose every byte is known. */
#ifndef NFQUEUE_TESTS_COMPAT_PACKET_H
#define NFQUEUE_TESTS_COMPAT_PACKET_H

#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 65536
#define PORT_FROM 4000

/** Headers of `family` (AF_INET, AF_INET6), from and to the local host, with checksums.
 * @return how many bytes were written to `out` */
size_t packet_udp(uint8_t *out, int family, uint16_t port, const void *payload,
		  size_t length);
size_t packet_tcp(uint8_t *out, int family, uint16_t port, const void *payload,
		  size_t length);

/** What IP is about a packet: its header's length. */
size_t packet_ip_header(int family);

#endif

/* SPDX-License-Identifier: MIT */
/* The demo's clients: what a user of the network would meet. Every wait has an end. */
#ifndef CLI_DEMO_CLIENT_H
#define CLI_DEMO_CLIENT_H

#include "demo_net.h"

/* Sends `bytes` and takes back what comes. Returns how many came back unchanged. */
uint64_t demo_tcp_echo(enum demo_family family, uint16_t port, uint64_t bytes);

/*
 * Connects and closes.
 *
 * @param attempts out: SYNs sent
 * @return 0, -ETIMEDOUT, or what the kernel said
 */
int demo_tcp_connect(enum demo_family family, uint16_t port, int timeout_ms,
		     uint32_t *attempts);

/* Sends `count` datagrams, and waits so long for all answers. Returns how many came. */
uint32_t demo_udp_ask(enum demo_family family, uint16_t port, uint32_t count,
		      int timeout_ms);

#endif

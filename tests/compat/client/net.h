/* SPDX-License-Identifier: MIT */
/* A network of the case's own, and packets in it. */
#ifndef NFQUEUE_TESTS_COMPAT_NET_H
#define NFQUEUE_TESTS_COMPAT_NET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** A new network namespace with lo, where the shell has run `rules`. */
void net_enter(const char *rules);

/** Sends datagrams through the output hook, byte for byte as packet.h makes them. */
void net_send(int family, uint16_t port, const char *payload);
void net_send_bytes(int family, const uint8_t *packet, size_t length);

/** @return a socket that gets the datagrams for the port */
int net_server(int family, uint16_t port);

/** Tells which datagrams came within a short time, at least `count`. */
void net_tell_datagrams(int server, int count, const char *label);

/** Waits for a message of the socket. @return as recv(); 0: none came */
ssize_t net_receive(int fd, void *out, size_t size);

/** The same, if a message may be there, or not. */
ssize_t net_receive_now(int fd, void *out, size_t size);

/** Tells /proc's row of each queue, without the port id. */
void net_tell_queues(const char *label);

/** From now on, this process has no capability. */
void net_drop_privilege(void);

#endif

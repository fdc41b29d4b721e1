/* SPDX-License-Identifier: MIT */
/*
 * The demo's network: two namespaces of its own, one for the servers and one for the
 * clients, joined by a veth pair. Nothing else sees them, and they end with the process.
 */
#ifndef CLI_DEMO_NET_H
#define CLI_DEMO_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum demo_family { DEMO_IPV4, DEMO_IPV6, DEMO_FAMILIES };

struct demo_net {
	int clients; /* the clients' namespace; this process is in the servers' */
	bool ipv6;   /* this kernel has it */
};

/* Moves the process, which has one thread, into the servers' namespace. Tells errors on
 * stderr. Returns 0 or -errno. */
int demo_net_open(struct demo_net *net);
void demo_net_close(struct demo_net *net);

/* Moves the calling thread to the clients. Returns 0 or -errno. */
int demo_net_enter_clients(const struct demo_net *net);

/* A socket of this thread's namespace that never blocks. Returns it, or -errno. */
int demo_socket(enum demo_family family, int type);

/* Where the servers are. Returns the address's length. */
socklen_t demo_server_address(struct sockaddr_storage *address, enum demo_family family,
			      uint16_t port);

/* "IPv4", "IPv6" */
const char *demo_family_text(enum demo_family family);

#endif

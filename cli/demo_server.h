/* SPDX-License-Identifier: MIT */
/* The demo's servers: what comes by TCP or UDP goes back as it came. */
#ifndef CLI_DEMO_SERVER_H
#define CLI_DEMO_SERVER_H

#include "demo_net.h"

/* Ports that everyone knows, so that the policy reads like one. */
#define DEMO_PORT_WEB 8080  /* TCP */
#define DEMO_PORT_TELNET 23 /* TCP */
#define DEMO_PORT_DNS 53    /* UDP */
#define DEMO_PORT_DISCARD 9 /* UDP */
#define DEMO_MARK 7

struct demo_server;

/* Starts a thread in this thread's namespace. Tells errors on stderr. Returns 0 or
 * -errno. */
int demo_server_start(struct demo_server **server, const struct demo_net *net);

/* May be NULL. */
void demo_server_stop(struct demo_server *server);

/* How many datagrams came to DEMO_PORT_DNS with DEMO_MARK. Any thread. Returns the
 * number, or -EOPNOTSUPP: this kernel (before 5.19) does not tell marks. */
int demo_server_marked(const struct demo_server *server, enum demo_family family);

#endif

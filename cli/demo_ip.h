/* SPDX-License-Identifier: MIT */
/* The `ip` command of iproute2. */
#ifndef CLI_DEMO_IP_H
#define CLI_DEMO_IP_H

/*
 * Has `ip` execute these lines ("link set lo up\n...") in the network namespace of the
 * file descriptor; -1: in ours. Ends within seconds. Tells errors on stderr. Returns 0
 * or -errno.
 */
int demo_ip(int network_namespace, const char *lines);

#endif

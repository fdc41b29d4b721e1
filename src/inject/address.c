/* SPDX-License-Identifier: MIT */
#include <netinet/in.h>
#include <string.h>

#include "inject/inject.h"

/* A scope where the kernel does not ask for one is ignored: rawv6_sendmsg(). */
socklen_t inject_address(const struct inject_target *target,
			 struct sockaddr_storage *address)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6,
				    .sin6_scope_id = target->interface};

	memset(address, 0, sizeof(*address));
	if (target->ip_version == 4) {
		memcpy(&ipv4.sin_addr, target->destination, sizeof(ipv4.sin_addr));
		memcpy(address, &ipv4, sizeof(ipv4));
		return sizeof(ipv4);
	}
	memcpy(&ipv6.sin6_addr, target->destination, sizeof(ipv6.sin6_addr));
	memcpy(address, &ipv6, sizeof(ipv6));
	return sizeof(ipv6);
}

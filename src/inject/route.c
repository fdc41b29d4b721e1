/* SPDX-License-Identifier: MIT */
/* What a route allows: asked of the kernel by a socket that is connected to where a
 * packet goes, and sends nothing. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inject/inject.h"

#define ANY_PORT 9 /* discard: of the route alone, a port is part of it */

/* Older headers lack it; the kernel has it since 5.1. */
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

static int set(int fd, int option, uint32_t value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int connect_to(int fd, const struct inject_target *target)
{
	struct sockaddr_storage address;
	socklen_t length = inject_address(target, &address);
	int error = set(fd, SO_MARK, target->mark);

	if (!error && target->interface)
		error = set(fd, SO_BINDTOIFINDEX, target->interface);
	if (error)
		return error;
	set(fd, SO_BROADCAST, 1);
	/* both have it at the same place */
	((struct sockaddr_in *)(void *)&address)->sin_port = htons(ANY_PORT);
	return connect(fd, (const struct sockaddr *)&address, length) < 0 ? -errno : 0;
}

static int read_mtu(int fd, const struct inject_target *target)
{
	const bool ipv4 = target->ip_version == 4;
	int mtu = 0;
	socklen_t length = sizeof(mtu);

	if (getsockopt(fd, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_MTU : IPV6_MTU,
		       &mtu, &length) < 0)
		return -errno;
	return mtu;
}

int inject_route_mtu(const struct inject_target *target)
{
	const int domain = target->ip_version == 4 ? AF_INET : AF_INET6;
	int fd = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0), mtu;

	if (fd < 0)
		return -errno;
	mtu = connect_to(fd, target);
	if (mtu == 0)
		mtu = read_mtu(fd, target);
	close(fd);
	return mtu;
}

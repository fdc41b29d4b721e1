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

/* In the namespace of the raw sockets, wherever the thread is that asks. */
int inject_routes_open(struct nfqueue_injector *injector)
{
	injector->route_ipv4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (injector->route_ipv4 < 0)
		return -errno;
	injector->route_ipv6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (injector->route_ipv6 < 0 && errno != EAFNOSUPPORT)
		return -errno;
	return 0;
}

void inject_routes_close(struct nfqueue_injector *injector)
{
	if (injector->route_ipv4 >= 0)
		close(injector->route_ipv4);
	if (injector->route_ipv6 >= 0)
		close(injector->route_ipv6);
}

static int connect_to(int fd, const struct inject_target *target, uint32_t mark)
{
	struct sockaddr_storage address;
	socklen_t length = inject_address(target, &address);
	int error = set(fd, SO_MARK, mark);

	if (!error)
		error = set(fd, SO_BINDTOIFINDEX, target->interface);
	if (error && (error != -ENOPROTOOPT || target->interface))
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

/* Else the next route would begin at the source of this one. */
static void disconnect(int fd)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	connect(fd, &nobody, sizeof(nobody));
}

int inject_route_mtu(struct nfqueue_injector *injector,
		     const struct inject_target *target)
{
	int fd = target->ip_version == 4 ? injector->route_ipv4 : injector->route_ipv6;
	int mtu;

	pthread_mutex_lock(&injector->route_lock);
	mtu = connect_to(fd, target, target->mark | injector->guard);
	if (mtu == 0)
		mtu = read_mtu(fd, target);
	disconnect(fd);
	pthread_mutex_unlock(&injector->route_lock);
	return mtu;
}

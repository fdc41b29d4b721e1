/* SPDX-License-Identifier: MIT */
/* The raw sockets: packets go out whole, with a mark and by an interface of their own. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inject/inject.h"

#define SEND_BUFFER (8 << 20) /* as the kernel counts memory */

/* Older headers lack it. */
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

/* --- opening ---------------------------------------------------------------------- */

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* What the kernel lacks of these is not needed by all. */
static void set_ipv4(int fd)
{
	set(fd, SOL_SOCKET, SO_BROADCAST, 1);
	/* Without it a full device queue is no error: raw_send_hdrinc(). */
	set(fd, IPPROTO_IP, IP_RECVERR, 1);
	/* Fragments stay fragments: ipv4_conntrack_defrag(). */
	set(fd, IPPROTO_IP, IP_NODEFRAG, 1);
}

static void set_ipv6(int fd)
{
	set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	/* Sources of other hosts: ip6_datagram_send_ctl(). For IPv4 a raw socket needs no
	 * option, inet_sk_flowi_flags(). */
	set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
}

/* It sends only: what comes for IPPROTO_RAW finds no room. */
static void set_buffers(int fd)
{
	if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER) < 0)
		set(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
	set(fd, SOL_SOCKET, SO_RCVBUF, 0);
}

static int open_socket(struct inject_socket *socket_, int domain, uint32_t guard)
{
	int fd = socket(domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	*socket_ = (struct inject_socket){.fd = fd, .error = fd < 0 ? -errno : 0};
	if (fd < 0)
		return socket_->error;
	set_buffers(fd);
	if (domain == AF_INET)
		set_ipv4(fd);
	else
		set_ipv6(fd);
	/* Before Linux 5.5 this is the mark, whatever comes along with a packet. */
	return set(fd, SOL_SOCKET, SO_MARK, (int)guard);
}

static int fail(struct nfqueue_injector *injector, int code)
{
	if (code == -EPERM && injector->ipv4.fd >= 0)
		return inject_error(injector, code,
				    "cannot mark packets: no CAP_NET_ADMIN in the user "
				    "namespace that this network namespace belongs to "
				    "(from Linux 5.17 on, CAP_NET_RAW is enough)");
	if (code == -EPERM)
		return inject_error(injector, code,
				    "cannot open a raw socket: no CAP_NET_RAW in the "
				    "user namespace that this network namespace belongs "
				    "to: run it as root");
	return inject_error(injector, code, "cannot open a socket: %s", strerror(-code));
}

int inject_sockets_open(struct nfqueue_injector *injector)
{
	int error;

	injector->ipv6.fd = -1;
	error = open_socket(&injector->ipv4, AF_INET, injector->guard);
	if (error)
		return fail(injector, error);
	error = open_socket(&injector->ipv6, AF_INET6, injector->guard);
	if (error && error != -EAFNOSUPPORT)
		return fail(injector, error);
	error = inject_routes_open(injector);
	return error ? fail(injector, error) : 0;
}

void inject_sockets_close(struct nfqueue_injector *injector)
{
	if (injector->ipv4.fd >= 0)
		close(injector->ipv4.fd);
	if (injector->ipv6.fd >= 0)
		close(injector->ipv6.fd);
}

/* --- sending ---------------------------------------------------------------------- */

#define CONTROL_SIZE \
	(CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(sizeof(struct in6_pktinfo)))

union control {
	char bytes[CONTROL_SIZE];
	struct cmsghdr align;
};

/* The control messages of a packet are few, and there is room for all. */
static void put(struct msghdr *message, int level, int type, const void *value,
		size_t length)
{
	char *at = (char *)message->msg_control + message->msg_controllen;
	struct cmsghdr *header = (struct cmsghdr *)(void *)at;

	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(header), value, length);
	message->msg_controllen += CMSG_SPACE(length);
}

/* The source chooses the route too, as `ip rule` may have it. */
static void put_route(struct msghdr *message, const struct inject_target *target)
{
	struct in_pktinfo ipv4 = {.ipi_ifindex = (int)target->interface};
	struct in6_pktinfo ipv6 = {.ipi6_ifindex = target->interface};

	if (!target->interface && !target->routes_source)
		return;
	if (target->ip_version == 4) {
		if (target->routes_source)
			memcpy(&ipv4.ipi_spec_dst, target->source,
			       sizeof(ipv4.ipi_spec_dst));
		put(message, IPPROTO_IP, IP_PKTINFO, &ipv4, sizeof(ipv4));
		return;
	}
	if (target->routes_source)
		memcpy(&ipv6.ipi6_addr, target->source, sizeof(ipv6.ipi6_addr));
	put(message, IPPROTO_IPV6, IPV6_PKTINFO, &ipv6, sizeof(ipv6));
}

/*
 * An ICMP error about a packet of IPPROTO_RAW, which anybody may forge, is told by the
 * next send in place of sending, once: raw_err(). Recent kernels drop it,
 * icmp_socket_deliver().
 */
static bool may_be_told(int code)
{
	switch (code) {
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -EHOSTDOWN:
	case -ENONET:
	case -ENOPROTOOPT:
	case -EOPNOTSUPP:
	case -EPROTO:
	case -EACCES:
	case -EMSGSIZE:
		return true;
	default:
		return false;
	}
}

static int send_once(int fd, const struct msghdr *message)
{
	ssize_t sent;

	do
		sent = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int inject_socket_send(const struct nfqueue_injector *injector,
		       const struct inject_target *target)
{
	const struct inject_socket *through =
		target->ip_version == 4 ? &injector->ipv4 : &injector->ipv6;
	const uint32_t mark = target->mark | injector->guard;
	struct iovec bytes = {(void *)(uintptr_t)target->data, target->length};
	struct sockaddr_storage address;
	union control control = {{0}};
	struct msghdr message = {.msg_name = &address,
				 .msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes};
	int error;

	if (through->fd < 0)
		return through->error;
	message.msg_namelen = inject_address(target, &address);
	put(&message, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	put_route(&message, target);
	error = send_once(through->fd, &message);
	return may_be_told(error) ? send_once(through->fd, &message) : error;
}

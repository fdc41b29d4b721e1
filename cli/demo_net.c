/* SPDX-License-Identifier: MIT */
#include "demo_net.h"

#include "demo_ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVERS_IPV4 "10.45.0.1"
#define SERVERS_IPV6 "fd45::1"

static const char own_namespace[] = "/proc/thread-self/ns/net";

/* What forbids user namespaces, where it is known by name. */
static const struct {
	const char *path, *name;
	long forbids, allows;
} sysctls[] = {
	{"/proc/sys/user/max_user_namespaces", "user.max_user_namespaces", 0, 10000},
	{"/proc/sys/kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone",
	 0, 1},
	{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
	 "kernel.apparmor_restrict_unprivileged_userns", 1, 0},
};

static bool file_says(const char *path, long wanted)
{
	FILE *file = fopen(path, "re");
	long value = 0;
	bool says;

	if (!file)
		return false;
	says = fscanf(file, "%ld", &value) == 1 && value == wanted;
	fclose(file);
	return says;
}

/* The refusals that privilege would cure are one error: no privilege. */
static int refused(const char *what, int err)
{
	fprintf(stderr, "nfqueue: cannot make %s: %s\n", what, strerror(-err));
	for (size_t i = 0; i < sizeof(sysctls) / sizeof(*sysctls); i++)
		if (file_says(sysctls[i].path, sysctls[i].forbids))
			fprintf(stderr,
				"%s is %ld: this system keeps ordinary users from it. "
				"As root: sysctl -w %s=%ld\n",
				sysctls[i].name, sysctls[i].forbids, sysctls[i].name,
				sysctls[i].allows);
	fputs("Or run the demo as root, outside of containers: sudo nfqueue demo\n",
	      stderr);
	return err == -ENOSPC || err == -EACCES ? -EPERM : err;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int map_id(const char *path, unsigned int id)
{
	char text[32];

	snprintf(text, sizeof(text), "0 %u 1", id);
	return write_file(path, text);
}

static int enter_user_namespace(void)
{
	unsigned int uid = geteuid(), gid = getegid();
	int err;

	if (unshare(CLONE_NEWUSER) < 0)
		return refused("a user namespace", -errno);
	write_file("/proc/self/setgroups", "deny");
	err = map_id("/proc/self/uid_map", uid);
	if (err == 0)
		err = map_id("/proc/self/gid_map", gid);
	return err < 0 ? refused("a user namespace", err) : 0;
}

static int unshare_network(void)
{
	return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

/* Whoever may make network namespaces needs no user namespace. */
static int enter_clients_namespace(void)
{
	int err = unshare_network();

	if (err != -EPERM)
		return err < 0 ? refused("a network namespace", err) : 0;
	err = enter_user_namespace();
	if (err < 0)
		return err;
	err = unshare_network();
	return err < 0 ? refused("a network namespace", err) : 0;
}

/* Some systems turn IPv6 off for every new interface. */
static void allow_ipv6(void)
{
	write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0");
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0");
}

static int make_namespaces(struct demo_net *net)
{
	int err = enter_clients_namespace();

	if (err < 0)
		return err;
	allow_ipv6();
	net->clients = open(own_namespace, O_RDONLY | O_CLOEXEC);
	if (net->clients < 0) {
		err = -errno;
		fprintf(stderr, "nfqueue: cannot open %s: %s\n", own_namespace,
			strerror(-err));
		return err;
	}
	err = unshare_network();
	if (err < 0)
		return refused("a network namespace", err);
	allow_ipv6();
	return 0;
}

/* `first`: what is to be done before. nodad: an address is usable at once. */
static int set_up_side(const struct demo_net *net, int side, int network_namespace,
		       const char *first)
{
	char lines[512], ipv6[64] = "";

	if (net->ipv6)
		snprintf(ipv6, sizeof(ipv6), "addr add fd45::%d/64 dev demo%d nodad\n",
			 side, side);
	snprintf(lines, sizeof(lines),
		 "%s"
		 "link set lo up\n"
		 "link set demo%d up\n"
		 "addr add 10.45.0.%d/24 dev demo%d\n"
		 "%s",
		 first, side, side, side, ipv6);
	return demo_ip(network_namespace, lines);
}

/* The servers' end of the pair goes where this process is. */
static int join(const struct demo_net *net)
{
	char add[96];
	int err;

	snprintf(add, sizeof(add), "link add demo2 type veth peer name demo1 netns %d\n",
		 (int)getpid());
	err = set_up_side(net, 2, net->clients, add);
	return err < 0 ? err : set_up_side(net, 1, -1, "");
}

int demo_net_open(struct demo_net *net)
{
	int err;

	*net = (struct demo_net){.clients = -1};
	net->ipv6 = access("/proc/self/net/if_inet6", F_OK) == 0;
	err = make_namespaces(net);
	return err < 0 ? err : join(net);
}

void demo_net_close(struct demo_net *net)
{
	if (net->clients >= 0)
		close(net->clients);
	net->clients = -1;
}

int demo_net_enter_clients(const struct demo_net *net)
{
	return setns(net->clients, CLONE_NEWNET) < 0 ? -errno : 0;
}

int demo_socket(enum demo_family family, int type)
{
	int fd = socket(family == DEMO_IPV4 ? AF_INET : AF_INET6,
			type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

socklen_t demo_server_address(struct sockaddr_storage *address, enum demo_family family,
			      uint16_t port)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memset(address, 0, sizeof(*address));
	if (family == DEMO_IPV4) {
		inet_pton(AF_INET, SERVERS_IPV4, &ipv4.sin_addr);
		memcpy(address, &ipv4, sizeof(ipv4));
		return sizeof(ipv4);
	}
	inet_pton(AF_INET6, SERVERS_IPV6, &ipv6.sin6_addr);
	memcpy(address, &ipv6, sizeof(ipv6));
	return sizeof(ipv6);
}

const char *demo_family_text(enum demo_family family)
{
	return family == DEMO_IPV4 ? "IPv4" : "IPv6";
}

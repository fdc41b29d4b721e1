/* SPDX-License-Identifier: MIT */
#include "net.h"

#include "client.h"
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COMES_MS 5000
#define QUIET_MS 30

static void bring_up_lo(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		give_up("lo does not come up");
	close(fd);
}

void net_enter(const char *rules)
{
	if (unshare(CLONE_NEWNET) < 0)
		give_up("no network namespace");
	bring_up_lo();
	if (rules && system(rules) != 0)
		give_up("the rules");
}

void net_send_bytes(int family, const uint8_t *packet, size_t length)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const void *to = family == AF_INET ? (const void *)&v4 : (const void *)&v6;
	int fd = socket(family, SOCK_RAW, IPPROTO_RAW);

	if (fd < 0 || sendto(fd, packet, length, 0, to,
			     family == AF_INET ? sizeof(v4) : sizeof(v6)) < 0)
		give_up("cannot send a packet");
	close(fd);
}

void net_send(int family, uint16_t port, const char *payload)
{
	uint8_t packet[2048];

	net_send_bytes(family, packet,
		       packet_udp(packet, family, port, payload, strlen(payload)));
}

int net_server(int family, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	const void *at = family == AF_INET ? (const void *)&v4 : (const void *)&v6;
	int fd = socket(family, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, at, family == AF_INET ? sizeof(v4) : sizeof(v6)) < 0)
		give_up("no server");
	return fd;
}

static ssize_t receive(int fd, void *out, size_t size, int timeout)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};

	if (poll(&waiting, 1, timeout) <= 0)
		return 0;
	return recv(fd, out, size, 0);
}

ssize_t net_receive(int fd, void *out, size_t size)
{
	return receive(fd, out, size, COMES_MS);
}

ssize_t net_receive_now(int fd, void *out, size_t size)
{
	return receive(fd, out, size, QUIET_MS);
}

void net_tell_datagrams(int server, int count, const char *label)
{
	static uint8_t data[PACKET_MAX];
	ssize_t n;

	for (int i = 0;; i++) {
		n = receive(server, data, sizeof(data), i < count ? COMES_MS : QUIET_MS);
		if (n <= 0)
			break;
		tell_bytes("datagram", data, (size_t)n, "%s, number %d", label, i);
	}
}

void net_tell_queues(const char *label)
{
	FILE *file = fopen("/proc/thread-self/net/netfilter/nfnetlink_queue", "r");
	unsigned int queue, port, waiting, mode, range, dropped, lost, id;
	char row[100];

	if (!file) /* in a user namespace */
		return;
	while (fscanf(file, "%u %u %u %u %u %u %u %u %*d", &queue, &port, &waiting, &mode,
		      &range, &dropped, &lost, &id) == 8) {
		snprintf(row, sizeof(row),
			 "waiting %u mode %u range %u dropped %u lost %u id %u", waiting,
			 mode, range, dropped, lost, id);
		tell("kernel", row, "queue %u %s", queue, label);
	}
	fclose(file);
}

void net_drop_privilege(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};

	if (syscall(SYS_capset, &header, none) < 0)
		give_up("cannot drop the capabilities");
}

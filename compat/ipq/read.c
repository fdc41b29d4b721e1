/* SPDX-License-Identifier: MIT */
/* ipq_read(): what nfnetlink_queue sends becomes what ip_queue sent. */
#include "ipq.h"

#include "compat/exec/exec.h"

#include <linux/netfilter.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

/* The longest message: without GSO, which is not asked for, a packet has 64 KiB. */
#define MESSAGE_MAX (WIRE_PACKET_OVERHEAD + WIRE_PAYLOAD_MAX)

#define MICROSECOND 1000ll
#define SECOND 1000000000ll

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

/* Waits until there is something to read. Returns 1; 0 with what ipq_read() owes then in
 * errno: 0 it is too late, EINTR; -1. */
static int wait_until(int fd, int64_t end)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	int64_t left = end - now();
	struct timespec timeout = {0};
	int count;

	if (left > 0)
		timeout = (struct timespec){left / SECOND, left % SECOND};
	count = ppoll(&readable, 1, &timeout, NULL);
	if (count > 0)
		return 1;
	if (count == 0) {
		ipq_refuse(IPQ_ERROR_TIMEOUT);
		return 0;
	}
	return errno == EINTR ? 0 : ipq_fail(IPQ_ERROR_RECEIVE);
}

/* The name of a device in the socket's own namespace; it stays empty if it is gone. */
static bool name_device(int fd, uint32_t index, char name[IFNAMSIZ])
{
	struct ifreq request = {.ifr_ifindex = (int)index};

	if (index == 0 || ioctl(fd, SIOCGIFNAME, &request) < 0)
		return false;
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return true;
}

/* Asked anew for each packet: a device may have got another name. */
static void find_devices(int fd, const struct wire_packet *packet,
			 struct ipq_devices *devices)
{
	struct ifreq request = {0};

	memset(devices, 0, sizeof(*devices));
	name_device(fd, packet->outdev, devices->out);
	if (!name_device(fd, packet->indev, devices->in))
		return;
	memcpy(request.ifr_name, devices->in, IFNAMSIZ);
	if (ioctl(fd, SIOCGIFHWADDR, &request) == 0)
		devices->in_type = request.ifr_hwaddr.sa_family;
}

/* A packet that the program cannot decide would wait, and take a place, for ever. */
static int refuse_packet(const struct ipq_handle *h, const uint8_t *data, size_t length)
{
	uint32_t id;

	if (wire_packet_id(data, length, &id) == 0)
		ipq_set_verdict(h, id, NF_DROP, 0, NULL);
	return ipq_refuse(IPQ_ERROR_TRUNCATED);
}

/* Returns the length of what is in `buf` now; 0: nothing for this program; -1: it cannot
 * be told of this packet. */
static ssize_t take_packet(const struct ipq_handle *h, const struct wire_message *message,
			   unsigned char *buf, size_t len)
{
	struct wire_packet packet;
	struct ipq_devices devices;

	if (wire_packet_decode(message, &packet) < 0)
		return -1;
	exec_packet(IPQ_QUEUE, packet.id);
	/* ip_queue listened for one family; without a listener, packets were dropped. */
	if (packet.family != ipq_reader(h)->family) {
		ipq_set_verdict(h, packet.id, NF_DROP, 0, NULL);
		return 0;
	}
	if (ipq_packet_length(&packet) > len)
		return -1;
	find_devices(h->fd, &packet, &devices);
	ipq_put_packet(buf, &packet, &devices);
	return (ssize_t)ipq_packet_length(&packet);
}

/* The same for the kernel's answer to a mode or a verdict. */
static ssize_t take_error(const struct wire_message *message, unsigned char *buf,
			  size_t len)
{
	struct wire_error error;

	if (wire_error_decode(message, &error) < 0 || len < IPQ_ERROR_LENGTH)
		return -1;
	if (error.request_type == (WIRE_SUBSYSTEM_QUEUE << 8 | WIRE_MSG_VERDICT))
		exec_refused(IPQ_QUEUE);
	ipq_put_error(buf, &error);
	return IPQ_ERROR_LENGTH;
}

static ssize_t take_message(const struct ipq_handle *h, const uint8_t *data,
			    size_t length, unsigned char *buf, size_t len)
{
	struct wire_bytes rest = {data, (uint32_t)length};
	struct wire_message message;
	ssize_t taken = 0;

	if (wire_message_next(&rest, &message) <= 0)
		taken = -1;
	else if (wire_is_packet(&message))
		taken = take_packet(h, &message, buf, len);
	else if (message.type == NLMSG_ERROR)
		taken = take_error(&message, buf, len);
	return taken < 0 ? refuse_packet(h, data, length) : taken;
}

/* The next message. Returns its length; 0 and -1 are ipq_read()'s. It waits only if there
 * is none: under load, that is a system call less. */
static ssize_t receive(int fd, uint8_t *data, size_t size, int timeout, int64_t end)
{
	ssize_t length;
	int ready;

	while ((length = recv(fd, data, size, timeout ? MSG_DONTWAIT : 0)) < 0) {
		if (errno != EAGAIN || timeout == 0)
			return ipq_fail(IPQ_ERROR_RECEIVE);
		ready = wait_until(fd, end);
		if (ready <= 0)
			return ready;
	}
	return length > 0 ? length : ipq_refuse(IPQ_ERROR_EOF);
}

ssize_t ipq_read(const struct ipq_handle *h, unsigned char *buf, size_t len, int timeout)
{
	int64_t end = timeout > 0 ? now() + timeout * MICROSECOND : 0;
	uint8_t data[MESSAGE_MAX];
	ssize_t length, taken = 0;

	if (len < sizeof(struct nlmsgerr))
		return ipq_refuse(IPQ_ERROR_BUFFER_SIZE);
	while (taken == 0) {
		length = receive(h->fd, data, sizeof(data), timeout, end);
		if (length <= 0)
			return length;
		taken = take_message(h, data, (size_t)length, buf, len);
	}
	return taken;
}

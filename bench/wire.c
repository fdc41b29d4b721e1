/* SPDX-License-Identifier: MIT */
/*
 * What bench/accuracy sends, and what comes of it at the other end of a wire:
 *	wire send ADDRESS COUNT PER_SECOND SIZE
 *				numbered UDP packets of SIZE bytes with their time
 *	wire receive DEVICE	prints "ready"; from the end of its input on it waits
 *until none came for half a second, and prints a line for each packet: number, when it
 *was sent, when it came (by the kernel's stamp, in ns), 1 if a bit of it is not as it was
 *
 * The receiver sees every packet, whatever its checksums say. The sender makes no UDP
 * checksum, so that a device cannot leave it to another; a bit that was flipped is seen
 *by the IP checksum, by an expected header, or by the payload, which any number can tell.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 7788
#define NS_PER_SECOND 1000000000ull
#define HEADERS 28u /* IPv4 without options, UDP */
#define SIZE_MIN (HEADERS + sizeof(struct stamp))
#define SIZE_MAX_ 1500u
#define COUNT_MAX 1000000u /* packets to send; what comes is at most twice that */
#define BUFFER (64 << 20)
#define QUIET_MS 500

/* The begin of a payload. The second half tells whether the first is right. */
struct stamp {
	uint64_t number, sent_ns;
	uint64_t not_number, not_sent_ns;
};

struct record {
	uint64_t number, sent_ns, came_ns;
	bool wrong;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* ---- the sender ------------------------------------------------------------------- */

static struct in_addr address_of(const char *text)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		errx(2, "%s: an IPv4 address is wanted", text);
	return address;
}

static int sending_socket(const char *address)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in there = here;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, size = BUFFER;

	there.sin_addr = address_of(address);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)) ||
	    connect(fd, (struct sockaddr *)&there, sizeof(there)))
		err(1, "a socket to %s", address);
	return fd;
}

static void sleep_until(uint64_t at_ns)
{
	struct timespec at = {(time_t)(at_ns / NS_PER_SECOND),
			      (long)(at_ns % NS_PER_SECOND)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static void send_numbered(int fd, uint64_t number, char *payload, size_t length)
{
	struct stamp stamp = {.number = number, .sent_ns = now_ns(CLOCK_REALTIME)};

	stamp.not_number = ~stamp.number;
	stamp.not_sent_ns = ~stamp.sent_ns;
	memcpy(payload, &stamp, sizeof(stamp));
	/* A dropped packet is told to its sender by EPERM or ENOBUFS: that is its fate.
	 */
	if (send(fd, payload, length, 0) < 0 && errno != EPERM && errno != ENOBUFS)
		err(1, "send");
}

static void send_all(int fd, uint64_t count, uint64_t per_second, size_t size)
{
	static char payload[SIZE_MAX_];
	uint64_t begin = now_ns(CLOCK_MONOTONIC);

	prctl(PR_SET_TIMERSLACK, 1ul);
	for (uint64_t i = 0; i < count; i++) {
		sleep_until(begin + i * NS_PER_SECOND / per_second);
		send_numbered(fd, i, payload, size - HEADERS);
	}
	close(fd);
}

/* ---- the receiver ----------------------------------------------------------------- */

static int receiving_socket(const char *device)
{
	struct sockaddr_ll here = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, size = BUFFER;

	if (!here.sll_ifindex)
		err(1, "%s", device);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&here, sizeof(here)))
		err(1, "a packet socket for %s", device);
	return fd;
}

static void set16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* All of it is known but for the IP identification, which the checksum covers. */
static bool is_header_right(const uint8_t *packet, size_t length,
			    const struct in_addr ends[2])
{
	uint8_t wanted[HEADERS] = {[0] = 0x45, [6] = 0x40, [8] = 64, [9] = IPPROTO_UDP};
	uint32_t sum = 0;

	set16(wanted + 2, length);
	memcpy(wanted + 4, packet + 4, 2);
	memcpy(wanted + 10, packet + 10, 2);
	memcpy(wanted + 12, ends, 8);
	set16(wanted + 20, PORT);
	set16(wanted + 22, PORT);
	set16(wanted + 24, length - 20);
	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)packet[i] << 8 | packet[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff && !memcmp(packet, wanted, sizeof(wanted));
}

static bool is_zero(const uint8_t *at, size_t length)
{
	uint8_t any = 0;

	while (length-- > 0)
		any |= *at++;
	return !any;
}

static void look(const uint8_t *packet, size_t length, const struct in_addr ends[2],
		 struct record *record)
{
	const uint8_t *rest = packet + SIZE_MIN;
	struct stamp stamp;

	memcpy(&stamp, packet + HEADERS, sizeof(stamp));
	record->number = stamp.number;
	record->sent_ns = stamp.sent_ns;
	record->wrong = !is_header_right(packet, length, ends) ||
			stamp.number != ~stamp.not_number ||
			stamp.sent_ns != ~stamp.not_sent_ns ||
			!is_zero(rest, length - SIZE_MIN);
}

static uint64_t stamp_of(struct msghdr *message)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(message);
	struct timespec time;

	for (; part; part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&time, CMSG_DATA(part), sizeof(time));
		return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
	}
	errx(1, "a packet has no stamp");
}

/* false: nothing waits. */
static bool receive_one(int fd, const struct in_addr ends[2], struct record *records,
			size_t *count)
{
	static _Alignas(8) uint8_t packet[65536];
	char control[256];
	struct iovec part = {packet, sizeof(packet)};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(fd, &message, 0);

	if (length < 0 && errno == EAGAIN)
		return false;
	if (length < 0)
		err(1, "recvmsg");
	if ((size_t)length < SIZE_MIN) /* somebody else's */
		return true;
	if (*count == 2 * COUNT_MAX)
		errx(1, "more than %u packets came", 2 * COUNT_MAX);
	look(packet, (size_t)length, ends, &records[*count]);
	records[(*count)++].came_ns = stamp_of(&message);
	return true;
}

static void receive_until_quiet(int fd, const struct in_addr ends[2],
				struct record *records, size_t *count)
{
	struct pollfd inputs[] = {{.fd = fd, .events = POLLIN},
				  {.fd = STDIN_FILENO, .events = POLLIN}};

	for (;;) {
		int ready = poll(inputs, 2, inputs[1].fd < 0 ? QUIET_MS : -1);

		if (ready < 0)
			err(1, "poll");
		if (!ready)
			return;
		if (inputs[1].fd >= 0 && inputs[1].revents)
			inputs[1].fd = -1; /* whatever it says: the sender has ended */
		while (receive_one(fd, ends, records, count))
			;
	}
}

/* Who has the port refuses nothing: without it each packet is answered by an error. */
static int sink(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)))
		err(1, "bind");
	return fd;
}

static void fail_if_dropped(int fd)
{
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		err(1, "PACKET_STATISTICS");
	if (stats.tp_drops)
		errx(1, "%u packets found no room in the socket", stats.tp_drops);
}

static void receive_all(const char *device, const struct in_addr ends[2])
{
	struct record *records = calloc(2 * COUNT_MAX, sizeof(*records));
	int fd = receiving_socket(device), nobody = sink();
	size_t count = 0;

	if (!records)
		err(1, "calloc");
	puts("ready");
	fflush(stdout);
	receive_until_quiet(fd, ends, records, &count);
	fail_if_dropped(fd);
	for (size_t i = 0; i < count; i++)
		printf("%llu %llu %llu %d\n", (unsigned long long)records[i].number,
		       (unsigned long long)records[i].sent_ns,
		       (unsigned long long)records[i].came_ns, records[i].wrong);
	free(records);
	close(nobody);
	close(fd);
}

static uint64_t number(const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (*end || value < min || value > max)
		errx(2, "%s: a number from %llu to %llu is wanted", text,
		     (unsigned long long)min, (unsigned long long)max);
	return value;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "send"))
		send_all(sending_socket(argv[2]), number(argv[3], 1, COUNT_MAX),
			 number(argv[4], 1, 1000000),
			 number(argv[5], SIZE_MIN, SIZE_MAX_));
	else if (argc == 5 && !strcmp(argv[1], "receive"))
		receive_all(argv[2],
			    (struct in_addr[]){address_of(argv[3]), address_of(argv[4])});
	else
		errx(2, "see the top of wire.c");
	return 0;
}

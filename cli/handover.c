/* SPDX-License-Identifier: MIT */
#include "handover.h"

#include "client.h"
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_MAX_BYTES 600

/* The new one does nothing between the sockets and "ready" but count them. The old one
 * decides what it has received before it sends them, so it may take its time. */
#define NEW_TIMEOUT_S 3
#define OLD_TIMEOUT_S 20

union control_bytes {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int send_socket(int connection, const char *name, int fd)
{
	union control_bytes control = {0};
	char line[INHERITED_NAME_SIZE + 2];
	struct iovec text = {.iov_base = line,
			     .iov_len =
				     (size_t)snprintf(line, sizeof(line), "%s\n", name)};
	struct msghdr message = {.msg_iov = &text,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	/* Short lines in an empty buffer: they go whole. */
	return sendmsg(connection, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_all(int connection, const struct inherited *sockets)
{
	char name[INHERITED_NAME_SIZE];
	int err = 0;

	for (uint32_t i = 0; i < sockets->count && err == 0; i++) {
		inherited_queue_name(name, sockets->first_queue + i);
		err = send_socket(connection, name, sockets->queues[i]);
	}
	if (err == 0 && sockets->rules >= 0)
		err = send_socket(connection, INHERITED_RULES, sockets->rules);
	if (err == 0 && !control_write(connection, "end\n", 4))
		err = -EPIPE;
	return err;
}

int handover_offer(int connection, const struct inherited *sockets)
{
	char line[CONTROL_LINE_MAX];
	int err;

	control_set_timeout(connection, NEW_TIMEOUT_S);
	err = send_all(connection, sockets);
	if (err == 0)
		err = control_read_line(connection, line, sizeof(line));
	if (err < 0)
		return err;
	return strcmp(line, "ready") == 0 ? 0 : -EPROTO;
}

void handover_go(int connection)
{
	control_write(connection, "go\n", 3);
}

pid_t handover_peer(int connection)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	return peer.pid;
}

static int take_fd(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (header && header->cmsg_level == SOL_SOCKET &&
	    header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* A line, and the socket that came with its first byte, or -1. The kernel never joins
 * bytes that carry sockets with those before them (unix_stream_read_generic()). */
static int read_offer(int connection, char *line, size_t size, int *fd)
{
	union control_bytes control;
	struct iovec text = {.iov_base = line, .iov_len = 1};
	struct msghdr message = {.msg_iov = &text,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t count = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	int err;

	*fd = count > 0 ? take_fd(&message) : -1;
	if (count <= 0)
		return count < 0 ? -errno : -EPIPE;
	err = control_read_line(connection, line + 1, size - 1);
	return err < 0 ? err : 0;
}

static int take_error(const char *line, char *error, size_t size)
{
	const char *words = strncmp(line, "error ", 6) == 0 ? line + 6 : line;

	snprintf(error, size, "the program that runs refuses: %s", words);
	return -EBUSY;
}

static int take_sockets(int connection, struct inherited *sockets, char *error,
			size_t size)
{
	char line[LINE_MAX_BYTES];

	for (;;) {
		int fd, err = read_offer(connection, line, sizeof(line), &fd);

		if (err == 0 && fd >= 0)
			err = inherited_take(sockets, line, fd);
		if (err < 0 && fd >= 0)
			close(fd);
		if (err < 0) {
			snprintf(error, size,
				 "the program that runs does not hand its "
				 "sockets over: %s",
				 strerror(-err));
			return err;
		}
		if (fd < 0)
			return strcmp(line, "end") == 0 ? 0
							: take_error(line, error, size);
	}
}

static bool complete(const struct inherited *sockets)
{
	for (uint32_t i = 0; i < sockets->count; i++)
		if (sockets->queues[i] < 0)
			return false;
	return true;
}

static int finish(int connection, const struct inherited *sockets, char *error,
		  size_t size)
{
	char line[LINE_MAX_BYTES];
	int err = -EPROTO;

	if (complete(sockets) && control_write(connection, "ready\n", 6))
		err = control_read_line(connection, line, sizeof(line));
	if (err >= 0 && strcmp(line, "go") == 0)
		return 1;
	snprintf(error, size, "the program that runs has taken its sockets back");
	return err < 0 ? err : -EPROTO;
}

static int no_connection(uint32_t queue, int err, char *error, size_t size)
{
	if (err == -ENOENT)
		return 0;
	if (err == -EPERM)
		snprintf(error, size, "queue %u is another user's", queue);
	else
		snprintf(error, size, "cannot reach the program of queue %u: %s", queue,
			 strerror(-err));
	return err;
}

int handover_take(struct inherited *sockets, const char *crash, uint32_t mask,
		  pid_t *peer, char *error, size_t size)
{
	int connection = client_connect(sockets->first_queue), err;
	char line[CONTROL_LINE_MAX];
	int length;

	if (connection < 0)
		return no_connection(sockets->first_queue, connection, error, size);
	*peer = handover_peer(connection);
	control_set_timeout(connection, OLD_TIMEOUT_S);
	length = snprintf(line, sizeof(line), "replace %u %u %s %u\n",
			  sockets->first_queue, sockets->count, crash, mask);
	if (control_write(connection, line, (size_t)length)) {
		err = take_sockets(connection, sockets, error, size);
		if (err == 0)
			err = finish(connection, sockets, error, size);
	} else {
		err = -EPIPE;
		snprintf(error, size, "the program that runs has just ended");
	}
	close(connection);
	return err;
}

/* SPDX-License-Identifier: MIT */
/* What both ends of a control connection do. */
#include "control.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

socklen_t control_address(struct sockaddr_un *address, uint32_t first_queue)
{
	int length;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* A name that begins with a zero byte is abstract, and not terminated. */
	length = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
			  "nfqueue/%u", first_queue);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

bool control_trusts(int connection)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

void control_set_timeout(int connection, unsigned int seconds)
{
	const struct timeval timeout = {.tv_sec = (time_t)seconds};

	setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

/* Byte by byte: what follows the line may carry file descriptors. */
int control_read_line(int connection, char *line, size_t size)
{
	for (size_t length = 0; length < size; length++) {
		ssize_t count = recv(connection, line + length, 1, 0);

		if (count < 0 && errno == EINTR) {
			length--;
			continue;
		}
		if (count <= 0)
			return count < 0 ? -errno : -EPIPE;
		if (line[length] == '\n') {
			line[length] = '\0';
			return (int)length;
		}
	}
	return -EMSGSIZE;
}

bool control_write(int connection, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(connection, data, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		data += sent;
		size -= (size_t)sent;
	}
	return true;
}

void control_send(int connection, const char *text, const char *error)
{
	bool going = true;
	char end[600];
	int length;

	while (going && *text) {
		size_t line = strcspn(text, "\n");

		going = control_write(connection, " ", 1) &&
			control_write(connection, text, line) &&
			control_write(connection, "\n", 1);
		text += line + (text[line] == '\n');
	}
	length = *error ? snprintf(end, sizeof(end), "error %s\n", error)
			: snprintf(end, sizeof(end), "ok\n");
	if (going)
		control_write(connection, end, (size_t)length);
	close(connection);
}

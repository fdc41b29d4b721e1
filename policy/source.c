/* SPDX-License-Identifier: MIT */
/* Reads a file whole: pipes and terminals have no size to ask for. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/source.h"

#define FIRST_ROOM 65536u

static int read_all(int fd, size_t max, char **text, size_t *size)
{
	size_t room = FIRST_ROOM, used = 0;
	char *buffer = malloc(room), *grown;
	ssize_t got;
	int ret = -ENOMEM;

	while (buffer) {
		got = read(fd, buffer + used, room - used);
		ret = got < 0 ? -errno : 0;
		if (ret == -EINTR)
			continue;
		if (got <= 0)
			break;
		used += (size_t)got;
		ret = -EFBIG;
		if (used > max)
			break;
		if (used < room)
			continue;
		ret = -ENOMEM;
		grown = realloc(buffer, room * 2);
		if (!grown)
			break;
		buffer = grown;
		room *= 2;
	}
	if (ret < 0) {
		free(buffer);
		return ret;
	}
	*text = buffer;
	*size = used;
	return 0;
}

int policy_source_read(const char *path, size_t max, char **text, size_t *size)
{
	int fd = STDIN_FILENO, ret;

	if (strcmp(path, "-"))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = read_all(fd, max, text, size);
	if (fd != STDIN_FILENO)
		close(fd);
	return ret;
}

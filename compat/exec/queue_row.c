/* SPDX-License-Identifier: MIT */
#include "queue_row.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* So many bytes are some 130 queues; who has more of them is told of the first ones. */
#define TABLE_MAX 8192

static int read_table(char *text, size_t size)
{
	int fd = open("/proc/thread-self/net/netfilter/nfnetlink_queue",
		      O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t part = 1;

	if (fd < 0)
		return -errno;
	while (part > 0 && length < size - 1) {
		part = read(fd, text + length, size - 1 - length);
		length += part > 0 ? (size_t)part : 0;
	}
	close(fd);
	text[length] = '\0';
	return 0;
}

int exec_queue_row(uint16_t queue, struct proc_queue *row)
{
	char text[TABLE_MAX], *line = text, *end;
	int err = read_table(text, sizeof(text));

	if (err < 0)
		return err;
	for (; (end = strchr(line, '\n')); line = end + 1)
		if (proc_queue_parse(line, row) == 0 && row->queue == queue)
			return 0;
	return -ENOENT;
}

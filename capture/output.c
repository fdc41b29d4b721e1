/* SPDX-License-Identifier: MIT */
#include "capture/output.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int output_init(struct output *output, size_t room)
{
	*output = (struct output){.fd = -1, .room = room};
	output->bytes = malloc(room);
	return output->bytes ? 0 : -ENOMEM;
}

void output_free(struct output *output)
{
	free(output->bytes);
	output->bytes = NULL;
}

void output_begin(struct output *output, int fd)
{
	struct stat status;

	output->fd = fd;
	output->torn = false;
	output->regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
	output->size = 0;
	output->length = 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t length, size_t *written)
{
	while (*written < length) {
		ssize_t count = write(fd, bytes + *written, length - *written);

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count == 0)
			return -EIO;
		*written += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

/* Back to the last whole block. */
static void cut_back(struct output *output, size_t written)
{
	if (written == 0)
		return;
	if (!output->regular || ftruncate(output->fd, (off_t)output->size) < 0 ||
	    lseek(output->fd, (off_t)output->size, SEEK_SET) < 0)
		output->torn = true;
}

int output_flush(struct output *output)
{
	size_t written = 0;
	int err = 0;

	if (output->length == 0)
		return 0;
	if (output->fd < 0 || output->torn)
		err = -EIO;
	else
		err = write_all(output->fd, output->bytes, output->length, &written);
	if (err < 0)
		cut_back(output, written);
	else
		output->size += written;
	output->length = 0;
	return err;
}

uint8_t *output_reserve(struct output *output, size_t length)
{
	return length > output->room - output->length ? NULL
						      : output->bytes + output->length;
}

void output_add(struct output *output, size_t length)
{
	output->length += length;
}

int output_end(struct output *output)
{
	int err = output_flush(output);

	if (output->fd >= 0 && close(output->fd) < 0 && err == 0 && errno != EINTR)
		err = -errno;
	output->fd = -1;
	return err;
}

/* SPDX-License-Identifier: MIT */
/* A file that is written in whole blocks: a failed write leaves those before it. */
#ifndef CAPTURE_OUTPUT_H
#define CAPTURE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
	int fd;        /* -1: none */
	bool torn;     /* it ends inside a block: nothing may follow */
	bool regular;  /* can be cut back */
	uint64_t size; /* bytes in the file, of whole blocks */
	uint8_t *bytes;
	size_t room, length; /* of `bytes`, which wait to be written */
};

int output_init(struct output *output, size_t room);
void output_free(struct output *output);

/* Takes the file over. */
void output_begin(struct output *output, int fd);

/* Where a block of `length` bytes may be put, or NULL: no room, flush first. What was put
 * there is taken by output_add(). */
uint8_t *output_reserve(struct output *output, size_t length);
void output_add(struct output *output, size_t length);

/* Returns 0, or -errno: what waited is gone, and the file ends with a whole block. */
int output_flush(struct output *output);

/* Flushes, and closes. Returns 0, or -errno. */
int output_end(struct output *output);

#endif

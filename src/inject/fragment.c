/* SPDX-License-Identifier: MIT */
#include "inject/fragment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet/bytes.h"

#define HEADER 20u
#define UNIT 8u /* in which offsets are told */
#define MORE_FRAGMENTS 0x2000u
#define OFFSET_MASK 0x1fffu

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_COPIED = 0x80 /* into each fragment */
};

/* Those that the first fragment alone has become blanks: RFC 791 section 3.1. */
static void blank_options(uint8_t *header, size_t length)
{
	size_t at = HEADER, option;

	for (; at < length && header[at] != OPTION_END; at += option) {
		option = 1;
		if (header[at] == OPTION_NOP)
			continue;
		if (length - at < 2 || header[at + 1] < 2 || header[at + 1] > length - at)
			return;
		option = header[at + 1];
		if (!(header[at] & OPTION_COPIED))
			memset(header + at, OPTION_NOP, option);
	}
}

/* What all fragments share is in `out` already. */
static void write_lengths(uint8_t *out, size_t length, uint32_t offset, bool more)
{
	store16(out + 2, (uint32_t)length);
	store16(out + 6, (uint32_t)(offset / UNIT) | (more ? MORE_FRAGMENTS : 0));
}

static int put_all(const struct inject_target *target, size_t step, uint8_t *out,
		   nfqueue_put_fn put, void *ctx)
{
	const size_t header = target->header_length, payload = target->length - header;
	const uint32_t told = load16(target->data + 6);
	const uint32_t first = (told & OFFSET_MASK) * UNIT;
	int count = 0, error;

	for (size_t at = 0; at < payload; at += step, count++) {
		size_t length = payload - at < step ? payload - at : step;
		bool more = at + length < payload || told & MORE_FRAGMENTS;

		if (at)
			blank_options(out, header);
		write_lengths(out, header + length, first + (uint32_t)at, more);
		memcpy(out + header, target->data + header + at, length);
		error = put(out, header + length, ctx);
		if (error < 0)
			return error;
	}
	return count;
}

int inject_fragment(const struct inject_target *target, size_t mtu, uint16_t id,
		    nfqueue_put_fn put, void *ctx)
{
	const size_t header = target->header_length;
	const size_t first = (load16(target->data + 6) & OFFSET_MASK) * UNIT;
	size_t step;
	uint8_t *out;
	int count;

	if (mtu < header + UNIT || first + target->length > UINT16_MAX)
		return -EMSGSIZE;
	step = (mtu - header) / UNIT * UNIT;
	out = malloc(header + step);
	if (!out)
		return -ENOMEM;
	memcpy(out, target->data, header);
	if (!load16(out + 4))
		store16(out + 4, id);
	count = put_all(target, step, out, put, ctx);
	free(out);
	return count;
}

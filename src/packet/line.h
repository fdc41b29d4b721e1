/* SPDX-License-Identifier: MIT */
/*
 * A line of text that grows, over bytes that may end too soon. The first read past the
 * end sets `cut`; from then on nothing is read or written, so that a printer reads on
 * without a check and the line says at its end where the bytes ran out: tcpdump's [|tcp].
 */
#ifndef NFQUEUE_PACKET_LINE_H
#define NFQUEUE_PACKET_LINE_H

#include <stddef.h>
#include <stdint.h>

struct line {
	char *text;
	size_t size;
	size_t used; /* what snprintf would return: more than `size` if it was short */
	const uint8_t *data;
	uint32_t end; /* bytes at `data` that may be read */
	int cut;
	const char *protocol;  /* who reads: named where the line is cut */
	const char *after_cut; /* what follows that name */
};

void line_put(struct line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void line_put_ipv4(struct line *line, uint32_t offset);
void line_put_ipv6(struct line *line, uint32_t offset);
void line_put_hex(struct line *line, uint32_t offset, uint32_t count);

/* Takes back what was written since `used` was `mark`. */
void line_rewind(struct line *line, size_t mark);

/* Ends the line: says where it was cut, if it was. */
void line_finish(struct line *line);

/* 1 if `count` bytes are there. */
int line_has(const struct line *line, uint32_t offset, uint32_t count);

/* Cuts the line if they are not. */
void line_need(struct line *line, uint32_t offset, uint32_t count);

/* Host byte order; 0 where the bytes have ended. */
uint8_t line_u8(struct line *line, uint32_t offset);
uint16_t line_u16(struct line *line, uint32_t offset);
uint32_t line_u32(struct line *line, uint32_t offset);

#endif

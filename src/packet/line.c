/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "packet/bytes.h"
#include "packet/line.h"

void line_put(struct line *line, const char *format, ...)
{
	size_t left = line->used < line->size ? line->size - line->used : 0;
	va_list arguments;
	int length;

	if (line->cut)
		return;
	va_start(arguments, format);
	length =
		vsnprintf(left ? line->text + line->used : NULL, left, format, arguments);
	va_end(arguments);
	if (length > 0)
		line->used += (size_t)length;
}

static void put_address(struct line *line, int family, uint32_t offset, uint32_t size)
{
	char text[INET6_ADDRSTRLEN];

	line_need(line, offset, size);
	if (line->cut)
		return;
	inet_ntop(family, line->data + offset, text, sizeof(text));
	line_put(line, "%s", text);
}

void line_put_ipv4(struct line *line, uint32_t offset)
{
	put_address(line, AF_INET, offset, 4);
}

void line_put_ipv6(struct line *line, uint32_t offset)
{
	put_address(line, AF_INET6, offset, 16);
}

void line_put_hex(struct line *line, uint32_t offset, uint32_t count)
{
	for (uint32_t i = 0; i < count && !line->cut; i++) {
		uint8_t byte = line_u8(line, offset + i);

		line_put(line, "%02x", byte);
	}
}

void line_rewind(struct line *line, size_t mark)
{
	line->used = mark;
	if (mark < line->size)
		line->text[mark] = '\0';
}

void line_finish(struct line *line)
{
	if (!line->cut)
		return;
	line->cut = 0;
	line_put(line, " [|%s]%s", line->protocol, line->after_cut);
}

int line_has(const struct line *line, uint32_t offset, uint32_t count)
{
	return offset <= line->end && count <= line->end - offset;
}

void line_need(struct line *line, uint32_t offset, uint32_t count)
{
	if (!line_has(line, offset, count))
		line->cut = 1;
}

uint8_t line_u8(struct line *line, uint32_t offset)
{
	line_need(line, offset, 1);
	return line->cut ? 0 : line->data[offset];
}

uint16_t line_u16(struct line *line, uint32_t offset)
{
	line_need(line, offset, 2);
	return line->cut ? 0 : load16(line->data + offset);
}

uint32_t line_u32(struct line *line, uint32_t offset)
{
	line_need(line, offset, 4);
	return line->cut ? 0 : load32(line->data + offset);
}

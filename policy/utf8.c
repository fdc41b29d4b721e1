/* SPDX-License-Identifier: MIT */
/* UTF-8 by hand: the C library's conversions depend on the user's locale. */
#include "policy/line.h"

static bool continues(const unsigned char *byte, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return false;
	return true;
}

/* Source: RFC 3629 section 4. */
size_t policy_utf8(const char *text, size_t length)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t size;

	if (!length)
		return 0;
	if (byte[0] < 0x80)
		return 1;
	if (byte[0] < 0xc2 || byte[0] > 0xf4)
		return 0;
	size = byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
	if (length < size || !continues(byte + 1, size - 1))
		return 0;
	if (byte[0] == 0xe0 && byte[1] < 0xa0)
		return 0; /* longer than needed */
	if (byte[0] == 0xed && byte[1] > 0x9f)
		return 0; /* surrogate */
	if (byte[0] == 0xf0 && byte[1] < 0x90)
		return 0; /* longer than needed */
	if (byte[0] == 0xf4 && byte[1] > 0x8f)
		return 0; /* behind U+10FFFF */
	return size;
}

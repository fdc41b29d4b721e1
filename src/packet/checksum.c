/* SPDX-License-Identifier: MIT */
/* Internet checksums: RFC 1071. */
#include <endian.h>

#include <nfqueue/build.h>

#include "packet/checksum.h"
#include "packet/checksum_words.h"

/* Swapping the bytes of the result is the same as swapping them in each word: RFC 1071
 * section 2 (B). */
uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t length)
{
	uint32_t words;

	if (!length) /* data may be NULL */
		return sum;
	words = checksum_fold(checksum_words(data, length));
	return checksum_add16(sum, be16toh((uint16_t)words));
}

uint16_t nfqueue_checksum(const void *data, size_t length)
{
	return checksum_finish(checksum_add(0, data, length));
}

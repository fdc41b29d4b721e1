/* SPDX-License-Identifier: MIT */
/* Any bytes as a packet to be sent, and, with the first of them for the MTU, as one to be
 * cut into fragments: these have all its bytes, in order, and none is too long. */
#include <stdlib.h>
#include <string.h>

#include "inject/fragment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct expected {
	const struct inject_target *target;
	size_t mtu, next; /* byte of the packet */
};

static void require(int condition)
{
	if (!condition)
		abort();
}

static int take(const uint8_t *data, size_t length, void *ctx)
{
	struct expected *expected = ctx;
	const size_t header = expected->target->header_length;

	require(length <= expected->mtu && length > header);
	require((size_t)data[2] << 8 == (length & 0xff00) && data[3] == (length & 0xff));
	require(expected->next + length - header <= expected->target->length);
	require(!memcmp(data + header, expected->target->data + expected->next,
			length - header));
	expected->next += length - header;
	return 0;
}

static void cut(const struct inject_target *target, size_t mtu)
{
	struct expected expected = {target, mtu, target->header_length};
	int count = inject_fragment(target, mtu, 1, take, &expected);

	require(count < 0 || expected.next == target->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inject_target target;
	const char *words = NULL;

	if (size < 2)
		return 0;
	if (inject_target_find(&target, data + 2, size - 2, &words) < 0) {
		require(words != NULL);
		return 0;
	}
	require(target.data == data + 2 && target.length <= size - 2);
	require(target.address_length == (target.ip_version == 4 ? 4 : 16));
	if (target.ip_version == 4)
		cut(&target, (size_t)data[0] << 8 | data[1]);
	return 0;
}

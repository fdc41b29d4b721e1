/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a packet, and as what is done to it. After each step the packet is whole;
 * what failed has changed nothing; a commit leaves every checksum as right or wrong as it
 * was, told by a reading of the headers that shares no code with the library.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nfqueue/edit.h>

#include "tests/unit/packet/reference.h"

#define ROOM 70000

/* What is rare, and slow, in the upper bits of the first byte. */
#define LARGE 17
#define CUT 18

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* --- the input, read from its front; zeros when it has ended ---------------------- */

struct input {
	const uint8_t *data;
	size_t left;
};

static uint32_t take(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->data++;
}

static uint32_t take16(struct input *input)
{
	uint32_t high = take(input);

	return high << 8 | take(input);
}

static const uint8_t *take_bytes(struct input *input, uint32_t wanted, uint32_t *count)
{
	const uint8_t *bytes = input->data;

	*count = wanted < input->left ? wanted : (uint32_t)input->left;
	input->data += *count;
	input->left -= *count;
	return bytes;
}

/* --- the packet ------------------------------------------------------------------- */

struct run {
	struct nfqueue_edit *edit;
	uint8_t *packet;
	uint32_t length;
	int is_unready;
	uint32_t header_rest; /* how wrong the checksums are */
	uint32_t transport_rest;
	int has_none; /* a UDP checksum of 0 */
	int may_be_large;
};

/* How wrong the checksums are now. */
static void measure(struct run *run, const uint8_t *data, uint32_t length)
{
	struct reference packet;

	if (reference_read(data, length, &packet) < 0)
		return;
	if (packet.ip_version == 4)
		run->header_rest = reference_header_rest(data);
	run->transport_rest =
		run->is_unready ? 0 : reference_transport_rest(data, &packet);
	run->has_none = !run->is_unready && packet.protocol == 17 && packet.checksum &&
			!(data[packet.checksum] | data[packet.checksum + 1]);
}

static void begin(struct run *run, struct input *input)
{
	uint32_t flags = take(input), wanted = take16(input);
	const uint8_t *bytes = take_bytes(input, wanted, &run->length);
	struct reference packet;

	run->packet = malloc(run->length + 1);
	require(run->packet != NULL && nfqueue_edit_new(&run->edit) == 0);
	if (run->length)
		memcpy(run->packet, bytes, run->length);
	if (flags & 4 && reference_read(run->packet, run->length, &packet) == 0)
		reference_finish(run->packet, &packet);
	run->is_unready = (flags & 3) != 0;
	run->may_be_large = flags >> 3 == LARGE;
	measure(run, run->packet, run->length);
	nfqueue_edit_begin(run->edit, run->packet, run->length,
			   run->length + (flags >> 3 == CUT), flags & 3);
}

static void check_view(const struct run *run)
{
	const struct nfqueue_view *view = nfqueue_edit_view(run->edit);
	struct nfqueue_view fresh;
	size_t length;
	const uint8_t *data = nfqueue_edit_data(run->edit, &length);

	nfqueue_view_parse(&fresh, data, length);
	require(view->data == data && fresh.length == view->length);
	require(fresh.flags == view->flags && fresh.protocol == view->protocol);
	require(fresh.transport_offset == view->transport_offset &&
		fresh.payload_offset == view->payload_offset);
	if (!nfqueue_edit_is_changed(run->edit)) {
		require(data == run->packet && length == run->length);
		return;
	}
	require(length == view->length && length <= 65535);
	require(!(data[length] | data[length + 1] | data[length + 2]));
	require(fresh.total_length == length);
}

static void check_checksums(const struct run *run)
{
	struct reference packet;
	size_t length;
	const uint8_t *data = nfqueue_edit_data(run->edit, &length);

	if (!nfqueue_edit_is_changed(run->edit) ||
	    reference_read(data, (uint32_t)length, &packet) < 0)
		return;
	if (packet.ip_version == 4)
		require(reference_header_rest(data) == run->header_rest);
	if (!packet.checksum)
		return;
	if (run->has_none)
		require(!(data[packet.checksum] | data[packet.checksum + 1]));
	else
		require(reference_transport_rest(data, &packet) == run->transport_rest);
}

static void commit(struct run *run)
{
	if (nfqueue_edit_commit(run->edit) == 0)
		check_checksums(run);
}

/* --- what is done to it ----------------------------------------------------------- */

static int flip(struct run *run, size_t bit)
{
	size_t length;
	const uint8_t *data;
	int ret = nfqueue_edit_flip(run->edit, bit);

	if (ret < 0)
		return ret;
	run->is_unready = 0; /* it was committed first */
	data = nfqueue_edit_data(run->edit, &length);
	measure(run, data, (uint32_t)length);
	return 0;
}

static int replace(struct run *run, struct input *input)
{
	static const uint8_t filler[ROOM] = {1, 2, 3};
	uint32_t offset = take16(input), remove = take16(input), count = take16(input);
	const uint8_t *bytes = filler;

	if (count % 4 || !run->may_be_large)
		bytes = take_bytes(input, count % 64, &count);
	return nfqueue_edit_replace(run->edit, offset, remove, bytes, count);
}

static int replace_all(struct run *run, struct input *input)
{
	uint32_t from_length, to_length, sizes = take(input);
	const uint8_t *from = take_bytes(input, sizes & 7, &from_length);
	const uint8_t *to = take_bytes(input, sizes >> 4, &to_length);

	return nfqueue_edit_replace_all(run->edit, from, from_length, to, to_length);
}

static int do_one(struct run *run, struct input *input)
{
	uint32_t what = take(input), argument = take(input), count;
	const uint8_t *bytes;

	switch (what % 9) {
	case 0:
		return nfqueue_edit_set(run->edit, (enum nfqueue_field)argument,
					take16(input) << 16 | take16(input));
	case 1:
		return nfqueue_edit_set(run->edit, (enum nfqueue_field)argument,
					take(input));
	case 2:
		bytes = take_bytes(input, argument & 2 ? 4 : 16, &count);
		return nfqueue_edit_set_address(run->edit, argument & 1, bytes, count);
	case 3:
		bytes = take_bytes(input, take(input) % 40, &count);
		return nfqueue_edit_set_tcp_option(run->edit, (uint8_t)argument, bytes,
						   count);
	case 4:
		return nfqueue_edit_remove_tcp_option(run->edit, (uint8_t)argument);
	case 5:
		return replace(run, input);
	case 6:
		return replace_all(run, input);
	case 7:
		bytes = take_bytes(input, take(input), &count);
		return nfqueue_edit_write(run->edit, argument, bytes, count);
	default:
		return flip(run, argument << 8 | take(input));
	}
}

static int is_documented(int ret)
{
	switch (ret) {
	case -ENOENT:
	case -EBADMSG:
	case -ERANGE:
	case -EMSGSIZE:
	case -EOPNOTSUPP:
	case -EPERM:
	case -EINVAL:
	case -ENOSPC:
		return 1;
	}
	return ret >= 0;
}

/* What failed says so, and has changed nothing. */
static void step(struct run *run, struct input *input)
{
	static uint8_t before[ROOM];
	size_t length, then;
	const uint8_t *data = nfqueue_edit_data(run->edit, &length);
	int was_changed = nfqueue_edit_is_changed(run->edit), ret;

	if (length)
		memcpy(before, data, length);
	ret = do_one(run, input);
	require(is_documented(ret));
	if (ret < 0) {
		data = nfqueue_edit_data(run->edit, &then);
		require(then == length && !memcmp(data, before, length));
		require(nfqueue_edit_is_changed(run->edit) == was_changed);
		require(nfqueue_edit_error(run->edit)[0] != '\0');
	}
	check_view(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct run run = {0};

	begin(&run, &input);
	check_view(&run);
	for (int steps = run.may_be_large ? 4 : 32; input.left && steps > 0; steps--) {
		step(&run, &input);
		if (take(&input) & 1)
			commit(&run);
	}
	commit(&run);
	check_view(&run);
	nfqueue_edit_free(run.edit);
	free(run.packet);
	return 0;
}

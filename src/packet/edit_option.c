/* SPDX-License-Identifier: MIT */
/* TCP options: one is set, one is removed. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/editor.h"
#include "packet/layers.h"

#define OPTION_NOP 1
#define OPTIONS_MAX 40

/* Options as they will stand in the header. */
struct options {
	uint8_t bytes[OPTIONS_MAX];
	uint32_t length;
	uint32_t end; /* of the last that is no padding */
	int is_full;  /* one did not fit */
};

struct new_option {
	uint8_t bytes[OPTIONS_MAX];
	uint32_t length;
};

static void put(struct options *options, const uint8_t *bytes, uint32_t length)
{
	if (length > OPTIONS_MAX - options->length) {
		options->is_full = 1;
		return;
	}
	memcpy(options->bytes + options->length, bytes, length);
	options->length += length;
	if (bytes[0] != OPTION_NOP)
		options->end = options->length;
}

static void pad(struct options *options)
{
	while (options->length % 4)
		options->bytes[options->length++] = OPTION_NOP;
}

/* The options of the packet, the new one among them; no-operations at the end only
 * pad. */
static int collect(const struct nfqueue_view *view, const struct new_option *wanted,
		   int keep_nops, struct options *options)
{
	struct nfqueue_option option = {0};
	int is_there = 0, ret;

	*options = (struct options){0};
	while ((ret = nfqueue_view_tcp_option(view, &option)) > 0) {
		if (option.type == wanted->bytes[0]) {
			if (!is_there)
				put(options, wanted->bytes, wanted->length);
			is_there = 1;
		} else if (option.type != OPTION_NOP || keep_nops) {
			put(options, option.data, option.length);
		}
	}
	if (!is_there) {
		options->length = options->end;
		put(options, wanted->bytes, wanted->length);
	}
	options->length = options->end;
	return ret;
}

/* The bytes of the header behind the first 20. */
static uint32_t room(const struct nfqueue_view *view)
{
	return packet_transport_header(view) - TCP_HEADER_MIN;
}

static int put_back(struct nfqueue_edit *edit, struct options *options)
{
	uint32_t header = edit->view.transport_offset;
	uint8_t data_offset;
	int ret;

	pad(options);
	if (edit->is_gso && options->length > room(&edit->view))
		return edit_fail(edit, -EMSGSIZE,
				 "each segment of a GSO packet would be longer than the "
				 "MTU: its TCP header cannot grow");
	data_offset = (uint8_t)((TCP_HEADER_MIN + options->length) / 4 << 4 |
				(edit->view.data[header + 12] & 15));
	ret = edit_splice(edit, header + TCP_HEADER_MIN, room(&edit->view),
			  options->bytes, options->length);
	/* cannot fail any more: the bytes are ours, or these are the same */
	return ret < 0 ? ret : edit_patch(edit, header + 12, &data_offset, 1);
}

static int check(struct nfqueue_edit *edit, uint8_t kind)
{
	int ret = edit_ready(edit);

	if (ret == 0)
		ret = edit_check_transport(edit, IPPROTO_TCP);
	if (ret < 0)
		return ret;
	if (kind <= OPTION_NOP)
		return edit_fail(edit, -EINVAL, "this is no kind of an option");
	return 0;
}

int nfqueue_edit_set_tcp_option(struct nfqueue_edit *edit, uint8_t kind, const void *data,
				size_t length)
{
	struct new_option wanted = {.bytes = {kind}};
	struct options options;
	int ret = check(edit, kind);

	if (ret < 0)
		return ret;
	if (length > OPTIONS_MAX - 2 || (length && !data))
		return edit_fail(edit, -EINVAL, "an option holds 0 to 38 bytes");
	wanted.length = (uint32_t)length + 2;
	wanted.bytes[1] = (uint8_t)wanted.length;
	if (length)
		memcpy(wanted.bytes + 2, data, length);
	ret = collect(&edit->view, &wanted, 1, &options);
	if (options.is_full)
		ret = collect(&edit->view, &wanted, 0, &options);
	if (ret < 0)
		return edit_fail(edit, -EBADMSG, "the length of a TCP option lies");
	if (options.is_full)
		return edit_fail(edit, -ENOSPC,
				 "TCP options have 40 bytes, and no room for this one");
	return put_back(edit, &options);
}

int nfqueue_edit_remove_tcp_option(struct nfqueue_edit *edit, uint8_t kind)
{
	struct nfqueue_option option = {0};
	uint32_t start = edit->view.transport_offset + TCP_HEADER_MIN;
	uint8_t bytes[OPTIONS_MAX];
	int ret = check(edit, kind), found = 0;

	if (ret < 0)
		return ret;
	memcpy(bytes, edit->view.data + start, room(&edit->view));
	while ((ret = nfqueue_view_tcp_option(&edit->view, &option)) > 0) {
		if (option.type != kind)
			continue;
		memset(bytes + (option.offset - start), OPTION_NOP, option.length);
		found = 1;
	}
	if (ret < 0)
		return edit_fail(edit, -EBADMSG, "the length of a TCP option lies");
	if (!found)
		return edit_fail(edit, -ENOENT, "the packet has no such TCP option");
	return edit_patch(edit, start, bytes, room(&edit->view));
}

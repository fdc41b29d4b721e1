/* SPDX-License-Identifier: MIT */
/* From a packet's bytes to what matters of them, and back. */
#include "stream/header.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/editor.h"

#define OPTION_NOP 1
#define OPTION_SCALE 3
#define OPTION_SACK 5
#define OPTION_MD5 19
#define OPTION_AO 29
#define OPTION_MPTCP 30
#define SACK_BLOCK 8
#define SCALE_MAX 14 /* RFC 7323 section 2.3 */

static void read_option(struct stream_header *header, const struct nfqueue_option *option)
{
	switch (option->type) {
	case OPTION_SCALE:
		if (option->length != 3)
			break;
		header->has_scale = true;
		header->scale = option->data[2] < SCALE_MAX ? option->data[2] : SCALE_MAX;
		break;
	case OPTION_SACK:
		if (option->length > STREAM_OPTIONS_MAX ||
		    option->length % SACK_BLOCK != 2)
			break;
		header->sack_offset = option->offset;
		header->sack_length = (uint8_t)option->length;
		memcpy(header->sack, option->data, option->length);
		break;
	case OPTION_MD5:
	case OPTION_AO:
		header->is_signed = true;
		break;
	case OPTION_MPTCP:
		header->has_mptcp = true;
		break;
	}
}

static bool is_tcp_fragment(const struct nfqueue_view *view)
{
	return view->flags & NFQUEUE_VIEW_FRAGMENT && view->protocol == IPPROTO_TCP;
}

int stream_header_read(const struct nfqueue_view *view, struct stream_header *header)
{
	struct nfqueue_option option = {0};
	int ret;

	*header = (struct stream_header){0};
	if (is_tcp_fragment(view))
		return -EOPNOTSUPP;
	ret = nfqueue_view_tcp(view, &header->tcp);
	if (ret < 0)
		return ret;
	if (view->flags & NFQUEUE_VIEW_TRUNCATED)
		return -EMSGSIZE;
	header->payload = nfqueue_view_payload(view, &header->length);
	header->payload_offset = view->payload_offset;
	while (nfqueue_view_tcp_option(view, &option) > 0)
		read_option(header, &option);
	return 0;
}

/* What the program has changed already has no checksum yet. */
bool stream_header_is_sound(const struct nfqueue_edit *edit)
{
	const struct nfqueue_view *view = &edit->view;
	uint32_t length = view->length - view->transport_offset;
	uint32_t sum;

	if (edit->is_unready || edit->is_changed)
		return true;
	sum = checksum_pseudo(view, IPPROTO_TCP, length);
	sum = checksum_add(sum, view->data + view->transport_offset, length);
	return checksum_finish(sum) == 0;
}

void stream_header_map_sack(const struct stream_header *header,
			    const struct stream_track *track, uint8_t *sack)
{
	uint8_t length = 2;

	memset(sack, OPTION_NOP, STREAM_OPTIONS_MAX);
	for (uint8_t at = 2; at < header->sack_length; at += SACK_BLOCK) {
		uint32_t left = load32(header->sack + at);
		uint32_t right = load32(header->sack + at + 4);

		if (!stream_track_sack(track, &left, &right))
			continue;
		store32(sack + length, left);
		store32(sack + length + 4, right);
		length += SACK_BLOCK;
	}
	if (length == 2)
		return;
	sack[0] = OPTION_SACK;
	sack[1] = length;
}

static int set(struct nfqueue_edit *edit, enum nfqueue_field field, uint32_t old,
	       uint32_t value, int *changed)
{
	if (old == value)
		return 0;
	*changed = 1;
	return nfqueue_edit_set(edit, field, value);
}

static int write_fields(const struct stream_header *header, struct nfqueue_edit *edit,
			const struct nfqueue_tcp *to, int *changed)
{
	const struct nfqueue_tcp *from = &header->tcp;
	int ret = set(edit, NFQUEUE_FIELD_TCP_SEQUENCE, from->sequence, to->sequence,
		      changed);

	if (ret == 0)
		ret = set(edit, NFQUEUE_FIELD_TCP_ACKNOWLEDGEMENT, from->acknowledgement,
			  to->acknowledgement, changed);
	if (ret == 0)
		ret = set(edit, NFQUEUE_FIELD_TCP_WINDOW, from->window, to->window,
			  changed);
	if (ret == 0)
		ret = set(edit, NFQUEUE_FIELD_TCP_URGENT, from->urgent, to->urgent,
			  changed);
	return ret;
}

/* Too long for the way back to the kernel: its end is to follow. */
static int cut(struct nfqueue_edit *edit, struct stream_result *result, size_t size)
{
	uint8_t fin = result->tcp.flags & NFQUEUE_TCP_FIN;

	if (result->length <= size)
		return 0;
	result->tcp.flags &= (uint8_t)~NFQUEUE_TCP_FIN;
	size = result->length - size;
	result->length -= size;
	return edit_keep_rest(edit, result->payload + result->length, size, fin);
}

/* Nothing but its length has changed, if that has. */
static bool is_beginning(const struct stream_header *header,
			 const struct stream_result *result)
{
	return result->payload == header->payload ||
	       (result->length <= header->length &&
		!memcmp(result->payload, header->payload, result->length));
}

int stream_header_write(const struct stream_header *header, struct nfqueue_edit *edit,
			struct stream_result *result, size_t size)
{
	bool is_same = is_beginning(header, result), has_sack = header->sack_offset;
	int changed = 0, ret = write_fields(header, edit, &result->tcp, &changed);

	if (ret == 0 && has_sack &&
	    memcmp(header->sack, result->sack, header->sack_length)) {
		changed = 1;
		ret = nfqueue_edit_write(edit, header->sack_offset, result->sack,
					 header->sack_length);
	}
	if (ret < 0 || (!changed && is_same && result->length == header->length))
		return ret;
	ret = cut(edit, result, size);
	if (ret == 0)
		ret = set(edit, NFQUEUE_FIELD_TCP_FLAGS, header->tcp.flags,
			  result->tcp.flags, &changed);
	if (ret < 0)
		return ret;
	if (!is_same)
		ret = nfqueue_edit_set_payload(edit, result->payload, result->length);
	else if (result->length < header->length)
		ret = nfqueue_edit_remove(edit, result->length,
					  header->length - result->length);
	return ret < 0 ? ret : 1;
}

/* SPDX-License-Identifier: MIT */
/* The life of an edit: a packet as it came, its own copy at the first change, checksums
 * at the commit. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/editor.h"

int edit_fail(struct nfqueue_edit *edit, int code, const char *error)
{
	edit->error = error;
	return code;
}

int edit_ready(struct nfqueue_edit *edit)
{
	if (edit->refusal)
		return edit->refusal; /* its words are there since the begin */
	if (!edit->original)
		return edit_fail(edit, -EINVAL, "there is no packet to change");
	return 0;
}

int nfqueue_edit_begin(struct nfqueue_edit *edit, const void *data, size_t length,
		       size_t packet_length, uint32_t skb_info)
{
	int parsed;

	edit_reset(edit);
	edit->original = data;
	edit->original_length = length;
	edit->is_gso = !!(skb_info & NFQUEUE_GSO_PACKET);
	/* that of a GSO packet never is, whatever the kernel tells */
	edit->is_unready = edit->is_gso || skb_info & NFQUEUE_CHECKSUM_NOT_READY;
	parsed = nfqueue_view_parse(&edit->view, data, length);
	edit->refusal = edit_check_packet(edit, parsed, packet_length);
	return edit->refusal;
}

const char *nfqueue_edit_error(const struct nfqueue_edit *edit)
{
	return edit->error ? edit->error : "";
}

const struct nfqueue_view *nfqueue_edit_view(const struct nfqueue_edit *edit)
{
	return &edit->view;
}

int nfqueue_edit_is_changed(const struct nfqueue_edit *edit)
{
	return edit->is_changed;
}

const uint8_t *nfqueue_edit_data(const struct nfqueue_edit *edit, size_t *length)
{
	*length = edit->is_changed ? edit->view.length : edit->original_length;
	return edit->is_changed ? edit->memory : edit->original;
}

void edit_look(struct nfqueue_edit *edit)
{
	uint32_t length = edit->view.length;

	nfqueue_view_parse(&edit->view, edit->memory, length);
	memset(edit->memory + length, 0, EDIT_PADDING);
}

int edit_own(struct nfqueue_edit *edit, size_t length)
{
	uint32_t now = edit->view.length;

	if (edit_reserve(edit, length > now ? length : now) < 0)
		return edit_fail(edit, -ENOMEM, "no memory for a changed packet");
	if (!edit->is_changed)
		memcpy(edit->memory, edit->original, now);
	edit->is_changed = 1;
	if (edit->view.data != edit->memory)
		edit_look(edit);
	return 0;
}

int edit_patch(struct nfqueue_edit *edit, uint32_t offset, const void *bytes,
	       uint32_t count)
{
	struct edit_sums before;
	int ret;

	if (!memcmp(edit->view.data + offset, bytes, count))
		return 0;
	ret = edit_own(edit, edit->view.length);
	if (ret < 0)
		return ret;
	before = edit_sums(&edit->view, offset, count);
	memmove(edit->memory + offset, bytes, count);
	edit_look(edit);
	edit_note_sums(edit, before, edit_sums(&edit->view, offset, count));
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Bytes as they are: written with checksums mended, and a bit flipped with none. */
#include <errno.h>
#include <string.h>

#include "packet/editor.h"

#define IPV4_CHECKSUM 10

/* What stands in the checksum fields: 0 where there is none. */
struct checksums {
	uint8_t header[2];
	uint8_t transport[2];
};

static void save(const struct nfqueue_edit *edit, struct checksums *checksums)
{
	uint32_t at = edit_checksum_offset(&edit->view);

	memcpy(checksums->header, edit->memory + IPV4_CHECKSUM, 2);
	if (at)
		memcpy(checksums->transport, edit->memory + at, 2);
}

static void restore(struct nfqueue_edit *edit, const struct checksums *checksums)
{
	uint32_t at = edit_checksum_offset(&edit->view);

	if (edit->view.ip_version == 4)
		memcpy(edit->memory + IPV4_CHECKSUM, checksums->header, 2);
	if (at)
		memcpy(edit->memory + at, checksums->transport, 2);
}

int nfqueue_edit_write(struct nfqueue_edit *edit, size_t offset, const void *bytes,
		       size_t count)
{
	struct nfqueue_view *view = &edit->view;
	uint32_t at = (uint32_t)offset, size = (uint32_t)count;
	struct checksums checksums = {0};
	struct edit_sums before;
	int ret = edit_ready(edit);

	if (ret < 0)
		return ret;
	if (offset > view->length || count > view->length - offset)
		return edit_fail(edit, -ERANGE, "the packet has no such bytes");
	if (!count || !memcmp(view->data + at, bytes, count))
		return 0;
	ret = edit_check_write(edit, at, bytes, size);
	if (ret == 0)
		ret = edit_own(edit, view->length);
	if (ret < 0)
		return ret;
	before = edit_sums(view, at, size);
	save(edit, &checksums);
	memmove(edit->memory + at, bytes, count);
	restore(edit, &checksums);
	edit_look(edit);
	edit_note_sums(edit, before, edit_sums(view, at, size));
	return 0;
}

int nfqueue_edit_flip(struct nfqueue_edit *edit, size_t bit)
{
	uint32_t offset = (uint32_t)(bit / 8);
	uint8_t mask = (uint8_t)(0x80 >> bit % 8);
	int ret = edit_ready(edit);

	if (ret < 0)
		return ret;
	if (bit / 8 >= edit->view.length)
		return edit_fail(edit, -ERANGE, "the packet has no such bit");
	ret = edit_check_flip(edit, offset, mask);
	if (ret == 0)
		ret = edit_own(edit, edit->view.length);
	if (ret < 0)
		return ret;
	nfqueue_edit_commit(edit);
	edit->memory[offset] ^= mask;
	edit_look(edit);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Changes of size: bytes behind the transport header, and lengths that follow. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/editor.h"
#include "packet/layers.h"

/* Would this change of size give a packet that can be sent? */
static int check_size(struct nfqueue_edit *edit, size_t remove, size_t count)
{
	uint32_t kept = edit->view.length - (uint32_t)remove;

	if (edit->view.flags & NFQUEUE_VIEW_FRAGMENT)
		return edit_fail(edit, -EOPNOTSUPP,
				 "a fragment cannot change its size: those behind it "
				 "would not fit");
	if (count > EDIT_LENGTH_MAX - kept)
		return edit_fail(edit, -EMSGSIZE,
				 "the packet would be longer than 65,535 bytes");
	return 0;
}

/* The UDP length stands in its header and in the pseudo header: counted twice. */
static void set_udp_length(struct nfqueue_edit *edit, uint32_t before, uint32_t after)
{
	store16(edit->memory + edit->view.transport_offset + 4, (uint16_t)after);
	edit_note(&edit->transport_sum, before, after);
}

static void set_lengths(struct nfqueue_edit *edit, uint32_t length)
{
	struct nfqueue_view *view = &edit->view;
	uint32_t before = edit_transport_length(view);
	uint32_t after = before + length - view->length;

	if (view->ip_version == 4) {
		store16(edit->memory + 2, (uint16_t)length);
		edit_note(&edit->header_sum, view->length, length);
	} else {
		store16(edit->memory + 4, (uint16_t)(length - IPV6_HEADER));
	}
	if (view->protocol == IPPROTO_UDP)
		set_udp_length(edit, before, after);
	if (edit_covers_addresses(view))
		edit_note(&edit->transport_sum, before, after);
	view->length = length;
	edit_look(edit);
}

/* What stands behind is summed up before and after: an odd change of size swaps the bytes
 * of each of its words. */
int edit_splice(struct nfqueue_edit *edit, uint32_t offset, uint32_t remove,
		const void *bytes, size_t count)
{
	struct nfqueue_view *view = &edit->view;
	uint32_t behind = view->length - offset - remove;
	struct edit_sums before;
	uint8_t *place;
	int ret;

	if (remove == count)
		return edit_patch(edit, offset, bytes, remove);
	ret = check_size(edit, remove, count);
	if (ret == 0)
		ret = edit_own(edit, view->length - remove + count);
	if (ret < 0)
		return ret;
	place = edit->memory + offset;
	before = edit_sums(view, offset, remove + behind);
	memmove(place + count, place + remove, behind);
	if (count)
		memcpy(place, bytes, count);
	set_lengths(edit, offset + (uint32_t)count + behind);
	edit_note_sums(edit, before, edit_sums(view, offset, (uint32_t)count + behind));
	return 0;
}

/* Its memory may move, and its bytes do. */
static int is_own(const struct nfqueue_edit *edit, const void *bytes)
{
	uintptr_t start = (uintptr_t)edit->memory, there = (uintptr_t)bytes;

	return edit->is_changed && there >= start && there - start < edit->capacity;
}

int nfqueue_edit_replace(struct nfqueue_edit *edit, size_t offset, size_t remove,
			 const void *bytes, size_t count)
{
	uint32_t length;
	int ret = edit_ready(edit);

	if (ret == 0)
		ret = edit_check_payload(edit);
	if (ret < 0)
		return ret;
	if (count && (!bytes || is_own(edit, bytes)))
		return edit_fail(edit, -EINVAL,
				 "the new bytes are none, or the edit's own");
	nfqueue_view_payload(&edit->view, &length);
	if (offset > length || remove > length - offset)
		return edit_fail(edit, -ERANGE, "the payload has no such bytes");
	if (!remove && !count)
		return 0;
	return edit_splice(edit, edit->view.payload_offset + (uint32_t)offset,
			   (uint32_t)remove, bytes, count);
}

int nfqueue_edit_set_payload(struct nfqueue_edit *edit, const void *bytes, size_t count)
{
	uint32_t length;

	nfqueue_view_payload(&edit->view, &length);
	return nfqueue_edit_replace(edit, 0, length, bytes, count);
}

/* --- every occurrence ------------------------------------------------------------- */

struct pattern {
	const uint8_t *from;
	size_t from_length;
	const uint8_t *to;
	size_t to_length;
};

static size_t count_matches(const struct pattern *pattern, const uint8_t *bytes,
			    const uint8_t *end)
{
	size_t count = 0;

	while ((bytes = memmem(bytes, (size_t)(end - bytes), pattern->from,
			       pattern->from_length))) {
		bytes += pattern->from_length;
		count++;
	}
	return count;
}

static uint8_t *append(uint8_t *out, const uint8_t *bytes, size_t length)
{
	if (length)
		memcpy(out, bytes, length);
	return out + length;
}

/* All of `bytes` with every match replaced. */
static void write_replaced(const struct pattern *pattern, const uint8_t *bytes,
			   const uint8_t *end, uint8_t *out)
{
	const uint8_t *match;

	while ((match = memmem(bytes, (size_t)(end - bytes), pattern->from,
			       pattern->from_length))) {
		out = append(out, bytes, (size_t)(match - bytes));
		out = append(out, pattern->to, pattern->to_length);
		bytes = match + pattern->from_length;
	}
	append(out, bytes, (size_t)(end - bytes));
}

/* Built aside, and put in place at once: all or nothing, and one pass however many. */
static int replace_matches(struct nfqueue_edit *edit, const struct pattern *pattern,
			   const uint8_t *payload, uint32_t length, size_t count)
{
	size_t kept = length - count * pattern->from_length, size;
	uint8_t *scratch;
	int ret;

	if (pattern->to_length > EDIT_LENGTH_MAX / count)
		return edit_fail(edit, -EMSGSIZE,
				 "the packet would be longer than 65,535 bytes");
	size = kept + count * pattern->to_length;
	scratch = edit_scratch(size);
	if (!scratch)
		return edit_fail(edit, -ENOMEM, "no memory for a changed packet");
	write_replaced(pattern, payload, payload + length, scratch);
	ret = edit_splice(edit, edit->view.payload_offset, length, scratch, size);
	edit_scratch_free(scratch);
	return ret < 0 ? ret : (int)count;
}

int nfqueue_edit_replace_all(struct nfqueue_edit *edit, const void *from,
			     size_t from_length, const void *to, size_t to_length)
{
	struct pattern pattern = {from, from_length, to, to_length};
	const uint8_t *payload;
	uint32_t length;
	size_t count;
	int ret = edit_ready(edit);

	if (ret == 0)
		ret = edit_check_payload(edit);
	if (ret < 0)
		return ret;
	if (!from || !from_length || (!to && to_length))
		return edit_fail(edit, -EINVAL, "there is nothing to look for");
	payload = nfqueue_view_payload(&edit->view, &length);
	count = count_matches(&pattern, payload, payload + length);
	return count ? replace_matches(edit, &pattern, payload, length, count) : 0;
}

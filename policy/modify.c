/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include <nfqueue/packet.h>

#include "policy/modify.h"

#define MSS_KIND 2
#define MSS_LENGTH 4
#define MSS_LEAST 536u /* RFC 9293 section 3.7.1 */
#define MSS_ROOM 240u  /* a sixth of an Ethernet packet */
#define MD5_KIND 19
#define AO_KIND 29
#define TCP_BYTES 20u

/* The packet's MSS may be made smaller only, as by the target TCPMSS: who sent it cannot
 * take more. */
static bool mss_is_small(const struct nfqueue_view *view, uint32_t value)
{
	struct nfqueue_option option = {0};

	while (nfqueue_view_tcp_option(view, &option) == 1)
		if (option.type == MSS_KIND && option.length == MSS_LENGTH)
			return (uint32_t)(option.data[2] << 8 | option.data[3]) <= value;
	return false;
}

/* What is signed must not be changed: RFC 2385, RFC 5925. */
static bool is_signed(const struct nfqueue_view *view)
{
	struct nfqueue_option option = {0};

	while (nfqueue_view_tcp_option(view, &option) == 1)
		if (option.type == MD5_KIND || option.type == AO_KIND)
			return true;
	return false;
}

int policy_modify_room(struct nfqueue_edit *edit, uint32_t mtu)
{
	const struct nfqueue_view *view = nfqueue_edit_view(edit);
	uint32_t taken = (view->ip_version == 6 ? 40 : 20) + TCP_BYTES + MSS_ROOM;
	uint32_t mss = mtu > taken + MSS_LEAST ? mtu - taken : MSS_LEAST;
	struct nfqueue_tcp tcp;
	int ret;

	if (nfqueue_view_tcp(view, &tcp) < 0 || !(tcp.flags & NFQUEUE_TCP_SYN) ||
	    mss_is_small(view, mss) || is_signed(view))
		return 0;
	ret = nfqueue_edit_set(edit, NFQUEUE_FIELD_TCP_MSS, mss);
	return ret == -ENOENT ? 0 : ret;
}

static int set_one(struct nfqueue_edit *edit, const struct policy_set *set)
{
	if (set->address_length)
		return nfqueue_edit_set_address(edit, set->field, set->address,
						set->address_length);
	if (set->field == NFQUEUE_FIELD_TCP_MSS &&
	    mss_is_small(nfqueue_edit_view(edit), set->value))
		return 0;
	return nfqueue_edit_set(edit, set->field, set->value);
}

int policy_modify_set(struct nfqueue_edit *edit, const struct policy_changes *changes)
{
	int fields = 0;

	for (size_t i = 0; i < changes->set_count; i++) {
		int ret = set_one(edit, &changes->sets[i]);

		if (ret < 0 && ret != -ENOENT)
			return ret;
		fields += ret == 0;
	}
	return fields;
}

int policy_modify_replace(struct nfqueue_edit *edit, const struct policy_changes *changes)
{
	struct nfqueue_stream_patterns patterns = {.patterns = changes->patterns,
						   .count = changes->pattern_count};
	struct nfqueue_stream_change change;
	size_t at = 0, keep = 0;
	uint32_t length;
	int count = 0, ret;

	if (!changes->pattern_count)
		return 0;
	for (;; count++) {
		const uint8_t *payload =
			nfqueue_view_payload(nfqueue_edit_view(edit), &length);

		if (!payload || at >= length ||
		    !nfqueue_stream_find_pattern(payload + at, length - at, 1, &change,
						 &keep, &patterns))
			return count;
		ret = nfqueue_edit_replace(edit, at + change.offset, change.remove,
					   change.bytes, change.count);
		if (ret < 0)
			return ret;
		at += change.offset + change.count;
	}
}

/* Something has to change for checksums to be made, so it does, and back. */
static int touch(struct nfqueue_edit *edit)
{
	const struct nfqueue_view *view = nfqueue_edit_view(edit);
	uint8_t ttl = view->length > 8 ? view->data[view->ip_version == 4 ? 8 : 7] : 0;
	int ret = nfqueue_edit_set(edit, NFQUEUE_FIELD_TTL, ttl ^ 1u);

	return ret < 0 ? ret : nfqueue_edit_set(edit, NFQUEUE_FIELD_TTL, ttl);
}

int policy_modify_finish(struct nfqueue_edit *edit, uint32_t skb_info)
{
	int ret = 0;

	if (skb_info & NFQUEUE_CHECKSUM_NOT_READY && !nfqueue_edit_is_changed(edit))
		ret = touch(edit);
	return ret < 0 ? ret : nfqueue_edit_commit(edit);
}

uint8_t policy_modify_ecn(const struct nfqueue_view *view)
{
	if (view->length < 2)
		return 0;
	return view->ip_version == 6 ? view->data[1] >> 4 & 3 : view->data[1] & 3;
}

int policy_modify_corrupt(struct nfqueue_edit *edit, const struct netem_copy *how)
{
	const struct nfqueue_view *view = nfqueue_edit_view(edit);
	uint32_t length = view->length, behind = view->transport_offset;
	int ret = nfqueue_edit_flip(edit, netem_corrupt_bit(how, length * 8));

	if (ret != -EPERM || behind >= length)
		return ret;
	return nfqueue_edit_flip(
		edit, behind * 8 + netem_corrupt_bit(how, (length - behind) * 8));
}

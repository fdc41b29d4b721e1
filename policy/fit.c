/* SPDX-License-Identifier: MIT */
/* What the kernel would not send as it has become. */
#include "policy/modify.h"
#include "policy/work.h"

/* What a netlink attribute holds. Source: struct nlattr. */
#define VERDICT_BYTES_MAX 65531u
#define ANY_MTU 65535u

static bool is_gso(const struct policy_work *work)
{
	return work->env->skb_info & NFQUEUE_GSO_PACKET;
}

/*
 * The kernel drops a GSO packet whose payload has no more than a segment, and fragments,
 * or drops, another one that is too long. A damaged GSO packet would get checksums that
 * hide the damage, so it is cut before. Source: tcp_gso_segment(), ip_finish_output().
 */
static bool must_resend(const struct policy_work *work, size_t length)
{
	uint32_t code = work->outcome->verdict.code, mtu = work->env->mtu;

	if (policy_work_changed(work) && length > VERDICT_BYTES_MAX)
		return true;
	/* It has a rest, perhaps, that would wait elsewhere. */
	if (work->outcome->delay_ns && length == VERDICT_BYTES_MAX)
		return true;
	if (!mtu || (code != NFQUEUE_VERDICT_ACCEPT && code != NFQUEUE_VERDICT_STOP))
		return false;
	if (is_gso(work))
		return work->corrupted || (policy_work_changed(work) && length <= mtu);
	return policy_work_changed(work) && length > mtu && length > work->packet->length;
}

struct pieces {
	struct policy_work *work;
	enum policy_copy_kind kind;
};

static int put_piece(const uint8_t *data, size_t length, void *ctx)
{
	const struct pieces *pieces = ctx;

	return policy_copies_add(&pieces->work->scratch->copies, data, length,
				 pieces->work->outcome->delay_ns, pieces->kind);
}

static int put(struct policy_work *work, const struct nfqueue_edit *edit,
	       enum policy_copy_kind kind)
{
	struct pieces pieces = {work, kind};
	uint32_t mtu = work->env->mtu ? work->env->mtu : ANY_MTU;
	const uint8_t *data;
	size_t length;

	data = nfqueue_edit_data(edit, &length);
	return nfqueue_segment(data, length, mtu, put_piece, &pieces);
}

static int put_rest(struct policy_work *work, enum policy_copy_kind kind)
{
	struct nfqueue_edit *rest = work->scratch->copy;
	int ret = nfqueue_stream_rest(work->edit, rest);

	if (ret < 1)
		return ret;
	ret = nfqueue_edit_commit(rest);
	return ret < 0 ? ret : put(work, rest, kind);
}

/* The end of what a verdict cannot carry. If it cannot be sent it will come again. */
static void follow(struct policy_work *work)
{
	struct policy_copies *copies = &work->scratch->copies;
	size_t count = copies->count;

	if (put_rest(work, POLICY_COPY_REST) >= 0)
		return;
	policy_copies_cut(copies, count);
	policy_work_failed(work, "what a packet has grown by was not sent with it");
}

/* All of it: segments that overtake the one in the kernel would come out of order. */
static void resend(struct policy_work *work)
{
	struct policy_copies *copies = &work->scratch->copies;
	size_t count = copies->count, length;
	int ret = policy_modify_finish(work->edit, work->env->skb_info);

	if (ret == 0)
		ret = put(work, work->edit, POLICY_COPY_SEGMENT);
	if (ret >= 0)
		ret = put_rest(work, POLICY_COPY_SEGMENT);
	if (ret >= 0) {
		policy_work_drop(work);
		work->outcome->resent = true;
		work->outcome->delay_ns = 0; /* the segments have it */
		return;
	}
	policy_copies_cut(copies, count);
	nfqueue_edit_data(work->edit, &length);
	if (length > VERDICT_BYTES_MAX)
		policy_work_undo(work); /* else the kernel fragments it, or says so */
}

/* The bit is behind the IP header, which the kernel makes anew. */
static void damage_segment(struct policy_work *work, size_t number)
{
	struct policy_copies *copies = &work->scratch->copies;
	struct nfqueue_view view;
	uint32_t bit;

	policy_copies_settle(copies);
	nfqueue_view_parse(&view, copies->copy[number].data, copies->copy[number].length);
	if (view.transport_offset >= view.length)
		return;
	bit = netem_corrupt_bit(&work->damage, (view.length - view.transport_offset) * 8);
	policy_copies_flip(copies, number, view.transport_offset * 8 + bit);
	policy_count(work, POLICY_CORRUPTED);
}

static void damage(struct policy_work *work)
{
	struct nfqueue_edit *edit = work->edit;

	if (policy_modify_finish(edit, work->env->skb_info) < 0 ||
	    policy_modify_corrupt(edit, &work->damage) < 0)
		policy_work_failed(work, nfqueue_edit_error(edit));
	else
		policy_count(work, POLICY_CORRUPTED);
}

void policy_work_fit(struct policy_work *work)
{
	size_t count = work->scratch->copies.count, length;

	if (work->corrupted && !policy_work_edit(work))
		work->corrupted = false;
	if (!work->edit)
		return;
	nfqueue_edit_data(work->edit, &length);
	if (must_resend(work, length))
		resend(work);
	if (!work->outcome->resent)
		follow(work);
	if (work->corrupted && work->outcome->resent)
		damage_segment(work, count);
	else if (work->corrupted)
		damage(work);
}

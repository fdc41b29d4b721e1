/* SPDX-License-Identifier: MIT */
#include "policy/modify.h"
#include "policy/work.h"

void policy_work_failed(struct policy_work *work, const char *error)
{
	policy_count(work, POLICY_FAILED);
	atomic_store_explicit(&work->counts->error, error, memory_order_relaxed);
}

struct nfqueue_edit *policy_work_edit(struct policy_work *work)
{
	const struct policy_env *env = work->env;

	if (!work->asked) {
		work->asked = true;
		work->edit = env->edit ? env->edit(env->ctx) : NULL;
		if (!work->edit)
			policy_work_failed(work, "the packet cannot be changed: it was "
						 "cut, or is not well formed");
	}
	return work->edit;
}

void policy_work_undo(struct policy_work *work)
{
	const struct policy_packet *packet = work->packet;

	policy_work_failed(work, nfqueue_edit_error(work->edit));
	nfqueue_edit_begin(work->edit, packet->data, packet->captured, packet->length,
			   work->env->skb_info);
	work->undone = true;
}

bool policy_work_changed(const struct policy_work *work)
{
	return work->edit && nfqueue_edit_is_changed(work->edit);
}

void policy_work_drop(struct policy_work *work)
{
	work->outcome->verdict = NFQUEUE_DROP;
	work->outcome->changed = false;
}

struct nfqueue_edit *policy_work_copy(struct policy_work *work)
{
	const struct policy_packet *packet = work->packet;
	struct nfqueue_edit *copy = work->scratch->copy;
	const uint8_t *data = packet->data;
	size_t length = packet->captured, whole = packet->length;
	uint32_t skb_info = work->env->skb_info;
	int ret = 0;

	if (policy_work_changed(work)) {
		ret = nfqueue_edit_commit(work->edit);
		data = nfqueue_edit_data(work->edit, &length);
		whole = length;
		skb_info &= ~(NFQUEUE_CHECKSUM_NOT_READY | NFQUEUE_CHECKSUM_NOT_VERIFIED);
	}
	if (ret == 0)
		ret = nfqueue_edit_begin(copy, data, length, whole, skb_info);
	if (ret == 0)
		ret = policy_modify_finish(copy, skb_info);
	if (ret == 0)
		return copy;
	policy_work_failed(work, "the packet cannot be copied: it was cut, or is not "
				 "well formed");
	return NULL;
}

void policy_work_send_copy(struct policy_work *work, uint64_t delay_ns,
			   enum policy_copy_kind kind, enum policy_counter counter)
{
	struct nfqueue_edit *copy = work->scratch->copy;
	const uint8_t *data;
	size_t length;

	if (nfqueue_edit_commit(copy) < 0) {
		policy_work_failed(work, nfqueue_edit_error(copy));
		return;
	}
	data = nfqueue_edit_data(copy, &length);
	if (policy_copies_add(&work->scratch->copies, data, length, delay_ns, kind) < 0)
		policy_work_failed(work, "no memory for a copy");
	else
		policy_count(work, counter);
}

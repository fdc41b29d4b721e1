/* SPDX-License-Identifier: MIT */
/* The fate that netem.h decides. Source: netem_enqueue(). */
#include <errno.h>

#include "policy/modify.h"
#include "policy/shaper.h"
#include "policy/work.h"

#define ECN_CE 3

static void count_fate(struct policy_work *work, const struct netem_fate *fate)
{
	if (fate->lost)
		policy_count(work, POLICY_LOST);
	if (fate->overlimit)
		policy_count(work, POLICY_OVERLIMIT);
	for (uint8_t i = 0; i < fate->copies; i++) {
		if (fate->copy[i].reordered)
			policy_count(work, POLICY_REORDERED);
		if (fate->copy[i].delay_ns)
			policy_count(work, POLICY_DELAYED);
	}
}

/* Its damage is its own; it has no segments yet, so a checksum shows the damage. */
static void duplicate(struct policy_work *work, const struct netem_copy *how)
{
	struct nfqueue_edit *copy = policy_work_copy(work);

	if (!copy)
		return;
	if (how->marked && nfqueue_edit_set(copy, NFQUEUE_FIELD_ECN, ECN_CE) == 0)
		policy_count(work, POLICY_MARKED);
	if (how->corrupted && policy_modify_corrupt(copy, how) == 0)
		policy_count(work, POLICY_CORRUPTED);
	policy_work_send_copy(work, how->delay_ns, POLICY_COPY_DUPLICATE,
			      POLICY_DUPLICATED);
}

static void mark(struct policy_work *work)
{
	struct nfqueue_edit *edit = policy_work_edit(work);

	if (!edit)
		return;
	if (nfqueue_edit_set(edit, NFQUEUE_FIELD_ECN, ECN_CE) < 0)
		policy_work_failed(work, nfqueue_edit_error(edit));
	else
		policy_count(work, POLICY_MARKED);
}

static void decide(const struct policy_work *work, struct netem_fate *fate)
{
	struct netem_packet packet = {.now_ns = work->env->now_ns,
				      .length = work->packet->length};
	struct nfqueue_view view;

	if (policy_work_changed(work)) {
		view = *nfqueue_edit_view(work->edit);
		packet.length = view.length;
	} else {
		nfqueue_view_parse(&view, work->packet->data, work->packet->captured);
	}
	packet.ecn_capable = policy_modify_ecn(&view) != 0;
	policy_shaper_decide(work->effects->shaper, &packet, fate);
}

void policy_work_emulate(struct policy_work *work)
{
	struct netem_fate fate;

	decide(work, &fate);
	count_fate(work, &fate);
	if (!fate.copies) {
		policy_work_drop(work);
		return;
	}
	if (fate.copies > 1)
		duplicate(work, &fate.copy[1]);
	if (fate.copy[0].marked)
		mark(work);
	work->corrupted = fate.copy[0].corrupted;
	work->damage = fate.copy[0];
	work->outcome->delay_ns = fate.copy[0].delay_ns;
}

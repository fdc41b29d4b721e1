/* SPDX-License-Identifier: MIT */
/* A decision, and what the rule wants done besides. */
#include <errno.h>
#include <netinet/in.h>

#include "policy/modify.h"
#include "policy/prepare.h"
#include "policy/work.h"

#define NS_PER_MS 1000000u
#define MTU_USUAL 1500u

static void reject(struct policy_work *work)
{
	const struct policy_packet *packet = work->packet;
	uint8_t answer[NFQUEUE_REJECT_MAX];
	int length = nfqueue_build_reject(packet->data, packet->captured,
					  work->effects->reject, work->env->skb_info,
					  answer, sizeof(answer));

	if (length == -ENOENT)
		return; /* nothing is to be answered */
	if (length < 0)
		policy_work_failed(work, "the packet cannot be answered: it was cut, or "
					 "is not well formed");
	else if (policy_copies_add(&work->scratch->copies, answer, (size_t)length, 0,
				   POLICY_COPY_REJECT) < 0)
		policy_work_failed(work, "no memory for a copy");
	else
		policy_count(work, POLICY_REJECTED);
}

static void set(struct policy_work *work)
{
	const struct policy_changes *changes = &work->effects->own;
	struct nfqueue_edit *edit;

	if (!changes->set_count)
		return;
	edit = policy_work_edit(work);
	if (edit && policy_modify_set(edit, changes) < 0)
		policy_work_undo(work);
}

/* A packet that must be translated and cannot be would mix up its connection. What is
 * only passing by is let through if its receiver will see to it, as it does without us.
 */
static void stream_failed(struct policy_work *work, int error, bool looked_into)
{
	if (error == -EAGAIN)
		policy_count(work, POLICY_EARLY);
	else
		policy_work_failed(work, nfqueue_edit_error(work->edit));
	if (looked_into || (error != -EBADMSG && error != -EOPNOTSUPP))
		policy_work_drop(work);
}

/* Of a packet for this machine it is not known where its answer goes. */
static void leave_room(struct policy_work *work)
{
	uint32_t mtu = work->env->mtu ? work->env->mtu : MTU_USUAL;

	if (policy_modify_room(work->edit, mtu) < 0)
		policy_work_failed(work, nfqueue_edit_error(work->edit));
}

static void replace_in_stream(struct policy_work *work)
{
	const struct policy_changes *changes = &work->effects->own;
	struct nfqueue_streams *streams = work->policy->streams->streams;
	struct nfqueue_stream_patterns patterns = {.patterns = changes->patterns,
						   .count = changes->pattern_count};
	bool look = changes->pattern_count && !work->undone;
	struct nfqueue_edit *edit = policy_work_edit(work);
	uint64_t now_ms = work->env->now_ns / NS_PER_MS;
	int ret;

	if (!edit)
		return;
	if (look)
		ret = nfqueue_stream_edit(streams, edit, nfqueue_stream_find_pattern,
					  &patterns, now_ms);
	else
		ret = nfqueue_stream_translate(streams, edit, now_ms);
	if (ret >= 0 && work->policy->grows)
		leave_room(work);
	policy_add(&work->counts->counter[POLICY_REPLACED], patterns.replaced);
	if (ret < 0 && ret != -ENOENT)
		stream_failed(work, ret, look);
	/* The kernel would pass the rest on as it comes. */
	if (ret == 1)
		work->outcome->verdict.set &= ~NFQUEUE_SET_FLOW;
}

static void replace_in_packet(struct policy_work *work, uint8_t protocol)
{
	const struct policy_changes *changes = &work->effects->own;
	struct nfqueue_edit *edit;
	int count;

	if (!changes->pattern_count || work->undone)
		return;
	if (protocol != IPPROTO_UDP) {
		policy_work_failed(work, "replace works in TCP and UDP only");
		return;
	}
	edit = policy_work_edit(work);
	count = edit ? policy_modify_replace(edit, changes) : 0;
	if (count < 0)
		policy_work_undo(work);
	else
		policy_add(&work->counts->counter[POLICY_REPLACED], (uint64_t)count);
}

static void replace(struct policy_work *work)
{
	struct nfqueue_view view;

	if (!work->policy->streams && !work->effects->own.pattern_count)
		return;
	nfqueue_view_parse(&view, work->packet->data, work->packet->captured);
	if (view.protocol == IPPROTO_TCP && work->policy->streams)
		replace_in_stream(work);
	else
		replace_in_packet(work, view.protocol);
}

static void inject(struct policy_work *work, const struct policy_changes *changes)
{
	struct nfqueue_edit *copy = policy_work_copy(work);
	int fields, places = 0;

	if (!copy)
		return;
	fields = policy_modify_set(copy, changes);
	if (fields >= 0)
		places = policy_modify_replace(copy, changes);
	if (fields < 0 || places < 0)
		policy_work_failed(work, nfqueue_edit_error(copy));
	else if (fields + places >
		 0) /* else it has none of this, and there is no other */
		policy_work_send_copy(work, 0, POLICY_COPY_INJECT, POLICY_INJECTED);
}

static bool is_dropped(const struct policy_work *work)
{
	return work->outcome->verdict.code == NFQUEUE_VERDICT_DROP;
}

/* false: it came early, and is no packet any more. */
static bool change(struct policy_work *work)
{
	bool was_dropped = is_dropped(work);

	set(work);
	replace(work);
	if (policy_work_changed(work))
		policy_count(work, POLICY_CHANGED);
	return was_dropped || !is_dropped(work);
}

static void run(struct policy_work *work)
{
	const struct policy_effects *effects = work->effects;

	if (effects->rejects)
		reject(work);
	/* A copy is of the packet as it would go on. */
	if (is_dropped(work) && !effects->copy_count)
		return;
	if (!change(work))
		return;
	for (size_t i = 0; i < effects->copy_count; i++)
		inject(work, &effects->copies[i]);
	if (is_dropped(work))
		return;
	if (effects->shaper)
		policy_work_emulate(work);
	if (!is_dropped(work))
		policy_work_fit(work);
	work->outcome->changed = !is_dropped(work) && policy_work_changed(work);
}

static void run_effects(struct policy_work *work)
{
	static const struct policy_effects none;
	struct policy_copies *copies = &work->scratch->copies;
	int32_t rule = work->outcome->rule;

	work->counts = policy_counts_of(work->scratch, rule);
	if (rule >= 0)
		work->effects = work->policy->rules[rule].effects;
	if (!work->effects) {
		work->effects = &none;
		work->counts = policy_counts_of(work->scratch, POLICY_NO_RULE);
	}
	policy_copies_cut(copies, 0);
	run(work);
	policy_copies_settle(copies);
	work->outcome->copies = copies->copy;
	work->outcome->copy_count = (uint32_t)copies->count;
}

static void begin(struct policy_outcome *outcome, const struct policy_packet *packet,
		  const struct policy_result *result)
{
	*outcome = (struct policy_outcome){
		.verdict = result->verdict,
		.rule = result->rule,
		.mark = packet->mark,
		.log_count = result->log_count,
		.logs = result->logs,
		.capture_count = result->capture_count,
		.captures = result->captures,
	};
	if (result->verdict.set & NFQUEUE_SET_MARK)
		outcome->mark = result->verdict.mark;
}

void policy_apply(const struct policy *policy, const struct policy_packet *packet,
		  struct policy_scratch *scratch, const struct policy_env *env,
		  struct policy_outcome *outcome)
{
	struct policy_work work = {.policy = policy,
				   .packet = packet,
				   .scratch = scratch,
				   .env = env,
				   .outcome = outcome};
	struct policy_result result;

	policy_decide(policy, packet, scratch, &result);
	begin(outcome, packet, &result);
	if (policy->streams || (result.rule >= 0 && policy->rules[result.rule].effects))
		run_effects(&work);
}

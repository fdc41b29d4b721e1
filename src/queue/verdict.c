/* SPDX-License-Identifier: MIT */
/* Verdicts are noted beside their packets, until a flush sends them. */
#include "queue/queue.h"

#include "queue/clock.h"
#include "queue/worker.h"

#include <errno.h>

static _Thread_local const struct nfqueue_packet *last_held;

/* Source: verdicthdr_get(): anything else is -EINVAL there, and the packet stays. */
bool verdict_is_known(struct nfqueue_verdict verdict)
{
	bool flow = verdict.set & NFQUEUE_SET_FLOW;

	switch (verdict.code & 0xff) {
	case NFQUEUE_VERDICT_DROP:
	case NFQUEUE_VERDICT_ACCEPT:
		return true;
	case NFQUEUE_VERDICT_QUEUE:
	case NFQUEUE_VERDICT_REPEAT:
	case NFQUEUE_VERDICT_STOP:
		return !flow; /* the rest of a flow is accepted or dropped */
	default:
		return false;
	}
}

struct nfqueue_verdict verdict_normal(struct nfqueue_verdict verdict)
{
	if (verdict.code == NFQUEUE_VERDICT_DROP) { /* nobody will see its mark */
		verdict.set &= NFQUEUE_SET_FLOW;
		verdict.mark = 0;
		verdict.priority = 0;
	}
	verdict.set &= NFQUEUE_SET_MARK | NFQUEUE_SET_PRIORITY | NFQUEUE_SET_FLOW;
	return verdict;
}

/*
 * The first verdict wins. If that was not the program's, this call tells the program so,
 * and the packet is not its any more.
 */
static int decide_held(struct nfqueue_packet *packet, struct nfqueue_verdict verdict)
{
	if (packet_move_state(packet, PACKET_UNDECIDED, PACKET_DECIDED)) {
		packet->verdict = verdict;
		return 0;
	}
	if (packet_move_state(packet, PACKET_FORCED, PACKET_DECIDED))
		return -EALREADY;
	if (packet_move_state(packet, PACKET_FORCED_SENT, PACKET_FREE))
		held_disown(packet);
	return -EALREADY;
}

static int decide_in_batch(struct nfqueue_packet *packet, struct nfqueue_verdict verdict)
{
	if (packet_state(packet) != PACKET_UNDECIDED)
		return -EALREADY;
	packet->verdict = verdict;
	packet_set_state(packet, PACKET_DECIDED);
	return 0;
}

static int refuse(const struct nfqueue_packet *packet, struct nfqueue_verdict verdict)
{
	return queue_error(packet->queue, -EINVAL, "packet %u: unknown verdict 0x%x%s",
			   packet->id, verdict.code,
			   verdict.set & NFQUEUE_SET_FLOW ? " for a flow" : "");
}

/* Decided and not yet pushed, newest first. */
struct chain {
	struct nfqueue_packet *newest, *oldest;
};

/* The verdict as it will be sent. The edit is the program's: nobody else commits it. */
static int prepare(struct nfqueue_packet *packet, struct nfqueue_verdict *verdict)
{
	if (!verdict_is_known(*verdict))
		return refuse(packet, *verdict);
	*verdict = verdict_normal(*verdict);
	return packet->edited ? packet_commit_edit(packet, verdict) : 0;
}

static int decide_into(struct chain *chain, struct nfqueue_packet *packet,
		       struct nfqueue_verdict verdict)
{
	int err = prepare(packet, &verdict);

	if (err < 0)
		return err;
	if (!packet->held)
		return decide_in_batch(packet, verdict);
	err = decide_held(packet, verdict);
	if (err < 0)
		return err;
	packet->next = chain->newest;
	chain->newest = packet;
	if (!chain->oldest)
		chain->oldest = packet;
	return 0;
}

/* Once it is pushed it may be gone. A reader that cannot be told is not waited for. */
int nfqueue_decide(struct nfqueue_packet *packet, struct nfqueue_verdict verdict)
{
	struct nfqueue *queue = packet->queue;
	struct chain chain = {.newest = NULL};
	int err = decide_into(&chain, packet, verdict);

	if (!chain.newest)
		return err;
	late_push(packet);
	if (wake_reader(queue) < 0)
		flush_late(queue);
	return 0;
}

/* They are sent at once, so nobody is woken for them. */
int nfqueue_decide_all(struct nfqueue *queue, struct nfqueue_packet *const *packets,
		       const struct nfqueue_verdict *verdicts, size_t count)
{
	struct chain chain = {.newest = NULL};
	int decided = 0, err;

	for (size_t i = 0; i < count; i++) {
		/* Another thread may have had them last. */
		if (i + FETCH_AHEAD < count)
			__builtin_prefetch(packets[i + FETCH_AHEAD], 1);
		if (decide_into(&chain, packets[i], verdicts[i]) == 0)
			decided++;
	}
	if (chain.newest)
		late_push_chain(queue, chain.newest, chain.oldest);
	err = nfqueue_flush(queue);
	return err < 0 ? err : decided;
}

int nfqueue_accept(struct nfqueue_packet *packet)
{
	return nfqueue_decide(packet, NFQUEUE_ACCEPT);
}

int nfqueue_drop(struct nfqueue_packet *packet)
{
	return nfqueue_decide(packet, NFQUEUE_DROP);
}

static uint32_t hold_limit(const struct nfqueue *queue)
{
	uint32_t length = queue->max_length;

	/* What nobody holds shall find room in the kernel, too. */
	return queue->hold_limit ? queue->hold_limit : length - length / 4;
}

static struct nfqueue_verdict overload_verdict(const struct nfqueue *queue)
{
	if (queue->overload == NFQUEUE_OVERLOAD_ACCEPT)
		return NFQUEUE_ACCEPT;
	if (queue->overload == NFQUEUE_OVERLOAD_DROP)
		return NFQUEUE_DROP;
	return queue_has(queue, NFQUEUE_FAIL_OPEN) ? NFQUEUE_ACCEPT : NFQUEUE_DROP;
}

static int hold(struct nfqueue_packet *packet)
{
	struct nfqueue *queue = packet->queue;
	_Atomic uint32_t *holds = &queue->program_holds;

	if (packet_state(packet) != PACKET_UNDECIDED)
		return -EALREADY;
	if (packet->held)
		return 0;
	if (atomic_fetch_add_explicit(holds, 1, memory_order_relaxed) <
	    hold_limit(queue)) {
		packet->held = true;
		last_held = packet;
		return 0;
	}
	atomic_fetch_sub_explicit(holds, 1, memory_order_relaxed);
	counter_add_shared(&queue->counters.hold_overflow, 1);
	packet->verdict = overload_verdict(queue);
	packet_set_state(packet, PACKET_DECIDED);
	return -ENOSPC; /* without words: when there are too many, time is short */
}

int nfqueue_packet_hold(struct nfqueue_packet *packet)
{
	return hold(packet);
}

int nfqueue_packet_hold_for(struct nfqueue_packet *packet, uint32_t timeout_ms,
			    struct nfqueue_verdict verdict)
{
	int err;

	if (!verdict_is_known(verdict))
		return refuse(packet, verdict);
	err = hold(packet);
	if (err < 0)
		return err;
	return deadline_arm(packet, clock_us_after(timeout_ms * UINT64_C(1000)),
			    verdict_normal(verdict));
}

/* The verdict is the program's: what an overload takes away is the delay, or the packet.
 */
static int hold_decided(struct nfqueue_packet *packet, struct nfqueue_verdict verdict)
{
	int err = packet->held ? 0 : hold(packet);

	if (err == -ENOSPC && packet->verdict.code != NFQUEUE_VERDICT_DROP)
		packet->verdict = verdict;
	return err;
}

/* For the program it is decided: held only so that it leaves its batch and is counted. */
int nfqueue_decide_after(struct nfqueue_packet *packet, struct nfqueue_verdict verdict,
			 uint64_t delay_us)
{
	int err = prepare(packet, &verdict);

	if (err == 0)
		err = hold_decided(packet, verdict);
	if (err < 0)
		return err;
	err = deadline_delay(packet, clock_us_after(delay_us), verdict);
	return err == -EALREADY ? decide_held(packet, verdict) : err;
}

bool packet_was_held(const struct nfqueue_packet *packet)
{
	bool was = last_held == packet;

	last_held = NULL;
	return was;
}

void verdicts_default(struct nfqueue *queue)
{
	for (unsigned int i = 0; i < queue->batch_count; i++) {
		struct nfqueue_packet *packet = queue->batch[i];

		if (packet->held || packet_state(packet) != PACKET_UNDECIDED)
			continue;
		packet->verdict = queue->default_verdict;
		packet_set_state(packet, PACKET_DECIDED);
		counter_add_shared(&queue->counters.defaulted, 1);
	}
}

int nfqueue_set_flow_marks(struct nfqueue *queue, const struct nfqueue_flow_marks *marks)
{
	if ((marks->accept | marks->drop) & ~marks->mask)
		return queue_error(queue, -EINVAL,
				   "flow marks 0x%x and 0x%x: outside their mask 0x%x",
				   marks->accept, marks->drop, marks->mask);
	if (marks->mask && marks->accept == marks->drop)
		return queue_error(queue, -EINVAL,
				   "flow marks: accept and drop are the same, 0x%x",
				   marks->accept);
	pthread_mutex_lock(&queue->held_lock);
	queue->flow_marks = *marks;
	pthread_mutex_unlock(&queue->held_lock);
	return 0;
}

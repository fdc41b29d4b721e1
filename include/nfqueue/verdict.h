/* SPDX-License-Identifier: MIT */
#ifndef NFQUEUE_VERDICT_H
#define NFQUEUE_VERDICT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the kernel does with a packet. Source: uapi/linux/netfilter.h, NF_*. */
enum nfqueue_verdict_code {
	NFQUEUE_VERDICT_DROP = 0,   /**< free it */
	NFQUEUE_VERDICT_ACCEPT = 1, /**< go on with the next chain */
	NFQUEUE_VERDICT_QUEUE = 3,  /**< hand it to another queue (upper 16 bits) */
	NFQUEUE_VERDICT_REPEAT = 4, /**< run this base chain again: set a mark first */
	NFQUEUE_VERDICT_STOP = 5,   /**< accept, and skip the chains still to come */
};

/** Requeue flag: accept when nobody listens on the other queue. */
#define NFQUEUE_VERDICT_BYPASS 0x8000u

/** Which of the members below `set` are sent along with the verdict. */
#define NFQUEUE_SET_MARK (1u << 0)
#define NFQUEUE_SET_PRIORITY (1u << 1)
/** Not sent: the verdict is meant for the rest of the packet's flow, too. */
#define NFQUEUE_SET_FLOW (1u << 2)

/**
 * A verdict, small enough to be passed and returned by value. All zero is a drop.
 * Everything is in host byte order.
 */
struct nfqueue_verdict {
	uint32_t code;     /**< enum nfqueue_verdict_code, flags, target queue << 16 */
	uint32_t set;      /**< NFQUEUE_SET_*: which of the following are meant */
	uint32_t mark;     /**< the packet's new mark, whole */
	uint32_t priority; /**< the packet's new priority (kernel 5.18 and later) */
};

/** A verdict of one code and nothing else. Any thread. Source: NF_* above. */
static inline struct nfqueue_verdict nfqueue_verdict_of(uint32_t code)
{
	struct nfqueue_verdict verdict = {code, 0, 0, 0};

	return verdict;
}

#define NFQUEUE_DROP nfqueue_verdict_of(NFQUEUE_VERDICT_DROP)
#define NFQUEUE_ACCEPT nfqueue_verdict_of(NFQUEUE_VERDICT_ACCEPT)
#define NFQUEUE_REPEAT nfqueue_verdict_of(NFQUEUE_VERDICT_REPEAT)
#define NFQUEUE_STOP nfqueue_verdict_of(NFQUEUE_VERDICT_STOP)

/**
 * The same verdict, accept or drop, for this packet and for the rest of its flow, which
 * the kernel then decides by itself. Needs rules that know the marks (struct
 * nfqueue_flow_marks); without them it is the plain verdict. Any thread.
 * Source: NFQA_MARK, nft_ct.
 */
static inline struct nfqueue_verdict nfqueue_verdict_flow(struct nfqueue_verdict verdict)
{
	verdict.set |= NFQUEUE_SET_FLOW;
	return verdict;
}

#define NFQUEUE_FLOW_ACCEPT nfqueue_verdict_flow(NFQUEUE_ACCEPT)
#define NFQUEUE_FLOW_DROP nfqueue_verdict_flow(NFQUEUE_DROP)

/**
 * How flow verdicts are written into the packet mark, for the rules behind the queue to
 * save in the conntrack mark. All three in host byte order; mask 0: no flow verdicts.
 */
struct nfqueue_flow_marks {
	uint32_t mask;   /**< the bits of the mark that are ours */
	uint32_t accept; /**< what they are for NFQUEUE_FLOW_ACCEPT, inside the mask */
	uint32_t drop;   /**< what they are for NFQUEUE_FLOW_DROP, inside the mask */
};

/** Hand the packet to queue `number` (0..65535); it gets a new id there. Any thread.
 * Source: NF_QUEUE_NR. */
static inline struct nfqueue_verdict nfqueue_verdict_queue(uint16_t number)
{
	return nfqueue_verdict_of(((uint32_t)number << 16) | NFQUEUE_VERDICT_QUEUE);
}

/** The same verdict, which also sets the packet's mark to `mark` (host order).
 * Any thread. Source: NFQA_MARK. */
static inline struct nfqueue_verdict nfqueue_verdict_mark(struct nfqueue_verdict verdict,
							  uint32_t mark)
{
	verdict.set |= NFQUEUE_SET_MARK;
	verdict.mark = mark;
	return verdict;
}

/** The same verdict, which also sets the packet's priority. Any thread.
 * Source: NFQA_PRIORITY. */
static inline struct nfqueue_verdict nfqueue_verdict_priority(
	struct nfqueue_verdict verdict, uint32_t priority)
{
	verdict.set |= NFQUEUE_SET_PRIORITY;
	verdict.priority = priority;
	return verdict;
}

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT */
#include "outlet.h"

#include "mtu.h"
#include "recorder.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_US 1000u

struct outlet {
	/* Made when the first policy needs it, while threads decide, perhaps. */
	_Atomic(struct nfqueue_injector *) injector;
	struct recorder recorder;
	struct mtu_cache mtus;
};

int outlet_new(struct outlet **outlet)
{
	*outlet = calloc(1, sizeof(**outlet));
	if (!*outlet)
		return -ENOMEM;
	mtu_open(&(*outlet)->mtus);
	return 0;
}

void outlet_end(struct outlet *outlet)
{
	if (!outlet)
		return;
	if (outlet->injector)
		nfqueue_injector_flush(outlet->injector);
	recorder_end(&outlet->recorder);
}

void outlet_free(struct outlet *outlet)
{
	outlet_end(outlet);
	if (!outlet)
		return;
	nfqueue_injector_free(outlet->injector);
	recorder_close(&outlet->recorder);
	mtu_close(&outlet->mtus);
	free(outlet);
}

/* Acquire: pairs with the store in open_injector(). */
static struct nfqueue_injector *injector_of(const struct outlet *outlet)
{
	return atomic_load_explicit(&outlet->injector, memory_order_acquire);
}

static int open_injector(struct outlet *outlet, char *error)
{
	struct nfqueue_injector *injector;
	int err = nfqueue_injector_new(&injector, NULL);

	if (err < 0) {
		snprintf(error, OUTLET_ERROR_MAX, "%s", nfqueue_injector_error(injector));
		nfqueue_injector_free(injector);
		return err;
	}
	atomic_store_explicit(&outlet->injector, injector, memory_order_release);
	return 0;
}

int outlet_prepare(struct outlet *outlet, const struct policy *policy, char *error)
{
	int err = 0;

	if (policy_needs_injector(policy) && !injector_of(outlet))
		err = open_injector(outlet, error);
	return err < 0 ? err : recorder_prepare(&outlet->recorder, policy, error);
}

bool outlet_is_ours(const struct outlet *outlet, const struct nfqueue_packet *packet)
{
	return nfqueue_packet_mark(packet) & NFQUEUE_GUARD_MARK && injector_of(outlet);
}

/* A packet for this machine may be of any length. */
static uint32_t mtu_for(struct outlet *outlet, const struct nfqueue_packet *packet)
{
	uint32_t out = nfqueue_packet_out_interface(packet);

	if (nfqueue_packet_hook(packet) == NFQUEUE_HOOK_INPUT)
		return 0;
	return mtu_of(&outlet->mtus, out ? out : nfqueue_packet_in_interface(packet));
}

static struct nfqueue_edit *edit_of(void *ctx)
{
	struct nfqueue_edit *edit;

	nfqueue_packet_edit(ctx, &edit);
	return edit;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Time has passed since it was decided how long to wait. */
static uint64_t left_us(const struct outlet_decision *decision, uint64_t delay_ns)
{
	uint64_t end = decision->now_ns + delay_ns, now = now_ns();

	return end > now ? (end - now) / NS_PER_US : 0;
}

static void send_copy(const struct outlet *outlet, const struct policy_copy *copy,
		      const struct outlet_decision *decision)
{
	struct nfqueue_injector *injector = injector_of(outlet);
	struct nfqueue_injection injection = {
		.size = sizeof(injection),
		.data = copy->data,
		.length = copy->length,
		.mark = decision->outcome.mark,
	};

	if (copy->delay_ns)
		injection.delay_us = left_us(decision, copy->delay_ns);
	if (injector)
		nfqueue_inject(injector, &injection);
}

/* Pieces of a stream follow what was decided before them, and a copy of the packet goes
 * in front of it alone. */
static bool keeps_its_place(const struct policy_copy *copy)
{
	return copy->delay_ns == 0 &&
	       (copy->kind == POLICY_COPY_SEGMENT || copy->kind == POLICY_COPY_INJECT);
}

/* Returns whether there are copies to send behind the packet. */
static bool send_in_front(const struct outlet *outlet,
			  const struct outlet_decision *decision)
{
	const struct policy_outcome *outcome = &decision->outcome;
	bool any_behind = false;

	for (uint32_t i = 0; i < outcome->copy_count; i++) {
		const struct policy_copy *copy = &outcome->copies[i];

		if (i == 0 && keeps_its_place(copy))
			nfqueue_engine_flush();
		if (copy->kind == POLICY_COPY_REST)
			any_behind = true;
		else
			send_copy(outlet, copy, decision);
	}
	return any_behind;
}

/* The verdict goes first, behind those before it: held, the packet can be decided alone,
 * whichever thread this is. */
static void send_behind(const struct outlet *outlet, struct nfqueue_packet *packet,
			const struct outlet_decision *decision)
{
	const struct policy_outcome *outcome = &decision->outcome;

	nfqueue_engine_flush();
	if (nfqueue_packet_hold(packet) < 0 ||
	    nfqueue_decide(packet, outcome->verdict) < 0)
		return;
	nfqueue_engine_flush();
	for (uint32_t i = 0; i < outcome->copy_count; i++)
		if (outcome->copies[i].kind == POLICY_COPY_REST)
			send_copy(outlet, &outcome->copies[i], decision);
}

static struct policy_packet bytes_of(const struct nfqueue_packet *packet)
{
	size_t captured;
	const uint8_t *data = nfqueue_packet_data(packet, &captured);

	return (struct policy_packet){
		.data = data,
		.captured = (uint32_t)captured,
		.length = nfqueue_packet_length(packet),
		.mark = nfqueue_packet_mark(packet),
	};
}

static struct policy_env env_of(struct outlet *outlet, struct nfqueue_packet *packet)
{
	return (struct policy_env){
		.now_ns = now_ns(),
		.skb_info = nfqueue_packet_skb_info(packet),
		.mtu = mtu_for(outlet, packet),
		.edit = edit_of,
		.ctx = packet,
	};
}

void outlet_decide(struct outlet *outlet, const struct policy *policy,
		   struct policy_scratch *scratch, struct nfqueue_packet *packet,
		   struct outlet_decision *decision)
{
	struct policy_outcome *outcome = &decision->outcome;
	struct policy_packet bytes = bytes_of(packet);
	struct policy_env env = {0};

	if (policy_has_effects(policy))
		env = env_of(outlet, packet);
	decision->now_ns = env.now_ns;
	policy_apply(policy, &bytes, scratch, &env, outcome);
	for (uint32_t i = 0; i < outcome->capture_count; i++)
		recorder_put(&outlet->recorder, policy, outcome->captures[i], packet,
			     outcome);
}

/* What is delayed, or followed, is decided by this call already, or was refused by it:
 * then the engine's own call is, too. */
struct nfqueue_verdict outlet_carry_out(struct outlet *outlet,
					struct nfqueue_packet *packet,
					const struct outlet_decision *decision)
{
	const struct policy_outcome *outcome = &decision->outcome;
	bool is_followed = send_in_front(outlet, decision);

	if (outcome->delay_ns)
		nfqueue_decide_after(packet, outcome->verdict,
				     left_us(decision, outcome->delay_ns));
	else if (is_followed)
		send_behind(outlet, packet, decision);
	return outcome->verdict;
}

void outlet_tick(struct outlet *outlet)
{
	mtu_forget(&outlet->mtus);
}

bool outlet_inject_stats(struct outlet *outlet, struct nfqueue_injector_stats *stats)
{
	struct nfqueue_injector *injector = injector_of(outlet);

	return injector && nfqueue_injector_stats_get(injector, stats) == 0;
}

bool outlet_capture_stats(struct outlet *outlet, struct capture_stats *stats)
{
	return recorder_stats(&outlet->recorder, stats);
}

/* SPDX-License-Identifier: MIT */
/*
 * Any row of packets, with each kind of effect: what goes on is a packet, what cannot be
 * changed goes on as it came, and nobody writes over what was given.
 *
 * The first byte chooses the policy, the second one how the packets came, the third the
 * MTU; then each packet behind its length of two bytes, the first bit of which says that
 * its end was cut off.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nfqueue/packet.h>
#include <nfqueue/view.h>

#include "policy/policy.h"

#define VERDICT_BYTES_MAX 65531u
#define PACKETS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const texts[] = {
	"set ttl 3 set dscp ef set ecn 1 set ip-id 5 set df 0 set flow-label 9 set sport "
	"1 "
	"set dport 2 set seq 7 set ack 8 set tcp-flags syn,ack set window 9 set urgent 1 "
	"set mss 100 set icmp-type 3 set icmp-code 4 set icmp-id 5 set icmp-seq 6\n",
	"set src 10.0.0.9 set dst 2001:db8::1 set src 2001:db8::2 mark 7/0xf\n",
	"replace \"a\" \"bcd\" replace \"cat\" \"\" replace \"\\x00\\x00\" \"z\"\n",
	"replace \"abc\" \"x\" if ip\nlog if ip6\nflow-accept if ip6\n",
	"inject set ttl 2 replace \"a\" \"bb\" inject set mss 5 drop\n",
	"reject\n",
	"log \"x\" to f reject admin-prohibited if ip\nreject tcp-reset if ip6\n",
	"loss 30% ecn delay 10ms 5ms duplicate 50% corrupt 50% reorder 20%\n",
	"replace \"a\" "
	"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" "
	"corrupt 50% duplicate 50% rate 1mbit\n",
	"replace \"a\" \"b\" inject set ttl 4 queue 5 if len < 100\nrepeat mark 1\n",
};

#define POLICIES (sizeof(texts) / sizeof(texts[0]))

static void expect(int condition)
{
	if (!condition)
		abort();
}

struct run {
	struct policy *policy;
	struct policy_scratch *scratch, *other;
	struct nfqueue_edit *edit;
	struct policy_packet packet;
	struct policy_env env;
	struct policy_outcome outcome;
};

static struct nfqueue_edit *edit_of(void *ctx)
{
	struct run *run = ctx;
	int ret = nfqueue_edit_begin(run->edit, run->packet.data, run->packet.captured,
				     run->packet.length, run->env.skb_info);

	return ret == 0 ? run->edit : NULL;
}

/* What stands behind its end (padding) is not sent. */
static void check_packet(const uint8_t *data, size_t length)
{
	struct nfqueue_view view;

	expect(length > 0 && length <= 65535);
	expect(nfqueue_view_parse(&view, data, length) == 0);
	expect(view.length == view.total_length && view.length <= length);
}

static void check_copies(const struct run *run)
{
	const struct policy_outcome *outcome = &run->outcome;
	uint32_t segments = 0, rests = 0;

	for (uint32_t i = 0; i < outcome->copy_count; i++) {
		const struct policy_copy *copy = &outcome->copies[i];

		check_packet(copy->data, copy->length);
		expect(copy->kind == POLICY_COPY_REJECT ||
		       run->packet.captured >= run->packet.length);
		segments += copy->kind == POLICY_COPY_SEGMENT;
		rests += copy->kind == POLICY_COPY_REST;
	}
	expect(outcome->resent == (segments > 0));
	if (rests) /* they follow the packet */
		expect(outcome->changed && outcome->delay_ns == 0);
	if (segments)
		expect(outcome->verdict.code == NFQUEUE_VERDICT_DROP);
}

static void check_changed(struct run *run)
{
	const uint8_t *data;
	size_t length;

	expect(run->outcome.verdict.code != NFQUEUE_VERDICT_DROP);
	expect(nfqueue_edit_is_changed(run->edit));
	expect(nfqueue_edit_commit(run->edit) == 0);
	data = nfqueue_edit_data(run->edit, &length);
	expect(length <= VERDICT_BYTES_MAX);
	/* An edit may damage what its fields tell, but never its length. */
	check_packet(data, length);
}

/* The rules decide as they do without effects; only drops come in addition. */
static void check_decision(struct run *run)
{
	const struct policy_outcome *outcome = &run->outcome;
	struct policy_result result;

	policy_decide(run->policy, &run->packet, run->other, &result);
	expect(outcome->rule == result.rule);
	expect(outcome->log_count == result.log_count);
	expect(outcome->capture_count == result.capture_count);
	expect(outcome->verdict.code == result.verdict.code ||
	       outcome->verdict.code == NFQUEUE_VERDICT_DROP);
}

static void check_counts(const struct run *run, int32_t rule)
{
	struct policy_rule_stats stats = {.size = sizeof(stats)};

	expect(policy_scratch_stats(run->scratch, rule, &stats) == 0);
	expect((stats.failed > 0) == (policy_scratch_error(run->scratch, rule) != NULL));
	expect(stats.lost + stats.overlimit <= 2 * stats.hits);
	expect(stats.rejected <= stats.hits);
}

static void apply(struct run *run, const uint8_t *data, uint32_t length, int cut)
{
	uint8_t *given = malloc(length ? length : 1), *before = malloc(length + 1);

	expect(given && before);
	memcpy(given, data, length);
	memcpy(before, data, length);
	run->packet.data = given;
	run->packet.captured = length;
	run->packet.length = length + (cut ? 100 : 0);
	run->env.now_ns += 1000000;
	policy_apply(run->policy, &run->packet, run->scratch, &run->env, &run->outcome);
	expect(!memcmp(given, before, length));
	check_decision(run);
	check_copies(run);
	if (run->outcome.changed)
		check_changed(run);
	check_counts(run, run->outcome.rule);
	check_counts(run, POLICY_NO_RULE);
	free(given);
	free(before);
}

#define HOUR_NS (3600ull * 1000000000u)

/* Once, for its expressions take time. What it remembers is forgotten: shapers begin
 * anew, and connections are too old when the next input comes. */
static struct policy *policy_of(const uint8_t *data)
{
	static struct policy *policies[POLICIES];
	size_t number = data[0] % POLICIES;
	struct policy **policy = &policies[number];
	const char *text = texts[number];

	if (!*policy)
		expect(policy_new_from_text(policy, "t", text, strlen(text)) == 0);
	expect(policy_seed(*policy, data[0]) == 0);
	return *policy;
}

static void begin(struct run *run, const uint8_t *data)
{
	static uint64_t now_ns;

	run->policy = policy_of(data);
	expect(policy_scratch_new(&run->scratch, run->policy) == 0);
	expect(policy_scratch_new(&run->other, run->policy) == 0);
	expect(nfqueue_edit_new(&run->edit) == 0);
	run->env.now_ns = now_ns += 3 * HOUR_NS;
	run->env.skb_info = data[1] & 7;
	run->env.mtu = data[2] * 8u;
	run->env.edit = data[1] & 8 ? NULL : edit_of;
	run->env.ctx = run;
}

static void end(struct run *run)
{
	nfqueue_edit_free(run->edit);
	policy_scratch_free(run->scratch);
	policy_scratch_free(run->other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = {0};
	size_t at = 3;

	if (size < 3)
		return 0;
	begin(&run, data);
	for (int i = 0; i < PACKETS_MAX && size - at >= 2; i++) {
		uint32_t length = (uint32_t)(data[at] & 0x7f) << 8 | data[at + 1];
		int cut = data[at] & 0x80;

		at += 2;
		if (length > size - at)
			length = (uint32_t)(size - at);
		apply(&run, data + at, length, cut);
		at += length;
	}
	end(&run);
	return 0;
}

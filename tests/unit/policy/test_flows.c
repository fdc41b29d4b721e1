/* SPDX-License-Identifier: MIT */
/* Flow verdicts: the packet that decides is the one that the rule names, never an earlier
 * one; held against a plain count of each flow's packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/index.h"
#include "policy/policy.h"
#include "random_policy.h"

#define SMALL 96u /* bytes of a packet */
#define LARGE 200u
#define SYN 0x02
#define ACK 0x10

enum kind { TCP4, UDP4, ECHO4, GRE4, TCP6, UDP6, EXTENDED6, ECHO6, KINDS };

struct packet {
	uint8_t data[LARGE];
	uint32_t length;
	bool begins; /* a SYN */
};

struct loaded {
	struct policy *policy;
	struct policy_scratch *scratch;
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The hosts of flow `number`, to its other end for `back`. */
static uint8_t *put_ip(uint8_t *data, enum kind kind, uint32_t number, bool back,
		       uint32_t length)
{
	static const uint8_t protocols[KINDS] = {6, 17, 1, 47, 6, 17, 0, 58};
	uint32_t size = kind < TCP6 ? 4 : 16;
	uint8_t *hosts = data + (kind < TCP6 ? 12 : 8);

	hosts[0] = hosts[size] = 10;
	hosts[size - 1] = back ? 2 : 1;
	hosts[2 * size - 1] = back ? 1 : 2;
	put16(hosts + size - 3, number >> 15);
	put16(hosts + 2 * size - 3, number >> 15);
	if (kind < TCP6) {
		data[0] = 0x45;
		put16(data + 2, length);
		data[9] = protocols[kind];
		return data + 20;
	}
	data[0] = 0x60;
	put16(data + 4, length - 40);
	data[6] = protocols[kind];
	if (kind != EXTENDED6)
		return data + 40;
	data[40] = 60; /* hop by hop, then 24 bytes of destination options, then TCP */
	data[48] = 6;
	data[49] = 2;
	return data + 72;
}

static struct packet packet_of(enum kind kind, uint32_t number, bool back, bool large,
			       uint8_t tcp_flags)
{
	struct packet packet = {.length = large ? LARGE : SMALL};
	uint8_t *at = put_ip(packet.data, kind, number, back, packet.length);
	uint32_t near = 1000 + (number & 0x7fff), far = kind == EXTENDED6 ? 443 : 80;

	if (kind == ECHO4 || kind == ECHO6) {
		at[0] = (uint8_t)(kind == ECHO4 ? back ? 0 : 8 : back ? 129 : 128);
		put16(at + 4, near);
		return packet;
	}
	if (kind == GRE4)
		return packet;
	put16(at, back ? far : near);
	put16(at + 2, back ? near : far);
	if (kind == UDP4 || kind == UDP6)
		return packet;
	at[12] = 0x50;
	at[13] = tcp_flags;
	packet.begins = tcp_flags == SYN;
	return packet;
}

static struct loaded load(const char *text)
{
	struct loaded loaded;

	assert_int_equal(policy_new_from_text(&loaded.policy, "f", text, strlen(text)),
			 0);
	assert_int_equal(policy_scratch_new(&loaded.scratch, loaded.policy), 0);
	return loaded;
}

static void unload(struct loaded *loaded)
{
	policy_scratch_free(loaded->scratch);
	policy_free(loaded->policy);
}

static struct policy_result decide(const struct loaded *loaded, const void *data,
				   uint32_t captured, uint32_t length)
{
	struct policy_packet packet = {data, captured, length, 0};
	struct policy_result result;

	policy_decide(loaded->policy, &packet, loaded->scratch, &result);
	return result;
}

/* 'a' accepted, 'd' dropped; in capitals for the whole flow. */
static char letter(struct nfqueue_verdict verdict)
{
	bool flow = verdict.set & NFQUEUE_SET_FLOW;

	assert_int_equal(verdict.set & ~NFQUEUE_SET_FLOW, 0);
	if (verdict.code == NFQUEUE_VERDICT_ACCEPT)
		return flow ? 'A' : 'a';
	assert_int_equal(verdict.code, NFQUEUE_VERDICT_DROP);
	return flow ? 'D' : 'd';
}

static char decide_packet(const struct loaded *loaded, struct packet packet)
{
	return letter(decide(loaded, packet.data, packet.length, packet.length).verdict);
}

static const struct {
	const char *text, *verdicts; /* of one flow's packets */
} sequences[] = {
	{"flow-accept", "AAA"},
	{"flow-drop", "DDD"},
	{"flow-drop if tcp", "DDD"},
	{"flow-drop if udp", "aaa"},
	{"flow-accept after 1", "AAA"},
	{"flow-accept after 3", "aaAAA"},
	{"flow-accept after 0x3 if tcp", "aaAAA"},
	{"flow-drop after 1", "aDDD"},
	{"flow-drop after 10", "aaaaaaaaaaDD"},
	{"flow-drop after 2 if udp\nflow-accept after 3", "aaAA"},
	{"log\nflow-drop after 2", "aaDD"},
	{"flow-accept after 2\ndrop", "aAA"},
};

static void the_packet_that_is_named_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		struct loaded loaded = load(sequences[i].text);

		for (size_t j = 0; sequences[i].verdicts[j]; j++) {
			struct packet packet = packet_of(TCP4, 1, j % 2, false, ACK);
			char got = decide_packet(&loaded, packet);

			if (got != sequences[i].verdicts[j])
				fail_msg("%s: packet %zu: %c", sequences[i].text, j + 1,
					 got);
		}
		unload(&loaded);
	}
}

static void the_rule_that_counts_has_decided(void **state)
{
	struct loaded loaded = load("drop if udp\nflow-drop after 2 if tcp\ndrop");
	struct packet packet = packet_of(TCP4, 1, false, false, ACK);
	int32_t rule = decide(&loaded, packet.data, SMALL, SMALL).rule;

	(void)state;
	assert_int_equal(rule, 1);
	assert_int_equal(policy_scratch_hits(loaded.scratch, 1), 1);
	unload(&loaded);
}

#define FLOWS 40u
#define PACKETS 60000
#define COUNTING 3 /* rules */

static const char model_text[] = "flow-drop after 4 if len > 100\n"
				 "log if ip6\n"
				 "flow-accept after 3 if ip6\n"
				 "flow-drop after 7\n";
static const struct {
	int32_t rule;
	uint32_t limit;
	char decided;
} model_rules[COUNTING] = {{0, 5, 'D'}, {2, 3, 'A'}, {3, 8, 'D'}};

static void flows_are_decided_as_a_plain_count_says(void **state)
{
	static uint32_t counts[COUNTING][KINDS][FLOWS];
	struct loaded loaded = load(model_text);
	struct random random = {7};
	uint32_t restarts = 0;

	(void)state;
	for (int i = 0; i < PACKETS; i++) {
		uint32_t number = random_below(&random, FLOWS);
		enum kind kind = (enum kind)random_below(&random, KINDS);
		bool large = random_below(&random, 4) == 0;
		uint8_t flags = random_below(&random, 20) ? ACK : SYN;
		size_t met = large ? 0 : kind >= TCP6 ? 1 : 2;
		struct packet packet =
			packet_of(kind, kind == GRE4 ? number << 15 : number,
				  random_below(&random, 2), large, flags);
		uint32_t *count = &counts[met][kind][number];
		struct policy_result result =
			decide(&loaded, packet.data, packet.length, packet.length);

		if (packet.begins && *count >= model_rules[met].limit) {
			*count = 0;
			restarts++;
		}
		++*count;
		assert_int_equal(result.rule, model_rules[met].rule);
		assert_int_equal(
			letter(result.verdict),
			*count < model_rules[met].limit ? 'a' : model_rules[met].decided);
	}
	assert_true(restarts > 100);
	unload(&loaded);
}

static void a_syn_begins_a_decided_flow_anew_and_no_other(void **state)
{
	static const uint8_t flags[] = {SYN,       ACK, SYN, ACK, ACK,
					SYN | ACK, SYN, ACK, ACK};
	struct loaded loaded = load("flow-drop after 3");

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++)
		assert_int_equal(decide_packet(&loaded, packet_of(TCP4, 1, false, false,
								  flags[i])),
				 "aaaDDDaaa"[i]);
	unload(&loaded);
}

/* Packets that do not tell their flow, or not enough of it. */
static const struct {
	const char *what;
	uint8_t head[74]; /* an IP header, and what follows */
	uint32_t length;
} unknown[] = {
	{"nothing", {0}, 0},
	{"no IP", {0x10}, 60},
	{"half an IPv4 header", {0x45, 0, 0, 40}, 12},
	{"a header length that lies", {0x42, 0, 0, 40, 0, 0, 0, 0, 64, 6}, 40},
	{"a first fragment", {0x45, 0, 0, 60, 0, 1, 0x20, 0, 64, 17}, 60},
	{"a later fragment", {0x45, 0, 0, 60, 0, 1, 0x20, 5, 64, 17}, 60},
	{"the last fragment", {0x45, 0, 0, 60, 0, 1, 0, 5, 64, 17}, 60},
	{"no transport header", {0x45, 0, 0, 20, 0, 1, 0, 0, 64, 47}, 20},
	{"ports cut short", {0x45, 0, 0, 23, 0, 1, 0, 0, 64, 17}, 23},
	{"TCP without its flags", {0x45, 0, 0, 33, 0, 1, 0, 0, 64, 6}, 33},
	{"port unreachable",
	 {0x45, 0, 0, 60, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3, 3},
	 60},
	{"half an echo",
	 {0x45, 0, 0, 25, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 8, 0},
	 25},
	{"half an IPv6 header", {0x60, 0, 0, 0, 0, 20, 6}, 39},
	{"packet too big", {[0] = 0x60, [5] = 20, [6] = 58, [40] = 2}, 60},
	{"neighbour solicitation", {[0] = 0x60, [5] = 20, [6] = 58, [40] = 135}, 60},
	{"no next header", {[0] = 0x60, [5] = 20, [6] = 59}, 60},
	{"an IPv6 fragment", {[0] = 0x60, [5] = 20, [6] = 44, [40] = 17, [43] = 1}, 60},
	{"an extension header that lies",
	 {[0] = 0x60, [5] = 20, [6] = 60, [40] = 6, [41] = 9},
	 60},
	{"more extension headers than are looked at",
	 {[0] = 0x60, [5] = 140, [6] = 60, [40] = 6, [41] = 10},
	 180},
};

static void packets_that_tell_no_flow_are_never_decided(void **state)
{
	static const char *const texts[] = {"flow-accept after 1", "flow-drop after 1"};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct loaded loaded = load(texts[i % 2]);
		uint32_t length = unknown[i / 2].length;
		uint8_t *data = calloc(1, length ? length : 1);

		assert_non_null(data);
		memcpy(data, unknown[i / 2].head,
		       length < sizeof(unknown[0].head) ? length
							: sizeof(unknown[0].head));
		for (int j = 0; j < 5; j++)
			if (letter(decide(&loaded, data, length, length).verdict) != 'a')
				fail_msg("%s: %s", texts[i % 2], unknown[i / 2].what);
		free(data);
		unload(&loaded);
	}
}

static void flow_verdicts_without_after_are_for_any_packet(void **state)
{
	struct loaded loaded = load("flow-drop");

	(void)state;
	assert_int_equal(letter(decide(&loaded, "", 0, 0).verdict), 'D');
	unload(&loaded);
}

#define FLOOD 400000u

static void a_full_table_decides_late_and_never_early(void **state)
{
	static uint8_t counts[FLOOD];
	struct loaded loaded = load("flow-accept after 3");
	struct random random = {8};
	uint32_t late = 0, decided = 0;

	(void)state;
	for (uint32_t i = 0; i < 3 * FLOOD; i++) {
		uint32_t number = random_below(&random, FLOOD);
		char got =
			decide_packet(&loaded, packet_of(UDP4, number, i % 2, false, 0));

		counts[number] += counts[number] < 3;
		assert_true(got == 'a' || counts[number] == 3);
		late += got == 'a' && counts[number] == 3;
		decided += got == 'A';
	}
	assert_true(late > 0 && decided > 0); /* else nothing was forgotten, or all */
	unload(&loaded);
}

/* Seven others in between fill its set at worst, and leave it its place. */
static void a_busy_flow_is_not_forgotten_in_a_flood(void **state)
{
	struct loaded loaded = load("flow-drop after 20000");
	uint32_t other = 1;

	(void)state;
	for (uint32_t i = 1; i <= 20001; i++) {
		assert_int_equal(
			decide_packet(&loaded, packet_of(UDP6, 0, i % 2, false, 0)),
			i <= 20000 ? 'a' : 'D');
		for (int j = 0; j < 7; j++)
			decide_packet(&loaded, packet_of(UDP6, other++, false, false, 0));
	}
	unload(&loaded);
}

static void each_scratch_counts_for_itself(void **state)
{
	struct loaded one = load("flow-accept after 2"), other = one;

	(void)state;
	assert_int_equal(policy_scratch_new(&other.scratch, one.policy), 0);
	assert_int_equal(decide_packet(&one, packet_of(TCP6, 1, false, false, ACK)), 'a');
	assert_int_equal(decide_packet(&other, packet_of(TCP6, 1, false, false, ACK)),
			 'a');
	assert_int_equal(decide_packet(&one, packet_of(TCP6, 1, true, false, ACK)), 'A');
	policy_scratch_free(other.scratch);
	unload(&one);
}

static void scan_and_short_copy_decide_the_same(void **state)
{
	struct loaded loaded = load(model_text), scan = loaded, cut = loaded;
	uint32_t range = policy_copy_range(loaded.policy);
	struct random random = {9};

	(void)state;
	assert_int_equal(policy_scratch_new(&scan.scratch, loaded.policy), 0);
	assert_int_equal(policy_scratch_new(&cut.scratch, loaded.policy), 0);
	for (int i = 0; i < 100000; i++) {
		uint8_t bytes[RANDOM_PACKET_MAX], copy[RANDOM_PACKET_MAX];
		uint32_t length = random_packet(&random, bytes);
		uint32_t captured = length < range ? length : range;
		struct policy_packet packet = {bytes, length, length, 0};
		struct policy_result whole = decide(&loaded, bytes, length, length), one;

		policy_decide_plain(scan.policy, &packet, scan.scratch, &one);
		assert_int_equal(one.rule, whole.rule);
		assert_int_equal(letter(one.verdict), letter(whole.verdict));
		memset(copy, 0xee, sizeof(copy));
		memcpy(copy, bytes, captured);
		one = decide(&cut, copy, captured, length);
		assert_int_equal(one.rule, whole.rule);
		assert_int_equal(letter(one.verdict), letter(whole.verdict));
	}
	policy_scratch_free(scan.scratch);
	policy_scratch_free(cut.scratch);
	unload(&loaded);
}

static const struct {
	const char *text;
	int flows;
	uint32_t copy_range;
} asked[] = {
	{"accept", 0, 1},
	{"flow-accept", 1, 1},
	{"flow-drop if tcp dst port 23", 1, 64},
	{"flow-accept after 3", 1, 128},
	{"flow-drop after 3 if ip[200] = 1", 1, 201},
	{"drop\nflow-drop after 3", 0, 1},
	{"drop if tcp\nlog\nflow-drop\nlog", 1, 128},
	{"", 0, 1},
};

static void the_policy_tells_of_flow_verdicts_and_what_they_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct loaded loaded = load(asked[i].text);

		assert_int_equal(policy_has_flow_verdicts(loaded.policy), asked[i].flows);
		assert_int_equal(policy_copy_range(loaded.policy), asked[i].copy_range);
		unload(&loaded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packet_that_is_named_decides),
		cmocka_unit_test(the_rule_that_counts_has_decided),
		cmocka_unit_test(flows_are_decided_as_a_plain_count_says),
		cmocka_unit_test(a_syn_begins_a_decided_flow_anew_and_no_other),
		cmocka_unit_test(packets_that_tell_no_flow_are_never_decided),
		cmocka_unit_test(flow_verdicts_without_after_are_for_any_packet),
		cmocka_unit_test(a_full_table_decides_late_and_never_early),
		cmocka_unit_test(a_busy_flow_is_not_forgotten_in_a_flood),
		cmocka_unit_test(each_scratch_counts_for_itself),
		cmocka_unit_test(scan_and_short_copy_decide_the_same),
		cmocka_unit_test(the_policy_tells_of_flow_verdicts_and_what_they_read),
	};

	return cmocka_run_group_tests_name("policy flows", tests, NULL, NULL);
}

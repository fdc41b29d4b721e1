/* SPDX-License-Identifier: MIT */
/* replace in TCP: all packets of a connection are translated, whichever rule decides. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "at_work.h"

#define ACK NFQUEUE_TCP_ACK
#define FIN NFQUEUE_TCP_FIN

static uint32_t number_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
	       at[3];
}

static void send_data(struct bench *bench, uint32_t sequence, const char *payload)
{
	packet_tcp(&bench->packet, false, ACK, sequence, 500, payload, strlen(payload));
	apply(bench);
}

static void send_back(struct bench *bench, uint32_t acknowledgement, const char *payload)
{
	packet_tcp(&bench->packet, true, ACK, 500, acknowledgement, payload,
		   strlen(payload));
	apply(bench);
}

static void expect_sent(struct bench *bench, uint32_t sequence, const char *payload)
{
	size_t length;

	expect_sent_payload(bench, 40, payload);
	assert_int_equal(number_at(sent(bench, &length) + 24), sequence);
}

static void expect_sent_back(struct bench *bench, uint32_t acknowledgement)
{
	size_t length;
	const uint8_t *data = sent(bench, &length);

	assert_int_equal(number_at(data + 28), acknowledgement);
	assert_true(packet_is_sound(data, length));
}

static const char *const rules = "replace \"cat\" \"horse\" if tcp dst port 80\n"
				 "mark 3 if tcp src port 80\n";

/* The MSS that a SYN goes on with. */
static uint32_t mss_behind(const char *text, uint32_t mtu, uint8_t flags)
{
	struct bench *bench = bench_new(text);
	const uint8_t *data;
	uint32_t mss;
	size_t length;

	bench->env.mtu = mtu;
	packet_tcp(&bench->packet, flags & ACK, NFQUEUE_TCP_SYN | flags, 1, 1, "", 0);
	apply(bench);
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_ACCEPT);
	data = bench->packet.data;
	if (bench->outcome.changed) {
		data = sent(bench, &length);
		assert_true(packet_is_sound(data, length));
	}
	mss = (uint32_t)data[42] << 8 | data[43];
	bench_free(bench);
	return mss;
}

static void segments_get_room_to_grow(void **state)
{
	(void)state;
	assert_int_equal(mss_behind(rules, 1500, 0), 1500 - 40 - 240);
	assert_int_equal(mss_behind(rules, 1500, ACK), 1500 - 40 - 240);
	assert_int_equal(mss_behind(rules, 0, ACK), 1500 - 40 - 240);
	assert_int_equal(mss_behind(rules, 600, 0), 536);
	assert_int_equal(mss_behind(rules, 9000, 0), 1460);
	assert_int_equal(mss_behind("replace \"cat\" \"dog\"", 1500, 0), 1460);
	assert_int_equal(mss_behind("set ttl 9 if udp", 1500, 0), 1460);
}

static void other_direction_is_translated_by_any_rule(void **state)
{
	struct bench *bench = bench_new(rules);

	(void)state;
	open_connection(bench);
	send_data(bench, 100, "a cat");
	expect_sent(bench, 100, "a horse");
	send_back(bench, 107, "ok");
	expect_sent_back(bench, 105);
	assert_int_equal(bench->outcome.rule, 1);
	assert_int_equal(bench->outcome.verdict.mark, 3);
	send_data(bench, 105, "s and dogs");
	expect_sent(bench, 107, "s and dogs");
	assert_int_equal(stats_of(bench, 0).replaced, 1);
	assert_int_equal(stats_of(bench, 0).changed, 1 + 2); /* the SYN, too */
	assert_int_equal(stats_of(bench, POLICY_NO_RULE).changed, 1 + 1);
	bench_free(bench);
}

static void match_across_segments_is_found(void **state)
{
	struct bench *bench = bench_new(rules);

	(void)state;
	open_connection(bench);
	send_data(bench, 100, "a ca");
	expect_sent(bench, 100, "a ");
	send_data(bench, 104, "ts");
	expect_sent(bench, 102, "horses");
	bench_free(bench);
}

static void early_bytes_are_dropped_and_counted(void **state)
{
	struct bench *bench =
		bench_new("replace \"cat\" \"horse\" delay 1ms inject set ttl 2");

	(void)state;
	open_connection(bench);
	send_data(bench, 110, "late");
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_DROP);
	assert_int_equal(bench->outcome.copy_count, 0);
	assert_int_equal(bench->outcome.delay_ns, 0);
	assert_false(bench->outcome.changed);
	assert_int_equal(stats_of(bench, 0).early, 1);
	send_data(bench, 100, "0123456789");
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_ACCEPT);
	send_data(bench, 110, "late");
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_ACCEPT);
	assert_int_equal(stats_of(bench, 0).early, 1);
	bench_free(bench);
}

/* A dropped packet has not been there: what it brought is looked into when it comes. */
static void dropped_packet_is_not_looked_at(void **state)
{
	struct bench *bench = bench_new("drop if tcp[8:4] = 501\n"
					"replace \"cat\" \"horse\"");

	(void)state;
	open_connection(bench);
	packet_tcp(&bench->packet, false, ACK, 100, 501, "cat", 3);
	apply(bench);
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_DROP);
	assert_int_equal(bench->asked, 0);
	send_data(bench, 100, "cat");
	expect_sent(bench, 100, "horse");
	bench_free(bench);
}

static void changed_flow_is_not_left_to_the_kernel(void **state)
{
	struct bench *bench = bench_new("replace \"cat\" \"horse\" flow-accept");

	(void)state;
	open_connection(bench);
	assert_true(bench->outcome.verdict.set & NFQUEUE_SET_FLOW);
	send_data(bench, 100, "cat");
	expect_sent(bench, 100, "horse");
	assert_false(bench->outcome.verdict.set & NFQUEUE_SET_FLOW);
	send_back(bench, 105, "");
	assert_false(bench->outcome.verdict.set & NFQUEUE_SET_FLOW);
	bench_free(bench);
}

/* Its receiver puts it together, and finds that nothing was translated; dropped, it would
 * not even know that something is there. */
static void later_fragment_passes_as_it_came(void **state)
{
	struct bench *bench = bench_new("set ttl 3 set dport 81\nreplace \"a\" \"b\"");

	(void)state;
	packet_tcp(&bench->packet, false, ACK, 100, 500, "cat", 3);
	bench->packet.data[7] = 5; /* fragment offset */
	packet_sum(bench->packet.data, bench->packet.length);
	apply(bench);
	expect_accepted_as_it_was(bench);
	assert_int_equal(stats_of(bench, 0).failed, 1);
	bench_free(bench);
}

static void copies_have_the_translated_numbers(void **state)
{
	struct bench *bench =
		bench_new("replace \"cat\" \"horse\" inject set ttl 2 duplicate 100%");

	(void)state;
	open_connection(bench);
	send_data(bench, 100, "cat");
	send_data(bench, 103, "cat");
	assert_int_equal(bench->outcome.copy_count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		const struct policy_copy *copy = &bench->outcome.copies[i];

		assert_int_equal(number_at(copy->data + 24), 105);
		assert_memory_equal(copy->data + 40, "horse", 5);
		assert_true(packet_is_sound(copy->data, copy->length));
	}
	bench_free(bench);
}

static void connections_survive_a_reload(void **state)
{
	struct nfqueue_streams_stats stats = {.size = sizeof(stats)};
	struct bench *bench = bench_new(rules);

	(void)state;
	open_connection(bench);
	send_data(bench, 100, "cat");
	bench_reload(bench, "accept"); /* replaces nothing any more */
	assert_true(policy_needs_edit(bench->policy));
	send_data(bench, 103, "cat");
	expect_sent(bench, 105, "cat");
	send_back(bench, 108, "");
	expect_sent_back(bench, 106);
	bench_reload(bench, rules);
	send_data(bench, 106, "cat");
	expect_sent(bench, 108, "horse");
	assert_int_equal(policy_stream_stats(bench->policy, &stats), 0);
	assert_int_equal(stats.changes, 2);
	assert_int_equal(stats.flows, 1);
	bench_free(bench);
}

static void stream_stats_need_a_replace(void **state)
{
	struct nfqueue_streams_stats stats = {.size = sizeof(stats)};
	struct bench *bench = bench_new("set ttl 3\nreplace \"a\" \"b\"");

	(void)state;
	assert_int_equal(policy_stream_stats(bench->policy, &stats), -ENOENT);
	bench_free(bench);
}

static const struct {
	const char *expression;
	int may;
} expressions[] = {
	{"tcp", 1},
	{"udp", 0},
	{"ip", 1},
	{"ip6", 1},
	{"udp port 53", 0},
	{"port 53", 1},
	{"src port 53", 1},
	{"udp port 53 or tcp port 80", 1},
	{"udp and host 10.0.0.1", 0},
	{"host 10.0.0.1", 1},
	{"icmp or icmp6", 0},
	{"not tcp", 1},        /* IPv6 with TCP behind options */
	{"ip and not tcp", 1}, /* never, but what is not equal is no interval */
	{"not udp", 1},
	{"ip proto 6", 1},
	{"ip6 proto 6", 1},
	{"ip6 and udp", 0},
	{"ip[9] > 6", 0},
	{"ip[9] >= 6 and ip[9] < 17", 1},
	{"ip6[6] = 60", 1},
	{"len > 100", 1},
};

/* What never meets TCP needs no connections. */
static void connections_are_followed_where_tcp_may_be_met(void **state)
{
	struct nfqueue_streams_stats stats = {.size = sizeof(stats)};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		struct bench *bench;
		int ret;

		snprintf(text, sizeof(text), "replace \"a\" \"b\" if %s",
			 expressions[i].expression);
		bench = bench_new(text);
		ret = policy_stream_stats(bench->policy, &stats);
		if ((ret == 0) != expressions[i].may)
			fail_msg("%s: %d", text, ret);
		bench_free(bench);
	}
}

static void fragments_of_others_pass(void **state)
{
	struct bench *bench = bench_new("replace \"cat\" \"horse\" if tcp dst port 80\n");

	(void)state;
	packet_tcp(&bench->packet, true, ACK, 500, 100, "cat", 3);
	bench->packet.data[6] = 0x20; /* more fragments */
	packet_sum(bench->packet.data, bench->packet.length);
	apply(bench);
	expect_accepted_as_it_was(bench);
	assert_int_equal(bench->outcome.rule, POLICY_NO_RULE);
	bench_free(bench);
}

static void fin_is_translated(void **state)
{
	struct bench *bench = bench_new(rules);
	size_t length;

	(void)state;
	open_connection(bench);
	packet_tcp(&bench->packet, false, ACK | FIN, 100, 500, "cat", 3);
	apply(bench);
	expect_sent(bench, 100, "horse");
	assert_true(sent(bench, &length)[33] & FIN);
	send_back(bench, 106, "");
	expect_sent_back(bench, 104);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_get_room_to_grow),
		cmocka_unit_test(other_direction_is_translated_by_any_rule),
		cmocka_unit_test(match_across_segments_is_found),
		cmocka_unit_test(early_bytes_are_dropped_and_counted),
		cmocka_unit_test(dropped_packet_is_not_looked_at),
		cmocka_unit_test(changed_flow_is_not_left_to_the_kernel),
		cmocka_unit_test(later_fragment_passes_as_it_came),
		cmocka_unit_test(copies_have_the_translated_numbers),
		cmocka_unit_test(connections_survive_a_reload),
		cmocka_unit_test(stream_stats_need_a_replace),
		cmocka_unit_test(connections_are_followed_where_tcp_may_be_met),
		cmocka_unit_test(fragments_of_others_pass),
		cmocka_unit_test(fin_is_translated),
	};

	return cmocka_run_group_tests_name("policy replace", tests, NULL, NULL);
}

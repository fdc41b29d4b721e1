/* SPDX-License-Identifier: MIT */
/* What becomes of packets: bytes, copies, counts. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <nfqueue/packet.h>

#include "at_work.h"

#define SYN NFQUEUE_TCP_SYN
#define ACK NFQUEUE_TCP_ACK
#define RST NFQUEUE_TCP_RST

static void rule_without_effects_asks_for_nothing(void **state)
{
	struct bench *bench = bench_new("log\nmark 7 if udp\ndelay 1ms if tcp");

	(void)state;
	packet_udp(&bench->packet, "x", 1);
	apply(bench);
	assert_int_equal(bench->asked, 0);
	assert_int_equal(bench->outcome.rule, 1);
	assert_int_equal(bench->outcome.mark, 7);
	assert_int_equal(bench->outcome.log_count, 1);
	assert_int_equal(bench->outcome.delay_ns, 0);
	assert_false(bench->outcome.changed);
	bench_free(bench);
}

static void fields_are_set_and_checksums_right(void **state)
{
	struct bench *bench = bench_new("set ttl 9 set dport 53 set src 192.0.2.1 "
					"set src 2001:db8::1 set mss 500 mark 3");
	const uint8_t *data;
	size_t length;

	(void)state;
	packet_udp(&bench->packet, "x", 1);
	apply(bench);
	data = sent(bench, &length);
	assert_int_equal(data[8], 9);
	assert_int_equal(data[23], 53);
	assert_memory_equal(data + 12, "\xc0\x00\x02\x01", 4);
	assert_true(packet_is_sound(data, length));
	assert_int_equal(bench->outcome.mark, 3);
	assert_int_equal(stats_of(bench, 0).changed, 1);
	assert_int_equal(stats_of(bench, 0).failed, 0); /* no such field is no failure */
	bench_free(bench);
}

static void what_is_so_already_is_no_change(void **state)
{
	struct bench *bench = bench_new("set ttl 64 set df 1");

	(void)state;
	packet_udp(&bench->packet, "x", 1);
	apply(bench);
	expect_accepted_as_it_was(bench);
	assert_int_equal(bench->outcome.mark, 5);
	assert_int_equal(stats_of(bench, 0).changed, 0);
	bench_free(bench);
}

static void mss_is_made_smaller_only(void **state)
{
	struct bench *bench = bench_new("set mss 1461 if tcp src port 80\nset mss 1300");
	const uint8_t *data;
	size_t length;

	(void)state;
	packet_tcp(&bench->packet, true, SYN | ACK, 1, 1, "", 0);
	apply(bench);
	expect_accepted_as_it_was(bench);
	packet_tcp(&bench->packet, false, SYN, 1, 0, "", 0);
	apply(bench);
	data = sent(bench, &length);
	assert_int_equal(data[42] << 8 | data[43], 1300);
	assert_true(packet_is_sound(data, length));
	packet_tcp(&bench->packet, false, ACK, 2, 1, "", 0); /* no option */
	apply(bench);
	expect_accepted_as_it_was(bench);
	bench_free(bench);
}

static void patterns_are_replaced_side_by_side_in_udp(void **state)
{
	struct bench *bench = bench_new("replace \"a\" \"bb\" replace \"b\" \"\" "
					"replace \"ab\" \"never\" if udp");

	(void)state;
	packet_udp(&bench->packet, "xabax", 5);
	apply(bench);
	expect_sent_payload(bench, 28, "xbbbbx");
	assert_int_equal(stats_of(bench, 0).replaced, 3);
	packet_udp(&bench->packet, "none", 4);
	apply(bench);
	expect_accepted_as_it_was(bench);
	bench_free(bench);
}

static void other_protocols_pass_and_are_counted(void **state)
{
	struct bench *bench = bench_new("replace \"a\" \"b\"");

	(void)state;
	packet_udp(&bench->packet, "a", 1);
	bench->packet.data[9] = 1; /* ICMP */
	apply(bench);
	expect_accepted_as_it_was(bench);
	assert_int_equal(stats_of(bench, 0).failed, 1);
	assert_non_null(strstr(policy_scratch_error(bench->scratch, 0), "TCP and UDP"));
	bench_free(bench);
}

/* Three times 32,000 bytes are too many; then the TTL is as it came, too. */
static void what_cannot_be_changed_goes_on_as_it_came(void **state)
{
	static char text[32100];
	struct bench *bench;

	(void)state;
	strcpy(text, "set ttl 9 replace \"a\" \"");
	memset(text + strlen(text), 'b', 32000);
	strcat(text, "\"");
	bench = bench_new(text);
	packet_udp(&bench->packet, "aaa", 3);
	apply(bench);
	expect_accepted_as_it_was(bench);
	assert_int_equal(stats_of(bench, 0).failed, 1);
	assert_int_equal(stats_of(bench, 0).changed, 0);
	assert_non_null(policy_scratch_error(bench->scratch, 0));
	bench_free(bench);
}

static void packet_without_edit_goes_on_as_it_came(void **state)
{
	struct bench *bench = bench_new("set ttl 9 replace \"a\" \"b\" corrupt 100%");

	(void)state;
	bench->env.edit = NULL;
	packet_udp(&bench->packet, "a", 1);
	apply(bench);
	expect_accepted_as_it_was(bench);
	assert_int_equal(stats_of(bench, 0).failed, 1);
	bench_free(bench);
}

static void copies_are_of_the_changed_packet(void **state)
{
	struct bench *bench = bench_new("inject set ttl 3 replace \"a\" \"zz\" then "
					"set dscp 1 inject set ttl 4 if udp");
	const struct policy_copy *copy;
	size_t length;

	(void)state;
	packet_udp(&bench->packet, "bab", 3);
	apply(bench);
	assert_int_equal(bench->outcome.copy_count, 2);
	copy = bench->outcome.copies;
	assert_int_equal(copy[0].kind, POLICY_COPY_INJECT);
	assert_int_equal(copy[0].length, 28 + 4);
	assert_int_equal(copy[0].data[8], 3);
	assert_int_equal(copy[0].data[1], 1 << 2);
	assert_memory_equal(copy[0].data + 28, "bzzb", 4);
	assert_int_equal(copy[1].data[8], 4);
	assert_memory_equal(copy[1].data + 28, "bab", 3);
	for (int i = 0; i < 2; i++)
		assert_true(packet_is_sound(copy[i].data, copy[i].length));
	assert_int_equal(sent(bench, &length)[8], 64);
	assert_int_equal(stats_of(bench, 0).injected, 2);
	bench_free(bench);
}

static void copy_may_be_all_that_goes_on(void **state)
{
	struct bench *bench = bench_new("inject set ttl 3 drop");

	(void)state;
	packet_udp(&bench->packet, "a", 1);
	apply(bench);
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_DROP);
	assert_int_equal(bench->outcome.copy_count, 1);
	bench_free(bench);
}

static void copy_without_what_is_set_is_not_made(void **state)
{
	struct bench *bench = bench_new("inject set mss 100 replace \"x\" \"y\"");

	(void)state;
	packet_udp(&bench->packet, "a", 1);
	apply(bench);
	expect_accepted_as_it_was(bench);
	assert_int_equal(stats_of(bench, 0).injected, 0);
	bench_free(bench);
}

/* Also when nothing of it is changed. */
static void checksums_of_copies_are_made(void **state)
{
	struct bench *bench = bench_new("inject set ttl 64 then duplicate 100%");

	(void)state;
	packet_udp(&bench->packet, "abc", 3);
	bench->packet.data[26] ^= 0xff;
	bench->env.skb_info = NFQUEUE_CHECKSUM_NOT_READY;
	apply(bench);
	assert_int_equal(bench->outcome.copy_count, 2);
	for (uint32_t i = 0; i < 2; i++)
		assert_true(packet_is_sound(bench->outcome.copies[i].data,
					    bench->outcome.copies[i].length));
	assert_false(bench->outcome.changed);
	bench_free(bench);
}

static void wrong_checksum_stays_wrong_in_copies(void **state)
{
	struct bench *bench = bench_new("set ttl 3 duplicate 100% inject set dscp 1");
	size_t length;

	(void)state;
	packet_udp(&bench->packet, "abc", 3);
	bench->packet.data[26] ^= 0x10;
	apply(bench);
	assert_int_equal(bench->outcome.copy_count, 2);
	for (uint32_t i = 0; i < 2; i++)
		assert_memory_equal(bench->outcome.copies[i].data + 26,
				    bench->packet.data + 26, 2);
	assert_memory_equal(sent(bench, &length) + 26, bench->packet.data + 26, 2);
	bench_free(bench);
}

static void reject_answers_and_drops(void **state)
{
	struct bench *bench = bench_new("reject log \"no\"");
	const struct policy_copy *answer;

	(void)state;
	packet_tcp(&bench->packet, false, SYN, 77, 0, "", 0);
	apply(bench);
	answer = bench->outcome.copies;
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_DROP);
	assert_int_equal(bench->outcome.log_count, 1);
	assert_int_equal(bench->outcome.copy_count, 1);
	assert_int_equal(answer->kind, POLICY_COPY_REJECT);
	assert_true(answer->data[33] & RST);
	assert_memory_equal(answer->data + 16, "\x0a\x00\x00\x01", 4);
	packet_tcp(&bench->packet, false, RST, 77, 0, "", 0);
	apply(bench);
	assert_int_equal(bench->outcome.copy_count, 0);
	packet_udp(&bench->packet, "x", 1);
	apply(bench);
	assert_int_equal(bench->outcome.copies[0].data[9], 1); /* ICMP */
	assert_int_equal(stats_of(bench, 0).rejected, 2);
	assert_int_equal(stats_of(bench, 0).hits, 3);
	bench_free(bench);
}

static void loss_drops(void **state)
{
	struct bench *bench = bench_new("loss 100% delay 5ms set ttl 3 mark 9");

	(void)state;
	packet_udp(&bench->packet, "x", 1);
	apply(bench);
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_DROP);
	assert_int_equal(bench->outcome.verdict.set, 0);
	assert_int_equal(bench->outcome.delay_ns, 0);
	assert_false(bench->outcome.changed);
	assert_int_equal(stats_of(bench, 0).lost, 1);
	bench_free(bench);
}

static void delay_is_told_and_counted(void **state)
{
	struct bench *bench = bench_new("delay 5ms limit 2 queue 3");

	(void)state;
	packet_udp(&bench->packet, "x", 1);
	for (int i = 0; i < 2; i++) {
		apply(bench);
		assert_int_equal(bench->outcome.delay_ns, 5 * MS);
		assert_int_equal(bench->outcome.verdict.code,
				 3u << 16 | NFQUEUE_VERDICT_QUEUE);
		assert_int_equal(bench->asked, 0);
	}
	apply(bench);
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_DROP);
	assert_int_equal(stats_of(bench, 0).delayed, 2);
	assert_int_equal(stats_of(bench, 0).overlimit, 1);
	bench_free(bench);
}

static void rate_takes_the_length_that_is_sent(void **state)
{
	struct bench *bench = bench_new("replace \"a\" \"bbbbbbbbbbb\" rate 8kbit");

	(void)state;
	packet_udp(&bench->packet, "xx", 2); /* 30 bytes, a byte a millisecond */
	apply(bench);
	assert_int_equal(bench->outcome.delay_ns, 30 * MS);
	bench->env.now_ns += 1000 * MS;
	packet_udp(&bench->packet, "ax", 2);
	apply(bench);
	assert_int_equal(bench->outcome.delay_ns, 40 * MS);
	bench_free(bench);
}

static void ecn_marks_who_understands_it(void **state)
{
	struct bench *bench = bench_new("loss 100% ecn");
	const uint8_t *data;
	size_t length;

	(void)state;
	packet_udp(&bench->packet, "x", 1);
	bench->packet.data[1] = 2;
	packet_sum(bench->packet.data, bench->packet.length);
	apply(bench);
	data = sent(bench, &length);
	assert_int_equal(data[1], 3);
	assert_true(packet_is_sound(data, length));
	assert_int_equal(stats_of(bench, 0).marked, 1);
	packet_udp(&bench->packet, "x", 1);
	apply(bench);
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_DROP);
	bench_free(bench);
}

static unsigned bits_that_differ(const uint8_t *one, const uint8_t *other, size_t length)
{
	unsigned count = 0;

	for (size_t i = 0; i < length; i++)
		count += (unsigned)__builtin_popcount(one[i] ^ other[i]);
	return count;
}

static void corrupt_flips_one_bit(void **state)
{
	struct bench *bench = bench_new("corrupt 100%");
	const uint8_t *data;
	size_t length;

	(void)state;
	for (int i = 0; i < 200; i++) {
		packet_udp(&bench->packet, "some bytes to damage", 20);
		apply(bench);
		data = sent(bench, &length);
		assert_int_equal(length, bench->packet.length);
		assert_int_equal(bits_that_differ(data, bench->packet.data, length), 1);
		assert_false(packet_is_sound(data, length));
	}
	assert_int_equal(stats_of(bench, 0).corrupted, 200);
	bench_free(bench);
}

static void damage_shows_where_the_kernel_left_the_checksum_open(void **state)
{
	struct bench *bench = bench_new("corrupt 100%");
	const uint8_t *data;
	size_t length;

	(void)state;
	packet_udp(&bench->packet, "some bytes to damage", 20);
	bench->packet.data[26] ^= 0xff;
	bench->env.skb_info = NFQUEUE_CHECKSUM_NOT_READY;
	apply(bench);
	data = sent(bench, &length);
	packet_udp(&bench->packet, "some bytes to damage", 20);
	assert_int_equal(bits_that_differ(data, bench->packet.data, length), 1);
	bench_free(bench);
}

static void duplicate_is_of_the_changed_packet(void **state)
{
	struct bench *bench =
		bench_new("set ttl 7 duplicate 100% corrupt 100% delay 1ms");
	const struct policy_copy *copy;
	const uint8_t *data;
	size_t length;

	(void)state;
	packet_udp(&bench->packet, "some bytes", 10);
	apply(bench);
	assert_int_equal(bench->outcome.copy_count, 1);
	copy = bench->outcome.copies;
	assert_int_equal(copy->kind, POLICY_COPY_DUPLICATE);
	assert_int_equal(copy->delay_ns, MS);
	assert_int_equal(bench->outcome.delay_ns, MS);
	packet_udp(&bench->packet, "some bytes", 10);
	bench->packet.data[8] = 7;
	packet_sum(bench->packet.data, bench->packet.length);
	assert_int_equal(bits_that_differ(copy->data, bench->packet.data, copy->length),
			 1);
	data = sent(bench, &length);
	assert_int_equal(bits_that_differ(data, bench->packet.data, length), 1);
	assert_int_equal(stats_of(bench, 0).duplicated, 1);
	assert_int_equal(stats_of(bench, 0).corrupted, 2);
	bench_free(bench);
}

static void same_seed_same_fates(void **state)
{
	struct bench *one = bench_new("loss 30% delay 9ms 5ms duplicate 20%"),
		     *other = bench_new("loss 30% delay 9ms 5ms duplicate 20%");

	(void)state;
	packet_udp(&one->packet, "x", 1);
	packet_udp(&other->packet, "x", 1);
	for (int i = 0; i < 1000; i++) {
		apply(one);
		apply(other);
		assert_int_equal(one->outcome.verdict.code, other->outcome.verdict.code);
		assert_int_equal(one->outcome.delay_ns, other->outcome.delay_ns);
		assert_int_equal(one->outcome.copy_count, other->outcome.copy_count);
	}
	assert_int_not_equal(stats_of(one, 0).lost, 0);
	assert_int_not_equal(stats_of(one, 0).duplicated, 0);
	bench_free(one);
	bench_free(other);
}

static void expect_segments(const struct bench *bench, uint32_t count, uint32_t mtu)
{
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_DROP);
	assert_int_equal(bench->outcome.verdict.set, 0);
	assert_true(bench->outcome.resent);
	assert_false(bench->outcome.changed);
	assert_int_equal(bench->outcome.mark, 7);
	assert_int_equal(bench->outcome.copy_count, count);
	for (uint32_t i = 0; i < count; i++) {
		const struct policy_copy *copy = &bench->outcome.copies[i];

		assert_int_equal(copy->kind, POLICY_COPY_SEGMENT);
		assert_true(copy->length <= mtu);
		assert_true(packet_is_sound(copy->data, copy->length));
	}
}

static const char kilobyte[1000];

static void too_short_gso_packet_is_sent_as_a_plain_one(void **state)
{
	struct bench *bench = bench_new("replace \"aaaaaaaaaa\" \"\" delay 2ms mark 7");

	(void)state;
	open_connection(bench);
	bench->env.skb_info = NFQUEUE_GSO_PACKET;
	bench->env.mtu = 40; /* it is longer, so the kernel cuts it */
	packet_tcp(&bench->packet, false, ACK, 100, 500, "aaaaaaaaaab", 11);
	apply(bench);
	expect_sent_payload(bench, 40, "b");
	assert_int_equal(bench->outcome.delay_ns, 2 * MS);
	bench->env.mtu = 41;
	packet_tcp(&bench->packet, false, ACK, 111, 500, "aaaaaaaaaac", 11);
	apply(bench);
	expect_segments(bench, 1, 41);
	assert_int_equal(bench->outcome.copies[0].data[40], 'c');
	assert_int_equal(bench->outcome.copies[0].delay_ns, 2 * MS);
	assert_int_equal(bench->outcome.delay_ns, 0);
	bench_free(bench);
}

static void too_long_packet_is_sent_in_segments(void **state)
{
	struct bench *bench = bench_new("replace \"a\" \"0123456789\" mark 7");

	(void)state;
	open_connection(bench);
	bench->env.mtu = 50;
	packet_tcp(&bench->packet, false, ACK, 100, 500, "aaa", 3);
	apply(bench);
	expect_segments(bench, 3, 50);
	for (uint32_t i = 0; i < 3; i++)
		assert_memory_equal(bench->outcome.copies[i].data + 40, "0123456789", 10);
	assert_int_equal(stats_of(bench, 0).changed, 2 + 1); /* both SYNs, too */
	bench_free(bench);
}

/* 64 KiB that grow: what a verdict carries goes with it, the rest behind. */
static void end_of_a_packet_that_grew_too_long_follows(void **state)
{
	struct bench *bench = bench_new("replace \"a\" \"0123456789\" mark 7");
	static char payload[65000];
	const struct policy_copy *copy;
	size_t length;

	(void)state;
	memset(payload, '-', sizeof(payload));
	memset(payload + 32000, 'a', 300); /* 2,700 more */
	open_connection(bench);
	bench->env.skb_info = NFQUEUE_GSO_PACKET;
	bench->env.mtu = 1500;
	packet_tcp(&bench->packet, false, ACK, 100, 500, payload, sizeof(payload));
	apply(bench);
	sent(bench, &length);
	assert_int_equal(length, 65531);
	assert_false(bench->outcome.resent);
	assert_int_equal(bench->outcome.copy_count, 2); /* 67,700 - 65,491 bytes */
	for (uint32_t i = 0; i < 2; i++) {
		copy = &bench->outcome.copies[i];
		assert_int_equal(copy->kind, POLICY_COPY_REST);
		assert_int_equal(copy->length, i ? 40 + 2209 - 1460 : 1500);
		assert_true(packet_is_sound(copy->data, copy->length));
	}
	bench_free(bench);
}

static void what_is_delayed_is_not_followed(void **state)
{
	struct bench *bench = bench_new("replace \"a\" \"0123456789\" delay 2ms mark 7");
	static char payload[65000];

	(void)state;
	memset(payload, '-', sizeof(payload));
	memset(payload + 32000, 'a', 300);
	open_connection(bench);
	bench->env.skb_info = NFQUEUE_GSO_PACKET;
	bench->env.mtu = 1500;
	packet_tcp(&bench->packet, false, ACK, 100, 500, payload, sizeof(payload));
	apply(bench);
	expect_segments(bench, 45 + 2, 1500);
	assert_int_equal(bench->outcome.copies[46].delay_ns, 2 * MS);
	bench_free(bench);
}

static void packet_for_another_queue_stays_whole(void **state)
{
	struct bench *bench = bench_new("replace \"a\" \"0123456789\" queue 5");

	(void)state;
	open_connection(bench);
	bench->env.mtu = 50;
	packet_tcp(&bench->packet, false, ACK, 100, 500, "aa", 2);
	apply(bench);
	expect_sent_payload(bench, 40, "01234567890123456789");
	bench_free(bench);
}

/* Its segments would get right checksums in the kernel. */
static void damaged_gso_packet_is_cut_before(void **state)
{
	struct bench *bench = bench_new("corrupt 100% mark 7");
	struct packet clean;

	(void)state;
	bench->env.mtu = 540;
	bench->env.skb_info = NFQUEUE_GSO_PACKET | NFQUEUE_CHECKSUM_NOT_READY;
	packet_tcp(&bench->packet, false, ACK, 100, 500, kilobyte, sizeof(kilobyte));
	apply(bench);
	assert_true(bench->outcome.resent);
	assert_int_equal(bench->outcome.copy_count, 2);
	assert_false(packet_is_sound(bench->outcome.copies[0].data, 540));
	assert_true(packet_is_sound(bench->outcome.copies[1].data, 540));
	packet_tcp(&clean, false, ACK, 100, 500, kilobyte, 500);
	assert_int_equal(bits_that_differ(bench->outcome.copies[0].data, clean.data, 540),
			 1);
	bench_free(bench);
}

/* 65,531 bytes are what a verdict carries. */
static void packet_too_long_for_its_verdict_goes_on_as_it_came(void **state)
{
	struct bench *bench = bench_new("replace \"a\" \"bbbbbbbb\"");
	static char payload[65500];

	(void)state;
	memset(payload, 'x', sizeof(payload));
	payload[7] = 'a';
	packet_udp(&bench->packet, payload, 65500 - 28 + 25);
	apply(bench);
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_DROP);
	assert_true(bench->outcome.resent); /* whole: there is no other limit */
	assert_int_equal(bench->outcome.copies[0].length, 65532);
	bench->env.mtu = 1500; /* UDP cannot be cut */
	apply(bench);
	expect_accepted_as_it_was(bench);
	assert_int_equal(stats_of(bench, 0).failed, 1);
	bench_free(bench);
}

static void rules_that_decide_may_log_and_record(void **state)
{
	struct bench *bench = bench_new("log to f\nlog \"b\" if tcp\n"
					"log \"c\" to f drop if udp\naccept");

	(void)state;
	packet_udp(&bench->packet, "x", 1);
	apply(bench);
	assert_int_equal(bench->outcome.rule, 2);
	assert_int_equal(bench->outcome.log_count, 1);
	assert_int_equal(bench->outcome.logs[0], 2);
	assert_int_equal(bench->outcome.capture_count, 2);
	assert_int_equal(bench->outcome.captures[0], 0);
	assert_int_equal(bench->outcome.captures[1], 2);
	bench_free(bench);
}

static void stats_grow_with_their_size(void **state)
{
	struct bench *bench = bench_new("set ttl 1\ndrop");
	struct policy_rule_stats stats;

	(void)state;
	packet_udp(&bench->packet, "x", 1);
	apply(bench);
	memset(&stats, 0xaa, sizeof(stats));
	stats.size = offsetof(struct policy_rule_stats, changed);
	assert_int_equal(policy_scratch_stats(bench->scratch, 0, &stats), 0);
	assert_int_equal(stats.hits, 1);
	assert_int_equal(stats.changed, 0xaaaaaaaaaaaaaaaau);
	stats.size = 0;
	assert_int_equal(policy_scratch_stats(bench->scratch, 0, &stats), -EINVAL);
	assert_int_equal(stats_of(bench, 1).changed, 0);
	assert_int_equal(stats_of(bench, 7).hits, 0);
	assert_null(policy_scratch_error(bench->scratch, 0));
	assert_null(policy_scratch_error(bench->scratch, 7));
	bench_free(bench);
}

#define THREADS 4
#define PACKETS 5000

struct worker {
	const struct policy *policy;
	struct policy_scratch *scratch;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct policy_env env = {0};
	struct policy_outcome outcome;
	struct packet *packet = malloc(sizeof(*packet));
	struct policy_packet given;

	packet_udp(packet, "x", 1);
	given = (struct policy_packet){packet->data, packet->length, packet->length, 0};
	for (int i = 0; i < PACKETS; i++) {
		env.now_ns += MS;
		policy_apply(worker->policy, &given, worker->scratch, &env, &outcome);
	}
	free(packet);
	return NULL;
}

/* One shaper for all: every second packet is lost, whoever has it. */
static void threads_share_what_is_emulated(void **state)
{
	struct bench *bench = bench_new("loss state 100% 100% delay 1us");
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	uint64_t lost = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		workers[i].policy = bench->policy;
		assert_int_equal(policy_scratch_new(&workers[i].scratch, bench->policy),
				 0);
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		struct policy_rule_stats stats = {.size = sizeof(stats)};

		pthread_join(threads[i], NULL);
		assert_int_equal(policy_scratch_stats(workers[i].scratch, 0, &stats), 0);
		assert_int_equal(stats.hits, PACKETS);
		lost += stats.lost;
		policy_scratch_free(workers[i].scratch);
	}
	assert_int_equal(lost, THREADS * PACKETS / 2);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_without_effects_asks_for_nothing),
		cmocka_unit_test(fields_are_set_and_checksums_right),
		cmocka_unit_test(what_is_so_already_is_no_change),
		cmocka_unit_test(mss_is_made_smaller_only),
		cmocka_unit_test(patterns_are_replaced_side_by_side_in_udp),
		cmocka_unit_test(other_protocols_pass_and_are_counted),
		cmocka_unit_test(what_cannot_be_changed_goes_on_as_it_came),
		cmocka_unit_test(packet_without_edit_goes_on_as_it_came),
		cmocka_unit_test(copies_are_of_the_changed_packet),
		cmocka_unit_test(copy_may_be_all_that_goes_on),
		cmocka_unit_test(copy_without_what_is_set_is_not_made),
		cmocka_unit_test(checksums_of_copies_are_made),
		cmocka_unit_test(wrong_checksum_stays_wrong_in_copies),
		cmocka_unit_test(reject_answers_and_drops),
		cmocka_unit_test(loss_drops),
		cmocka_unit_test(delay_is_told_and_counted),
		cmocka_unit_test(rate_takes_the_length_that_is_sent),
		cmocka_unit_test(ecn_marks_who_understands_it),
		cmocka_unit_test(corrupt_flips_one_bit),
		cmocka_unit_test(damage_shows_where_the_kernel_left_the_checksum_open),
		cmocka_unit_test(duplicate_is_of_the_changed_packet),
		cmocka_unit_test(same_seed_same_fates),
		cmocka_unit_test(too_short_gso_packet_is_sent_as_a_plain_one),
		cmocka_unit_test(too_long_packet_is_sent_in_segments),
		cmocka_unit_test(end_of_a_packet_that_grew_too_long_follows),
		cmocka_unit_test(what_is_delayed_is_not_followed),
		cmocka_unit_test(packet_for_another_queue_stays_whole),
		cmocka_unit_test(damaged_gso_packet_is_cut_before),
		cmocka_unit_test(packet_too_long_for_its_verdict_goes_on_as_it_came),
		cmocka_unit_test(rules_that_decide_may_log_and_record),
		cmocka_unit_test(stats_grow_with_their_size),
		cmocka_unit_test(threads_share_what_is_emulated),
	};

	return cmocka_run_group_tests_name("policy apply", tests, NULL, NULL);
}

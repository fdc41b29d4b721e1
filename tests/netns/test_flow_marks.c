/* SPDX-License-Identifier: MIT */
/* What flow verdicts write into the packet mark, and what they leave of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "holder.h"

#define MASK 0x00c00000u
#define ACCEPT 0x00400000u
#define DROP 0x00800000u
#define OTHERS 0x12000034u /* bits that are not ours */
#define COUNT 64

static const struct nfqueue_flow_marks marks = {MASK, ACCEPT, DROP};

/* Packets come with the marks of others, and of ours what an earlier one had. */
static struct nfqueue *start(void)
{
	struct nfqueue *queue;

	netns_need_queue();
	rule("-t mangle -A OUTPUT -p udp --dport %d -j MARK --set-mark 0x%x", PORT,
	     OTHERS | ACCEPT | DROP);
	queue = start_on_loopback((struct nfqueue_options){0});
	return queue;
}

/* Counts, behind the queue, the packets with this mark. */
static void count_mark(uint32_t mark)
{
	rule("-t mangle -A POSTROUTING -p udp --dport %d -m mark --mark 0x%x/0xffffffff",
	     PORT, mark);
}

static uint64_t counted(int index)
{
	return rule_count("iptables -t mangle", "POSTROUTING", index);
}

static void decide_with(struct nfqueue *queue, struct nfqueue_verdict verdict)
{
	netns_udp_send(udp_client, 0, COUNT);
	assert_int_equal(decide_next(queue, COUNT, verdict), COUNT);
	flush_and_settle(queue);
}

static void flow_verdicts_change_the_bits_of_their_mask_and_no_others(void **state)
{
	struct nfqueue *queue = start();
	struct nfqueue_stats stats;

	count_mark(OTHERS | ACCEPT);
	count_mark(OTHERS | DROP);
	assert_int_equal(nfqueue_set_flow_marks(queue, &marks), 0);
	decide_with(queue, NFQUEUE_FLOW_ACCEPT);
	assert_int_equal(counted(1), COUNT);
	assert_int_equal(counted(2), 0);
	decide_with(queue, NFQUEUE_FLOW_DROP); /* rules behind the queue drop it */
	assert_int_equal(counted(1), COUNT);
	assert_int_equal(counted(2), COUNT);
	stats = stats_of(queue);
	assert_sums_up(&stats);
	assert_int_equal(stats.accepted, COUNT);
	assert_int_equal(stats.dropped, COUNT);
	assert_int_equal(stats.flow_accepted, COUNT);
	assert_int_equal(stats.flow_dropped, COUNT);
}

static void a_mark_that_the_verdict_sets_is_kept_outside_of_the_mask(void **state)
{
	struct nfqueue *queue = start();

	count_mark(0x77 | ACCEPT);
	assert_int_equal(nfqueue_set_flow_marks(queue, &marks), 0);
	decide_with(queue, nfqueue_verdict_mark(NFQUEUE_FLOW_ACCEPT, 0x77 | DROP));
	assert_int_equal(counted(1), COUNT);
}

static void without_marks_flow_verdicts_are_plain_verdicts(void **state)
{
	static const struct nfqueue_flow_marks none = {0, 0, 0};
	struct nfqueue *queue = start();
	struct nfqueue_stats stats;

	count_mark(OTHERS | ACCEPT | DROP);
	decide_with(queue, NFQUEUE_FLOW_ACCEPT);
	assert_int_equal(counted(1), COUNT);
	decide_with(queue, NFQUEUE_FLOW_DROP);
	assert_int_equal(nfqueue_set_flow_marks(queue, &marks), 0);
	assert_int_equal(nfqueue_set_flow_marks(queue, &none), 0);
	decide_with(queue, NFQUEUE_FLOW_ACCEPT);
	decide_with(queue, NFQUEUE_FLOW_DROP);
	assert_int_equal(counted(1), 2 * COUNT);
	stats = stats_of(queue);
	assert_sums_up(&stats);
	assert_int_equal(stats.accepted, 2 * COUNT);
	assert_int_equal(stats.dropped, 2 * COUNT);
	assert_int_equal(stats.flow_accepted + stats.flow_dropped, 0);
}

static void flow_verdicts_of_packets_with_one_mark_leave_as_one_range(void **state)
{
	struct nfqueue *queue = start();
	uint64_t before;

	assert_int_equal(nfqueue_set_flow_marks(queue, &marks), 0);
	before = stats_of(queue).messages;
	decide_with(queue, NFQUEUE_FLOW_ACCEPT);
	assert_int_equal(stats_of(queue).messages, before + 1);
}

static void *set_marks(void *argument)
{
	assert_int_equal(nfqueue_set_flow_marks(argument, &marks), 0);
	return NULL;
}

static void *decide_late(void *argument)
{
	struct holder *holder = argument;

	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(
			nfqueue_decide(holder->held[i],
				       i % 2 ? NFQUEUE_FLOW_ACCEPT : NFQUEUE_FLOW_DROP),
			0);
	return NULL;
}

static int hold_shortly(struct nfqueue_packet *packet, uint32_t number, void *ctx)
{
	return nfqueue_packet_hold_for(packet, 5, NFQUEUE_FLOW_ACCEPT);
}

static void marks_and_late_verdicts_may_come_from_other_threads(void **state)
{
	struct nfqueue *queue = start();
	struct holder holder = {.waiting = WAIT_ASLEEP};
	struct nfqueue_stats stats;
	pthread_t thread;

	count_mark(OTHERS | ACCEPT);
	count_mark(OTHERS | DROP);
	holder_start(&holder, queue, COUNT);
	netns_udp_send(udp_client, 0, COUNT);
	holder_wait(&holder, COUNT);
	assert_int_equal(pthread_create(&thread, NULL, set_marks, queue), 0);
	pthread_join(thread, NULL);
	assert_int_equal(pthread_create(&thread, NULL, decide_late, &holder), 0);
	pthread_join(thread, NULL);
	stats = wait_for_none_held(queue);
	holder_stop(&holder);
	assert_int_equal(counted(1), COUNT / 2);
	assert_int_equal(counted(2), COUNT / 2);
	assert_int_equal(stats.flow_accepted, COUNT / 2);
	assert_int_equal(stats.flow_dropped, COUNT / 2);
}

static void a_deadline_may_give_a_flow_verdict(void **state)
{
	struct nfqueue *queue = start();
	struct holder holder = {.waiting = WAIT_ASLEEP, .hold = hold_shortly};
	uint64_t end = netns_now() + WAIT_MS;

	count_mark(OTHERS | ACCEPT);
	assert_int_equal(nfqueue_set_flow_marks(queue, &marks), 0);
	holder_start(&holder, queue, COUNT);
	netns_udp_send(udp_client, 0, COUNT);
	holder_wait(&holder, COUNT);
	while (stats_of(queue).held && netns_now() < end)
		netns_sleep(1);
	holder_stop(&holder);
	assert_int_equal(stats_of(queue).expired, COUNT);
	assert_int_equal(stats_of(queue).flow_accepted, COUNT);
	assert_int_equal(counted(1), COUNT);
}

static void marks_that_cannot_be_told_apart_are_refused(void **state)
{
	static const struct nfqueue_flow_marks bad[] = {{MASK, ACCEPT | 1, DROP},
							{MASK, ACCEPT, DROP << 1},
							{MASK, ACCEPT, ACCEPT}};
	struct nfqueue *queue = start();

	count_mark(OTHERS | ACCEPT);
	assert_int_equal(nfqueue_set_flow_marks(queue, &marks), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(nfqueue_set_flow_marks(queue, &bad[i]), -EINVAL);
		assert_non_null(strstr(nfqueue_error(queue), "flow marks"));
	}
	decide_with(queue, NFQUEUE_FLOW_ACCEPT); /* those of before are in force */
	assert_int_equal(counted(1), COUNT);
}

static void only_accept_and_drop_are_flow_verdicts(void **state)
{
	static const uint32_t codes[] = {NFQUEUE_VERDICT_REPEAT, NFQUEUE_VERDICT_STOP,
					 NFQUEUE_VERDICT_QUEUE | 5 << 16};
	struct nfqueue *queue = start();
	struct nfqueue_packet *packet;

	assert_int_equal(nfqueue_set_flow_marks(queue, &marks), 0);
	netns_udp_send(udp_client, 0, 1);
	receive(queue, &packet, 1);
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		struct nfqueue_verdict verdict =
			nfqueue_verdict_flow(nfqueue_verdict_of(codes[i]));

		assert_int_equal(nfqueue_decide(packet, verdict), -EINVAL);
		assert_int_equal(nfqueue_packet_hold_for(packet, 1, verdict), -EINVAL);
	}
	assert_int_equal(nfqueue_accept(packet), 0);
	flush_and_settle(queue);
	assert_int_equal(stats_of(queue).accepted, 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_on_loopback)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flow_verdicts_change_the_bits_of_their_mask_and_no_others),
		TEST(a_mark_that_the_verdict_sets_is_kept_outside_of_the_mask),
		TEST(without_marks_flow_verdicts_are_plain_verdicts),
		TEST(flow_verdicts_of_packets_with_one_mark_leave_as_one_range),
		TEST(marks_and_late_verdicts_may_come_from_other_threads),
		TEST(a_deadline_may_give_a_flow_verdict),
		TEST(marks_that_cannot_be_told_apart_are_refused),
		TEST(only_accept_and_drop_are_flow_verdicts),
	};

	netns_enter(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

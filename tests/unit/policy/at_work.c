/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "at_work.h"

static struct nfqueue_edit *edit_of(void *ctx)
{
	struct bench *bench = ctx;

	bench->asked++;
	if (nfqueue_edit_begin(bench->edit, bench->given.data, bench->given.captured,
			       bench->given.length, bench->env.skb_info) < 0)
		return NULL;
	return bench->edit;
}

static struct policy *load(const char *text)
{
	struct policy *policy;

	if (policy_new_from_text(&policy, "test", text, strlen(text)) < 0)
		fail_msg("%s", policy_error(policy, 0));
	assert_int_equal(policy_seed(policy, 1), 0);
	return policy;
}

struct bench *bench_new(const char *text)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	bench->policy = load(text);
	assert_int_equal(policy_scratch_new(&bench->scratch, bench->policy), 0);
	assert_int_equal(nfqueue_edit_new(&bench->edit), 0);
	bench->env.edit = edit_of;
	bench->env.ctx = bench;
	bench->env.now_ns = 1000 * MS;
	return bench;
}

void bench_free(struct bench *bench)
{
	policy_scratch_free(bench->scratch);
	policy_free(bench->policy);
	nfqueue_edit_free(bench->edit);
	free(bench);
}

void bench_reload(struct bench *bench, const char *text)
{
	struct policy *policy = load(text);

	policy_go_on(policy, bench->policy);
	policy_scratch_free(bench->scratch);
	policy_free(bench->policy);
	bench->policy = policy;
	assert_int_equal(policy_scratch_new(&bench->scratch, policy), 0);
}

void apply(struct bench *bench)
{
	bench->asked = 0;
	bench->given = (struct policy_packet){.data = bench->packet.data,
					      .captured = bench->packet.length,
					      .length = bench->packet.length,
					      .mark = 5};
	policy_apply(bench->policy, &bench->given, bench->scratch, &bench->env,
		     &bench->outcome);
	assert_true(bench->asked <= 1);
}

/* The packet as it goes on. */
const uint8_t *sent(struct bench *bench, size_t *length)
{
	assert_true(bench->outcome.changed);
	assert_int_equal(nfqueue_edit_commit(bench->edit), 0);
	return nfqueue_edit_data(bench->edit, length);
}

void expect_sent_payload(struct bench *bench, size_t headers, const char *payload)
{
	size_t length;
	const uint8_t *data = sent(bench, &length);

	assert_int_equal(length, headers + strlen(payload));
	assert_memory_equal(data + headers, payload, strlen(payload));
	assert_true(packet_is_sound(data, length));
}

struct policy_rule_stats stats_of(const struct bench *bench, int32_t rule)
{
	struct policy_rule_stats stats = {.size = sizeof(stats)};

	assert_int_equal(policy_scratch_stats(bench->scratch, rule, &stats), 0);
	return stats;
}

void expect_accepted_as_it_was(const struct bench *bench)
{
	assert_int_equal(bench->outcome.verdict.code, NFQUEUE_VERDICT_ACCEPT);
	assert_false(bench->outcome.changed);
	assert_int_equal(bench->outcome.copy_count, 0);
}

void open_connection(struct bench *bench)
{
	packet_tcp(&bench->packet, false, NFQUEUE_TCP_SYN, 99, 0, "", 0);
	apply(bench);
	packet_tcp(&bench->packet, true, NFQUEUE_TCP_SYN | NFQUEUE_TCP_ACK, 499, 100, "",
		   0);
	apply(bench);
	packet_tcp(&bench->packet, false, NFQUEUE_TCP_ACK, 100, 500, "", 0);
	apply(bench);
}

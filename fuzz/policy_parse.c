/* SPDX-License-Identifier: MIT */
/* Any text: it loads, or its errors are told; what loaded loads again rule by rule. */
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

#define TEXT_MAX 1024 /* libpcap's optimizer takes its time with much more */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In the place of libc's: random names are not to be asked for in the network. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	(void)node;
	(void)service;
	(void)hints;
	*found = NULL;
	return EAI_NONAME;
}

static void expect(int condition)
{
	if (!condition)
		abort();
}

static void load_again(const char *line, size_t rules, size_t redirects)
{
	struct policy *policy;

	expect(policy_new_from_lines(&policy, &line, 1) == 0);
	expect(policy_rule_count(policy) == rules);
	expect(policy_redirect_count(policy) == redirects);
	policy_free(policy);
}

/* 10.0.0.1 to itself, UDP. */
static const uint8_t datagram[32] = {0x45, 0,  0, 32, 0, 0,  0x40, 0,   64,  17, 0x26,
				     0xcb, 10, 0, 0,  1, 10, 0,    0,   1,   0,  7,
				     0,    7,  0, 12, 0, 0,  'a',  'b', 'c', 'd'};

static struct nfqueue_edit *edit_of(void *ctx)
{
	struct nfqueue_edit *edit = ctx;

	expect(nfqueue_edit_begin(edit, datagram, sizeof(datagram), sizeof(datagram),
				  0) == 0);
	return edit;
}

static void apply(const struct policy *policy, struct policy_scratch *scratch)
{
	struct policy_packet packet = {datagram, sizeof(datagram), sizeof(datagram), 7};
	struct policy_env env = {.edit = edit_of, .now_ns = 1, .mtu = 1500};
	struct policy_outcome outcome;
	struct nfqueue_edit *edit;

	expect(nfqueue_edit_new(&edit) == 0);
	env.ctx = edit;
	policy_apply(policy, &packet, scratch, &env, &outcome);
	expect(outcome.rule < (int32_t)policy_rule_count(policy));
	expect(!outcome.changed || policy_needs_edit(policy));
	expect(!outcome.copy_count || policy_needs_injector(policy));
	expect(!outcome.delay_ns || policy_needs_delay(policy));
	nfqueue_edit_free(edit);
}

static void check_loaded(const struct policy *policy)
{
	struct policy_packet packet = {(const uint8_t *)"\x45", 1, 40, 7};
	struct policy_result result;
	struct policy_scratch *scratch;

	expect(policy_copy_range(policy) >= 1);
	expect(policy_copy_range(policy) <= POLICY_COPY_RANGE_MAX);
	expect(policy_has_flow_verdicts(policy) <= (policy_rule_count(policy) > 0));
	for (size_t i = 0; i < policy_rule_count(policy); i++)
		load_again(policy_rule_text(policy, i), 1, 0);
	for (size_t i = 0; i < policy_redirect_count(policy); i++)
		load_again(policy_redirect_get(policy, i)->text, 0, 1);
	expect(policy_scratch_new(&scratch, policy) == 0);
	policy_decide(policy, &packet, scratch, &result);
	expect(result.rule < (int32_t)policy_rule_count(policy));
	apply(policy, scratch);
	policy_scratch_free(scratch);
}

static void check_errors(const struct policy *policy)
{
	expect(policy_error_count(policy) >= 1);
	expect(policy_error_count(policy) <= POLICY_ERRORS_MAX);
	for (size_t i = 0; i < policy_error_count(policy); i++) {
		const char *error = policy_error(policy, i);

		expect(strncmp(error, "text:", 5) == 0);
		expect(strlen(error) < 2048);
		for (; *error; error++)
			expect((unsigned char)*error >= 0x20 || *error == '\n');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *policy;

	if (size > TEXT_MAX)
		return 0;
	if (policy_new_from_text(&policy, "text", data, size) < 0)
		check_errors(policy);
	else
		check_loaded(policy);
	policy_free(policy);
	return 0;
}

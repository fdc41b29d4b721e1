/* SPDX-License-Identifier: MIT */
/* A policy at work, with one packet at a time. */
#ifndef TESTS_POLICY_AT_WORK_H
#define TESTS_POLICY_AT_WORK_H

#include "packets.h"
#include "policy/policy.h"

#define MS 1000000u

struct bench {
	struct policy *policy;
	struct policy_scratch *scratch;
	struct nfqueue_edit *edit;
	struct packet packet;
	struct policy_packet given;
	struct policy_env env;
	struct policy_outcome outcome;
	unsigned asked; /* for the edit, by the last packet */
};

/* Of a policy that loads, with a seed. */
struct bench *bench_new(const char *text);
void bench_free(struct bench *bench);

/* Another policy goes on with the connections of the one before. */
void bench_reload(struct bench *bench, const char *text);

/* bench->packet -> bench->outcome */
void apply(struct bench *bench);

/* The three packets of a handshake; data begin at 100 and, back, at 500. */
void open_connection(struct bench *bench);

/* The packet as it goes on: it has been changed. */
const uint8_t *sent(struct bench *bench, size_t *length);

/* The same, behind so many bytes of headers, with right checksums. */
void expect_sent_payload(struct bench *bench, size_t headers, const char *payload);

void expect_accepted_as_it_was(const struct bench *bench);

struct policy_rule_stats stats_of(const struct bench *bench, int32_t rule);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What a decision costs: nanoseconds a packet, with the index and with a plain scan, for
 * 1 to 10,000 rules of several kinds. `none`: no rule matches; `hit`: one of them does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/index.h"
#include "policy/policy.h"

#define PACKETS 64u
#define PACKET_SIZE 60u
#define TRIAL_NS 20000000u

struct kind {
	const char *name;
	/* Writes rule `n`, and into `packet` what makes it match, or nearly. */
	void (*rule)(FILE *out, unsigned n);
	void (*hit)(uint8_t *packet, unsigned n);
};

typedef void (*decide_fn)(const struct policy *policy, const struct policy_packet *packet,
			  struct policy_scratch *scratch, struct policy_result *result);

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void port_rule(FILE *out, unsigned n)
{
	fprintf(out, "drop if tcp dst port %u\n", n + 1024);
}

static void port_hit(uint8_t *packet, unsigned n)
{
	put16(packet + 22, n + 1024);
}

static void host_rule(FILE *out, unsigned n)
{
	fprintf(out, "drop if src host 10.%u.%u.7\n", n >> 8, n & 255);
}

static void host_hit(uint8_t *packet, unsigned n)
{
	packet[12] = 10;
	put16(packet + 13, n);
	packet[15] = 7;
}

/* Sixteen lengths of prefix. */
static void net_rule(FILE *out, unsigned n)
{
	unsigned bits = 17 + n % 16,
		 address = (10u << 24 | n << 8) & UINT32_MAX << (32 - bits);

	fprintf(out, "drop if src net %u.%u.%u.%u/%u\n", address >> 24,
		address >> 16 & 255, address >> 8 & 255, address & 255, bits);
}

static void net_hit(uint8_t *packet, unsigned n)
{
	packet[12] = 10;
	put16(packet + 13, n);
	packet[15] = 0;
}

static void range_rule(FILE *out, unsigned n)
{
	fprintf(out, "drop if udp portrange %u-%u or tcp dst portrange %u-%u\n",
		n * 4 + 5000, n * 4 + 5003, n * 4 + 5000, n * 4 + 5003);
}

static void range_hit(uint8_t *packet, unsigned n)
{
	put16(packet + 22, n * 4 + 5001);
}

static void mixed_rule(FILE *out, unsigned n)
{
	void (*const rules[])(FILE *, unsigned) = {port_rule, host_rule, net_rule,
						   range_rule};

	rules[n % 4](out, n);
}

static void mixed_hit(uint8_t *packet, unsigned n)
{
	void (*const hits[])(uint8_t *, unsigned) = {port_hit, host_hit, net_hit,
						     range_hit};

	hits[n % 4](packet, n);
}

static const struct kind kinds[] = {
	{"tcp dst port", port_rule, port_hit},    {"src host", host_rule, host_hit},
	{"src net, 16 masks", net_rule, net_hit}, {"port ranges", range_rule, range_hit},
	{"mixed", mixed_rule, mixed_hit},
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* TCP to port 80 from 192.0.2.x, which no rule is about. */
static void make_packet(uint8_t *packet, unsigned n)
{
	memset(packet, 0, PACKET_SIZE);
	packet[0] = 0x45;
	put16(packet + 2, PACKET_SIZE);
	packet[8] = 64;
	packet[9] = 6;
	memcpy(packet + 12, (uint8_t[]){192, 0, 2, (uint8_t)n, 198, 51, 100, 1}, 8);
	put16(packet + 20, 300 + n);
	put16(packet + 22, 80);
	packet[32] = 0x50;
}

static double measure(decide_fn decide, const struct policy *policy,
		      uint8_t packets[PACKETS][PACKET_SIZE],
		      struct policy_scratch *scratch)
{
	double start = now(), spent;
	unsigned long count = 0;
	struct policy_result result;

	do {
		for (unsigned i = 0; i < PACKETS; i++) {
			struct policy_packet packet = {packets[i], PACKET_SIZE,
						       PACKET_SIZE, 0};

			decide(policy, &packet, scratch, &result);
		}
		count += PACKETS;
		spent = now() - start;
	} while (spent < TRIAL_NS);
	return spent / (double)count;
}

static double best(decide_fn decide, const struct policy *policy,
		   uint8_t packets[PACKETS][PACKET_SIZE], struct policy_scratch *scratch)
{
	double least = measure(decide, policy, packets, scratch);

	for (int i = 0; i < 2; i++) {
		double again = measure(decide, policy, packets, scratch);

		least = again < least ? again : least;
	}
	return least;
}

static struct policy *load(const struct kind *kind, unsigned count, double *ms)
{
	struct policy *policy = NULL;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (unsigned n = 0; n < count; n++)
		kind->rule(out, n);
	fclose(out);
	*ms = now();
	if (policy_new_from_text(&policy, kind->name, text, size) < 0)
		fprintf(stderr, "%s\n", policy ? policy_error(policy, 0) : "no memory");
	*ms = (now() - *ms) / 1e6;
	free(text);
	return policy;
}

static int run(const struct kind *kind, unsigned count)
{
	static uint8_t none[PACKETS][PACKET_SIZE], hit[PACKETS][PACKET_SIZE];
	struct policy_scratch *scratch;
	double ms, indexed, plain;
	struct policy *policy = load(kind, count, &ms);

	if (!policy || policy_scratch_new(&scratch, policy) < 0)
		return -1;
	for (unsigned i = 0; i < PACKETS; i++) {
		make_packet(none[i], i);
		make_packet(hit[i], i);
		kind->hit(hit[i], i * 7919 % count);
	}
	indexed = best(policy_decide, policy, none, scratch);
	plain = best(policy_decide_plain, policy, none, scratch);
	printf("%-18s %6u  %9.1f %11.1f %7.1fx", kind->name, count, indexed, plain,
	       plain / indexed);
	indexed = best(policy_decide, policy, hit, scratch);
	plain = best(policy_decide_plain, policy, hit, scratch);
	printf("  %9.1f %11.1f %7.1fx %9.1f\n", indexed, plain, plain / indexed, ms);
	policy_scratch_free(scratch);
	policy_free(policy);
	return 0;
}

int main(void)
{
	printf("%-18s %6s  %29s  %29s\n", "", "", "none: ns a packet",
	       "hit: ns a packet");
	printf("%-18s %6s  %9s %11s %8s  %9s %11s %8s %9s\n", "kind", "rules", "indexed",
	       "scan", "ratio", "indexed", "scan", "ratio", "load ms");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (unsigned count = 1; count <= 10000; count *= 10)
			if (run(&kinds[i], count) < 0)
				return 1;
	return 0;
}

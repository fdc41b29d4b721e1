/* SPDX-License-Identifier: MIT */
#include "demo_check.h"

#include <errno.h>
#include <string.h>

static const char *connect_text(int result)
{
	switch (result) {
	case 0:
		return "connected";
	case -ETIMEDOUT:
		return "no answer";
	default:
		return strerror(-result);
	}
}

static void check_mark(struct demo_table *table, const char *family, int marked)
{
	const char *format = "UDP %d, %s: requests the server saw with mark %d";

	if (marked == -EOPNOTSUPP)
		demo_table_not_checked(table, "kernel too old (before 5.19)", format,
				       DEMO_PORT_DNS, family, DEMO_MARK);
	else
		demo_table_numbers(table, DEMO_DATAGRAMS, (uint64_t)marked, format,
				   DEMO_PORT_DNS, family, DEMO_MARK);
}

static void check_during(struct demo_table *table, const struct demo_client *client,
			 const char *family)
{
	demo_table_numbers(table, DEMO_BYTES, client->echoed,
			   "TCP %d, %s: bytes that came back unchanged", DEMO_PORT_WEB,
			   family);
	demo_table_texts(table, "no answer", connect_text(client->telnet),
			 "TCP %d, %s: a connection", DEMO_PORT_TELNET, family);
	demo_table_numbers(table, DEMO_DATAGRAMS, client->dns_answers,
			   "UDP %d, %s: answers", DEMO_PORT_DNS, family);
	check_mark(table, family, client->dns_marked);
	demo_table_numbers(table, 0, client->discard_answers, "UDP %d, %s: answers",
			   DEMO_PORT_DISCARD, family);
}

static void check_after(struct demo_table *table, const struct demo_client *client,
			const char *family)
{
	demo_table_texts(table, "connected", connect_text(client->telnet),
			 "TCP %d, %s: a connection", DEMO_PORT_TELNET, family);
	demo_table_numbers(table, DEMO_DATAGRAMS, client->discard_answers,
			   "UDP %d, %s: answers", DEMO_PORT_DISCARD, family);
}

/* Only the kernel's counter knows how many packets TCP made of the bytes. */
static uint64_t rest(uint64_t all, const uint64_t *sent)
{
	uint64_t known =
		sent[DEMO_DROP_TELNET] + sent[DEMO_MARK_DNS] + sent[DEMO_DROP_DISCARD];

	return all > known ? all - known : 0;
}

static void check_counts(struct demo_table *table, const struct demo_run *run,
			 int families, const struct policy *policy)
{
	uint64_t datagrams = (uint64_t)families * DEMO_DATAGRAMS;
	uint64_t sent[DEMO_RULES] = {
		[DEMO_MARK_DNS] = datagrams,
		[DEMO_DROP_DISCARD] = datagrams,
	};

	for (int i = 0; i < families; i++)
		sent[DEMO_DROP_TELNET] += run->during[i].telnet_attempts;
	sent[DEMO_ACCEPT] = rest(run->counts.rule_packets, sent);
	for (int rule = 0; rule < DEMO_RULES; rule++)
		demo_table_numbers(table, sent[rule], run->hits[rule], "%s",
				   policy_rule_text(policy, (size_t)rule));
	demo_table_numbers(table, run->counts.rule_packets, run->counts.queue.received,
			   "all: sent to the queue, and received");
	demo_table_numbers(table, 0, run->counts.lost, "lost");
	demo_table_numbers(table, 0, run->counts.passed, "passed uninspected");
}

static void add_families(struct demo_table *table, const struct demo_client *clients,
			 int families,
			 void (*check)(struct demo_table *table,
				       const struct demo_client *client,
				       const char *family))
{
	for (int i = 0; i < families; i++)
		check(table, &clients[i], demo_family_text(i));
	if (families < DEMO_FAMILIES)
		demo_table_not_checked(table, "this kernel has none", "IPv6");
}

void demo_check(struct demo_table *table, const struct demo_run *run,
		const struct demo_net *net, const struct policy *policy)
{
	int families = net->ipv6 ? DEMO_FAMILIES : 1;

	table->section = "What the clients met";
	add_families(table, run->during, families, check_during);
	table->section = "Packets, rule by rule";
	check_counts(table, run, families, policy);
	table->section = "When it had ended";
	add_families(table, run->after, families, check_after);
	demo_table_numbers(table, 0, (uint64_t)run->tables_left,
			   "tables of rules left behind");
}

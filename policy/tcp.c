/* SPDX-License-Identifier: MIT */
/* A program's branches are followed with what is known of a TCP packet: its version, and
 * the protocol in its IP header. What else is tested may go either way. */
#include "policy/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "policy/analysis.h"

#define VERSION_BITS 0xf0u
#define IPV4_PROTOCOL 9u
#define IPV6_NEXT 6u
#define IPV6_BEHIND 40u /* the first extension header, with its next one */

/* What may stand in an IPv6 header in front of TCP, or is TCP. Source: RFC 8200 section
 * 4.1, RFC 4302, RFC 6275, RFC 7401, RFC 5533. */
static const uint8_t before_tcp[] = {IPPROTO_TCP, 0, 43, 44, 51, 60, 135, 139, 140};

#define BEFORE_COUNT (sizeof(before_tcp) / sizeof(before_tcp[0]))

struct packet {
	uint8_t version; /* 0x40, 0x60 */
	uint8_t protocol;
};

static bool within(const struct policy_test *test, uint32_t value)
{
	value &= test->load.mask;
	return value >= test->lo && value <= test->hi;
}

static bool any_within(const struct policy_test *test)
{
	for (size_t i = 0; i < BEFORE_COUNT; i++)
		if (within(test, before_tcp[i]))
			return true;
	return false;
}

/* Whether such a packet may pass the test. */
static bool may_pass(const struct policy_test *test, struct packet packet)
{
	const struct policy_load *load = &test->load;
	uint32_t protocol_at = packet.version == 0x40 ? IPV4_PROTOCOL : IPV6_NEXT;

	if (load->header != POLICY_NO_HEADER || load->size != 1)
		return true;
	if (load->offset == 0 && !(load->mask & ~VERSION_BITS))
		return within(test, packet.version);
	if (load->offset == protocol_at)
		return within(test, packet.protocol);
	if (load->offset == IPV6_BEHIND && packet.version == 0x60 &&
	    packet.protocol != IPPROTO_TCP)
		return any_within(test);
	return true;
}

/* One pass: edges lead forward. `reached` has a place for each node. */
static bool accepts(const struct policy_graph *graph, struct packet packet, bool *reached)
{
	for (size_t i = 0; i < graph->node_count; i++)
		reached[i] = i == 0;
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct policy_node *node = &graph->node[i];

		if (reached[i] && node->accepts)
			return true;
		for (int way = 0; reached[i] && way < 2; way++) {
			int32_t test = node->test[way];

			if (node->next[way] >= 0 &&
			    (test < 0 || may_pass(&graph->test[test], packet)))
				reached[node->next[way]] = true;
		}
	}
	return false;
}

static bool accepts_any(const struct policy_graph *graph, bool *reached)
{
	if (accepts(graph, (struct packet){0x40, IPPROTO_TCP}, reached))
		return true;
	for (size_t i = 0; i < BEFORE_COUNT; i++)
		if (accepts(graph, (struct packet){0x60, before_tcp[i]}, reached))
			return true;
	return false;
}

int policy_tcp_possible(struct policy_program *program)
{
	struct policy_graph graph = {0};
	bool *reached = NULL;
	int ret = policy_analyse(program, &graph);

	if (ret == 0)
		reached = calloc(graph.node_count + 1, sizeof(*reached));
	if (ret == 0 && !reached)
		ret = -ENOMEM;
	if (ret == 0)
		ret = accepts_any(&graph, reached);
	free(reached);
	policy_graph_free(&graph);
	return ret;
}

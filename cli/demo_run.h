/* SPDX-License-Identifier: MIT */
/* The demo's run: a session as `nfqueue run` has it, with clients that meet its policy.
 */
#ifndef CLI_DEMO_RUN_H
#define CLI_DEMO_RUN_H

#include "demo_net.h"
#include "demo_server.h"
#include "session.h"

#define DEMO_BYTES 1048576u /* each TCP client sends, and takes back */
#define DEMO_DATAGRAMS 10u  /* each UDP client sends */

/* The rules of the demo's policy. */
enum demo_rule {
	DEMO_DROP_TELNET,
	DEMO_MARK_DNS,
	DEMO_DROP_DISCARD,
	DEMO_ACCEPT,
	DEMO_RULES
};

/* What a client of one family met. */
struct demo_client {
	uint64_t echoed;          /* bytes, TCP to DEMO_PORT_WEB */
	int telnet;               /* what the connection said: 0 or -errno */
	uint32_t telnet_attempts; /* SYNs sent */
	uint32_t dns_answers;
	int dns_marked; /* or -errno */
	uint32_t discard_answers;
};

struct demo_run {
	struct demo_client during[DEMO_FAMILIES];
	struct demo_client after[DEMO_FAMILIES]; /* telnet and discard only */
	struct session_counts counts;
	uint64_t hits[DEMO_RULES];
	int tables_left; /* of rules, when all has ended; or -errno */
	double seconds;  /* that the session took */
};

/* Tells errors on stderr. Returns 0, -EINTR for a signal, or -errno. */
int demo_run(struct demo_run *run, const struct demo_net *net,
	     const struct policy *policy);

#endif

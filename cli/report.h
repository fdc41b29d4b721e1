/* SPDX-License-Identifier: MIT */
/* How a running session is shown: a live line on a terminal, JSON for machines, a
 * summary. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "session.h"

#include <stdbool.h>

enum report_style { REPORT_PLAIN, REPORT_LIVE, REPORT_JSON };

struct report {
	enum report_style style;
	bool quiet;   /* errors and log lines only */
	bool verbose; /* the rules as nft and iptables users know them, too */
	uint64_t seconds;
	struct session_counts last; /* of the second before */
};

/* The callbacks of session_options; their ctx is a struct report. */
void report_started(struct session *session, void *ctx);
void report_tick(struct session *session, void *ctx);
void report_finished(struct session *session, void *ctx);
void report_event(struct session *session, const struct nfqueue_event *event, void *ctx);
void report_reloaded(struct session *session, const char *text, const char *error,
		     void *ctx);
void report_log(const struct policy *policy, uint32_t rule,
		const struct nfqueue_packet *packet, void *ctx);

#endif

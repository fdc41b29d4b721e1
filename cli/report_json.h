/* SPDX-License-Identifier: MIT */
/* A session as JSON: one object a line on standard output. */
#ifndef CLI_REPORT_JSON_H
#define CLI_REPORT_JSON_H

#include "session.h"

void report_json_counters(uint64_t seconds, const struct session_counts *counts);
void report_json_summary(const struct session *session, uint64_t seconds,
			 const struct session_counts *counts);
void report_json_event(const struct nfqueue_event *event);
void report_json_reload(const char *text, const char *error);
void report_json_log(const struct policy *policy, uint32_t rule,
		     const struct nfqueue_packet *packet, const char *text);

#endif

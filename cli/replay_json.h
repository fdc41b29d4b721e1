/* SPDX-License-Identifier: MIT */
#ifndef CLI_REPLAY_JSON_H
#define CLI_REPLAY_JSON_H

#include "replay.h"

/* One object on a line: a packet that a `log` rule has matched; the summary. */
void replay_json_log(const struct replay_options *options, uint32_t rule,
		     const struct policy_packet *packet, uint64_t time_ns,
		     const char *text);
void replay_json_summary(const struct replay *replay);

#endif

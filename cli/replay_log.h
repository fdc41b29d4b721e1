/* SPDX-License-Identifier: MIT */
#ifndef CLI_REPLAY_LOG_H
#define CLI_REPLAY_LOG_H

#include "replay.h"

/* The line of a `log` rule, as `run` prints it, at the packet's time. */
void replay_log(const struct replay_options *options, uint32_t rule,
		const struct policy_packet *packet, uint64_t time_ns);

#endif

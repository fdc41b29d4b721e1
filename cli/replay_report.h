/* SPDX-License-Identifier: MIT */
#ifndef CLI_REPLAY_REPORT_H
#define CLI_REPLAY_REPORT_H

#include "replay.h"

/* What a person should know before: on standard error. */
void replay_report_notes(const struct replay_options *options);

/* The table, after replay_finish(). */
void replay_report(const struct replay *replay);

#endif

/* SPDX-License-Identifier: MIT */
/* How far a replay is: a line on a terminal, which is erased again. */
#ifndef CLI_REPLAY_PROGRESS_H
#define CLI_REPLAY_PROGRESS_H

#include "capture/reader.h"

struct replay_progress {
	bool live;  /* somebody looks */
	bool shown; /* the line stands there */
	uint64_t next_ns;
};

/* To be called for each packet. */
void replay_progress(struct replay_progress *progress,
		     const struct capture_reader *reader, uint64_t packets);
void replay_progress_erase(struct replay_progress *progress);

#endif

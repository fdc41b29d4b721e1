/* SPDX-License-Identifier: MIT */
/* The output of a replay: packets in the order of time, though some are delayed. */
#ifndef CLI_REPLAY_OUTPUT_H
#define CLI_REPLAY_OUTPUT_H

#include "capture/set.h"

struct replay_output;

/* Opens the file. Returns 0, or -errno: told. */
int replay_output_new(struct replay_output **output, const char *path);
void replay_output_free(struct replay_output *output);

/* Takes a copy of the packet, to be written at its time. Returns 0, or -ENOMEM. */
int replay_output_put(struct replay_output *output, const struct capture_record *record);

/* Nothing that is put from now on is older than that: writes what is. Returns 0, or
 * -EIO: the file cannot be written, told. */
int replay_output_until(struct replay_output *output, uint64_t time_ns);

/* Writes all, and closes. Returns 0, or -errno: told. */
int replay_output_close(struct replay_output *output, struct capture_stats *stats);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * Recording from many threads: capture_put() copies the packet into a ring and returns; a
 * thread of its own writes the rotated set of files (set.h). A packet that finds no room
 * in the ring is lost and counted, in the file too. What was put can be read from the
 * file within a fifth of a second. The thread takes no signal.
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include "capture/set.h"

struct capture;

/* Opens the first file and starts the thread. On failure `error` has the words, and
 * *capture is NULL. `error` has room for CAPTURE_ERROR_MAX bytes. Returns 0, or -errno.
 */
int capture_open(struct capture **capture, const struct capture_options *options,
		 char *error);

/* Copies the packet, to be written soon. false: no room, it is counted as lost. Any
 * thread; never waits. */
bool capture_put(struct capture *capture, const struct capture_record *record);

/* The next packet begins a new file. Any thread. */
void capture_rotate(struct capture *capture);

/* How it goes. Any thread; what is lost is of now, the rest a fifth of a second old. */
void capture_stats(struct capture *capture, struct capture_stats *stats);

/* Writes what was put, and ends. Nobody may put any more. `stats` out, or NULL. Returns
 * 0, or the first -errno of all that failed. NULL: 0. */
int capture_close(struct capture *capture, struct capture_stats *stats);

#endif

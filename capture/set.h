/* SPDX-License-Identifier: MIT */
/*
 * A rotated set of pcapng files, written by one thread. Each file is whole by itself: it
 * begins with a section header and all interfaces seen so far, and ends with their
 * statistics. What is written is cut back to the last whole block when a write fails, so
 * a full disk leaves files that can be read.
 */
#ifndef CAPTURE_SET_H
#define CAPTURE_SET_H

#include <stdbool.h>

#include "capture/record.h"

#define CAPTURE_ERROR_MAX 256u

struct capture_options {
	const char *path;  /* copied; "-": standard output, which is not rotated */
	uint32_t snap;     /* bytes of each packet that are written; 0: all */
	uint64_t size_max; /* bytes of a file, about; 0: no limit. At least one packet */
	uint64_t every_s;  /* seconds of packet time in a file; 0: no limit */
	uint32_t keep;     /* files of the set that are kept; 0: all */
	size_t ring_bytes; /* capture_open() only: what may wait to be written; 0: 4 MiB
			    */
	bool overwrite;    /* true: what is at `path` is replaced. false: files of that
			    * name stay, and the set goes on behind them */
	const char
		*application; /* who wrote it; lives as long as the set. NULL: left out */
	/* Told once in each row of failures, in words; NULL: nobody is told. By the
	 * thread that writes. */
	void (*failed)(const char *text, void *ctx);
	void *ctx;
};

struct capture_stats {
	uint64_t packets; /* written */
	uint64_t bytes;   /* written */
	uint64_t lost;    /* no room in the ring */
	uint64_t failed;  /* the file could not be written */
	uint32_t files;   /* begun */
};

struct capture_set;

/* Opens the first file. On failure `error` has the words and *set is NULL. `error` has
 * room for CAPTURE_ERROR_MAX bytes. */
int capture_set_open(struct capture_set **set, const struct capture_options *options,
		     char *error);

/* Writes a packet, to the next file if this one is full. `lost`: packets missing in front
 * of it. Failures are counted and told, and tried again with what comes later. */
void capture_set_put(struct capture_set *set, const struct capture_record *record,
		     uint64_t lost);

/* The next packet begins a new file. */
void capture_set_rotate(struct capture_set *set);

/* What is in memory goes to the file. Returns 0, or -errno. */
int capture_set_flush(struct capture_set *set);

void capture_set_stats(const struct capture_set *set, struct capture_stats *stats);

/* Writes what is left, `lost` among it. `stats` out: of all, or NULL. Returns 0, or the
 * first -errno of all. NULL: 0. */
int capture_set_close(struct capture_set *set, uint64_t lost,
		      struct capture_stats *stats);

#endif

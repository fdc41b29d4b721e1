/* SPDX-License-Identifier: MIT */
/*
 * The names of a rotated set. The first file is FILE.pcapng as the user wrote it, the
 * next ones are FILE-00001.pcapng, FILE-00002.pcapng ...: as with tcpdump -C and dumpcap
 * -b no file is ever renamed, and in the order of names they are in the order of time.
 * With `keep` the oldest are removed, as with dumpcap -b files:N.
 */
#ifndef CAPTURE_NAME_H
#define CAPTURE_NAME_H

#include <stddef.h>
#include <stdint.h>

/* File `number` of the set; 0 is the path itself. Returns 0, or -ENAMETOOLONG. */
int capture_name(const char *path, uint32_t number, char *name, size_t size);

/* The number behind the highest one that is in the path's folder; 0: none is there.
 * Returns 0, or -errno. */
int capture_name_next(const char *path, uint32_t *number);

/* Removes the oldest, until `keep` files of the set are left. Returns 0, or -errno. */
int capture_name_prune(const char *path, uint32_t keep);

#endif

/* SPDX-License-Identifier: MIT */
/* IP packets from capture files, pcap and pcapng, as the kernel would show them: without
 * the link layer and without what it padded. */
#ifndef CAPTURE_READER_H
#define CAPTURE_READER_H

#include "capture/link.h"

#define CAPTURE_READER_ERROR_MAX 512u

struct capture_reader;

struct capture_packet {
	uint64_t time_ns;    /* since 1970 */
	const uint8_t *data; /* the IP header; lives until the next read */
	uint32_t captured;   /* bytes at `data` */
	uint32_t length;     /* bytes that the packet had; at least `captured` */
	struct link_found link;
};

enum capture_read {
	CAPTURE_END,    /* of the file */
	CAPTURE_PACKET, /* an IP packet */
	CAPTURE_OTHER, /* something else: ARP, or bytes that make no sense. Time is set */
};

/* Opens a file; "-" is standard input. On failure *reader is NULL and `error`, which has
 * room for CAPTURE_READER_ERROR_MAX bytes, the words. Returns 0, -EINVAL: no capture
 * file, or one of a link type without IP; or -errno of open(2). */
int capture_reader_open(struct capture_reader **reader, const char *path, char *error);

/* The next one: enum capture_read, or -EINVAL: the file is broken here, and `error` says
 * how. */
int capture_reader_next(struct capture_reader *reader, struct capture_packet *packet,
			char *error);

/* How far in the file the reader is, in bytes; *size is 0 if nobody knows. */
void capture_reader_progress(const struct capture_reader *reader, uint64_t *at,
			     uint64_t *size);

void capture_reader_close(struct capture_reader *reader);

#endif

/* SPDX-License-Identifier: MIT */
/* What of a packet's TCP header matters to a stream, and the header as it goes on. */
#ifndef NFQUEUE_STREAM_HEADER_H
#define NFQUEUE_STREAM_HEADER_H

#include "stream/track.h"

#define STREAM_OPTIONS_MAX 40

/* A packet as it came. */
struct stream_header {
	struct nfqueue_tcp tcp;
	const uint8_t *payload;
	uint32_t length;         /* of the payload */
	uint32_t payload_offset; /* from the IP header */
	uint32_t sack_offset;    /* the SACK option, from the IP header; 0: none */
	uint8_t sack[STREAM_OPTIONS_MAX];
	uint8_t sack_length;
	uint8_t scale; /* of the window, if has_scale */
	bool has_scale;
	bool has_mptcp;
	bool is_signed; /* TCP-AO, MD5: whoever changes it breaks it */
};

/* As it goes on. */
struct stream_result {
	struct nfqueue_tcp tcp;
	const uint8_t *payload;
	size_t length;
	uint8_t sack[STREAM_OPTIONS_MAX];
};

/* 0; -ENOENT it has no TCP header, -EBADMSG that is cut short, -EOPNOTSUPP it is a
 * fragment, -EMSGSIZE it was cut by the copy range. */
int stream_header_read(const struct nfqueue_view *view, struct stream_header *header);

/* False: the receiver will drop the packet, for its checksum is wrong. */
bool stream_header_is_sound(const struct nfqueue_edit *edit);

/* SACK blocks as the sender of `track` counts; what is left of them comes first. */
void stream_header_map_sack(const struct stream_header *header,
			    const struct stream_track *track, uint8_t *sack);

/* Makes the packet what the result says: 1 it was changed, 0 it is so already, or
 * -errno. At most `size` bytes of payload; what follows them is the edit's rest. */
int stream_header_write(const struct stream_header *header, struct nfqueue_edit *edit,
			struct stream_result *result, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * One direction of a connection: how far its bytes have been looked into, what is
 * withheld, and what was changed. Numbers and bytes in, numbers and bytes out.
 *
 *	... acknowledged | changed, and sent | withheld | not yet seen ...
 *	              pruned             settled      seen
 */
#ifndef NFQUEUE_STREAM_TRACK_H
#define NFQUEUE_STREAM_TRACK_H

#include <nfqueue/stream.h>

#include "stream/log.h"

struct stream_limits {
	struct stream_budget budget;
	uint32_t changes_max; /* of one direction */
};

struct stream_track {
	struct stream_log log;
	uint64_t first;   /* the first byte */
	uint64_t settled; /* original: decided, and sent on */
	uint64_t seen;    /* original: from `settled` to here in `held` */
	uint64_t acked;   /* translated: by the receiver, of what was sent */
	uint64_t ahead;   /* translated: by the receiver, of what never came by */
	uint64_t news_ms; /* when `seen` or `acked` became what it is */
	uint8_t *held;    /* NULL: nothing is withheld */
	uint32_t isn;     /* if has_isn */
	uint8_t tail;     /* the last byte sent, if has_tail */
	uint8_t scale;    /* of its windows */
	bool known;       /* a packet has come by */
	bool joined;      /* it may be changed: stream_track_join() */
	bool has_isn, has_tail, has_scale;
};

/* What of a packet counts: the bytes and the FIN behind them. */
struct stream_segment {
	uint32_t sequence; /* of the first byte, or of what would be there */
	const uint8_t *data;
	size_t length;
	bool fin;
};

#define STREAM_WITHHELD (1u << 0) /* bytes at its end */
#define STREAM_REPEATED (1u << 1) /* bytes that came before */
#define STREAM_REFUSED (1u << 2)  /* it was not looked into to its end */

#define STREAM_JOINED_MAX (NFQUEUE_STREAM_KEEP_MAX + 65536u)
#define STREAM_OUT_MAX 131072u /* of a packet, and of what did not fit */

struct stream_pass {
	struct stream_limits *limits;
	nfqueue_stream_find_fn find; /* NULL: nobody looks into new bytes */
	void *ctx;
	uint8_t *joined; /* room for STREAM_JOINED_MAX */
	uint8_t *out;    /* room for STREAM_OUT_MAX */
	size_t size;     /* so many bytes may go on, at most STREAM_OUT_MAX */
	uint64_t now_ms;
	uint32_t flags;   /* out: STREAM_* */
	uint32_t changes; /* out: made */
};

/* The direction begins with the byte of this number. */
void stream_track_start(struct stream_track *track, uint32_t sequence);

/*
 * Whoever comes in the middle of a connection does not know how far its receiver has got:
 * what the sender repeats may have a number below bytes that were received out of order,
 * and then its size must not change. An ACK of a byte that came by, without SACK blocks,
 * tells that there are no such bytes.
 */
void stream_track_join(struct stream_track *track, uint32_t acknowledgement);

/* Nothing is known of it any more. */
void stream_track_clear(struct stream_track *track, struct stream_limits *limits);

/*
 * Passes a segment on: it is then what the receiver gets. Its data are its own or in
 * pass->out. 0, or -EAGAIN: bytes in front of it are missing.
 */
int stream_track_pass(struct stream_track *track, struct stream_pass *pass,
		      struct stream_segment *segment);

/* The number of an RST. */
uint32_t stream_track_reset(const struct stream_track *track, uint32_t sequence);

/* The number in front of which `sequence` + `urgent` is, behind `translated`. */
uint16_t stream_track_urgent(const struct stream_track *track, uint32_t sequence,
			     uint16_t urgent, uint32_t translated);

/* What the receiver acknowledges, as the sender counts. */
uint32_t stream_track_acknowledge(struct stream_track *track,
				  struct stream_limits *limits, uint32_t acknowledgement,
				  uint64_t now_ms);

/* The window behind an acknowledgement, as the sender counts; in bytes. */
uint64_t stream_track_window(const struct stream_track *track, uint32_t acknowledgement,
			     uint64_t window);

/* A SACK block as the sender counts; false: nothing is left of it. */
bool stream_track_sack(const struct stream_track *track, uint32_t *left, uint32_t *right);

#endif

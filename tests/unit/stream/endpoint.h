/* SPDX-License-Identifier: MIT */
/*
 * One end of a TCP connection that is already open, as far as numbers of bytes go: it
 * sends a stream in segments of any size, repeats what is lost in others, acknowledges
 * late or at once, with SACK or without, and reads slowly. What must not happen sets
 * `error`.
 */
#ifndef NFQUEUE_TEST_ENDPOINT_H
#define NFQUEUE_TEST_ENDPOINT_H

#include "tcp_packet.h"

#define ENDPOINT_STREAM_MAX 65536

struct endpoint {
	uint64_t *random;
	int host;
	const char *error;
	/* as a sender: positions in its stream, behind which is the FIN */
	uint32_t isn;
	const uint8_t *stream;
	size_t length;
	size_t una, next, most; /* acknowledged, to be sent next, sent at all */
	bool sacked[ENDPOINT_STREAM_MAX + 1];
	uint64_t right;          /* of the window */
	size_t segment;          /* longest */
	int rto, timer, backoff; /* ticks */
	bool goes_back;          /* it repeats all, not the first segment */
	bool probes_with_byte;
	/* as a receiver */
	uint32_t peer_isn;
	uint8_t received[ENDPOINT_STREAM_MAX];
	bool present[ENDPOINT_STREAM_MAX + 1]; /* the FIN is at the end */
	size_t expected;                       /* in order up to here */
	size_t read, buffer, fin;              /* fin: its place, SIZE_MAX unknown */
	size_t advertised;                     /* right edge that was told */
	bool has_sack, is_slow;
	int delayed; /* segments not acknowledged */
	int ack_timer;
	bool must_ack;
	size_t dsack[2];
	uint8_t scale; /* of its windows */
	uint8_t peer_scale;
};

uint32_t endpoint_below(struct endpoint *end, uint32_t limit);

/* A packet has come. */
void endpoint_receive(struct endpoint *end, const struct tcp_packet *packet);

/* A tick passes. Fills one packet and returns true, as long as there is one to send.
 * `data` of the packet stays valid. */
bool endpoint_send(struct endpoint *end, bool is_new_tick, struct tcp_packet *packet);

/* All it sent is acknowledged, and the other's FIN has come. */
bool endpoint_is_done(const struct endpoint *end);

#endif

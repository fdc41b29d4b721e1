/* SPDX-License-Identifier: MIT */
/* Two hosts that talk through a table of connections, packet by packet. */
#ifndef NFQUEUE_TEST_TALK_H
#define NFQUEUE_TEST_TALK_H

#include <nfqueue/stream.h>

#include "tcp_packet.h"

#define TALK_FIN 0x01
#define TALK_SYN 0x02
#define TALK_RST 0x04
#define TALK_ACK 0x10
#define TALK_URG 0x20

/* The first bytes of both, if they are opened with talk_open(). */
#define TALK_A 1001u
#define TALK_B 5001u

struct talk {
	struct nfqueue_streams *streams;
	struct nfqueue_edit *edit;
	const char *from, *to; /* the pattern of host 0 */
	bool is_ipv6;
	bool both; /* host 1 is edited, too */
	uint32_t skb_info;
	uint64_t now_ms;
	uint8_t bytes[2 * TCP_PACKET_MAX];
	struct tcp_packet got; /* the packet as it went on */
};

/* "cat" becomes "horse" in what host 0 sends. */
void talk_new(struct talk *talk, const struct nfqueue_streams_options *options);
void talk_free(struct talk *talk);

/* SYN, SYN|ACK, ACK; windows are scaled by 2 and 3. */
void talk_open(struct talk *talk);

/* What nfqueue_stream_edit() returns; checks that checksums are right. */
int talk_pass(struct talk *talk, const struct tcp_packet *packet);

/* Host 0 sends text, and host 1 an ACK. */
int talk_say(struct talk *talk, uint32_t sequence, const char *text, uint8_t flags);
int talk_ack(struct talk *talk, uint32_t acknowledgement);

/* What went on begins with this number and is this text. */
void talk_expect(const struct talk *talk, uint32_t sequence, const char *text);

struct nfqueue_streams_stats talk_stats(const struct talk *talk);

#endif

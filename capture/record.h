/* SPDX-License-Identifier: MIT */
/* A packet with what was decided of it, as it goes into a capture file. */
#ifndef CAPTURE_RECORD_H
#define CAPTURE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <nfqueue/packet.h>
#include <nfqueue/verdict.h>

#define CAPTURE_NO_HOOK 0xffu     /* nobody knows which way it goes */
#define CAPTURE_HW_ADDRESS_MAX 8u /* as in the SLL2 header */
#define CAPTURE_COMMENT_MAX 1024u /* bytes of a comment that are written */
/* Bytes of a packet that are written: with headers no more than libpcap reads. */
#define CAPTURE_PACKET_MAX (262144u - 24u)

enum capture_fate {
	CAPTURE_DECIDED, /* it got the verdict */
	CAPTURE_TAKEN,   /* it was dropped, and others were sent in its place */
	CAPTURE_MADE,    /* it was made here: a copy, a reject, a segment. No verdict */
};

struct capture_record {
	uint64_t time_ns;    /* since 1970 */
	const uint8_t *data; /* from the IP header on */
	uint32_t captured;   /* bytes at `data` */
	uint32_t length;     /* bytes that the packet has; at least `captured` */
	uint32_t in_interface, out_interface; /* indexes; 0: none */
	uint16_t protocol;                    /* ETH_P_*; 0: what the IP version says */
	uint16_t vlan_protocol;               /* ETH_P_8021Q, ETH_P_8021AD; 0: no tag */
	uint16_t vlan_tci;
	uint8_t hook; /* enum nfqueue_hook, or CAPTURE_NO_HOOK */
	uint8_t fate; /* enum capture_fate */
	uint8_t hw_address_length;
	uint8_t hw_address[CAPTURE_HW_ADDRESS_MAX]; /* of who sent it to us */
	struct nfqueue_verdict verdict;
	const char *comment; /* what is to be said of it, behind the verdict; or NULL */
};

/* The verdict in the policy's words: "accept, mark 7", "drop the flow", "queue 5". Always
 * terminated. Returns the length of the whole text, as snprintf() does. */
int capture_verdict_text(const struct capture_record *record, char *text, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * pcapng blocks from structs: bytes out, no file, no clock, no memory of its own. All
 * numbers are little-endian on any machine, as the section header tells readers, so the
 * same packets make the same file; link-layer headers are big-endian.
 *
 * Packets have a LINUX_SLL2 header, which knows the interface, the direction and the
 * sender's hardware address of what has no Ethernet header any more; a VLAN tag stands
 * behind it, as on the wire. A packet block has its direction (epb_flags), its verdict
 * (epb_verdict) and a comment with the verdict in words.
 *
 * The verdict is of type 1, Linux eBPF TC: hardware has no meaning that others know, XDP
 * cannot say "queue" or "repeat", and tshark names these numbers:
 *
 *	accept, stop      TC_ACT_OK
 *	drop              TC_ACT_SHOT
 *	queue N           TC_ACT_QUEUED
 *	repeat            TC_ACT_REPEAT
 *	sent as others    TC_ACT_STOLEN
 *
 * Source: draft-ietf-opsawg-pcapng; tcpdump.org, LINKTYPE_LINUX_SLL2; uapi/linux/
 * pkt_cls.h.
 */
#ifndef CAPTURE_PCAPNG_H
#define CAPTURE_PCAPNG_H

#include "capture/record.h"

#define PCAPNG_LINK_TYPE 276u     /* LINKTYPE_LINUX_SLL2 */
#define PCAPNG_LINK_BYTES_MAX 24u /* SLL2 header and VLAN tag */
#define PCAPNG_TEXT_MAX 1024u     /* bytes of any other text that are written */
#define PCAPNG_BLOCK_MAX 8192u    /* any block but a packet's */
/* A packet block is at most so much longer than what is captured of the packet. */
#define PCAPNG_PACKET_EXTRA (CAPTURE_COMMENT_MAX + 512u)

struct pcapng_section {
	const char *hardware, *os, *application; /* NULL: left out */
};

struct pcapng_interface {
	const char *name;        /* NULL: left out */
	const char *description; /* NULL: left out */
	uint32_t snap;           /* bytes of each packet, without headers; 0: no limit */
};

struct pcapng_statistics {
	uint32_t number;  /* of the interface, in its section */
	uint64_t time_ns; /* when it was so */
	uint64_t received, lost;
	const char *comment; /* NULL: left out */
};

/* Each writes a block to `out` and returns its length, or 0: `size` is too small. Texts
 * are cut to what the constants above say. */
size_t pcapng_section(const struct pcapng_section *section, uint8_t *out, size_t size);
size_t pcapng_interface(const struct pcapng_interface *interface, uint8_t *out,
			size_t size);
size_t pcapng_statistics(const struct pcapng_statistics *statistics, uint8_t *out,
			 size_t size);

/* `number`: of the record's interface, in its section. `snap`: bytes of the packet that
 * are written; 0: all. `lost`: packets that are missing in front of this one. */
size_t pcapng_packet(const struct capture_record *record, uint32_t number, uint32_t snap,
		     uint64_t lost, uint8_t *out, size_t size);

/* The interface that the packet is recorded at: where it goes out, at the hooks behind
 * routing; else where it came in. 0: none. */
uint32_t pcapng_interface_of(const struct capture_record *record);

#endif

/* SPDX-License-Identifier: MIT */
/* The printers behind nfqueue_view_text(): one for each kind of header. */
#ifndef NFQUEUE_PACKET_TEXT_H
#define NFQUEUE_PACKET_TEXT_H

#include "packet/line.h"

/* Where the printers are in the packet. Offsets are of line->data. */
struct layer {
	uint32_t ip;     /* the IP header, the inner one of a tunnel */
	uint32_t offset; /* the header to print */
	uint32_t length; /* bytes from there on, as the IP header tells: not all are here
			  */
	uint8_t ip_version;
	uint8_t next_header; /* the first one behind the IP header */
	uint8_t protocol;    /* of the header to print */
	uint8_t fragmented;  /* the rest of the transport payload is elsewhere */
	uint8_t hop_by_hop;  /* seen already */
};

void text_addresses(struct line *line, const struct layer *layer);

/* "a.port > b.port: ", or without addresses if they have been printed. */
void text_ports(struct line *line, const struct layer *layer, uint8_t protocol);

/* 1: printed, layer is at the next header. 0: no extension header. -1: the line ends. */
int text_extension(struct line *line, struct layer *layer);

void text_tcp(struct line *line, const struct layer *layer);
void text_udp(struct line *line, const struct layer *layer);
void text_icmp(struct line *line, const struct layer *layer);
void text_icmpv6(struct line *line, const struct layer *layer);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A packet read the plain way: what the code under test is compared with. It shares no
 * code with it, and is made to be read, not to be fast.
 */
#ifndef NFQUEUE_TEST_REFERENCE_H
#define NFQUEUE_TEST_REFERENCE_H

#include <stdint.h>

struct reference {
	int ip_version;
	int is_fragment;      /* of several */
	int is_later;         /* its offset is not 0 */
	int has_pseudo;       /* its checksum covers the addresses */
	uint8_t protocol;     /* behind all extension headers */
	uint32_t length;      /* as the IP header tells it */
	uint32_t transport;   /* where its header is */
	uint32_t end;         /* of what its checksum covers */
	uint32_t payload;     /* where it begins; 0: not known */
	uint32_t checksum;    /* where it is; 0: none, or not here */
	uint32_t destination; /* where the address is that the pseudo header has */
};

/* 0, or -1: its headers do not fit into it. */
int reference_read(const uint8_t *data, uint32_t length, struct reference *out);

/* What the words that a checksum covers add up to with it, modulo 65,535: 0 if it is
 * right, and by how much it is wrong. */
uint32_t reference_transport_rest(const uint8_t *data, const struct reference *packet);
uint32_t reference_header_rest(const uint8_t *data);

/* Sets every checksum to what it must be. */
void reference_finish(uint8_t *data, const struct reference *packet);

#endif

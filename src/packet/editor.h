/* SPDX-License-Identifier: MIT */
/*
 * What the files of an edit share, and what the queue needs to keep one in a packet: a
 * struct of zeros is an edit without a packet.
 *
 * The two sums are what the checksums have to be mended by, ones' complement: what is
 * covered now, less what was covered when the checksum was made. So nothing but what
 * changes is ever added up, and a checksum that was wrong stays wrong by as much.
 */
#ifndef NFQUEUE_PACKET_EDITOR_H
#define NFQUEUE_PACKET_EDITOR_H

#include <nfqueue/edit.h>

#define EDIT_LENGTH_MAX 65535
#define EDIT_PADDING 3        /* zero bytes behind the packet: netlink pads to four */
#define EDIT_MEMORY_KEPT 4096 /* more is not kept from one packet to the next */

struct nfqueue_edit {
	const uint8_t *original; /* not ours; in force until the first change */
	size_t original_length;
	uint8_t *memory; /* ours: the packet, once it is changed, and its padding */
	size_t capacity;
	const char *error;  /* the last one's words; NULL: none */
	int refusal;        /* -errno of any change of this packet, or 0 */
	uint8_t is_changed; /* `memory` is in force */
	uint8_t is_unready; /* the transport checksum is to be made in full */
	uint8_t is_gso; /* the kernel will cut it into segments, or already has them */
	uint32_t header_sum;    /* by which to mend the IPv4 header checksum */
	uint32_t transport_sum; /* by which to mend the transport checksum */
	uint8_t *rest;          /* ours: payload that did not fit; NULL: it all did */
	size_t rest_length;
	uint8_t rest_flags; /* of TCP, that go with it */
	struct nfqueue_view view;
};

/* Forgets the packet. Memory is kept for the next one, unless it is large. */
void edit_reset(struct nfqueue_edit *edit);

/* Forgets the packet and frees the memory: the end of an edit that is in a packet. */
void edit_release(struct nfqueue_edit *edit);

/* --- edit_memory.c: the only file of this layer that allocates -------------------- */

/* Keeps what follows the payload in a packet of its own, until the next begin. 0, or
 * -ENOMEM. */
int edit_keep_rest(struct nfqueue_edit *edit, const uint8_t *bytes, size_t length,
		   uint8_t flags);

/* Room for a packet of `length` bytes and its padding; what is there stays. */
int edit_reserve(struct nfqueue_edit *edit, size_t length);
uint8_t *edit_scratch(size_t length);
void edit_scratch_free(uint8_t *scratch);

/* --- edit.c ----------------------------------------------------------------------- */

/* Notes the words of an error and returns its code. */
int edit_fail(struct nfqueue_edit *edit, int code, const char *error);

/* 0 if the packet may be changed, or the error to return. */
int edit_ready(struct nfqueue_edit *edit);

/* Makes the bytes ours, if they are not, with room for a packet of `length` bytes. The
 * last step of a change that may fail. */
int edit_own(struct nfqueue_edit *edit, size_t length);

/* The view anew, and the padding, after the bytes have changed. */
void edit_look(struct nfqueue_edit *edit);

/* Writes bytes that are in the packet and may be changed; no checksum among them. */
int edit_patch(struct nfqueue_edit *edit, uint32_t offset, const void *bytes,
	       uint32_t count);

/* Replaces bytes of the transport header's options or payload by more or fewer. */
int edit_splice(struct nfqueue_edit *edit, uint32_t offset, uint32_t remove,
		const void *bytes, size_t count);

/* --- edit_check.c: what may be changed -------------------------------------------- */

/* Why this packet cannot be changed at all, or 0. `parsed` is what the view said. */
int edit_check_packet(struct nfqueue_edit *edit, int parsed, size_t packet_length);

/* 0 if the transport header of `protocol` is there, whole. */
int edit_check_transport(struct nfqueue_edit *edit, uint8_t protocol);

/* 0 if there is a payload that may change. */
int edit_check_payload(struct nfqueue_edit *edit);

/* 0 if an address may change: the checksum that covers it is there, or there is none. */
int edit_check_address(struct nfqueue_edit *edit);

/* 0 if these bytes may be written there; they are inside the packet. */
int edit_check_write(struct nfqueue_edit *edit, uint32_t offset, const uint8_t *bytes,
		     uint32_t count);

/* 0 if this bit may be flipped. */
int edit_check_flip(struct nfqueue_edit *edit, uint32_t offset, uint8_t bit);

/* --- edit_checksum.c: what is covered by which checksum --------------------------- */

/* Where the transport checksum is, from the start of the packet; 0: it has none, or that
 * is not here. */
uint32_t edit_checksum_offset(const struct nfqueue_view *view);

/* 1 if the transport header should have a checksum that covers the addresses. */
int edit_covers_addresses(const struct nfqueue_view *view);

/* 1 if a transport checksum that the kernel has not made can be made here. */
int edit_can_make_checksum(const struct nfqueue_view *view);

/* What the checksums cover of `count` bytes at `offset`. */
struct edit_sums {
	uint32_t header;
	uint32_t transport;
};
struct edit_sums edit_sums(const struct nfqueue_view *view, uint32_t offset,
			   uint32_t count);

/* Notes that `before` has become `after`. */
void edit_note(uint32_t *sum, uint32_t before, uint32_t after);
void edit_note_sums(struct nfqueue_edit *edit, struct edit_sums before,
		    struct edit_sums after);

/* Bytes behind `transport_offset` that are the transport's, as its checksum covers them:
 * behind a UDP datagram there may be more in the packet. */
uint32_t edit_transport_length(const struct nfqueue_view *view);

#endif

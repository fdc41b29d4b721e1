/* SPDX-License-Identifier: MIT */
/*
 * The writing cursor. Every function does nothing once writer->error is set; the first
 * that does not fit takes the open message back and sets it.
 */
#ifndef NFQUEUE_WIRE_WRITER_H
#define NFQUEUE_WIRE_WRITER_H

#include "wire.h"

/* Opens a message: nlmsghdr and nfgenmsg. Flags beside NLM_F_REQUEST. */
void wire_message_begin(struct wire_writer *writer, enum wire_message_type type,
			uint16_t flags, uint32_t sequence, uint16_t queue);

/* Closes it: writes its length. */
void wire_message_end(struct wire_writer *writer);

/* The same, of a message whose last `behind` bytes are sent from elsewhere. */
void wire_message_end_before(struct wire_writer *writer, size_t behind);

/*
 * Appends an attribute of `length` bytes, padded. Returns where its data goes, or NULL.
 */
uint8_t *wire_attribute_reserve(struct wire_writer *writer, uint16_t type, size_t length);

/* The head of an attribute whose `length` bytes are sent from elsewhere. Returns how many
 * these are with their padding. */
size_t wire_attribute_head(struct wire_writer *writer, uint16_t type, size_t length);

void wire_put_u16(struct wire_writer *writer, uint16_t type, uint16_t value);
void wire_put_u32(struct wire_writer *writer, uint16_t type, uint32_t value);
void wire_put_bytes(struct wire_writer *writer, uint16_t type, struct wire_bytes bytes);

/* Opens an attribute that holds attributes; what is returned goes to its end. */
size_t wire_nest_begin(struct wire_writer *writer, uint16_t type);
void wire_nest_end(struct wire_writer *writer, size_t nest);

#endif

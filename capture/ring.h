/* SPDX-License-Identifier: MIT */
/*
 * Records of any length, from many threads to one, through memory of a fixed size. Nobody
 * waits: a record that finds no room is refused. Rings of pointers, as Concurrency Kit
 * has them, would need memory for each packet besides.
 *
 * A producer claims bytes by moving `head`, fills them, and marks the record as whole;
 * the consumer takes whole records in order, wipes them, so that no old bytes can be
 * taken for a mark, and gives the bytes back by moving `tail`.
 */
#ifndef CAPTURE_RING_H
#define CAPTURE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *bytes;
	uint64_t size;                      /* a power of two */
	_Atomic uint64_t head;              /* claimed up to here; both only grow */
	_Alignas(64) _Atomic uint64_t tail; /* free again up to here */
};

/* Room for `bytes` at least. Returns 0, or -ENOMEM. */
int ring_init(struct ring *ring, size_t bytes);
void ring_free(struct ring *ring);

/* Memory for a record, aligned as any struct; NULL: there is no room. Any thread. What
 * was claimed must be put. */
void *ring_claim(struct ring *ring, size_t length);
void ring_put(struct ring *ring, void *record);

/* The oldest record; NULL: none is whole. One thread. ring_drop() gives it back. */
void *ring_first(struct ring *ring);
void ring_drop(struct ring *ring);

/* Bytes that are claimed. */
uint64_t ring_used(const struct ring *ring);

#endif

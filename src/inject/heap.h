/* SPDX-License-Identifier: MIT */
/* Packets that wait for their time: the next one first, equal times as they came. No
 * lock, no clock: whoever owns it has those. */
#ifndef NFQUEUE_INJECT_HEAP_H
#define NFQUEUE_INJECT_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inject_waiting {
	uint64_t due_ns;   /* CLOCK_MONOTONIC */
	uint64_t sequence; /* of its coming */
	uint32_t mark, interface;
	size_t length;
	uint8_t data[];
};

struct inject_heap {
	struct inject_waiting **entries; /* each before its children, 2i + 1 and 2i + 2 */
	size_t count, size;
};

/* Returns 0 or -ENOMEM. */
int inject_heap_add(struct inject_heap *heap, struct inject_waiting *waiting);

/* The next one; NULL: it is empty. */
struct inject_waiting *inject_heap_first(const struct inject_heap *heap);

/* Takes the next one out. */
struct inject_waiting *inject_heap_take(struct inject_heap *heap);

/* Frees what it has. */
void inject_heap_clear(struct inject_heap *heap);

#endif

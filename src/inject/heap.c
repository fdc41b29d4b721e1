/* SPDX-License-Identifier: MIT */
#include "inject/heap.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_MIN 64u

static bool is_before(const struct inject_waiting *a, const struct inject_waiting *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns;
	return a->sequence < b->sequence;
}

static int grow(struct inject_heap *heap)
{
	size_t size = heap->size ? 2 * heap->size : SIZE_MIN;
	struct inject_waiting **grown =
		reallocarray(heap->entries, size, sizeof(*heap->entries));

	if (!grown)
		return -ENOMEM;
	heap->entries = grown;
	heap->size = size;
	return 0;
}

int inject_heap_add(struct inject_heap *heap, struct inject_waiting *waiting)
{
	size_t at = heap->count, parent;

	if (heap->count == heap->size && grow(heap) < 0)
		return -ENOMEM;
	heap->count++;
	for (; at > 0; at = parent) {
		parent = (at - 1) / 2;
		if (!is_before(waiting, heap->entries[parent]))
			break;
		heap->entries[at] = heap->entries[parent];
	}
	heap->entries[at] = waiting;
	return 0;
}

struct inject_waiting *inject_heap_first(const struct inject_heap *heap)
{
	return heap->count ? heap->entries[0] : NULL;
}

/* The last entry takes the place of the first, and sinks. */
struct inject_waiting *inject_heap_take(struct inject_heap *heap)
{
	struct inject_waiting *first = inject_heap_first(heap), *last;
	size_t at = 0, child;

	if (!first)
		return NULL;
	last = heap->entries[--heap->count];
	while ((child = 2 * at + 1) < heap->count) {
		if (child + 1 < heap->count &&
		    is_before(heap->entries[child + 1], heap->entries[child]))
			child++;
		if (!is_before(heap->entries[child], last))
			break;
		heap->entries[at] = heap->entries[child];
		at = child;
	}
	heap->entries[at] = last;
	return first;
}

void inject_heap_clear(struct inject_heap *heap)
{
	for (size_t i = 0; i < heap->count; i++)
		free(heap->entries[i]);
	free(heap->entries);
	*heap = (struct inject_heap){NULL, 0, 0};
}

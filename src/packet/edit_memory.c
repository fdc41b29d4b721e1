/* SPDX-License-Identifier: MIT */
/* The memory of edits: the one file of this layer that allocates. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet/editor.h"

#define SMALLEST 2048 /* a packet of 1,500 bytes, and what may be added to it */

int nfqueue_edit_new(struct nfqueue_edit **edit)
{
	*edit = calloc(1, sizeof(**edit));
	return *edit ? 0 : -ENOMEM;
}

void nfqueue_edit_free(struct nfqueue_edit *edit)
{
	if (!edit)
		return;
	edit_release(edit);
	free(edit);
}

void edit_release(struct nfqueue_edit *edit)
{
	free(edit->memory);
	free(edit->rest);
	*edit = (struct nfqueue_edit){0};
}

void edit_reset(struct nfqueue_edit *edit)
{
	uint8_t *memory = edit->memory;
	size_t capacity = edit->capacity;

	if (capacity > EDIT_MEMORY_KEPT) {
		edit_release(edit);
		return;
	}
	free(edit->rest);
	*edit = (struct nfqueue_edit){.memory = memory, .capacity = capacity};
}

int edit_keep_rest(struct nfqueue_edit *edit, const uint8_t *bytes, size_t length,
		   uint8_t flags)
{
	uint8_t *rest = malloc(length);

	if (!rest)
		return edit_fail(edit, -ENOMEM, "no memory for a changed packet");
	memcpy(rest, bytes, length);
	free(edit->rest);
	edit->rest = rest;
	edit->rest_length = length;
	edit->rest_flags = flags;
	return 0;
}

/* In steps of a page, so that a packet that grows byte by byte does not cost a step
 * each. */
int edit_reserve(struct nfqueue_edit *edit, size_t length)
{
	size_t wanted = length + EDIT_PADDING;
	uint8_t *memory;

	if (wanted <= edit->capacity)
		return 0;
	if (wanted > SMALLEST)
		wanted =
			(wanted + EDIT_MEMORY_KEPT - 1) & ~(size_t)(EDIT_MEMORY_KEPT - 1);
	else
		wanted = SMALLEST;
	memory = realloc(edit->memory, wanted);
	if (!memory)
		return -ENOMEM;
	edit->memory = memory;
	edit->capacity = wanted;
	return 0;
}

uint8_t *edit_scratch(size_t length)
{
	return malloc(length ? length : 1);
}

void edit_scratch_free(uint8_t *scratch)
{
	free(scratch);
}

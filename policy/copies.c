/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/copies.h"
#include "policy/model.h"

static int make_room(struct policy_copies *copies, size_t length)
{
	size_t size = copies->size ? copies->size : 4096;
	uint8_t *grown;

	if (copies->size - copies->used >= length)
		return 0;
	while (size - copies->used < length)
		size *= 2;
	grown = realloc(copies->bytes, size);
	if (!grown)
		return -ENOMEM;
	copies->bytes = grown;
	copies->size = size;
	return 0;
}

int policy_copies_add(struct policy_copies *copies, const uint8_t *data, size_t length,
		      uint64_t delay_ns, enum policy_copy_kind kind)
{
	void *grown = policy_grow(copies->copy, copies->count, &copies->room,
				  sizeof(*copies->copy));

	if (!grown)
		return -ENOMEM;
	copies->copy = grown;
	if (make_room(copies, length) < 0)
		return -ENOMEM;
	memcpy(copies->bytes + copies->used, data, length);
	copies->used += length;
	copies->copy[copies->count++] = (struct policy_copy){
		.length = (uint32_t)length, .delay_ns = delay_ns, .kind = kind};
	return 0;
}

void policy_copies_cut(struct policy_copies *copies, size_t count)
{
	while (copies->count > count)
		copies->used -= copies->copy[--copies->count].length;
}

void policy_copies_settle(struct policy_copies *copies)
{
	size_t at = 0;

	for (size_t i = 0; i < copies->count; i++) {
		copies->copy[i].data = copies->bytes + at;
		at += copies->copy[i].length;
	}
}

void policy_copies_flip(struct policy_copies *copies, size_t number, uint32_t bit)
{
	size_t at = bit / 8;

	for (size_t i = 0; i < number; i++)
		at += copies->copy[i].length;
	copies->bytes[at] ^= (uint8_t)(0x80u >> bit % 8);
}

void policy_copies_free(struct policy_copies *copies)
{
	free(copies->copy);
	free(copies->bytes);
}

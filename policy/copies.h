/* SPDX-License-Identifier: MIT */
/* The packets that go out besides the one that is decided. */
#ifndef POLICY_COPIES_H
#define POLICY_COPIES_H

#include "policy/policy.h"

/* All bytes stand behind each other, so that they can be moved. */
struct policy_copies {
	struct policy_copy *copy; /* `data` is set by policy_copies_settle() */
	size_t count, room;
	uint8_t *bytes;
	size_t used, size;
};

/* 0, or -ENOMEM: then there is none more. */
int policy_copies_add(struct policy_copies *copies, const uint8_t *data, size_t length,
		      uint64_t delay_ns, enum policy_copy_kind kind);

/* Forgets all behind the first `count`. */
void policy_copies_cut(struct policy_copies *copies, size_t count);

/* Tells each where its bytes are. They stay there until the next one is added. */
void policy_copies_settle(struct policy_copies *copies);

/* Flips a bit of a copy; bit 0 is the highest of the first byte. */
void policy_copies_flip(struct policy_copies *copies, size_t number, uint32_t bit);

void policy_copies_free(struct policy_copies *copies);

#endif

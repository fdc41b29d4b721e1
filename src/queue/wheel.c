/* SPDX-License-Identifier: MIT */
/* Deadlines by the millisecond, modulo a round. */
#include <string.h>

#include "queue/wheel.h"

#define WORD_BITS 64u

static uint32_t slot_of(uint64_t ms)
{
	return (uint32_t)(ms % WHEEL_SLOTS);
}

void wheel_init(struct wheel *wheel, uint64_t now_ms)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->next_ms = now_ms;
}

static void push(struct wheel_entry **list, struct wheel_entry *entry)
{
	entry->next = *list;
	entry->prev = list;
	if (entry->next)
		entry->next->prev = &entry->next;
	*list = entry;
}

/* From its slot, or from those that are due: the bit then tells of the slot alone. */
static void detach(struct wheel *wheel, struct wheel_entry *entry)
{
	uint32_t slot = slot_of(entry->deadline_ms);

	*entry->prev = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	entry->prev = NULL;
	if (!wheel->slots[slot])
		wheel->filled[slot / WORD_BITS] &= ~(1ull << slot % WORD_BITS);
}

void wheel_add(struct wheel *wheel, struct wheel_entry *entry, uint64_t deadline_ms)
{
	uint32_t slot = slot_of(deadline_ms);

	wheel_remove(wheel, entry);
	entry->deadline_ms = deadline_ms;
	wheel->count++;
	if (deadline_ms < wheel->next_ms) {
		push(&wheel->due, entry); /* no turn will look at its slot in time */
		return;
	}
	push(&wheel->slots[slot], entry);
	wheel->filled[slot / WORD_BITS] |= 1ull << slot % WORD_BITS;
}

void wheel_remove(struct wheel *wheel, struct wheel_entry *entry)
{
	if (!wheel_armed(entry))
		return;
	detach(wheel, entry);
	wheel->count--;
}

/* Later rounds stay, in their order. */
static void take_due(struct wheel *wheel, uint32_t slot, uint64_t now_ms)
{
	struct wheel_entry *entry = wheel->slots[slot], *next;

	for (; entry; entry = next) {
		next = entry->next;
		if (entry->deadline_ms > now_ms)
			continue;
		detach(wheel, entry);
		push(&wheel->due, entry);
	}
}

/* How many slots from `slot` down are empty, as far as its word tells. */
static uint32_t empty_below(const struct wheel *wheel, uint32_t slot)
{
	uint32_t bit = slot % WORD_BITS;
	uint64_t bits = wheel->filled[slot / WORD_BITS] << (WORD_BITS - 1 - bit);

	return bits ? (uint32_t)__builtin_clzll(bits) : bit + 1;
}

/* The same, from `slot` up. */
static uint32_t empty_above(const struct wheel *wheel, uint32_t slot)
{
	uint32_t bit = slot % WORD_BITS;
	uint64_t bits = wheel->filled[slot / WORD_BITS] >> bit;

	return bits ? (uint32_t)__builtin_ctzll(bits) : WORD_BITS - bit;
}

/* Each slot of the time that has passed, once. Backwards: both lists are pushed to their
 * front, so what was due first is handed out first. */
static void turn(struct wheel *wheel, uint64_t now_ms)
{
	uint64_t left = now_ms - wheel->next_ms + 1;

	if (left > WHEEL_SLOTS)
		left = WHEEL_SLOTS;
	for (uint64_t ms = now_ms; left; left--, ms--) {
		uint32_t empty = empty_below(wheel, slot_of(ms));

		if (empty >= left)
			break;
		ms -= empty;
		left -= empty;
		take_due(wheel, slot_of(ms), now_ms);
	}
	wheel->next_ms = now_ms + 1;
}

struct wheel_entry *wheel_expired(struct wheel *wheel, uint64_t now_ms)
{
	struct wheel_entry *entry;

	if (!wheel->due && now_ms >= wheel->next_ms)
		turn(wheel, now_ms);
	entry = wheel->due;
	if (entry)
		wheel_remove(wheel, entry);
	return entry;
}

int64_t wheel_next(const struct wheel *wheel, uint64_t now_ms)
{
	uint64_t ms = wheel->next_ms;
	uint32_t empty;

	if (!wheel->count)
		return -1;
	if (wheel->due)
		return 0;
	while ((empty = empty_above(wheel, slot_of(ms))) != 0)
		ms += empty;
	return ms > now_ms ? (int64_t)(ms - now_ms) : 0;
}

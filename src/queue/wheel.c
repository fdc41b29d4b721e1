/* SPDX-License-Identifier: MIT */
/* Deadlines by the tick, modulo a round. */
#include "queue/wheel.h"

#define WORD_BITS 64u

static uint32_t slot_of(uint64_t tick)
{
	return (uint32_t)(tick % WHEEL_SLOTS);
}

void wheel_init(struct wheel *wheel, uint64_t now)
{
	wheel->next_tick = now;
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
	uint32_t slot = slot_of(entry->deadline);

	*entry->prev = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	entry->prev = NULL;
	if (!wheel->slots[slot])
		wheel->filled[slot / WORD_BITS] &= ~(1ull << slot % WORD_BITS);
}

void wheel_add(struct wheel *wheel, struct wheel_entry *entry, uint64_t deadline)
{
	uint32_t slot = slot_of(deadline);

	wheel_remove(wheel, entry);
	entry->deadline = deadline;
	wheel->count++;
	if (deadline < wheel->next_tick) {
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
static void take_due(struct wheel *wheel, uint32_t slot, uint64_t now)
{
	struct wheel_entry *entry = wheel->slots[slot], *next;

	for (; entry; entry = next) {
		next = entry->next;
		if (entry->deadline > now)
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
static void turn(struct wheel *wheel, uint64_t now)
{
	uint64_t left = now - wheel->next_tick + 1;

	if (left > WHEEL_SLOTS)
		left = WHEEL_SLOTS;
	for (uint64_t tick = now; left; left--, tick--) {
		uint32_t empty = empty_below(wheel, slot_of(tick));

		if (empty >= left)
			break;
		tick -= empty;
		left -= empty;
		take_due(wheel, slot_of(tick), now);
	}
	wheel->next_tick = now + 1;
}

struct wheel_entry *wheel_expired(struct wheel *wheel, uint64_t now)
{
	struct wheel_entry *entry;

	if (!wheel->due && now >= wheel->next_tick)
		turn(wheel, now);
	entry = wheel->due;
	if (entry)
		wheel_remove(wheel, entry);
	return entry;
}

int64_t wheel_next(const struct wheel *wheel, uint64_t now)
{
	uint64_t tick = wheel->next_tick;
	uint32_t empty;

	if (!wheel->count)
		return -1;
	if (wheel->due)
		return 0;
	while ((empty = empty_above(wheel, slot_of(tick))) != 0)
		tick += empty;
	return tick > now ? (int64_t)(tick - now) : 0;
}

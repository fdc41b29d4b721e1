/* SPDX-License-Identifier: MIT */
/* Changes, and numbers of bytes in front of them and behind. */
#include "stream/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 8u

bool stream_budget_take(struct stream_budget *budget, uint64_t bytes)
{
	uint64_t used =
		atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);

	if (used + bytes <= budget->max)
		return true;
	stream_budget_return(budget, bytes);
	return false;
}

void stream_budget_return(struct stream_budget *budget, uint64_t bytes)
{
	atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}

static uint64_t end_of(const struct stream_change *change)
{
	return change->position + change->removed;
}

static int64_t shift_behind(const struct stream_change *change)
{
	return change->shift + (int64_t)change->count - (int64_t)change->removed;
}

static uint64_t cost_of(const struct stream_change *change)
{
	return sizeof(*change) + change->count;
}

/* What was pruned makes room first. */
static int make_room(struct stream_log *log)
{
	size_t count = stream_log_count(log),
	       room = log->room ? log->room * 2 : ROOM_FIRST;
	struct stream_change *changes;

	if (log->end < log->room)
		return 0;
	if (log->first > log->room / 2) {
		memmove(log->changes, log->changes + log->first,
			count * sizeof(*log->changes));
		log->first = 0;
		log->end = count;
		return 0;
	}
	changes = realloc(log->changes, room * sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	log->changes = changes;
	log->room = room;
	return 0;
}

int stream_log_add(struct stream_log *log, struct stream_budget *budget,
		   const struct stream_change *change, const uint8_t *bytes)
{
	struct stream_change *added;
	uint8_t *copy = NULL;

	if (!stream_budget_take(budget, cost_of(change)))
		return -ENOMEM;
	if (make_room(log) < 0)
		goto refused;
	if (change->count) {
		copy = malloc(change->count);
		if (!copy)
			goto refused;
		memcpy(copy, bytes, change->count);
	}
	added = &log->changes[log->end++];
	*added = *change;
	added->bytes = copy;
	added->shift = log->shift;
	log->shift = shift_behind(added);
	return 0;
refused:
	stream_budget_return(budget, cost_of(change));
	return -ENOMEM;
}

/* What has been there in front of the oldest change. */
static int64_t front_shift(const struct stream_log *log)
{
	return stream_log_count(log) ? log->changes[log->first].shift : log->shift;
}

/* The last change that begins before `original`, or NULL. */
static const struct stream_change *last_before(const struct stream_log *log,
					       uint64_t original)
{
	size_t low = log->first, high = log->end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (log->changes[middle].position < original)
			low = middle + 1;
		else
			high = middle;
	}
	return low > log->first ? &log->changes[low - 1] : NULL;
}

/* The last change whose bytes begin at `translated` or before it, or NULL. */
static const struct stream_change *last_translated(const struct stream_log *log,
						   uint64_t translated)
{
	size_t low = log->first, high = log->end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct stream_change *change = &log->changes[middle];

		if (change->position + (uint64_t)change->shift <= translated)
			low = middle + 1;
		else
			high = middle;
	}
	return low > log->first ? &log->changes[low - 1] : NULL;
}

uint64_t stream_log_forward(const struct stream_log *log, uint64_t original)
{
	const struct stream_change *change = last_before(log, original);

	if (!change)
		return original + (uint64_t)front_shift(log);
	if (original < end_of(change)) /* behind the first byte, which has it all */
		original = end_of(change);
	return original + (uint64_t)shift_behind(change);
}

/* Where `translated` is in the original, and the change whose bytes it is among. */
static uint64_t backward(const struct stream_log *log, uint64_t translated,
			 const struct stream_change **inside)
{
	const struct stream_change *change = last_translated(log, translated);
	uint64_t begin;

	*inside = NULL;
	if (!change)
		return translated - (uint64_t)front_shift(log);
	begin = change->position + (uint64_t)change->shift;
	if (translated >= begin + change->count)
		return translated - (uint64_t)shift_behind(change);
	if (translated > begin)
		*inside = change;
	return change->position;
}

uint64_t stream_log_floor(const struct stream_log *log, uint64_t translated)
{
	const struct stream_change *inside;

	return backward(log, translated, &inside);
}

uint64_t stream_log_ceil(const struct stream_log *log, uint64_t translated)
{
	const struct stream_change *inside;
	uint64_t original = backward(log, translated, &inside);

	return inside ? end_of(inside) : original;
}

void stream_log_prune(struct stream_log *log, struct stream_budget *budget,
		      uint64_t translated)
{
	while (stream_log_count(log)) {
		struct stream_change *change = &log->changes[log->first];

		if (change->position + (uint64_t)change->shift + change->count >
		    translated)
			return;
		log->pruned = end_of(change);
		stream_budget_return(budget, cost_of(change));
		free(change->bytes);
		log->first++;
	}
	log->first = log->end = 0;
}

/* The first change that is not wholly in front of `position`. */
static const struct stream_change *first_from(const struct stream_log *log,
					      uint64_t position)
{
	const struct stream_change *change = last_before(log, position);

	if (!change)
		return log->changes + log->first;
	return end_of(change) > position ? change : change + 1;
}

static const struct stream_change *end_of_log(const struct stream_log *log)
{
	return log->changes + log->end;
}

bool stream_log_touches(const struct stream_log *log, uint64_t from, uint64_t to)
{
	const struct stream_change *change;

	if (!stream_log_count(log))
		return false;
	change = first_from(log, from);
	return change < end_of_log(log) && change->position < to;
}

struct output {
	uint8_t *bytes;
	size_t size, length;
};

static void put(struct output *out, const uint8_t *bytes, size_t count)
{
	size_t room = out->length < out->size ? out->size - out->length : 0;

	if (count && room)
		memcpy(out->bytes + out->length, bytes, count < room ? count : room);
	out->length += count;
}

size_t stream_log_emit(const struct stream_log *log, uint64_t position,
		       const uint8_t *data, size_t length, uint8_t *out, size_t size)
{
	uint64_t next = position, end = position + length;
	struct output output = {.bytes = out, .size = size};
	const struct stream_change *change = NULL;

	if (stream_log_touches(log, position, end))
		change = first_from(log, position);
	for (; change && change < end_of_log(log) && change->position < end; change++) {
		if (change->position >= next) {
			put(&output, data + (next - position), change->position - next);
			put(&output, change->bytes, change->count);
		}
		next = end_of(change);
	}
	if (next < end)
		put(&output, data + (next - position), end - next);
	return output.length;
}

bool stream_log_before(const struct stream_log *log, uint64_t position, uint8_t *byte)
{
	const struct stream_change *change;

	if (!stream_log_touches(log, position, position + 1))
		return false;
	change = first_from(log, position);
	if (change->position < position && change->count) {
		*byte = change->bytes[change->count - 1];
		return true;
	}
	*byte = change->before;
	return change->has_before;
}

void stream_log_free(struct stream_log *log, struct stream_budget *budget)
{
	for (size_t i = log->first; i < log->end; i++) {
		stream_budget_return(budget, cost_of(&log->changes[i]));
		free(log->changes[i].bytes);
	}
	free(log->changes);
	*log = (struct stream_log){0};
}

/* SPDX-License-Identifier: MIT */
/*
 * The changes of one direction that its receiver has not yet acknowledged, and what they
 * do to the numbers of bytes.
 *
 * Positions are sequence numbers of 64 bits, which do not wrap: `original` ones as the
 * sender counts, `translated` ones as the receiver does. A change puts new bytes in the
 * place of at least one original byte; all of them belong to the first of these, so that
 * a piece that begins behind it has none of them.
 */
#ifndef NFQUEUE_STREAM_LOG_H
#define NFQUEUE_STREAM_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory of all logs. */
struct stream_budget {
	atomic_uint_least64_t used; /* relaxed: a count, it orders nothing */
	uint64_t max;
};

struct stream_change {
	uint64_t position; /* of the first original byte */
	uint32_t removed;  /* original bytes, at least one */
	uint32_t count;    /* new bytes */
	int64_t shift;     /* translated less original, up to here */
	uint8_t *bytes;    /* NULL if there are none */
	uint8_t before;    /* the byte sent in front of them */
	bool has_before;   /* it is known, and no SYN or FIN */
};

struct stream_log {
	struct stream_change *changes; /* by position, from `first` on */
	size_t first, end, room;
	int64_t shift; /* translated less original, behind all changes */
	uint64_t
		pruned; /* what is before it is acknowledged, and its changes forgotten */
};

static inline size_t stream_log_count(const struct stream_log *log)
{
	return log->end - log->first;
}

/* True until the first change: then all numbers are what they were. */
static inline bool stream_log_is_clean(const struct stream_log *log)
{
	return log->end == 0 && log->pruned == 0;
}

/* Takes `bytes` from what may be used; false: there are not that many. */
bool stream_budget_take(struct stream_budget *budget, uint64_t bytes);
void stream_budget_return(struct stream_budget *budget, uint64_t bytes);

/*
 * Adds a change behind all others, with `count` new bytes, which are copied. Its shift is
 * set here. 0, or -ENOMEM: also when the budget is used up.
 */
int stream_log_add(struct stream_log *log, struct stream_budget *budget,
		   const struct stream_change *change, const uint8_t *bytes);

/* Where the byte at `original` is, or would be if the change had left one. */
uint64_t stream_log_forward(const struct stream_log *log, uint64_t original);

/* How far the original bytes are complete when the translated ones are up to here. What
 * was taken away without a replacement is complete with what is in front of it. */
uint64_t stream_log_floor(const struct stream_log *log, uint64_t translated);

/* From where the original bytes are complete when the translated ones are from here. */
uint64_t stream_log_ceil(const struct stream_log *log, uint64_t translated);

/* Forgets the changes that are complete when the translated bytes are up to here. */
void stream_log_prune(struct stream_log *log, struct stream_budget *budget,
		      uint64_t translated);

/* Whether a change is among the original bytes [from, to). */
bool stream_log_touches(const struct stream_log *log, uint64_t from, uint64_t to);

/*
 * What is sent for `length` original bytes: the first `size` bytes of it are written.
 * Returns how many there are.
 */
size_t stream_log_emit(const struct stream_log *log, uint64_t position,
		       const uint8_t *data, size_t length, uint8_t *out, size_t size);

/* The byte in front of what is sent from `position` on, which a change covers, if it is
 * known. */
bool stream_log_before(const struct stream_log *log, uint64_t position, uint8_t *byte);

void stream_log_free(struct stream_log *log, struct stream_budget *budget);

#endif

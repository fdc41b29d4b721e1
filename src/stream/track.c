/* SPDX-License-Identifier: MIT */
/* Segments of one direction, as they come and as they go on. */
#include "stream/track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROWTH_BYTES 4096u /* fewer do not tell how much all grow */

#define PAUSE_MS 50u /* a sender's timers wait for longer: RFC 6298, RFC 8985 */

/* Original bytes without a gap, perhaps of several segments. */
struct piece {
	uint64_t from;
	const uint8_t *data;
	size_t length;
};

static uint64_t end_of(const struct piece *piece)
{
	return piece->from + piece->length;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The number of 64 bits that is next to `near`. RFC 1982 section 3.2. */
static uint64_t widen(uint64_t near, uint32_t number)
{
	return near + (uint64_t)(int64_t)(int32_t)(number - (uint32_t)near);
}

static uint64_t widen_translated(const struct stream_track *track, uint32_t number)
{
	return widen(stream_log_forward(&track->log, track->settled), number);
}

void stream_track_start(struct stream_track *track, uint32_t sequence)
{
	/* far from 0, so that nothing is ever below it */
	track->first = (1ull << 40) | sequence;
	track->settled = track->seen = track->first;
	track->known = true;
}

void stream_track_join(struct stream_track *track, uint32_t acknowledgement)
{
	uint64_t original = widen(track->seen, acknowledgement);

	if (!track->known || track->joined || original <= track->first)
		return;
	track->joined = true;
	if (original > track->seen)
		track->settled = track->seen = original;
}

static void release(struct stream_track *track, struct stream_limits *limits)
{
	if (!track->held)
		return;
	stream_budget_return(&limits->budget, track->seen - track->settled);
	free(track->held);
	track->held = NULL;
}

void stream_track_clear(struct stream_track *track, struct stream_limits *limits)
{
	release(track, limits);
	stream_log_free(&track->log, &limits->budget);
	*track = (struct stream_track){0};
}

/* Withholds what stands behind `settled`, up to the end of the piece. */
static void hold(struct stream_track *track, struct stream_pass *pass,
		 const struct piece *piece)
{
	size_t length = end_of(piece) - track->settled;
	uint8_t *held = NULL;

	if (stream_budget_take(&pass->limits->budget, length)) {
		held = malloc(length);
		if (!held)
			stream_budget_return(&pass->limits->budget, length);
	}
	if (!held) {
		pass->flags |= STREAM_REFUSED;
		return;
	}
	memcpy(held, piece->data + (track->settled - piece->from), length);
	track->held = held;
	pass->flags |= STREAM_WITHHELD;
}

/* Bytes of the piece that nobody changes. */
static void advance(struct stream_track *track, const struct piece *piece, uint64_t to)
{
	if (to == track->settled)
		return;
	track->settled = to;
	track->tail = piece->data[to - piece->from - 1];
	track->has_tail = true;
}

static int add(struct stream_track *track, struct stream_pass *pass, size_t removed,
	       const uint8_t *bytes, size_t count)
{
	struct stream_change change = {
		.position = track->settled,
		.removed = (uint32_t)removed,
		.count = (uint32_t)count,
		.before = track->tail,
		.has_before = track->has_tail,
	};

	if (stream_log_count(&track->log) >= pass->limits->changes_max)
		return -ENOSPC;
	if (stream_log_add(&track->log, &pass->limits->budget, &change, bytes) < 0)
		return -ENOMEM;
	track->settled += removed;
	if (count) {
		track->tail = bytes[count - 1];
		track->has_tail = true;
	}
	pass->changes++;
	return 0;
}

/* New bytes need an original one that they come with: the one behind, or, at the end, the
 * one in front of them. */
static int insert(struct stream_track *track, struct stream_pass *pass,
		  const struct piece *rest, const struct nfqueue_stream_change *found)
{
	size_t at = found->offset, count = found->count;
	bool behind = at == rest->length;

	if (behind)
		at--;
	advance(track, rest, rest->from + at);
	pass->out[behind ? 0 : count] = rest->data[at];
	if (count)
		memcpy(pass->out + (behind ? 1 : 0), found->bytes, count);
	return add(track, pass, 1, pass->out, count + 1);
}

/* -EINVAL: it is outside of what was looked into, or too long. */
static int change(struct stream_track *track, struct stream_pass *pass,
		  const struct piece *rest, const struct nfqueue_stream_change *found)
{
	if (found->offset > rest->length ||
	    found->remove > rest->length - found->offset ||
	    found->count > NFQUEUE_STREAM_CHANGE_MAX || (found->count && !found->bytes))
		return -EINVAL;
	if (found->remove == 0)
		return insert(track, pass, rest, found);
	advance(track, rest, rest->from + found->offset);
	return add(track, pass, found->remove, found->bytes, found->count);
}

/* Looks into the piece from `settled` on. How many bytes at its end are to be withheld.
 */
static size_t look(struct stream_track *track, struct stream_pass *pass,
		   const struct piece *piece, bool last)
{
	while (track->settled < end_of(piece)) {
		struct nfqueue_stream_change found = {0};
		size_t done = track->settled - piece->from, keep = 0;
		struct piece rest = {track->settled, piece->data + done,
				     piece->length - done};

		if (pass->find(rest.data, rest.length, last, &found, &keep, pass->ctx) !=
		    1)
			return last ? 0
				    : lesser(lesser(keep, rest.length),
					     NFQUEUE_STREAM_KEEP_MAX);
		if (change(track, pass, &rest, &found) < 0) {
			pass->flags |= STREAM_REFUSED;
			return 0;
		}
	}
	return 0;
}

static void settle(struct stream_track *track, struct stream_pass *pass,
		   const struct piece *piece, bool last)
{
	size_t keep = 0;

	release(track, pass->limits);
	if (pass->find)
		keep = look(track, pass, piece, last);
	advance(track, piece, end_of(piece) - keep);
	track->seen = end_of(piece);
	if (keep)
		hold(track, pass, piece);
	if (!track->held)
		advance(track, piece, end_of(piece));
}

/* The bytes that are withheld come in front of the piece, and behind it if it is one that
 * is repeated. */
static void join(const struct stream_track *track, struct stream_pass *pass,
		 struct piece *piece)
{
	uint64_t end = end_of(piece);
	size_t front = piece->from > track->settled ? piece->from - track->settled : 0;
	size_t back = end < track->seen ? track->seen - end : 0;
	uint8_t *joined = pass->joined;

	if (!track->held || (!front && !back))
		return;
	memcpy(joined, track->held, front);
	if (piece->length)
		memcpy(joined + front, piece->data, piece->length);
	memcpy(joined + front + piece->length,
	       track->held + (track->seen - track->settled - back), back);
	*piece =
		(struct piece){piece->from - front, joined, front + piece->length + back};
}

/* What is sent for a piece of which nothing is left: a number that the receiver has, so
 * that it answers, and with it the byte that it has there; without one it would answer
 * twice a second only (tcp_oow_rate_limited()). */
static void remind(const struct stream_track *track, struct stream_pass *pass,
		   uint64_t from, struct stream_segment *segment)
{
	segment->sequence--;
	if (stream_log_before(&track->log, from, pass->out))
		segment->length = 1;
}

/* What the receiver gets of the piece. */
static void emit(struct stream_track *track, struct stream_pass *pass,
		 const struct piece *piece, struct stream_segment *segment)
{
	uint64_t end = lesser(end_of(piece), track->settled);
	uint64_t from = piece->from;
	size_t length;

	if (from < track->log.pruned)
		from = lesser(track->log.pruned, end);
	segment->data = pass->out;
	segment->length = 0;
	if (from == end && from > piece->from && !segment->fin) { /* he has it all */
		segment->sequence =
			(uint32_t)stream_log_forward(&track->log, piece->from);
		return;
	}
	length = stream_log_emit(&track->log, from, piece->data + (from - piece->from),
				 end - from, pass->out, pass->size);
	segment->sequence = (uint32_t)stream_log_forward(&track->log, from);
	segment->length = lesser(length, pass->size);
	if (length > pass->size) /* as if it had been lost */
		segment->fin = false;
	if (length == 0 && end > from && !segment->fin)
		remind(track, pass, from, segment);
}

/* True if the segment goes on with the bytes it has. */
static bool is_plain(const struct stream_track *track, const struct piece *piece,
		     const struct stream_segment *segment)
{
	return piece->data == segment->data && piece->from >= track->log.pruned &&
	       end_of(piece) <= track->settled &&
	       !stream_log_touches(&track->log, piece->from, end_of(piece));
}

/* Without bytes: in front of what is withheld, and an old number stays old, for the
 * receiver must answer it (keepalives, window probes). */
static uint64_t bare(const struct stream_track *track, uint64_t sequence)
{
	uint64_t next = stream_log_forward(&track->log, track->settled);
	uint64_t translated = stream_log_forward(&track->log, sequence);

	if (sequence < track->settled)
		return lesser(translated, next - 1);
	return sequence <= track->seen ? next : translated;
}

/* Bytes are missing. They have come another way if their receiver acknowledged them; if
 * nobody looks into them, they may come later. */
static bool skip(struct stream_track *track, struct stream_pass *pass, uint64_t to)
{
	if (pass->find &&
	    (!track->ahead || stream_log_floor(&track->log, track->ahead) < to))
		return false;
	release(track, pass->limits);
	track->settled = track->seen = to;
	track->has_tail = false;
	return true;
}

/* The sender has nothing more to say if he repeats what is withheld though he has been
 * told, for long, that all the rest arrived. Else he may do it for a packet that is late,
 * and has sent the bytes behind it, or will. */
static bool has_paused(const struct stream_track *track, const struct stream_pass *pass)
{
	return track->acked == stream_log_forward(&track->log, track->settled) &&
	       pass->now_ms >= track->news_ms + PAUSE_MS;
}

int stream_track_pass(struct stream_track *track, struct stream_pass *pass,
		      struct stream_segment *segment)
{
	uint64_t from = widen(track->seen, segment->sequence);
	struct piece piece = {from, segment->data, segment->length};
	uint64_t end = end_of(&piece);
	bool last = segment->fin || (end <= track->seen && has_paused(track, pass));

	if (!segment->length && !segment->fin) {
		segment->sequence = (uint32_t)bare(track, from);
		return 0;
	}
	if (from > track->seen && !skip(track, pass, from))
		return -EAGAIN;
	if (from < track->seen && segment->length)
		pass->flags |= STREAM_REPEATED;
	if (end > track->seen)
		track->news_ms = pass->now_ms;
	if (end > track->settled) {
		join(track, pass, &piece);
		settle(track, pass, &piece, last);
	}
	if (is_plain(track, &piece, segment))
		segment->sequence = (uint32_t)stream_log_forward(&track->log, from);
	else
		emit(track, pass, &piece, segment);
	if (segment->fin && end == track->settled && !track->held) {
		track->seen = ++track->settled;
		track->has_tail = false;
	}
	return 0;
}

/* RFC 5961 section 3.2: the very number that the receiver expects. An answer to its ACK
 * has that. */
uint32_t stream_track_reset(const struct stream_track *track, uint32_t sequence)
{
	uint64_t original = widen(track->seen, sequence);

	if (track->acked && stream_log_floor(&track->log, track->acked) == original)
		return (uint32_t)track->acked;
	if (original > track->settled && original <= track->seen)
		original = track->settled;
	return (uint32_t)stream_log_forward(&track->log, original);
}

uint16_t stream_track_urgent(const struct stream_track *track, uint32_t sequence,
			     uint16_t urgent, uint32_t translated)
{
	uint64_t original = widen(track->seen, sequence) + urgent;
	uint32_t to = (uint32_t)stream_log_forward(&track->log, original);
	int32_t distance = (int32_t)(to - translated);

	if (distance < 0)
		return 0;
	return distance > UINT16_MAX ? UINT16_MAX : (uint16_t)distance;
}

uint32_t stream_track_acknowledge(struct stream_track *track,
				  struct stream_limits *limits, uint32_t acknowledgement,
				  uint64_t now_ms)
{
	uint64_t next = stream_log_forward(&track->log, track->settled);
	uint64_t translated = widen(next, acknowledgement);
	uint64_t original = stream_log_floor(&track->log, translated);

	if (translated > next) {
		track->ahead = translated;
	} else if (translated > track->acked) {
		track->acked = translated;
		track->news_ms = now_ms;
		stream_log_prune(&track->log, &limits->budget, translated);
	}
	return (uint32_t)original;
}

/* By how many 65,536ths bytes have grown from `original` to `settled`; 0 if they have
 * not, or are too few to tell. */
static uint64_t growth(const struct stream_track *track, uint64_t original,
		       uint64_t translated)
{
	uint64_t came = track->settled - original;
	uint64_t became = stream_log_forward(&track->log, track->settled) - translated;

	if (came < GROWTH_BYTES || became <= came)
		return 0;
	return ((became - came) << 16) / came;
}

/* A receiver drops a segment that goes beyond its window, tcp_sequence(): what is to come
 * has to fit in when it has grown as what came did, all of it or the last of it, and by a
 * quarter more. */
static uint64_t less_growth(const struct stream_track *track, uint64_t bytes)
{
	uint64_t acked = track->acked ? track->acked : track->first;
	uint64_t all = growth(track, track->first, track->first);
	uint64_t last = growth(track, stream_log_floor(&track->log, acked), acked);
	uint64_t more = all > last ? all : last;

	return (bytes << 16) / ((1u << 16) + more + more / 4);
}

uint64_t stream_track_window(const struct stream_track *track, uint32_t acknowledgement,
			     uint64_t window)
{
	uint64_t translated = widen_translated(track, acknowledgement);
	uint64_t end = translated + window;
	uint64_t next = stream_log_forward(&track->log, track->settled);
	uint64_t from = stream_log_floor(&track->log, translated);

	if (end <= next)
		return stream_log_floor(&track->log, end) - from;
	return track->settled + less_growth(track, end - next) - from;
}

/* What is acknowledged and forgotten (a D-SACK, RFC 2883) cannot be told any more. */
bool stream_track_sack(const struct stream_track *track, uint32_t *left, uint32_t *right)
{
	uint64_t from = widen_translated(track, *left);
	uint64_t to = widen_translated(track, *right);
	uint64_t pruned = stream_log_forward(&track->log, track->log.pruned);

	if (stream_log_is_clean(&track->log))
		return true;
	if (track->log.pruned && from < pruned)
		from = pruned;
	if (from >= to)
		return false;
	from = stream_log_ceil(&track->log, from);
	to = lesser(stream_log_floor(&track->log, to), track->seen);
	*left = (uint32_t)from;
	*right = (uint32_t)to;
	return from < to;
}

/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include <string.h>

#define SYN 0x02
#define FIN 0x01
#define ACK 0x10
#define WINDOW_MOST 65535

uint32_t endpoint_below(struct endpoint *end, uint32_t limit)
{
	uint64_t x = *end->random += 0x9e3779b97f4a7c15u; /* splitmix64 */

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((x ^ x >> 31) >> 32) % limit;
}

static void fail(struct endpoint *end, const char *error)
{
	if (!end->error)
		end->error = error;
}

static size_t position(uint32_t isn, size_t near, uint32_t number)
{
	return near + (size_t)(int64_t)(int32_t)(number - (isn + 1 + (uint32_t)near));
}

/* --- as a sender ------------------------------------------------------------------ */

static void take_sacks(struct endpoint *end, const struct tcp_packet *packet)
{
	for (uint32_t i = 0; i < packet->sack_count; i++) {
		size_t left = position(end->isn, end->una, packet->sacks[i][0]);
		size_t right = position(end->isn, end->una, packet->sacks[i][1]);

		if ((int64_t)left >= (int64_t)right)
			fail(end, "a SACK block is empty");
		else if ((int64_t)right > (int64_t)end->most)
			fail(end, "a SACK block has bytes that were never sent");
		else if ((int64_t)left >= 0)
			memset(end->sacked + left, 1, right - left);
	}
}

static void take_ack(struct endpoint *end, const struct tcp_packet *packet)
{
	size_t una = position(end->isn, end->una, packet->acknowledgement);
	uint64_t right = una + ((uint64_t)packet->window << end->peer_scale);

	if (!(packet->flags & ACK) || (int64_t)una < (int64_t)end->una)
		return;
	if (una > end->most) {
		fail(end, "bytes are acknowledged that were never sent");
		return;
	}
	take_sacks(end, packet);
	end->right = right;
	if (una == end->una)
		return;
	end->una = una;
	if (end->next < una)
		end->next = una;
	end->timer = end->rto;
	end->backoff = 0;
}

static void fill(struct endpoint *end, size_t from, size_t count, bool fin,
		 struct tcp_packet *packet)
{
	packet->sequence = end->isn + 1 + (uint32_t)from;
	packet->data = end->stream + from;
	packet->length = count;
	if (fin)
		packet->flags |= FIN;
	if (from + count + fin > end->most)
		end->most = from + count + fin;
}

/* From `from` on, any number of bytes: those that have been sent may come with new ones.
 */
static size_t send_from(struct endpoint *end, size_t from, struct tcp_packet *packet)
{
	size_t count = 1 + endpoint_below(end, (uint32_t)end->segment);
	bool fin;

	if (count > end->length - from)
		count = end->length - from;
	if (from + count > end->right && end->right > from)
		count = end->right - from;
	if (count && end->right <= from)
		count = 1;
	fin = from + count == end->length && endpoint_below(end, 4);
	if (!count && !fin) /* a FIN alone */
		fin = true;
	fill(end, from, count, fin, packet);
	return from + count + fin;
}

static bool repeat(struct endpoint *end, struct tcp_packet *packet)
{
	size_t from = end->una, hole;

	end->backoff += end->backoff < 2;
	end->timer = end->rto << end->backoff;
	if (end->goes_back)
		end->next = end->una;
	if (end->right <= end->una && !end->probes_with_byte) { /* a window probe */
		packet->sequence = end->isn + (uint32_t)end->una;
		return true;
	}
	if (end->una == end->most && end->right > end->una)
		return false;
	hole = from + endpoint_below(end, (uint32_t)(end->most - from + 1));
	if (endpoint_below(end, 4) == 0 && hole < end->length && !end->sacked[hole])
		from = hole; /* not the first: a probe for a lost tail */
	send_from(end, from, packet);
	return true;
}

static bool send_data(struct endpoint *end, bool is_new_tick, struct tcp_packet *packet)
{
	size_t sent;

	if (is_new_tick && end->una <= end->length && --end->timer <= 0)
		return repeat(end, packet);
	if (end->next > end->length || end->next >= end->right ||
	    endpoint_below(end, 3) == 0)
		return false;
	if (end->has_sack && end->sacked[end->next] && end->next < end->most) {
		end->next++;
		return false;
	}
	sent = send_from(end, end->next, packet);
	end->next = sent;
	return true;
}

/* --- as a receiver ---------------------------------------------------------------- */

static size_t window_right(const struct endpoint *end)
{
	size_t right = end->read + end->buffer;
	size_t most = end->expected + ((size_t)WINDOW_MOST << end->scale);

	return right < most ? right : most;
}

static void take_bytes(struct endpoint *end, size_t from, const uint8_t *data,
		       size_t length)
{
	size_t right = window_right(end);

	for (size_t i = 0; i < length; i++) {
		size_t at = from + i;

		if ((int64_t)at < 0 || at >= right)
			continue;
		if (end->present[at] && at != end->fin && end->received[at] != data[i] &&
		    !(length == 1 && at < end->expected)) /* a keepalive's */
			fail(end, "a byte that was sent again is another one");
		if (at >= end->fin || at >= ENDPOINT_STREAM_MAX) {
			fail(end, "bytes behind the FIN");
			return;
		}
		if (!end->present[at])
			end->received[at] = data[i];
		end->present[at] = true;
	}
}

static void take_fin(struct endpoint *end, size_t at)
{
	if (end->fin != SIZE_MAX && end->fin != at)
		fail(end, "the FIN has moved");
	if (at >= window_right(end))
		return;
	end->fin = at;
	end->present[at] = true;
}

static void acknowledge(struct endpoint *end, bool at_once)
{
	if (at_once || ++end->delayed > 1 || !end->is_slow)
		end->must_ack = true;
	else if (end->ack_timer <= 0)
		end->ack_timer = 4;
}

static void take_data(struct endpoint *end, const struct tcp_packet *packet)
{
	size_t from = position(end->peer_isn, end->expected, packet->sequence);
	size_t to = from + packet->length, before = end->expected;
	bool is_old = (int64_t)from < (int64_t)end->expected;

	if (!packet->length && !(packet->flags & FIN)) {
		if (is_old || from > window_right(end))
			end->must_ack = true; /* RFC 9293 section 3.10.7.4 */
		return;
	}
	take_bytes(end, from, packet->data, packet->length);
	if (packet->flags & FIN)
		take_fin(end, to);
	while (end->expected <= ENDPOINT_STREAM_MAX && end->present[end->expected] &&
	       end->expected <= end->fin)
		end->expected++;
	if (is_old && packet->length && end->has_sack) {
		end->dsack[0] = from;
		end->dsack[1] = to < before ? to : before;
	}
	acknowledge(end, before == end->expected || from != before);
}

static void put_sack(struct endpoint *end, size_t left, size_t right,
		     struct tcp_packet *packet)
{
	packet->sacks[packet->sack_count][0] = end->peer_isn + 1 + (uint32_t)left;
	packet->sacks[packet->sack_count++][1] = end->peer_isn + 1 + (uint32_t)right;
}

static void put_sacks(struct endpoint *end, struct tcp_packet *packet)
{
	size_t limit = ENDPOINT_STREAM_MAX + 1, at = end->expected;

	if (end->dsack[1] > end->dsack[0])
		put_sack(end, end->dsack[0], end->dsack[1], packet);
	end->dsack[0] = end->dsack[1] = 0;
	if (window_right(end) + 1 < limit)
		limit = window_right(end) + 1;
	while (at < limit && packet->sack_count < 3) {
		size_t left = at;

		while (left < limit && !end->present[left])
			left++;
		for (at = left; at < limit && end->present[at];)
			at++;
		if (at > left)
			put_sack(end, left, at, packet);
	}
}

static void put_ack(struct endpoint *end, struct tcp_packet *packet)
{
	size_t right = window_right(end), window;

	packet->flags |= ACK;
	packet->acknowledgement = end->peer_isn + 1 + (uint32_t)end->expected;
	window = right > end->expected ? right - end->expected : 0;
	packet->window = (uint16_t)(window >> end->scale);
	end->advertised = end->expected + window;
	if (end->has_sack)
		put_sacks(end, packet);
	end->must_ack = false;
	end->delayed = end->ack_timer = 0;
}

/* The program reads. True: the window has opened, and that is to be told. */
static bool reads(struct endpoint *end)
{
	size_t data = end->expected < end->fin ? end->expected : end->fin;

	if (end->read < data && endpoint_below(end, 3))
		end->read += 1 + endpoint_below(end, (uint32_t)(data - end->read));
	return end->expected <= end->fin &&
	       window_right(end) >= end->advertised + end->buffer / 2 + 1;
}

/* ---------------------------------------------------------------------------------- */

void endpoint_receive(struct endpoint *end, const struct tcp_packet *packet)
{
	take_ack(end, packet);
	take_data(end, packet);
}

bool endpoint_send(struct endpoint *end, bool is_new_tick, struct tcp_packet *packet)
{
	bool sends;

	*packet = (struct tcp_packet){
		.from = end->host,
		.sequence = end->isn + 1 + (uint32_t)end->next,
	};
	if (is_new_tick && reads(end))
		end->must_ack = true;
	if (is_new_tick && end->ack_timer > 0 && --end->ack_timer == 0)
		end->must_ack = true;
	sends = send_data(end, is_new_tick, packet);
	if (!sends && !end->must_ack)
		return false;
	put_ack(end, packet);
	return true;
}

bool endpoint_is_done(const struct endpoint *end)
{
	return end->una == end->length + 1 && end->fin != SIZE_MAX &&
	       end->expected == end->fin + 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * Two TCP endpoints over a bad network, with changes made between them: each gets exactly
 * the other's stream with its replacements, never an ACK of what it has not sent, and at
 * last one of all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <nfqueue/stream.h>

#include "endpoint.h"
#include "stream/table.h"

#define CASES 1200
#define TICKS_MAX 400000
#define WAY_MAX 128
#define WAY_PACKET 8192
#define PATTERNS_MAX 4

struct under_way {
	int due, length; /* length 0: free */
	uint8_t bytes[WAY_PACKET];
};

/* From a host to the translator, or from there to a host. */
struct way {
	struct under_way packets[WAY_MAX];
	uint32_t delay, loss, copies; /* ticks, in 1,000, in 1,000 */
};

/* What the find function of one direction was shown, and what it said. */
struct observed {
	struct scene *scene;
	const uint8_t *stream;
	size_t length, at;
	struct nfqueue_stream_patterns patterns;
	struct nfqueue_stream_pattern pattern[PATTERNS_MAX];
	uint8_t text[PATTERNS_MAX][2][16];
	bool is_edited, inserts;
	bool cuts[ENDPOINT_STREAM_MAX + 1]; /* it was told that no more comes */
	uint8_t wanted[ENDPOINT_STREAM_MAX];
	size_t wanted_length;
};

struct scene {
	uint64_t random;
	const char *error;
	struct nfqueue_streams *streams;
	struct nfqueue_edit *edit;
	struct endpoint ends[2];
	uint8_t stream[2][ENDPOINT_STREAM_MAX];
	struct observed observed[2];
	struct way ways[2][2]; /* by host that sends, before and behind the translator */
	uint32_t letters;
};

static struct scene scene;

static uint32_t below(struct scene *s, uint32_t limit)
{
	return endpoint_below(&s->ends[0], limit);
}

static void fail_scene(struct scene *s, const char *error)
{
	if (!s->error)
		s->error = error;
}

/* --- what is looked for ----------------------------------------------------------- */

static void want(struct observed *o, const uint8_t *bytes, size_t count)
{
	if (o->wanted_length + count > sizeof(o->wanted)) {
		fail_scene(o->scene, "the test's streams are too long");
		return;
	}
	if (count)
		memcpy(o->wanted + o->wanted_length, bytes, count);
	o->wanted_length += count;
}

/* Inserts in front of an 'a', behind a last 'b', takes a 'c' away. */
static int find_insertion(const uint8_t *data, size_t length,
			  struct nfqueue_stream_change *change)
{
	for (size_t i = 0; i < length; i++) {
		if (data[i] == 'a' || data[i] == 'c') {
			*change = (struct nfqueue_stream_change){
				.offset = i,
				.remove = data[i] == 'c',
				.bytes = (const uint8_t *)"+-",
				.count = data[i] == 'a' ? 2 : 0,
			};
			return 1;
		}
	}
	if (data[length - 1] != 'b')
		return 0;
	*change = (struct nfqueue_stream_change){length, 0, (const uint8_t *)"!", 1};
	return 1;
}

static void note_change(struct observed *o, const uint8_t *data, size_t length,
			const struct nfqueue_stream_change *change)
{
	size_t kept = change->remove == 0 && change->offset < length;

	want(o, data, change->offset);
	want(o, change->bytes, change->count);
	want(o, data + change->offset, kept);
	o->at += change->offset + change->remove + kept;
}

static int observe(const uint8_t *data, size_t length, int last,
		   struct nfqueue_stream_change *change, size_t *keep, void *ctx)
{
	struct observed *o = ctx;
	int found;

	if (!length || o->at + length > o->length ||
	    memcmp(data, o->stream + o->at, length)) {
		fail_scene(o->scene, "bytes were shown that do not come here");
		return 0;
	}
	if (last)
		o->cuts[o->at + length] = true;
	found = o->inserts ? find_insertion(data, length, change)
			   : nfqueue_stream_find_pattern(data, length, last, change, keep,
							 &o->patterns);
	if (found) {
		note_change(o, data, length, change);
		return 1;
	}
	want(o, data, length - (last ? 0 : *keep));
	o->at += length - (last ? 0 : *keep);
	return 0;
}

static const struct nfqueue_stream_pattern *match(const struct observed *o, size_t at,
						  size_t end)
{
	for (size_t i = 0; i < o->patterns.count; i++)
		if (o->pattern[i].from_length <= end - at &&
		    !memcmp(o->stream + at, o->pattern[i].from,
			    o->pattern[i].from_length))
			return &o->pattern[i];
	return NULL;
}

/* The whole stream at once, between the cuts. */
static bool is_replacement(const struct observed *o, const uint8_t *got, size_t length)
{
	size_t end = 0, at = 0, out = 0;

	while (at < o->length) {
		const struct nfqueue_stream_pattern *pattern;

		while (end <= at || (end < o->length && !o->cuts[end]))
			end++;
		pattern = match(o, at, end);
		if (out + (pattern ? pattern->to_length : 1) > length ||
		    memcmp(got + out, pattern ? pattern->to : o->stream + at,
			   pattern ? pattern->to_length : 1))
			return false;
		out += pattern ? pattern->to_length : 1;
		at += pattern ? pattern->from_length : 1;
	}
	return out == length;
}

static void random_text(struct scene *s, uint8_t *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		text[i] = (uint8_t)('a' + below(s, s->letters));
}

static void make_patterns(struct scene *s, struct observed *o)
{
	o->patterns = (struct nfqueue_stream_patterns){o->pattern, 1 + below(s, 4), 0};
	for (size_t i = 0; i < o->patterns.count; i++) {
		o->pattern[i] = (struct nfqueue_stream_pattern){
			o->text[i][0], 1 + below(s, 1 + below(s, 12)), o->text[i][1],
			below(s, 3) ? below(s, 16) : 0};
		random_text(s, o->text[i][0], o->pattern[i].from_length);
		random_text(s, o->text[i][1], o->pattern[i].to_length);
	}
}

/* --- the network ------------------------------------------------------------------ */

static void put_once(struct scene *s, struct way *way, const uint8_t *bytes,
		     size_t length, int now)
{
	if (below(s, 1000) < way->loss || length > WAY_PACKET)
		return;
	for (size_t i = 0; i < WAY_MAX; i++) {
		struct under_way *packet = &way->packets[i];

		if (packet->length)
			continue;
		memcpy(packet->bytes, bytes, length);
		packet->length = (int)length;
		packet->due = now + 1 + (int)below(s, way->delay);
		return;
	}
}

static void put(struct scene *s, struct way *way, const uint8_t *bytes, size_t length,
		int now)
{
	put_once(s, way, bytes, length, now);
	if (below(s, 1000) < way->copies)
		put_once(s, way, bytes, length, now);
}

static struct under_way *take(struct way *way, int now)
{
	struct under_way *first = NULL;

	for (size_t i = 0; i < WAY_MAX; i++) {
		struct under_way *packet = &way->packets[i];

		if (packet->length && packet->due <= now &&
		    (!first || packet->due < first->due))
			first = packet;
	}
	return first;
}

/* The packet at the translator. 0: it is dropped. */
static size_t translate(struct scene *s, int host, const uint8_t *bytes, size_t length,
			int now, const uint8_t **out)
{
	struct observed *o = &s->observed[host];
	int ret;

	if (nfqueue_edit_begin(s->edit, bytes, length, length, 0) < 0)
		fail_scene(s, "a packet cannot be edited");
	ret = o->is_edited ? nfqueue_stream_edit(s->streams, s->edit, observe, o,
						 (uint64_t)now)
			   : nfqueue_stream_translate(s->streams, s->edit, (uint64_t)now);
	if (ret == -EAGAIN)
		return 0;
	if (ret < 0 || nfqueue_edit_commit(s->edit) < 0)
		fail_scene(s, "a packet was refused");
	if (ret != nfqueue_edit_is_changed(s->edit))
		fail_scene(s, "changed, and not");
	*out = nfqueue_edit_data(s->edit, &length);
	return length;
}

static void move(struct scene *s, int host, int now)
{
	struct under_way *packet;
	struct tcp_packet got;
	const uint8_t *out;
	size_t length;

	while ((packet = take(&s->ways[host][0], now)) != NULL) {
		length = translate(s, host, packet->bytes, (size_t)packet->length, now,
				   &out);
		if (length)
			put(s, &s->ways[host][1], out, length, now);
		packet->length = 0;
	}
	while ((packet = take(&s->ways[host][1], now)) != NULL) {
		if (!tcp_packet_read(packet->bytes, (size_t)packet->length, &got))
			fail_scene(s, "a checksum or a length is wrong");
		endpoint_receive(&s->ends[!host], &got);
		packet->length = 0;
	}
}

static void speak(struct scene *s, int host, int now)
{
	uint8_t bytes[WAY_PACKET];
	struct tcp_packet packet;
	bool is_new_tick = true;

	for (int i = 0; i < 4; i++, is_new_tick = false) {
		if (!endpoint_send(&s->ends[host], is_new_tick, &packet))
			return;
		put(s, &s->ways[host][0], bytes, tcp_packet_make(&packet, bytes), now);
	}
}

/* --- a scene ---------------------------------------------------------------------- */

static void make_end(struct scene *s, int host)
{
	struct endpoint *end = &s->ends[host], *other = &s->ends[!host];
	uint32_t sizes[] = {4, 30, 100};

	end->random = &s->random;
	end->host = host;
	end->isn = below(s, 2) ? below(s, UINT32_MAX) : UINT32_MAX - below(s, 3000);
	other->peer_isn = end->isn;
	end->segment = sizes[below(s, 3)];
	end->length =
		below(s, 4) ? 1 + below(s, (uint32_t)end->segment * 40) : below(s, 8);
	random_text(s, s->stream[host], end->length);
	end->stream = s->stream[host];
	end->rto = 20 + (int)below(s, 60);
	end->timer = end->rto;
	end->goes_back = below(s, 2);
	end->probes_with_byte = below(s, 2);
	end->buffer = below(s, 3) ? 8192 : 16 + below(s, 600);
	end->fin = SIZE_MAX;
	end->has_sack = below(s, 3) != 0;
	end->is_slow = below(s, 2);
	end->scale = other->peer_scale = (uint8_t)below(s, 4);
}

static void make_way(struct scene *s, struct way *way)
{
	uint32_t rates[] = {0, 10, 100, 250};

	way->delay = below(s, 3) ? 1 : 1 + below(s, 12);
	way->loss = rates[below(s, 4)];
	way->copies = rates[below(s, 4)];
}

static void make_observed(struct scene *s, int host)
{
	struct observed *o = &s->observed[host];

	o->scene = s;
	o->stream = s->stream[host];
	o->length = s->ends[host].length;
	o->is_edited = below(s, 4) != 0;
	o->inserts = below(s, 5) == 0;
	make_patterns(s, o);
}

static void make_scene(struct scene *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->random = seed;
	s->ends[0].random = &s->random;
	s->letters = 1 + below(s, 4);
	for (int host = 0; host < 2; host++) {
		make_end(s, host);
		make_observed(s, host);
		make_way(s, &s->ways[host][0]);
		make_way(s, &s->ways[host][1]);
	}
	assert_int_equal(nfqueue_streams_new(&s->streams, NULL), 0);
	assert_int_equal(nfqueue_edit_new(&s->edit), 0);
}

static void send_syn(struct scene *s, int host, uint8_t flags)
{
	struct endpoint *end = &s->ends[host];
	struct tcp_packet packet = {
		.from = host,
		.sequence = end->isn,
		.acknowledgement = flags & 0x10 ? end->peer_isn + 1 : 0,
		.flags = flags,
		.window = (uint16_t)end->buffer,
		.has_scale = true,
		.scale = end->scale,
	};
	uint8_t bytes[128];
	const uint8_t *out;

	translate(s, host, bytes, tcp_packet_make(&packet, bytes), 0, &out);
	s->ends[!host].right = end->buffer;
	end->advertised = end->buffer;
}

static void check_received(struct scene *s, int host)
{
	struct observed *o = &s->observed[!host];
	struct endpoint *end = &s->ends[host];

	if (end->error)
		fail_scene(s, end->error);
	if (!o->is_edited)
		want(o, o->stream, o->length);
	if (s->error)
		return;
	if (end->fin != o->wanted_length || memcmp(end->received, o->wanted, end->fin))
		fail_scene(s, "the bytes are not those that were sent");
	else if (o->is_edited && !o->inserts &&
		 !is_replacement(o, end->received, end->fin))
		fail_scene(s, "the bytes are not the replacement of the whole stream");
}

static void check_table(struct scene *s)
{
	struct nfqueue_streams_stats stats = {.size = sizeof(stats)};

	nfqueue_streams_stats(s->streams, &stats);
	if (stats.refused || stats.one_sided || stats.cut || stats.flows != 1)
		fail_scene(s, "something was not looked into");
	if (atomic_load(&s->streams->limits.budget.used) != 0)
		fail_scene(s, "changes are kept that are acknowledged");
}

static const char *run_scene(struct scene *s, uint64_t seed)
{
	int now;

	make_scene(s, seed);
	send_syn(s, 0, 0x02);
	send_syn(s, 1, 0x12);
	for (now = 1; now < TICKS_MAX && !s->error; now++) {
		if (endpoint_is_done(&s->ends[0]) && endpoint_is_done(&s->ends[1]))
			break;
		for (int host = 0; host < 2; host++) {
			speak(s, host, now);
			move(s, host, now);
		}
	}
	if (now == TICKS_MAX)
		fail_scene(s, "it does not end");
	check_received(s, 0);
	check_received(s, 1);
	check_table(s);
	nfqueue_edit_free(s->edit);
	nfqueue_streams_free(s->streams);
	return s->error;
}

static void each_end_gets_the_replaced_stream(void **state)
{
	const char *only = getenv("STREAM_SEED"), *cases = getenv("STREAM_CASES");
	uint64_t first = only ? strtoull(only, NULL, 0) : 1;
	uint64_t last = only ? first : cases ? strtoull(cases, NULL, 0) : CASES;

	(void)state;
	for (uint64_t seed = first; seed <= last; seed++) {
		const char *error = run_scene(&scene, seed);

		if (error)
			fail_msg("STREAM_SEED=%llu: %s", (unsigned long long)seed, error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_gets_the_replaced_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* One packet of a connection: SYN, RST, or data with an ACK of the other direction's. */
#include <errno.h>
#include <string.h>

#include <nfqueue/stream.h>
#include <nfqueue/view.h>

#include "packet/editor.h"
#include "stream/header.h"
#include "stream/table.h"

#define PACKET_MAX 65531u /* that a netlink attribute carries */

/* A packet under way, and what it belongs to. */
struct passage {
	struct nfqueue_streams *streams;
	struct stream_shard *shard;
	struct stream_flow *flow;
	struct stream_track *track; /* of the packet's direction */
	struct stream_track *peer;  /* of the other */
	struct stream_header header;
	struct stream_result result;
	struct stream_pass pass;
	unsigned int direction;
};

static bool has(const struct passage *passage, uint8_t flags)
{
	return (passage->header.tcp.flags & flags) == flags;
}

static void start_by_syn(struct stream_track *track, uint32_t isn, bool has_scale,
			 uint8_t scale)
{
	stream_track_start(track, isn + 1);
	track->joined = true;
	track->has_isn = true;
	track->isn = isn;
	track->has_scale = has_scale;
	track->scale = scale;
}

static void restart(struct passage *passage)
{
	const struct stream_header *header = &passage->header;

	stream_track_clear(passage->track, &passage->streams->limits);
	start_by_syn(passage->track, header->tcp.sequence, header->has_scale,
		     header->scale);
}

/* A SYN, and nothing since. */
static bool is_untouched(const struct stream_track *track)
{
	return track->has_isn && track->seen == track->first;
}

/* A server without memory of its first SYN|ACK (cookies) may choose another number. */
static bool take_answer(struct passage *passage)
{
	struct stream_pending pending = passage->flow->pending;

	if (pending.is_set && pending.direction != passage->direction &&
	    passage->header.tcp.acknowledgement == pending.isn + 1) {
		stream_flow_clear(passage->streams, passage->flow);
		start_by_syn(passage->peer, pending.isn, pending.has_scale,
			     pending.scale);
	} else if (passage->track->known && !is_untouched(passage->track)) {
		return false;
	}
	restart(passage);
	return true;
}

/* True if the SYN is that of the connection. A new one in the middle of a connection
 * waits for its answer: everybody can send a SYN. RFC 5961 section 4. */
static bool take_syn(struct passage *passage)
{
	const struct stream_header *header = &passage->header;
	struct stream_track *track = passage->track, *peer = passage->peer;

	if (track->has_isn && track->isn == header->tcp.sequence)
		return true;
	if (has(passage, NFQUEUE_TCP_ACK))
		return take_answer(passage);
	if (track->known && peer->known && !stream_flow_has_ended(passage->flow)) {
		passage->flow->pending = (struct stream_pending){
			.is_set = true,
			.has_scale = header->has_scale,
			.scale = header->scale,
			.direction = (uint8_t)passage->direction,
			.isn = header->tcp.sequence,
		};
		return false;
	}
	if (!is_untouched(peer)) /* that would be a simultaneous open */
		stream_flow_clear(passage->streams, passage->flow);
	restart(passage);
	return true;
}

/* Data in a SYN cannot be changed before the other side is known; taken out, they come
 * again. RFC 7413 section 4.2. */
static void pass_syn(struct passage *passage)
{
	const struct stream_header *header = &passage->header;
	struct stream_segment data = {header->tcp.sequence + 1, header->payload,
				      header->length, false};
	bool is_ours = take_syn(passage);

	if (!header->length)
		return;
	if (passage->pass.find)
		passage->result.length = 0;
	else if (is_ours)
		stream_track_pass(passage->track, &passage->pass, &data);
}

static void lock_flow(struct passage *passage)
{
	bool is_answer = has(passage, NFQUEUE_TCP_SYN | NFQUEUE_TCP_ACK);

	if (passage->header.is_signed ||
	    (passage->header.has_mptcp && (is_answer || !has(passage, NFQUEUE_TCP_SYN))))
		passage->flow->is_locked = true;
}

/* Whether new bytes may be looked into. */
static void choose_find(struct passage *passage)
{
	struct nfqueue_streams_stats *stats = &passage->shard->stats;
	bool has_new = passage->header.length && passage->pass.find;

	if (passage->flow->is_locked) {
		stats->refused += has_new;
		passage->pass.find = NULL;
	} else if (!passage->peer->known || !passage->track->joined) {
		stats->one_sided += has_new;
		passage->pass.find = NULL;
	}
}

static void count(struct passage *passage)
{
	struct nfqueue_streams_stats *stats = &passage->shard->stats;
	uint32_t flags = passage->pass.flags;

	stats->changes += passage->pass.changes;
	stats->withheld += !!(flags & STREAM_WITHHELD);
	stats->retransmitted += !!(flags & STREAM_REPEATED);
	stats->refused += !!(flags & STREAM_REFUSED);
}

static int pass_data(struct passage *passage)
{
	const struct stream_header *header = &passage->header;
	struct stream_track *track = passage->track;
	struct nfqueue_tcp *tcp = &passage->result.tcp;
	struct stream_segment segment = {tcp->sequence, header->payload, header->length,
					 has(passage, NFQUEUE_TCP_FIN)};
	uint64_t seen = track->seen;

	if (!track->known)
		stream_track_start(track, tcp->sequence);
	choose_find(passage);
	if (stream_track_pass(track, &passage->pass, &segment) < 0) {
		passage->shard->stats.early++;
		return -EAGAIN;
	}
	count(passage);
	tcp->sequence = segment.sequence;
	passage->result.payload = segment.data;
	passage->result.length = segment.length;
	if (has(passage, NFQUEUE_TCP_FIN) && !segment.fin)
		tcp->flags &= (uint8_t)~NFQUEUE_TCP_FIN;
	if (segment.fin)
		passage->flow->fins |= (uint8_t)(1u << passage->direction);
	if (track->seen != seen)
		passage->flow->is_reset = false;
	return 0;
}

/* RFC 7323 section 2.2: both have the option, or nothing is scaled. */
static bool window_scale(const struct passage *passage, uint8_t *scale)
{
	const struct stream_track *track = passage->track, *peer = passage->peer;

	*scale = track->has_scale && peer->has_scale ? track->scale : 0;
	return track->has_isn && peer->has_isn;
}

static void pass_window(struct passage *passage, uint32_t acknowledgement)
{
	struct nfqueue_tcp *tcp = &passage->result.tcp;
	uint64_t window;
	uint8_t scale;

	if (has(passage, NFQUEUE_TCP_SYN) || !window_scale(passage, &scale))
		return;
	window = (uint64_t)tcp->window << scale;
	window = stream_track_window(passage->peer, acknowledgement, window) >> scale;
	if (window == 0 && tcp->window) /* what is open would never be opened again */
		window = 1;
	tcp->window = window > UINT16_MAX ? UINT16_MAX : (uint16_t)window;
}

static void pass_acknowledgement(struct passage *passage)
{
	const struct stream_header *header = &passage->header;
	struct nfqueue_tcp *tcp = &passage->result.tcp;
	uint32_t acknowledgement = tcp->acknowledgement;

	if (!has(passage, NFQUEUE_TCP_ACK) || !passage->peer->known)
		return;
	if (!header->sack_offset && !has(passage, NFQUEUE_TCP_RST))
		stream_track_join(passage->peer, acknowledgement);
	if (header->sack_offset)
		stream_header_map_sack(header, passage->peer, passage->result.sack);
	pass_window(passage, acknowledgement);
	tcp->acknowledgement =
		stream_track_acknowledge(passage->peer, &passage->streams->limits,
					 acknowledgement, passage->pass.now_ms);
}

static int pass_packet(struct passage *passage)
{
	struct nfqueue_tcp *tcp = &passage->result.tcp;
	struct stream_track *track = passage->track;
	uint32_t sequence = tcp->sequence;
	int ret = 0;

	lock_flow(passage);
	if (has(passage, NFQUEUE_TCP_SYN)) {
		pass_syn(passage);
	} else if (has(passage, NFQUEUE_TCP_RST)) {
		passage->flow->is_reset = true;
		if (track->known)
			tcp->sequence = stream_track_reset(track, sequence);
	} else {
		ret = pass_data(passage);
		if (ret < 0)
			return ret;
		if (has(passage, NFQUEUE_TCP_URG))
			tcp->urgent = stream_track_urgent(track, sequence, tcp->urgent,
							  tcp->sequence);
	}
	pass_acknowledgement(passage);
	return 0;
}

/* The packet's flow, or none: then it goes on as it is. */
static struct stream_flow *find_flow(struct passage *passage,
				     const struct nfqueue_flow *key, uint32_t hash,
				     uint64_t now_ms)
{
	struct stream_flow *flow = stream_table_find(
		passage->streams, passage->shard, key, hash, now_ms, &passage->direction);

	if (flow || has(passage, NFQUEUE_TCP_RST))
		return flow;
	if (!passage->pass.find && !has(passage, NFQUEUE_TCP_SYN))
		return NULL;
	flow = stream_table_add(passage->streams, passage->shard, key, hash);
	if (!flow)
		passage->shard->stats.refused++;
	return flow;
}

/* Extension headers may take it all. */
static size_t room_for(const struct stream_header *header)
{
	return header->payload_offset < PACKET_MAX ? PACKET_MAX - header->payload_offset
						   : 0;
}

static int pass_locked(struct passage *passage, struct nfqueue_edit *edit,
		       const struct nfqueue_flow *key, uint32_t hash, uint64_t now_ms)
{
	struct stream_flow *flow = find_flow(passage, key, hash, now_ms);
	int ret;

	if (!flow)
		return 0;
	passage->flow = flow;
	passage->track = &flow->tracks[passage->direction];
	passage->peer = &flow->tracks[!passage->direction];
	passage->pass.joined = passage->shard->joined;
	passage->pass.out = passage->shard->out;
	ret = pass_packet(passage);
	stream_table_touch(passage->shard, flow, now_ms);
	if (ret == 0)
		ret = stream_header_write(&passage->header, edit, &passage->result,
					  room_for(&passage->header));
	passage->shard->stats.translated += ret > 0;
	passage->shard->stats.cut += edit->rest != NULL;
	return ret;
}

/* Whoever talks to himself has one direction only, and cannot be told from himself. */
static bool is_loop(const struct nfqueue_flow *flow)
{
	return flow->source_port == flow->destination_port &&
	       !memcmp(flow->source, flow->destination, sizeof(flow->source));
}

int nfqueue_stream_edit(struct nfqueue_streams *streams, struct nfqueue_edit *edit,
			nfqueue_stream_find_fn find, void *ctx, uint64_t now_ms)
{
	const struct nfqueue_view *view = nfqueue_edit_view(edit);
	struct passage passage = {.streams = streams};
	struct nfqueue_flow key;
	uint32_t hash;
	int ret = stream_header_read(view, &passage.header);

	if (ret < 0 || nfqueue_view_flow(view, &key) < 0 || is_loop(&key) ||
	    !stream_header_is_sound(edit))
		return ret;
	hash = nfqueue_flow_hash(&key, streams->seed);
	passage.shard = stream_shard_of(streams, hash);
	passage.result = (struct stream_result){
		.tcp = passage.header.tcp,
		.payload = passage.header.payload,
		.length = passage.header.length,
	};
	memcpy(passage.result.sack, passage.header.sack, sizeof(passage.header.sack));
	passage.pass = (struct stream_pass){
		.limits = &streams->limits,
		.find = find,
		.ctx = ctx,
		.size = 2 * room_for(&passage.header),
		.now_ms = now_ms,
	};
	pthread_mutex_lock(&passage.shard->lock);
	ret = pass_locked(&passage, edit, &key, hash, now_ms);
	pthread_mutex_unlock(&passage.shard->lock);
	return ret;
}

int nfqueue_stream_translate(struct nfqueue_streams *streams, struct nfqueue_edit *edit,
			     uint64_t now_ms)
{
	return nfqueue_stream_edit(streams, edit, NULL, NULL, now_ms);
}

/* Behind its urgent byte a packet is like any other. */
static int follow(struct nfqueue_edit *rest, const struct nfqueue_edit *edit,
		  const struct nfqueue_tcp *tcp, uint32_t length)
{
	uint8_t flags = (uint8_t)(tcp->flags | edit->rest_flags);
	uint32_t urgent = tcp->urgent > length ? tcp->urgent - length : 0;
	int ret = nfqueue_edit_set(rest, NFQUEUE_FIELD_TCP_SEQUENCE,
				   tcp->sequence + length);

	if (!urgent)
		flags &= (uint8_t)~NFQUEUE_TCP_URG;
	flags &= (uint8_t)~NFQUEUE_TCP_CWR; /* RFC 3168 section 6.1.2: once */
	if (ret == 0)
		ret = nfqueue_edit_set(rest, NFQUEUE_FIELD_TCP_FLAGS, flags);
	if (ret == 0)
		ret = nfqueue_edit_set(rest, NFQUEUE_FIELD_TCP_URGENT, urgent);
	if (ret == 0)
		ret = nfqueue_edit_set_payload(rest, edit->rest, edit->rest_length);
	return ret < 0 ? ret : 1;
}

int nfqueue_stream_rest(struct nfqueue_edit *edit, struct nfqueue_edit *rest)
{
	struct nfqueue_tcp tcp;
	const uint8_t *data;
	uint32_t payload;
	size_t length;
	int ret;

	if (!edit->rest)
		return 0;
	ret = nfqueue_edit_commit(edit);
	if (ret < 0)
		return ret;
	data = nfqueue_edit_data(edit, &length);
	ret = nfqueue_edit_begin(rest, data, length, length, 0);
	if (ret == 0)
		ret = nfqueue_view_tcp(nfqueue_edit_view(rest), &tcp);
	if (ret < 0)
		return ret;
	nfqueue_view_payload(nfqueue_edit_view(rest), &payload);
	return follow(rest, edit, &tcp, payload);
}

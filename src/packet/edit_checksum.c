/* SPDX-License-Identifier: MIT */
/* What is covered by which checksum, and the commit that mends them. */
#include <netinet/in.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/crc32c.h"
#include "packet/editor.h"
#include "packet/layers.h"

#define IPV4_CHECKSUM 10
#define SCTP_HEADER 12
#define SCTP_CHECKSUM 8

/* Where a transport header has its checksum, and if that covers a pseudo header. */
struct place {
	uint8_t protocol;
	uint8_t ip_version; /* 0: any */
	uint8_t offset;
	uint8_t has_pseudo;
};

static const struct place places[] = {
	{IPPROTO_TCP, 0, 16, 1},   {IPPROTO_UDP, 0, 6, 1},     {IPPROTO_ICMP, 4, 2, 0},
	{IPPROTO_ICMPV6, 6, 2, 1}, {IPPROTO_UDPLITE, 0, 6, 1}, {IPPROTO_DCCP, 0, 6, 1},
};

static const struct place *find_place(const struct nfqueue_view *view)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (packet_carries(view, places[i].ip_version, places[i].protocol))
			return &places[i];
	return NULL;
}

uint32_t edit_checksum_offset(const struct nfqueue_view *view)
{
	const struct place *place = find_place(view);
	uint32_t left = view->length - view->transport_offset;

	if (!place || left < place->offset + 2u)
		return 0;
	return view->transport_offset + place->offset;
}

int edit_covers_addresses(const struct nfqueue_view *view)
{
	const struct place *place = find_place(view);

	return place && place->has_pseudo;
}

/* The part of UDP-Lite and DCCP that is covered is theirs to choose: RFC 3828, RFC 4340;
 * the kernel makes those itself. */
int edit_can_make_checksum(const struct nfqueue_view *view)
{
	if (view->flags & (NFQUEUE_VIEW_FRAGMENT | NFQUEUE_VIEW_BAD))
		return 0;
	if (packet_carries(view, 0, IPPROTO_SCTP))
		return view->length - view->transport_offset >= SCTP_HEADER;
	return packet_transport_header(view) != 0;
}

uint32_t edit_transport_length(const struct nfqueue_view *view)
{
	uint32_t left = view->length - view->transport_offset, told;

	if (!packet_carries(view, 0, IPPROTO_UDP) || !packet_transport_header(view) ||
	    view->flags & NFQUEUE_VIEW_FRAGMENT)
		return left;
	told = load16(view->data + view->transport_offset + 4);
	return told < left ? told : left;
}

/* Of the bytes [offset, end) those in [first, last), as they add to a checksum that
 * begins at `first`: RFC 1071 section 2 (B) for an odd place. */
static uint32_t sum_within(const struct nfqueue_view *view, uint32_t first, uint32_t last,
			   uint32_t offset, uint32_t end)
{
	uint32_t from = offset > first ? offset : first, to = end < last ? end : last;
	uint32_t sum;

	if (from >= to)
		return 0;
	sum = checksum_add(0, view->data + from, to - from);
	return (from - first) % 2 ? (sum & 0xff) << 8 | sum >> 8 : sum;
}

static int touches_addresses(const struct nfqueue_view *view, uint32_t offset,
			     uint32_t end)
{
	if (view->ip_version == 4)
		return offset < IPV4_HEADER_MIN && end > 12;
	return offset < IPV6_HEADER && end > 8;
}

struct edit_sums edit_sums(const struct nfqueue_view *view, uint32_t offset,
			   uint32_t count)
{
	uint32_t end = offset + count, transport = view->transport_offset;
	struct edit_sums sums = {0};

	if (view->ip_version == 4)
		sums.header = sum_within(view, 0, packet_ipv4_header(view), offset, end);
	if (!edit_checksum_offset(view))
		return sums;
	sums.transport = sum_within(view, transport,
				    transport + edit_transport_length(view), offset, end);
	if (edit_covers_addresses(view) && touches_addresses(view, offset, end))
		sums.transport =
			checksum_add16(sums.transport, checksum_pseudo(view, 0, 0));
	return sums;
}

void edit_note(uint32_t *sum, uint32_t before, uint32_t after)
{
	*sum = checksum_add16(checksum_add16(*sum, after), 0xffff ^ before);
}

void edit_note_sums(struct nfqueue_edit *edit, struct edit_sums before,
		    struct edit_sums after)
{
	edit_note(&edit->header_sum, before.header, after.header);
	edit_note(&edit->transport_sum, before.transport, after.transport);
}

/* RFC 1624 equation 3; a sum of 0xffff is 0, too, and nothing is to be mended. */
static uint16_t mended(uint16_t checksum, uint32_t sum)
{
	if (sum == 0 || sum == 0xffff)
		return checksum;
	return checksum_finish(checksum_add16(0xffff ^ checksum, sum));
}

static uint16_t made(const struct nfqueue_edit *edit)
{
	const struct nfqueue_view *view = &edit->view;
	uint32_t length = edit_transport_length(view), sum = 0;

	if (edit_covers_addresses(view))
		sum = checksum_pseudo(view, view->protocol, length);
	return checksum_finish(
		checksum_add(sum, view->data + view->transport_offset, length));
}

/* SCTP's is no Internet checksum, and its bytes stand the other way round: RFC 9260
 * appendix A. Nothing that it covers is ever changed, so it is made here or never. */
static void make_sctp(struct nfqueue_edit *edit)
{
	const struct nfqueue_view *view = &edit->view;
	uint8_t *header = edit->memory + view->transport_offset;
	uint32_t crc;

	store32(header + SCTP_CHECKSUM, 0);
	crc = crc32c(header, view->length - view->transport_offset);
	store32(header + SCTP_CHECKSUM, __builtin_bswap32(crc));
}

/* A UDP checksum of 0 is none, and is no result: RFC 768, RFC 6936. */
static void mend_transport(struct nfqueue_edit *edit, uint8_t *field)
{
	uint8_t protocol = edit->view.protocol;
	uint16_t checksum = load16(field);

	if (edit->is_unready) {
		store16(field, 0);
		checksum = made(edit);
	} else if (protocol == IPPROTO_UDP && !checksum) {
		return;
	} else {
		checksum = mended(checksum, edit->transport_sum);
	}
	if (!checksum && (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE))
		checksum = 0xffff;
	store16(field, checksum);
}

int nfqueue_edit_commit(struct nfqueue_edit *edit)
{
	uint32_t at = edit_checksum_offset(&edit->view);
	uint8_t *header = edit->memory;
	int ret = edit_ready(edit);

	if (ret < 0 || !edit->is_changed)
		return ret;
	if (at)
		mend_transport(edit, edit->memory + at);
	else if (edit->is_unready)
		make_sctp(edit);
	if (edit->view.ip_version == 4)
		store16(header + IPV4_CHECKSUM,
			mended(load16(header + IPV4_CHECKSUM), edit->header_sum));
	edit->header_sum = edit->transport_sum = 0;
	edit->is_unready = 0;
	return 0;
}

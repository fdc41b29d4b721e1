/* SPDX-License-Identifier: MIT */
/* Fields by name: where each is, and how many bits it has. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/editor.h"
#include "packet/layers.h"

#define TCP_OPTION_MSS 2

/* A field is `bits` of the 32-bit word at `offset`, `shift` from its right end. */
struct place {
	uint8_t field;
	uint8_t ip_version; /* 0: any */
	uint8_t protocol;   /* of the transport header; 0: the IP header */
	uint8_t offset;
	uint8_t shift;
	uint8_t bits;
};

/* Source: RFC 791 section 3.1, RFC 8200 section 3, RFC 2474, RFC 3168, RFC 9293 section
 * 3.1, RFC 768, RFC 792, RFC 4443 section 4. */
static const struct place places[] = {
	{NFQUEUE_FIELD_TTL, 4, 0, 8, 24, 8},
	{NFQUEUE_FIELD_TTL, 6, 0, 4, 0, 8},
	{NFQUEUE_FIELD_DSCP, 4, 0, 0, 18, 6},
	{NFQUEUE_FIELD_DSCP, 6, 0, 0, 22, 6},
	{NFQUEUE_FIELD_ECN, 4, 0, 0, 16, 2},
	{NFQUEUE_FIELD_ECN, 6, 0, 0, 20, 2},
	{NFQUEUE_FIELD_IP_ID, 4, 0, 4, 16, 16},
	{NFQUEUE_FIELD_DONT_FRAGMENT, 4, 0, 4, 14, 1},
	{NFQUEUE_FIELD_FLOW_LABEL, 6, 0, 0, 0, 20},
	{NFQUEUE_FIELD_SOURCE_PORT, 0, IPPROTO_TCP, 0, 16, 16},
	{NFQUEUE_FIELD_SOURCE_PORT, 0, IPPROTO_UDP, 0, 16, 16},
	{NFQUEUE_FIELD_DESTINATION_PORT, 0, IPPROTO_TCP, 0, 0, 16},
	{NFQUEUE_FIELD_DESTINATION_PORT, 0, IPPROTO_UDP, 0, 0, 16},
	{NFQUEUE_FIELD_TCP_SEQUENCE, 0, IPPROTO_TCP, 4, 0, 32},
	{NFQUEUE_FIELD_TCP_ACKNOWLEDGEMENT, 0, IPPROTO_TCP, 8, 0, 32},
	{NFQUEUE_FIELD_TCP_FLAGS, 0, IPPROTO_TCP, 12, 16, 8},
	{NFQUEUE_FIELD_TCP_WINDOW, 0, IPPROTO_TCP, 12, 0, 16},
	{NFQUEUE_FIELD_TCP_URGENT, 0, IPPROTO_TCP, 16, 0, 16},
	{NFQUEUE_FIELD_TCP_MSS, 0, IPPROTO_TCP, 0, 0, 16}, /* where its option is */
	{NFQUEUE_FIELD_ICMP_TYPE, 4, IPPROTO_ICMP, 0, 24, 8},
	{NFQUEUE_FIELD_ICMP_TYPE, 6, IPPROTO_ICMPV6, 0, 24, 8},
	{NFQUEUE_FIELD_ICMP_CODE, 4, IPPROTO_ICMP, 0, 16, 8},
	{NFQUEUE_FIELD_ICMP_CODE, 6, IPPROTO_ICMPV6, 0, 16, 8},
	{NFQUEUE_FIELD_ICMP_ID, 4, IPPROTO_ICMP, 4, 16, 16},
	{NFQUEUE_FIELD_ICMP_ID, 6, IPPROTO_ICMPV6, 4, 16, 16},
	{NFQUEUE_FIELD_ICMP_SEQUENCE, 4, IPPROTO_ICMP, 4, 0, 16},
	{NFQUEUE_FIELD_ICMP_SEQUENCE, 6, IPPROTO_ICMPV6, 4, 0, 16},
};

/* The first name of a field is its own, others are words for the same. */
static const struct {
	const char *name;
	uint8_t field;
} names[] = {
	{"src", NFQUEUE_FIELD_SOURCE},
	{"dst", NFQUEUE_FIELD_DESTINATION},
	{"ttl", NFQUEUE_FIELD_TTL},
	{"hop-limit", NFQUEUE_FIELD_TTL},
	{"dscp", NFQUEUE_FIELD_DSCP},
	{"ecn", NFQUEUE_FIELD_ECN},
	{"ip-id", NFQUEUE_FIELD_IP_ID},
	{"df", NFQUEUE_FIELD_DONT_FRAGMENT},
	{"flow-label", NFQUEUE_FIELD_FLOW_LABEL},
	{"sport", NFQUEUE_FIELD_SOURCE_PORT},
	{"dport", NFQUEUE_FIELD_DESTINATION_PORT},
	{"seq", NFQUEUE_FIELD_TCP_SEQUENCE},
	{"ack", NFQUEUE_FIELD_TCP_ACKNOWLEDGEMENT},
	{"tcp-flags", NFQUEUE_FIELD_TCP_FLAGS},
	{"window", NFQUEUE_FIELD_TCP_WINDOW},
	{"urgent", NFQUEUE_FIELD_TCP_URGENT},
	{"mss", NFQUEUE_FIELD_TCP_MSS},
	{"icmp-type", NFQUEUE_FIELD_ICMP_TYPE},
	{"icmp-code", NFQUEUE_FIELD_ICMP_CODE},
	{"icmp-id", NFQUEUE_FIELD_ICMP_ID},
	{"icmp-seq", NFQUEUE_FIELD_ICMP_SEQUENCE},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int nfqueue_field_find(const char *name)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (!strcmp(names[i].name, name))
			return names[i].field;
	return -ENOENT;
}

const char *nfqueue_field_name(enum nfqueue_field field)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (names[i].field == field)
			return names[i].name;
	return NULL;
}

/* The field's first place; NULL: it is an address, or no field. */
static const struct place *first_place(enum nfqueue_field field)
{
	for (size_t i = 0; i < COUNT(places); i++)
		if (places[i].field == field)
			return &places[i];
	return NULL;
}

static uint32_t largest(const struct place *place)
{
	return UINT32_MAX >> (32 - place->bits);
}

uint32_t nfqueue_field_max(enum nfqueue_field field)
{
	const struct place *place = first_place(field);

	return place ? largest(place) : 0;
}

/* In this packet; NULL: it has no such header. */
static const struct place *find_place(const struct nfqueue_view *view,
				      enum nfqueue_field field)
{
	for (const struct place *place = first_place(field);
	     place < places + COUNT(places) && place->field == field; place++) {
		if (place->ip_version && place->ip_version != view->ip_version)
			continue;
		if (!place->protocol || place->protocol == view->protocol)
			return place;
	}
	return NULL;
}

/* Those that ask and those that answer have an id: RFC 792, RFC 950, RFC 4443 section 4.
 * In others something else stands there. */
static int is_query(const struct nfqueue_view *view)
{
	uint8_t type = view->data[view->transport_offset];

	if (view->length - view->transport_offset < ICMP_HEADER)
		return 0;
	if (view->ip_version == 6)
		return type == 128 || type == 129;
	return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

static int set_word(struct nfqueue_edit *edit, const struct place *place, uint32_t offset,
		    uint32_t value)
{
	uint32_t word = load32(edit->view.data + offset);
	uint32_t mask = largest(place) << place->shift;
	uint8_t bytes[4];

	store32(bytes, (word & ~mask) | value << place->shift);
	return edit_patch(edit, offset, bytes, sizeof(bytes));
}

static int set_mss(struct nfqueue_edit *edit, uint32_t value)
{
	struct nfqueue_option option = {0};
	uint8_t bytes[2];
	int ret;

	store16(bytes, (uint16_t)value);
	while ((ret = nfqueue_view_tcp_option(&edit->view, &option)) > 0)
		if (option.type == TCP_OPTION_MSS && option.length == 4)
			return edit_patch(edit, option.offset + 2, bytes, 2);
	if (ret < 0)
		return edit_fail(edit, -EBADMSG, "the length of a TCP option lies");
	return edit_fail(edit, -ENOENT, "the packet has no MSS option");
}

static int set_transport(struct nfqueue_edit *edit, const struct place *place,
			 uint32_t value)
{
	uint32_t offset = edit->view.transport_offset + place->offset;
	int ret = edit_check_transport(edit, place->protocol);

	if (ret < 0)
		return ret;
	if (place->field == NFQUEUE_FIELD_TCP_MSS)
		return set_mss(edit, value);
	if (place->field == NFQUEUE_FIELD_ICMP_ID ||
	    place->field == NFQUEUE_FIELD_ICMP_SEQUENCE)
		if (!is_query(&edit->view))
			return edit_fail(edit, -ENOENT,
					 "only queries as echo have an id and a "
					 "sequence");
	return set_word(edit, place, offset, value);
}

int nfqueue_edit_set(struct nfqueue_edit *edit, enum nfqueue_field field, uint32_t value)
{
	const struct place *place = first_place(field);
	int ret = edit_ready(edit);

	if (ret < 0)
		return ret;
	if (!place)
		return edit_fail(edit, -EINVAL, "this is no field that is a number");
	if (value > largest(place))
		return edit_fail(edit, -ERANGE, "the value is too large for the field");
	place = find_place(&edit->view, field);
	if (!place)
		return edit_fail(edit, -ENOENT, "the packet has no such field");
	if (place->protocol)
		return set_transport(edit, place, value);
	return set_word(edit, place, place->offset, value);
}

int nfqueue_edit_set_address(struct nfqueue_edit *edit, enum nfqueue_field field,
			     const void *address, size_t length)
{
	uint32_t offset = edit->view.ip_version == 4 ? 12 : 8;
	int ret = edit_ready(edit);

	if (ret < 0)
		return ret;
	if ((field != NFQUEUE_FIELD_SOURCE && field != NFQUEUE_FIELD_DESTINATION) ||
	    (length != 4 && length != 16))
		return edit_fail(edit, -EINVAL, "this is no address");
	if (length != (edit->view.ip_version == 4 ? 4u : 16u))
		return edit_fail(edit, -ENOENT, "the address is of the other IP version");
	ret = edit_check_address(edit);
	if (ret < 0)
		return ret;
	if (field == NFQUEUE_FIELD_DESTINATION)
		offset += (uint32_t)length;
	return edit_patch(edit, offset, address, (uint32_t)length);
}
